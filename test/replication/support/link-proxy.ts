/**
 * A TCP proxy between a replica and its master, which can do to the link what networks do: cut it at a byte, let it
 * stand still, refuse it. It counts what goes through, so a test knows where it may cut and how often somebody dialled.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Seen from the replica, who dials: `up` goes to the master, `down` comes from it. */
export type Direction = 'up' | 'down';

/** Where a connection is cut: as soon as `at` bytes went in that direction; 0: before anything. */
export interface Cut {
  readonly direction: Direction;
  readonly at: number;
  /** With RST instead of FIN. */
  readonly reset?: boolean;
}

export interface Bytes {
  up: number;
  down: number;
}

export interface ProxyConnection {
  /** performance.now() of its coming. */
  readonly openedAt: number;
  readonly bytes: Bytes;
  /** It was cut at the place that was planned. */
  wasCut: boolean;
  open: boolean;
}

interface Pair {
  readonly replica: Socket;
  readonly master: Socket;
  readonly about: ProxyConnection;
}

export class LinkProxy {
  /** Every connection that was ever made to it, oldest first. */
  readonly connections: ProxyConnection[] = [];
  /** Says where the connection that comes now is cut; null: it is not. */
  plan: (index: number) => Cut | null = () => null;
  /** The master's port; connections that come later go there. */
  target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #refusing = false;
  #stalled = false;

  static async to(target: number): Promise<LinkProxy> {
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new LinkProxy(server, target);
  }

  constructor(server: Server, target: number) {
    this.#server = server;
    this.target = target;
    server.on('connection', (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Bytes of all connections so far. */
  get bytes(): Bytes {
    const sum: Bytes = { up: 0, down: 0 };
    for (const { bytes } of this.connections) {
      sum.up += bytes.up;
      sum.down += bytes.down;
    }
    return sum;
  }

  /** How many connections came in the last `ms`. */
  recent(ms: number): number {
    const from = performance.now() - ms;
    return this.connections.filter((connection) => connection.openedAt >= from).length;
  }

  /** Ends all connections that are open now. */
  cut(reset = false): void {
    for (const pair of [...this.#pairs]) this.#end(pair, reset);
  }

  /** New connections are closed at once, or served again. Those that are open stay. */
  refuse(on: boolean): void {
    this.#refusing = on;
  }

  /** Nothing goes through any more in either direction, though the connections stay open; or goes again. */
  stall(on: boolean): void {
    this.#stalled = on;
    for (const { replica, master } of this.#pairs) {
      for (const socket of [replica, master]) {
        if (on) socket.pause();
        else socket.resume();
      }
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(replica: Socket): void {
    const about: ProxyConnection = {
      openedAt: performance.now(),
      bytes: { up: 0, down: 0 },
      wasCut: false,
      open: true,
    };
    const cut = this.plan(this.connections.length);
    this.connections.push(about);
    replica.on('error', () => {});
    if (this.#refusing || (cut !== null && cut.at === 0)) {
      about.wasCut = !this.#refusing;
      about.open = false;
      replica.destroy();
      return;
    }
    replica.setNoDelay(true);
    const master = connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    const pair: Pair = { replica, master, about };
    this.#pairs.add(pair);
    master.on('error', () => this.#end(pair, false));
    master.on('close', () => this.#end(pair, false));
    replica.on('close', () => this.#end(pair, false));
    this.#forward(pair, 'up', replica, master, cut);
    this.#forward(pair, 'down', master, replica, cut);
    if (this.#stalled) {
      replica.pause();
      master.pause();
    }
  }

  #forward(pair: Pair, direction: Direction, from: Socket, to: Socket, cut: Cut | null): void {
    const { bytes } = pair.about;
    from.on('data', (chunk: Buffer) => {
      if (!pair.about.open) return;
      const left = cut?.direction === direction ? cut.at - bytes[direction] : Number.POSITIVE_INFINITY;
      if (chunk.length >= left) {
        bytes[direction] += left;
        pair.about.wasCut = true;
        pair.about.open = false;
        // What was let through arrives; what comes behind does not.
        to.write(chunk.subarray(0, left), () => this.#end(pair, cut?.reset ?? false));
        return;
      }
      bytes[direction] += chunk.length;
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => {
          if (!this.#stalled) from.resume();
        });
      }
    });
  }

  #end(pair: Pair, reset: boolean): void {
    pair.about.open = false;
    if (!this.#pairs.delete(pair)) return;
    for (const socket of [pair.replica, pair.master]) {
      if (reset && !socket.connecting) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}

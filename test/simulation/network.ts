/**
 * Hosts, the links between them, and TCP connections as processes see them: what is sent arrives in order, late, or
 * not at all; an end that has gone is told by a reset, or never.
 *
 * A blocked direction loses packets. TCP repeats them, so that what was sent meanwhile arrives after healing, unless
 * the connection is given up. A hanging connection (the state of a firewall in between was lost) swallows all.
 */
import type { World } from './world.ts';

/** A process that can be connected to. */
export interface Listener {
  readonly host: Host;
  /** Is the process there (it may be paused: then the kernel accepts for it)? */
  readonly running: boolean;
  accept(connection: Connection): void;
}

/** One end of a connection. Nothing is called after `closed`, nor after the end has closed by itself. */
export interface End<In> {
  /** The process is there and works; what comes for a paused one waits in the socket. */
  readonly awake: boolean;
  receive(connection: Connection, data: In): void;
  /** The connection of this client is open. */
  opened?(connection: Connection): void;
  closed(connection: Connection, reason: string): void;
}

export class Host {
  readonly index: number;
  readonly ip: string;
  /** False: the machine is off; nobody answers, not even with a reset. */
  up = true;
  constructor(index: number) {
    this.index = index;
    this.ip = `10.0.0.${index + 1}`;
  }
}

/** Time-out of a connect that nobody answers. */
const CONNECT_TIMEOUT_MS = 127_000;

export class Network {
  readonly hosts: Host[] = [];
  readonly #world: World;
  readonly #listeners = new Map<string, Listener>();
  /** blocked[from * hosts + to] */
  #blocked: Uint8Array = new Uint8Array(0);
  #slow: Float64Array = new Float64Array(0);
  /** Usual delay of a packet between two hosts: at least, and spread. */
  delayMs = 0.3;
  jitterMs = 1;
  /** How often a packet is lost and repeated by TCP. */
  lossRate = 0;
  readonly #waiting = new Set<Connection>();
  connections = 0;

  constructor(world: World, hosts: number) {
    this.#world = world;
    for (let i = 0; i < hosts; i++) this.hosts.push(new Host(i));
    this.#blocked = new Uint8Array(hosts * hosts);
    this.#slow = new Float64Array(hosts * hosts);
  }

  listen(ip: string, port: number, listener: Listener): void {
    this.#listeners.set(`${ip}:${port}`, listener);
  }

  at(ip: string, port: number): Listener | undefined {
    return this.#listeners.get(`${ip}:${port}`);
  }

  block(from: Host, to: Host): void {
    if (from !== to) this.#blocked[from.index * this.hosts.length + to.index] = 1;
  }

  /** From now on, packets of this direction are late by up to `ms`. */
  slowDown(from: Host, to: Host, ms: number): void {
    if (from !== to) this.#slow[from.index * this.hosts.length + to.index] = ms;
  }

  /** All is well between all hosts: what waits is sent on, now and then a connection breaks for it. */
  heal(): void {
    this.#blocked.fill(0);
    this.#slow.fill(0);
    this.retry();
  }

  /** Lets what waits for a way try again: a way may be open now. */
  retry(): void {
    for (const connection of [...this.#waiting]) connection.retry();
  }

  isOpen(from: Host, to: Host): boolean {
    if (!from.up || !to.up) return false;
    return from === to || this.#blocked[from.index * this.hosts.length + to.index] === 0;
  }

  reachable(a: Host, b: Host): boolean {
    return this.isOpen(a, b) && this.isOpen(b, a);
  }

  delay(from: Host, to: Host): number {
    const world = this.#world;
    if (from === to) return 0.02 + world.random.float() * 0.1;
    let ms = this.delayMs + world.random.float() * this.jitterMs;
    const slow = this.#slow[from.index * this.hosts.length + to.index]!;
    if (slow > 0) ms += world.random.float() * slow;
    // A lost packet is sent again after 200 ms, 400 ms, ...
    if (this.lossRate > 0) {
      for (let rto = 200; rto < 4000 && world.chance(this.lossRate); rto *= 2) ms += rto;
    }
    return ms;
  }

  connect(from: Host, ip: string, port: number, client: End<unknown>): Connection {
    const host = this.hosts.find((one) => one.ip === ip);
    const connection = new Connection(this.#world, this, ++this.connections, from, host ?? from, client);
    connection.open(() => (host === undefined ? undefined : this.#listeners.get(`${ip}:${port}`)));
    return connection;
  }

  waits(connection: Connection): void {
    this.#waiting.add(connection);
  }

  waitsNoMore(connection: Connection): void {
    this.#waiting.delete(connection);
  }
}

const CLOSE = Symbol('close');
interface Close {
  readonly [CLOSE]: string;
}

/** One direction of a connection. */
class Pipe {
  readonly from: Host;
  readonly to: Host;
  /** Nothing arrives before what was sent before it. */
  arrival = 0;
  /** Sent into a blocked direction, or for a process that does not read. */
  held: unknown[] = [];
  heldSince = 0;
  /** What is held was lost on its way, not just unread. */
  lossy = false;

  constructor(from: Host, to: Host) {
    this.from = from;
    this.to = to;
  }
}

export class Connection {
  readonly id: number;
  readonly #world: World;
  readonly #network: Network;
  #client: End<unknown> | null;
  #server: End<unknown> | null = null;
  readonly #up: Pipe;
  readonly #down: Pipe;
  #state: 'connecting' | 'open' | 'gone' = 'connecting';
  #target: (() => Listener | undefined) | null = null;
  #early: unknown[] = [];
  /** Swallows everything, in silence. */
  hanging = false;

  constructor(world: World, network: Network, id: number, from: Host, to: Host, client: End<unknown>) {
    this.id = id;
    this.#world = world;
    this.#network = network;
    this.#client = client;
    this.#up = new Pipe(from, to);
    this.#down = new Pipe(to, from);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  open(target: () => Listener | undefined): void {
    this.#target = target;
    const world = this.#world;
    world.after(this.#network.delay(this.#up.from, this.#up.to), () => this.#arrive());
    world.after(CONNECT_TIMEOUT_MS, () => {
      if (this.#state === 'connecting') this.#refuse('Connection timed out');
    });
  }

  /** Called by the process that accepts. */
  serve(server: End<unknown>): void {
    this.#server = server;
  }

  sendUp(data: unknown): void {
    if (this.#client === null) return;
    if (this.#state === 'connecting') this.#early.push(data);
    else this.#send(this.#up, data);
  }

  sendDown(data: unknown): void {
    if (this.#server !== null) this.#send(this.#down, data);
  }

  /** The client's end goes; the other is told as far as the network allows. */
  closeClient(): void {
    if (this.#client === null) return;
    this.#client = null;
    if (this.#state === 'connecting') this.#forget();
    else this.#send(this.#up, { [CLOSE]: 'Server closed the connection' });
  }

  closeServer(): void {
    if (this.#server === null) return;
    this.#server = null;
    this.#send(this.#down, { [CLOSE]: 'Server closed the connection' });
  }

  /** Something in between breaks it: both ends are reset, or one, and the other learns it when it sends. */
  reset(client: boolean, server: boolean): void {
    if (this.#state !== 'open') return;
    if (client) this.#end('client', 'Connection reset by peer');
    if (server) this.#end('server', 'Connection reset by peer');
  }

  /** The machine of an end is off: that end says nothing any more. */
  vanish(which: 'client' | 'server'): void {
    if (which === 'client') this.#client = null;
    else this.#server = null;
    if (this.#client === null && (this.#server === null || this.#state === 'connecting')) this.#forget();
  }

  /** Tries again what could not be sent or read. */
  retry(): void {
    if (this.#state === 'connecting') {
      if (this.#network.reachable(this.#up.from, this.#up.to)) {
        this.#network.waitsNoMore(this);
        this.#world.after(this.#world.between(1, 3000), () => this.#arrive());
      }
      return;
    }
    for (const pipe of [this.#up, this.#down]) this.#flush(pipe);
    if (this.#up.held.length === 0 && this.#down.held.length === 0) this.#network.waitsNoMore(this);
  }

  #arrive(): void {
    if (this.#state !== 'connecting' || this.#client === null) return;
    const network = this.#network;
    if (!network.reachable(this.#up.from, this.#up.to)) {
      network.waits(this);
      return;
    }
    const listener = this.#target?.();
    if (listener?.running !== true) {
      this.#refuse('Connection refused');
      return;
    }
    this.#state = 'open';
    listener.accept(this);
    this.#client.opened?.(this);
    for (const data of this.#early) this.#send(this.#up, data);
    this.#early = [];
  }

  #refuse(reason: string): void {
    const client = this.#client;
    this.#client = null;
    this.#forget();
    client?.closed(this, reason);
  }

  #send(pipe: Pipe, data: unknown): void {
    if (this.hanging) return;
    if (pipe.held.length > 0) {
      pipe.held.push(data);
      return;
    }
    const world = this.#world;
    const arrival = Math.max(pipe.arrival, world.now + this.#network.delay(pipe.from, pipe.to));
    pipe.arrival = arrival;
    world.at(arrival, () => this.#deliver(pipe, data));
  }

  #deliver(pipe: Pipe, data: unknown): void {
    if (this.hanging || this.#state === 'gone') return;
    const end = pipe === this.#up ? this.#server : this.#client;
    const asleep = end !== null && !end.awake;
    if (pipe.held.length > 0 || asleep || !this.#network.isOpen(pipe.from, pipe.to)) {
      if (pipe.held.length === 0) {
        pipe.heldSince = this.#world.now;
        pipe.lossy = false;
      }
      if (!this.#network.isOpen(pipe.from, pipe.to)) pipe.lossy = true;
      pipe.held.push(data);
      this.#network.waits(this);
      return;
    }
    this.#receive(pipe, data);
  }

  #receive(pipe: Pipe, data: unknown): void {
    const up = pipe === this.#up;
    const end = up ? this.#server : this.#client;
    const closing = typeof data === 'object' && data !== null && CLOSE in data;
    if (end === null) {
      // The process has gone: the kernel answers with a reset, unless both know already.
      if (!closing) this.#send(up ? this.#down : this.#up, { [CLOSE]: 'Connection reset by peer' });
      if (closing && this.#client === null && this.#server === null) this.#forget();
      return;
    }
    if (closing) this.#end(up ? 'server' : 'client', (data as Close)[CLOSE]);
    else end.receive(this, data);
  }

  #flush(pipe: Pipe): void {
    if (pipe.held.length === 0) return;
    const end = pipe === this.#up ? this.#server : this.#client;
    if ((end !== null && !end.awake) || !this.#network.isOpen(pipe.from, pipe.to)) return;
    const world = this.#world;
    const outage = pipe.lossy ? world.now - pipe.heldSince : 0;
    const held = pipe.held;
    pipe.held = [];
    // TCP tries more and more seldom; and some connections are given up meanwhile.
    if (outage > 20_000 && world.oneIn(2)) {
      this.reset(true, true);
      return;
    }
    const arrival = Math.max(pipe.arrival, world.now + world.random.float() * Math.min(outage, 5000));
    pipe.arrival = arrival;
    for (const data of held) world.at(arrival, () => this.#deliver(pipe, data));
  }

  #end(which: 'client' | 'server', reason: string): void {
    const end = which === 'client' ? this.#client : this.#server;
    if (end === null) return;
    if (which === 'client') this.#client = null;
    else this.#server = null;
    if (this.#client === null && this.#server === null) this.#forget();
    end.closed(this, reason);
  }

  #forget(): void {
    this.#state = 'gone';
    this.#network.waitsNoMore(this);
    this.#up.held = [];
    this.#down.held = [];
  }
}

/**
 * Listening sockets. A connection is accepted paused and its handle is moved to a socket that reads into the
 * shared area (connection.ts).
 */
import net from 'node:net';
import type { Engine } from '../engine/engine.ts';
import { type AcceptedHandle, Connection, ReadArea } from './connection.ts';

interface Accepted extends net.Socket {
  _handle: AcceptedHandle | null;
}

export class Listener {
  readonly #engine: Engine;
  readonly #area = new ReadArea();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async listen(port: number, host: string, backlog: number): Promise<net.Server> {
    const server = net.createServer({ pauseOnConnect: true, noDelay: true });
    server.on('connection', (socket) => this.#accept(socket as Accepted));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, backlog }, resolve);
    });
    return server;
  }

  #accept(socket: Accepted): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const local = `${socket.localAddress}:${socket.localPort}`;
    const handle = socket._handle!;
    socket._handle = null;
    new Connection(this.#engine, this.#area, handle, { kind: 'tcp', peer, local });
  }
}

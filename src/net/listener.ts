/**
 * Listening sockets of a server: TCP on every address of `bind`, and a unix socket.
 *
 * The list of sockets follows the configuration. `apply` compares what is open with what is wanted: what is in both
 * stays open, so a client that connects while CONFIG SET works is never refused; what is new is opened before the
 * rest is closed. Only where the new and the old cannot be open together (`*` and 127.0.0.1 on one port) the old is
 * closed first. Whatever fails, the sockets that were open are open again in the end.
 *
 * A connection is accepted paused and its handle is moved to a socket that reads into the shared area
 * (connection.ts). Nothing that goes wrong with accepting stops it.
 */
import { chmodSync, existsSync, rmSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import type { ListenerInfo } from '../engine/host.ts';
import { errnoText } from '../util/errno-text.ts';
import { type AcceptedHandle, Connection, ReadArea } from './connection.ts';
import { OPEN_TO_NEIGHBOURS_WARNING, ProtectedMode } from './protected-mode.ts';
import { MAX_CLIENTS_ERROR, PROTECTED_MODE_ERROR } from './refusals.ts';

interface Accepted extends net.Socket {
  _handle: AcceptedHandle | null;
}

/** A TCP socket that is open. */
interface OpenSocket {
  readonly address: string;
  readonly port: number;
  readonly server: net.Server;
}

/** Errors of an optional address, or of a protocol that this machine has not, that are passed over. */
const NOT_HERE = 'EADDRNOTAVAIL';
const NO_PROTOCOL = new Set(['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ENOPROTOOPT', 'ESOCKTNOSUPPORT']);
/** A full table of files would fill the log with the same line. */
const ACCEPT_LOG_PAUSE_MS = 1000;

const TAKEN = 'taken';

/** The server cannot listen where it should; the log has said so. */
export class ListenError extends Error {}

export class Listener {
  readonly #engine: Engine;
  readonly #area: ReadArea;
  readonly #protectedMode: ProtectedMode;
  #tcp: OpenSocket[] = [];
  #unix: net.Server | null = null;
  #unixPath = '';
  #acceptLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#area = new ReadArea(engine);
    this.#protectedMode = new ProtectedMode(engine.config, () => engine.acl.defaultUser.nopass);
  }

  /** What is listened on: for INFO and the log. */
  get open(): ListenerInfo[] {
    const infos: ListenerInfo[] = [];
    if (this.#tcp.length > 0) {
      const addresses = this.#tcp.map(({ address }) => address);
      infos.push({ name: 'tcp', addresses, port: this.#tcp[0]!.port });
    }
    if (this.#unix !== null) infos.push({ name: 'unix', addresses: [this.#unixPath], port: 0 });
    return infos;
  }

  /** Makes the TCP sockets those of the configuration. Rejects with a ListenError, the old ones still open. */
  async apply(): Promise<void> {
    const { values } = this.#engine.config;
    const wanted = values.port === 0 ? [] : values.bind.filter((bind) => bind !== '');
    const isWanted = ({ address, port }: OpenSocket) =>
      port === values.port && wanted.some((bind) => withoutMark(bind) === address);
    const old = this.#tcp.filter((socket) => !isWanted(socket));
    const kept = this.#tcp.filter(isWanted);
    const missing = wanted.filter((bind) => !kept.some(({ address }) => address === withoutMark(bind)));
    const mayBeInTheWay = old.some(({ port }) => port === values.port);
    let opened = await this.#openAll(missing, values.port, mayBeInTheWay);
    if (opened === TAKEN) {
      closeAll(old);
      opened = await this.#openAll(missing, values.port, false);
    } else if (opened !== null) closeAll(old);
    if (opened === null || opened === TAKEN) {
      await this.#reopen(old, kept);
      throw new ListenError(`cannot listen on port ${values.port}`);
    }
    const isFirst = this.#tcp.length === 0;
    this.#tcp = inOrder([...kept, ...opened], wanted);
    if (isFirst && this.#protectedMode.isOpenToNeighbours) {
      this.#engine.log.warning(OPEN_TO_NEIGHBOURS_WARNING);
    }
  }

  /** Puts back what had to be closed for an attempt that failed. */
  async #reopen(old: readonly OpenSocket[], kept: readonly OpenSocket[]): Promise<void> {
    const again: OpenSocket[] = [];
    for (const { address, port, server } of old) {
      if (server.listening) again.push({ address, port, server });
      else {
        const opened = await this.#openAll([address], port, false);
        if (opened !== null && opened !== TAKEN) again.push(...opened);
      }
    }
    this.#tcp = [...kept, ...again];
  }

  /**
   * Opens a socket on each address; on failure none stays open. A failure is logged and null, but TAKEN is said and
   * not logged when one of our own sockets may be in the way.
   */
  async #openAll(
    binds: readonly string[],
    port: number,
    mayBeInTheWay: boolean,
  ): Promise<OpenSocket[] | null | typeof TAKEN> {
    const opened: OpenSocket[] = [];
    for (const bind of binds) {
      const address = withoutMark(bind);
      try {
        opened.push({ address, port, server: await this.#openTcp(address, port) });
      } catch (error) {
        const { code, syscall } = error as NodeJS.ErrnoException;
        if (mayBeInTheWay && code === 'EADDRINUSE') {
          closeAll(opened);
          return TAKEN;
        }
        const reason = syscall === 'getaddrinfo' ? 'Name or service not known' : `bind: ${errnoText(error)}`;
        this.#engine.log.warning(
          `Warning: Could not create server TCP listening socket ${address}:${port}: ${reason}`,
        );
        if ((code === NOT_HERE && bind.startsWith('-')) || NO_PROTOCOL.has(code ?? '')) continue;
        closeAll(opened);
        return null;
      }
    }
    return opened;
  }

  #openTcp(address: string, port: number): Promise<net.Server> {
    const server = this.#createServer('tcp');
    const host = address === '*' ? '0.0.0.0' : address === '::*' ? '::' : address;
    const backlog = this.#engine.config.values['tcp-backlog'];
    return this.#listen(server, { port, host, backlog, ipv6Only: host.includes(':') });
  }

  /** Opens the unix socket; a file that is there goes, as in Redis. Rejects with a ListenError. */
  async openUnix(path: string): Promise<void> {
    const { values } = this.#engine.config;
    const permissions = values.unixsocketperm;
    const server = this.#createServer('unix');
    try {
      rmSync(path, { force: true });
    } catch {
      // Then it is in the way, and bind says so.
    }
    // The file must never be there with more permissions than it shall have, and Node has no step between bind and
    // listen; so it is created with fewer. Node binds before listen() returns.
    const usual = permissions === 0 ? null : process.umask(0o777 & ~permissions);
    let bound: Promise<net.Server>;
    try {
      bound = this.#listen(server, { path, backlog: values['tcp-backlog'] });
    } finally {
      if (usual !== null) process.umask(usual);
    }
    try {
      await bound;
      if (permissions !== 0) chmodSync(path, permissions);
    } catch (error) {
      server.close();
      // libuv says EACCES where bind(2) said ENOENT.
      const reason = existsSync(dirname(path)) ? errnoText(error) : 'No such file or directory';
      const message = `Failed opening Unix socket: bind: ${reason}`;
      this.#engine.log.warning(message);
      throw new ListenError(message);
    }
    this.#unix = server;
    this.#unixPath = path;
  }

  /** Closes all listening sockets; connections stay. The file of the unix socket goes. */
  close(): void {
    closeAll(this.#tcp);
    this.#tcp = [];
    this.#unix?.close();
    this.#unix = null;
  }

  #createServer(kind: 'tcp' | 'unix'): net.Server {
    const server = net.createServer({ pauseOnConnect: true, noDelay: kind === 'tcp' });
    server.on('connection', (socket) => this.#accept(socket as Accepted, kind));
    return server;
  }

  #accept(socket: Accepted, kind: 'tcp' | 'unix'): void {
    const { _handle: handle, remoteAddress = '' } = socket;
    // The peer may be gone already.
    if (handle === null || (kind === 'tcp' && remoteAddress === '')) {
      socket.destroy();
      return;
    }
    const refusal = this.#refusal(kind, remoteAddress);
    if (refusal !== null) {
      this.#engine.stats.rejectedConnections++;
      socket.on('error', () => {});
      socket.end(refusal, () => socket.destroy());
      return;
    }
    if (this.#engine.log.enabled('verbose')) this.#logAccepted(socket, kind);
    let peer = `${this.#unixPath}:0`;
    let local = peer;
    if (kind === 'tcp') {
      const keepAliveSeconds = this.#engine.config.values['tcp-keepalive'];
      if (keepAliveSeconds > 0) socket.setKeepAlive(true, keepAliveSeconds * 1000);
      peer = withPort(remoteAddress, socket.remotePort);
      local = withPort(socket.localAddress!, socket.localPort);
    }
    socket._handle = null;
    new Connection(this.#engine, this.#area, handle, { kind, peer, local });
  }

  #logAccepted(socket: net.Socket, kind: 'tcp' | 'unix'): void {
    const from =
      kind === 'tcp' ? `${socket.remoteAddress}:${socket.remotePort}` : `connection to ${this.#unixPath}`;
    this.#engine.log.verbose(`Accepted ${from}`);
  }

  /** Why a connection is refused, or null. */
  #refusal(kind: 'tcp' | 'unix', address: string): string | null {
    const { clients, config } = this.#engine;
    if (clients.count >= config.values.maxclients) return MAX_CLIENTS_ERROR;
    return kind === 'tcp' && this.#protectedMode.refuses(address) ? PROTECTED_MODE_ERROR : null;
  }

  /** Resolves when the server listens; what goes wrong later is about single connections. */
  #listen(server: net.Server, options: net.ListenOptions): Promise<net.Server> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(options, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#acceptFailed(error));
        resolve(server);
      });
    });
  }

  /** An accept failed, most likely for want of file descriptors; the next one may not. */
  #acceptFailed(error: unknown): void {
    const now = this.#engine.clock.monoMs();
    if (now - this.#acceptLoggedMs < ACCEPT_LOG_PAUSE_MS) return;
    this.#acceptLoggedMs = now;
    this.#engine.log.warning(`Accepting client connection: accept: ${errnoText(error)}`);
  }
}

function withoutMark(bind: string): string {
  return bind.startsWith('-') ? bind.slice(1) : bind;
}

function withPort(address: string, port: number | undefined): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function closeAll(sockets: readonly OpenSocket[]): void {
  for (const { server } of sockets) server.close();
}

/** In the order of `bind`. */
function inOrder(sockets: OpenSocket[], binds: readonly string[]): OpenSocket[] {
  const order = binds.map(withoutMark);
  return sockets.sort((a, b) => order.indexOf(a.address) - order.indexOf(b.address));
}

/**
 * Sockets that the server opens itself, as the engine's Connector: what MIGRATE talks through.
 *
 * Replies are collected as they come. Who does not fetch them leaves the socket unread beyond REPLIES_MAX, so a peer
 * that sends without being asked fills no memory. A failure ends the link; whoever waits is told, the others later.
 */
import net from 'node:net';
import { type Connector, LinkFailure, type OutgoingLink } from '../engine/outgoing.ts';
import { type Reply, ReplyReader } from '../resp/reply-reader.ts';
import type { TimerHandle, Timers } from '../util/clock.ts';

/** Replies that may wait to be fetched. */
const REPLIES_MAX = 16 * 1024;

export class Outgoing implements Connector {
  readonly #timers: Timers;
  readonly #localAddress: () => string;

  /** `localAddress`: where links come from; '' for wherever the system says. */
  constructor(timers: Timers, localAddress: () => string) {
    this.#timers = timers;
    this.#localAddress = localAddress;
  }

  connect(host: string, port: number, timeoutMs: number): Promise<OutgoingLink> {
    return new Promise((resolve, reject) => {
      if (!(port >= 0 && port <= 65535)) throw new LinkFailure('no such port', { unreachable: true });
      const localAddress = this.#localAddress();
      const socket = net.connect({ host, port, ...(localAddress === '' ? {} : { localAddress }) });
      const timer = this.#timers.setTimeout(() => {
        socket.destroy();
        reject(new LinkFailure('timeout', { timedOut: true, unreachable: true }));
      }, timeoutMs);
      const onError = (error: NodeJS.ErrnoException): void => {
        this.#timers.clearTimeout(timer);
        reject(new LinkFailure(error.message, { unreachable: error.syscall === 'getaddrinfo' }));
      };
      socket.once('error', onError);
      socket.once('connect', () => {
        this.#timers.clearTimeout(timer);
        socket.off('error', onError);
        resolve(new SocketLink(socket, this.#timers));
      });
    });
  }
}

class SocketLink implements OutgoingLink {
  readonly #socket: net.Socket;
  readonly #timers: Timers;
  readonly #reader: ReplyReader;
  #replies: Reply[] = [];
  #failure: LinkFailure | null = null;
  /** Who waits for the socket: told when there is something new, whatever it is. */
  #wake: (() => void) | null = null;

  constructor(socket: net.Socket, timers: Timers) {
    this.#socket = socket;
    this.#timers = timers;
    this.#reader = new ReplyReader(
      (reply) => this.#replies.push(reply),
      (reason) => this.#fail(reason),
    );
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#reader.feed(chunk);
      if (this.#replies.length > REPLIES_MAX) socket.pause();
      this.#wake?.();
    });
    socket.on('end', () => this.#fail('connection closed'));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('connection closed'));
  }

  get isOpen(): boolean {
    return this.#failure === null;
  }

  async write(pieces: readonly Uint8Array[], timeoutMs: number): Promise<void> {
    let written = false;
    this.#socket.cork();
    pieces.forEach((piece, i) => {
      if (i < pieces.length - 1) this.#socket.write(piece);
      else {
        this.#socket.write(piece, () => {
          written = true;
          this.#wake?.();
        });
      }
    });
    this.#socket.uncork();
    await this.#until(() => written || pieces.length === 0, timeoutMs);
  }

  async read(timeoutMs: number): Promise<Reply[]> {
    await this.#until(() => this.#replies.length > 0, timeoutMs);
    const replies = this.#replies;
    this.#replies = [];
    this.#socket.resume();
    return replies;
  }

  close(): void {
    this.#fail('closed');
  }

  /** Waits until it is so. What has come before a failure still counts. */
  #until(isSo: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: TimerHandle | null = null;
      const look = (): void => {
        if (!isSo() && this.#failure === null) return;
        this.#wake = null;
        if (timer !== null) this.#timers.clearTimeout(timer);
        if (isSo()) resolve();
        else reject(this.#failure);
      };
      this.#wake = look;
      timer = this.#timers.setTimeout(() => this.#fail('timeout', true), timeoutMs);
      look();
    });
  }

  #fail(reason: string, timedOut = false): void {
    if (this.#failure !== null) return;
    this.#failure = new LinkFailure(reason, { timedOut });
    this.#socket.destroy();
    this.#wake?.();
  }
}

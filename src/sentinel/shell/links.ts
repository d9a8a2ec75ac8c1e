/**
 * The sockets behind the core's links (core/instance.ts): for each instance one for commands and one for Pub/Sub.
 *
 * A socket is known by the generation that the core gave it, and by nothing else: news of one that the core has given
 * up are not told, as it is no longer in the table. What is sent before a socket is open waits in it. Replies come in
 * order, so each takes the tag of the oldest command that has none.
 *
 * Nothing of a peer is trusted: what is no RESP, a reply nobody has asked for, one of more than REPLY_BYTES_MAX, and a
 * peer that does not read what it is sent end the connection.
 */
import net from 'node:net';
import { type Reply, ReplyReader } from '../../resp/reply-reader.ts';
import { errnoText } from '../../util/errno-text.ts';
import { Fifo } from '../../util/fifo.ts';
import type { Channel, Event, Tag } from '../core/protocol.ts';

/** An INFO with thousands of replicas or databases fits; more is no reply to what we ask. The last one is kept. */
export const REPLY_BYTES_MAX = 1024 * 1024;
/** So much may wait to be sent. A PING has 14 bytes, and one is sent in a second. */
export const UNSENT_BYTES_MAX = 1024 * 1024;

export interface LinksOptions {
  /** Where connections come from (bind-source-addr); '' for wherever the system says. */
  readonly localAddress: () => string;
  /** Takes news of a connection; never called while one of the methods runs. */
  readonly onEvent: (event: Event) => void;
}

/** Which connection of which link. */
interface Place {
  readonly link: number;
  readonly generation: number;
  readonly channel: Channel;
}

export class Links {
  readonly #options: LinksOptions;
  readonly #peers = new Map<number, Peer>();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** Connections that are open or being made. */
  get count(): number {
    return this.#peers.size;
  }

  /**
   * Opens a connection; `address` gives the IP address, or rejects with the reason why there is none. Failure is told
   * by `linkDown`, later.
   */
  open(place: Place, address: string | Promise<string>, port: number): void {
    const { generation } = place;
    const peer = new Peer(place, this.#options, () => this.#peers.delete(generation));
    this.#peers.set(generation, peer);
    if (typeof address === 'string') peer.connect(address, port);
    else {
      address.then(
        (ip) => peer.connect(ip, port),
        (error: Error) => peer.fail(error.message),
      );
    }
  }

  /** Nothing more is heard of it. */
  close(generation: number): void {
    this.#peers.get(generation)?.close();
  }

  /** False: there is no such connection (any more). */
  send(generation: number, words: readonly string[], tag: Tag): boolean {
    const peer = this.#peers.get(generation);
    if (peer === undefined) return false;
    peer.send(words, tag);
    return true;
  }

  closeAll(): void {
    for (const peer of [...this.#peers.values()]) peer.close();
  }
}

class Peer {
  readonly #place: Place;
  readonly #options: LinksOptions;
  readonly #onGone: () => void;
  readonly #tags = new Fifo<Tag>();
  readonly #reader: ReplyReader;
  #socket: net.Socket | null = null;
  #isGone = false;
  /** Requests that wait for the socket, or for the end of this turn. */
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #isFlushAsked = false;

  constructor(place: Place, options: LinksOptions, onGone: () => void) {
    this.#place = place;
    this.#options = options;
    this.#onGone = onGone;
    this.#reader = new ReplyReader(
      (reply) => this.#onReply(reply),
      (reason) => this.fail(reason),
      REPLY_BYTES_MAX,
    );
  }

  connect(host: string, port: number): void {
    if (this.#isGone) return;
    const localAddress = this.#options.localAddress();
    try {
      this.#socket = net.connect({
        host,
        port,
        noDelay: true,
        ...(localAddress === '' ? {} : { localAddress }),
      });
    } catch (error) {
      // No such port. Whoever asked for the connection is still at it.
      setImmediate(() => this.fail((error as Error).message));
      return;
    }
    const socket = this.#socket;
    socket.on('connect', () => this.#onConnect(socket));
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('error', (error) => this.fail(errnoText(error)));
    socket.on('end', () => this.fail('Server closed the connection'));
    socket.on('close', () => this.fail('Server closed the connection'));
  }

  #onConnect(socket: net.Socket): void {
    const { link, generation, channel } = this.#place;
    if (channel === 'command') {
      this.#options.onEvent({ type: 'linkUp', link, generation, localIp: socket.localAddress ?? '' });
    }
    this.#flush();
  }

  send(words: readonly string[], tag: Tag): void {
    this.#tags.push(tag);
    const bytes = requestBytes(words);
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    if (this.#isFlushAsked) return;
    // What one turn sends goes out at once.
    this.#isFlushAsked = true;
    setImmediate(() => {
      this.#isFlushAsked = false;
      this.#flush();
    });
  }

  close(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#unsent = [];
    this.#socket?.destroy();
    this.#onGone();
  }

  fail(reason: string): void {
    if (this.#isGone) return;
    this.close();
    const { link, generation } = this.#place;
    this.#options.onEvent({ type: 'linkDown', link, generation, reason });
  }

  #flush(): void {
    const socket = this.#socket;
    if (this.#isGone || this.#unsent.length === 0) return;
    if (this.#unsentBytes + (socket?.writableLength ?? 0) > UNSENT_BYTES_MAX) {
      this.fail('too much waits to be sent');
      return;
    }
    if (socket === null || socket.connecting) return;
    const pieces = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    socket.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
  }

  #feed(chunk: Buffer): void {
    if (this.#isGone) return;
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      // Arrays within arrays without end, or of a length that nobody can have.
      this.fail(`Protocol error: ${(error as Error).message}`);
    }
  }

  #onReply(reply: Reply): void {
    if (this.#isGone) return;
    const { link, generation, channel } = this.#place;
    const { onEvent } = this.#options;
    const isPubSub = channel === 'pubsub';
    if (isPubSub && Array.isArray(reply) && textOf(reply[0]) === 'message') {
      const [, name, payload] = reply;
      if (!Buffer.isBuffer(payload)) this.fail('Protocol error: a message without a text');
      else onEvent({ type: 'message', link, generation, channel: textOf(name), payload: textOf(payload) });
      return;
    }
    const tag = this.#tags.shift();
    if (tag === undefined) {
      // "-ERR max number of clients reached" comes unasked; so does what is no Redis.
      this.fail(reply instanceof Error ? reply.message : 'Protocol error: a reply without a request');
      return;
    }
    if (isPubSub && !(reply instanceof Error)) {
      onEvent({ type: 'message', link, generation, channel: '', payload: null });
    } else onEvent({ type: 'reply', link, generation, tag, reply });
  }
}

/** A request as RESP; words are Latin-1. */
export function requestBytes(words: readonly string[]): Buffer {
  let text = `*${words.length}\r\n`;
  for (const word of words) text += `$${word.length}\r\n${word}\r\n`;
  return Buffer.from(text, 'latin1');
}

function textOf(part: Reply | undefined): string {
  if (Buffer.isBuffer(part)) return part.toString('latin1');
  return typeof part === 'string' ? part : '';
}

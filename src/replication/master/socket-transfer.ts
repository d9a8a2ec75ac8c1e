/**
 * A full sync without a file: one snapshot goes to the sockets of several replicas as it is made.
 *
 *     $EOF:<mark of 40 characters>\r\n  the RDB  <mark>
 *
 * Each chunk is there once, and every receiver has its place in the queue of chunks; one that all have passed is filled
 * again. The snapshot waits while the slowest has a few MiB before it (Backlog), so that one sets the pace. One that
 * takes nothing for `repl-timeout` is dropped by its owner (`stalledMs`).
 */
import type { Client, Link } from '../../engine/client.ts';
import { CHUNK_BYTES } from '../../persistence/files/chunk-file.ts';
import type { Backlog } from '../../persistence/snapshot/backlog.ts';
import type { ChunkSink } from '../../rdb/chunk-sink.ts';
import type { Clock } from '../../util/clock.ts';
import { lendTo } from './lend.ts';

/** Bytes lent to a socket at once: what it has taken is known so exactly. */
const PIECE_BYTES = 64 * 1024;
/** Chunks that are kept to be filled again. */
const SPARE_CHUNKS = 18;

interface Chunk {
  readonly bytes: Buffer;
  readonly length: number;
  /** Receivers that have not passed it. */
  awaited: number;
  /** It can be filled again: it has come from the snapshot, and no lost socket has a view of it. */
  reusable: boolean;
}

class Receiver {
  readonly client: Client;
  /** Number of the chunk that it is in, and the place in it. */
  chunk: number;
  offset = 0;
  /** Bytes that its socket has; 0: none. */
  lent = 0;
  movedMs: number;
  readonly gone: () => void;

  constructor(client: Client, chunk: number, nowMs: number, gone: (receiver: Receiver) => void) {
    this.client = client;
    this.chunk = chunk;
    this.movedMs = nowMs;
    this.gone = () => gone(this);
  }
}

export class SocketTransfer implements ChunkSink, Backlog {
  /** Bytes that the slowest receiver has not taken. */
  pendingBytes = 0;
  onDrain: (() => void) | null = null;
  readonly #clock: Clock;
  readonly #mark: Buffer;
  readonly #onDone: () => void;
  readonly #receivers = new Map<Client, Receiver>();
  /** The queue; its first chunk has number `#firstNumber`. */
  readonly #chunks: Chunk[] = [];
  #firstNumber = 0;
  readonly #spare: Buffer[] = [];
  #ended = false;
  #closed = false;

  /** `mark`: 40 characters that end the payload. `onDone`: all have come, and each receiver that is left has all. */
  constructor(clock: Clock, clients: readonly Client[], mark: string, onDone: () => void) {
    this.#clock = clock;
    this.#mark = Buffer.from(mark, 'latin1');
    this.#onDone = onDone;
    for (const client of clients) {
      this.#receivers.set(
        client,
        new Receiver(client, 0, clock.monoMs(), (receiver) => this.#pieceGone(receiver)),
      );
    }
    this.#add(Buffer.concat([Buffer.from('$EOF:'), this.#mark, Buffer.from('\r\n')]), false);
  }

  get receivers(): number {
    return this.#receivers.size;
  }

  take(chunk: Buffer, length: number): Buffer {
    if (this.#closed) return chunk;
    this.#add(chunk.subarray(0, length), true, chunk);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** All chunks have come. */
  end(): void {
    this.#ended = true;
    this.#add(this.#mark, false);
    this.#lookDone();
  }

  /** A receiver is gone. */
  remove(client: Client): void {
    const receiver = this.#receivers.get(client);
    if (receiver === undefined) return;
    this.#receivers.delete(client);
    for (let i = receiver.chunk - this.#firstNumber; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!;
      chunk.awaited--;
      // Its socket may still have it.
      if (i === receiver.chunk - this.#firstNumber && receiver.lent > 0) chunk.reusable = false;
    }
    receiver.lent = 0;
    this.#passOn();
    this.#lookDone();
  }

  /** Nobody gets anything any more. */
  close(): void {
    this.#closed = true;
    this.#receivers.clear();
    this.#chunks.length = 0;
    this.pendingBytes = 0;
  }

  /** For how long a receiver has taken nothing although there is something, ms. */
  stalledMs(client: Client): number {
    const receiver = this.#receivers.get(client);
    return receiver === undefined || receiver.lent === 0 ? 0 : this.#clock.monoMs() - receiver.movedMs;
  }

  #add(bytes: Buffer, reusable: boolean, whole: Buffer = bytes): void {
    if (this.#closed) return;
    this.#chunks.push({ bytes: whole, length: bytes.length, awaited: this.#receivers.size, reusable });
    this.pendingBytes += bytes.length;
    for (const receiver of this.#receivers.values()) this.#feed(receiver);
    this.#passOn();
  }

  /** Gives a receiver what there is, as long as its socket takes it. */
  #feed(receiver: Receiver): void {
    const link: Link = receiver.client.link;
    while (receiver.lent === 0) {
      const chunk = this.#chunks[receiver.chunk - this.#firstNumber];
      if (chunk === undefined) return;
      const length = Math.min(PIECE_BYTES, chunk.length - receiver.offset);
      receiver.lent = length;
      receiver.client.engine.stats.netReplOutputBytes += length;
      receiver.movedMs = this.#clock.monoMs();
      const view = chunk.bytes.subarray(receiver.offset, receiver.offset + length);
      if (!lendTo(link, view, receiver.gone)) return;
      this.#advance(receiver);
    }
  }

  #advance(receiver: Receiver): void {
    const chunk = this.#chunks[receiver.chunk - this.#firstNumber]!;
    receiver.offset += receiver.lent;
    receiver.lent = 0;
    if (receiver.offset < chunk.length) return;
    receiver.offset = 0;
    receiver.chunk++;
    chunk.awaited--;
  }

  #pieceGone(receiver: Receiver): void {
    if (this.#closed || this.#receivers.get(receiver.client) !== receiver) return;
    this.#advance(receiver);
    this.#feed(receiver);
    this.#passOn();
    this.#lookDone();
  }

  /** Lets go of the chunks that all receivers have passed. */
  #passOn(): void {
    let passed = 0;
    while (passed < this.#chunks.length && this.#chunks[passed]!.awaited === 0) {
      const { bytes, length, reusable } = this.#chunks[passed++]!;
      this.pendingBytes -= length;
      if (reusable && this.#spare.length < SPARE_CHUNKS) this.#spare.push(bytes);
    }
    if (passed === 0) return;
    this.#chunks.splice(0, passed);
    this.#firstNumber += passed;
    this.onDrain?.();
  }

  #lookDone(): void {
    if (!this.#ended || this.#closed || this.#chunks.length > 0) return;
    this.#closed = true;
    this.#onDone();
  }
}

/**
 * A connection: a socket as the engine's Link.
 *
 * Reading. All connections read into one shared area; the engine parses there and nothing is kept. What is left
 * of an incomplete command stays with the connection:
 *   - a short remainder (up to REMAINDER_MAX) is copied out, and before the next read is served it is put right
 *     in front of the bytes that came, into the headroom of the shared area;
 *   - a longer one goes to a buffer of its own, with the parser's state, and grows there. While a big bulk is on
 *     its way the socket reads straight into that buffer. Memory is taken as bytes arrive, not as announced:
 *     the buffer at most doubles, unless little more than a megabyte is missing.
 *
 * Writing. The engine's reply buffer is written as it is; node tells at once whether the kernel took it all. If
 * not, the buffer is given to the socket and the engine takes a new one. Bytes that somebody else keeps (the stream for
 * replicas, the file of a full sync) are lent to the socket, one piece after the other.
 *
 * While more than OUTPUT_PAUSE_BYTES of replies are pending in all, clients that do not read theirs are not served.
 */
import net from 'node:net';
import type { Client, Link } from '../engine/client.ts';
import { STOP_BLOCKED, STOP_CLOSING, STOP_OUTPUT } from '../engine/client.ts';
import { type Engine, OUTPUT_PAUSE_BYTES, OUTPUT_SHARE_BYTES } from '../engine/engine.ts';
import { HELD_COPY, type HeldLink, PASSED } from '../engine/output-gate.ts';
import type { ParseState } from '../resp/request-parser.ts';
import { BusyPoll } from './busy-poll.ts';
import { DirectWriter, type StreamHandle, type Writing } from './direct-write.ts';

const HEADROOM = 4096;
const REMAINDER_MAX = HEADROOM;
const AREA_BYTES = 128 * 1024;
/** Replies shorter than this are sent through views that are kept. */
const VIEWS = 256;
/** A bulk of which at least so much is missing is read into its own buffer directly. */
const DIRECT_MIN = 32 * 1024;
/** A bulk of which at least so much is missing is completed apart from what follows it. */
const APART_MIN = 1024;
/** Up to so many missing bytes are allocated at once, on the word of the client. */
const TRUST_BYTES = 1024 * 1024;
const LF = 10;
/** Requests of a client that leaves its replies unread are buffered up to here, then the socket is not read any more. */
const HELD_MAX = 1024 * 1024;
/** Held at the engine's gate without a look at the limits: a moment's replies. */
const HELD_UNASKED = 4096;

/** What all connections of a server share: the buffer they read into, and the way they write. */
export class ReadArea {
  readonly writer = new DirectWriter();
  readonly busyPoll: BusyPoll;
  readonly bytes = new Uint8Array(HEADROOM + AREA_BYTES);
  readonly target = this.bytes.subarray(HEADROOM);
  /** Of the two buffers that replies are sent from in turn: the engine's, and that of its output gate. */
  #views = new Views();
  #otherViews = new Views();

  constructor(engine: Engine) {
    this.busyPoll = new BusyPoll(engine);
  }

  /** The first `length` bytes of a reply buffer. Views of short replies are kept: making one takes longer than all else in `send`. */
  head(buf: Buffer, length: number): Uint8Array {
    if (length === buf.length) return buf;
    if (length >= VIEWS) return buf.subarray(0, length);
    if (buf !== this.#views.of) {
      const last = this.#views;
      this.#views = this.#otherViews;
      this.#otherViews = last;
    }
    return this.#views.head(buf, length);
  }
}

/** Views of the beginning of a buffer, by their length. */
class Views {
  of: Buffer | null = null;
  readonly #views: (Uint8Array | null)[] = new Array<null>(VIEWS).fill(null);

  head(buf: Buffer, length: number): Uint8Array {
    if (buf !== this.of) {
      this.of = buf;
      this.#views.fill(null);
    }
    let view = this.#views[length]!;
    if (view === null) {
      view = buf.subarray(0, length);
      this.#views[length] = view;
    }
    return view;
  }
}

/** Bytes of requests that a connection keeps. */
class Kept {
  bytes: Uint8Array;
  start = 0;
  end = 0;
  state: ParseState | null = null;
  /** Length at which the incomplete command may be complete. */
  needed = 0;

  constructor(room: number) {
    this.bytes = new Uint8Array(room);
  }

  get length(): number {
    return this.end - this.start;
  }
}

export class Connection implements Link, Writing, HeldLink {
  readonly kind: 'tcp' | 'unix';
  readonly peer: string;
  readonly local: string;
  readonly fd: number;
  readonly client: Client;
  /** Output that waits at the engine's gate. */
  heldBytes = 0;
  readonly #engine: Engine;
  readonly #socket: net.Socket;
  readonly #handle: StreamHandle;
  readonly #shared: ReadArea;
  #remainder: Uint8Array | null = null;
  #kept: Kept | null = null;
  /** What the socket reads into: the shared area, or the buffer of `#kept`; and from where on. */
  #target: Uint8Array | null = null;
  #targetAt = 0;
  #targetRoom = 0;
  /** Bytes that are lent to us, until they have gone; and whom to tell. They may wait for what is held at the gate. */
  #lent: Uint8Array | null = null;
  #isLentWritten = false;
  #onLentGone: (() => void) | null = null;
  /** Writes what is lent; used again while it is not in use. */
  #lending: Lending | null = null;
  #closed = false;
  /** Closes as soon as nothing is pending. */
  #ending = false;
  /** The peer will send nothing more. */
  #ended = false;

  constructor(engine: Engine, shared: ReadArea, handle: StreamHandle, names: ConnectionNames) {
    this.#engine = engine;
    this.#shared = shared;
    this.#handle = handle;
    this.kind = names.kind;
    this.peer = names.peer;
    this.local = names.local;
    this.fd = handle.fd ?? -1;
    this.client = engine.connect(this);
    this.#socket = new net.Socket({
      handle,
      // A peer that has sent its requests and says so still wants the replies.
      allowHalfOpen: true,
      // After each read node asks for the next buffer; null keeps the one there is.
      onread: {
        buffer: (() => this.#nextTarget()) as () => Uint8Array,
        callback: (count: number) => this.#onRead(count) && this.#mayReadOn(count),
      },
    } as net.SocketConstructorOpts);
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#onClose());
    this.#socket.resume();
  }

  get pendingBytes(): number {
    if (this.#closed) return 0;
    const lent = this.#lent === null ? 0 : this.#lent.length;
    return this.heldBytes + Math.max(0, this.#unwritten - lent);
  }

  /** Nothing waits to be sent any more. */
  get #isDrained(): boolean {
    return this.heldBytes === 0 && this.#unwritten === 0 && this.#lent === null;
  }

  /** What the kernel has not taken yet. */
  get #unwritten(): number {
    return this.#handle.writeQueueSize ?? this.#socket.writableLength;
  }

  get argumentBytes(): number {
    const state = this.#kept?.state ?? null;
    if (state === null) return 0;
    let bytes = 0;
    for (let i = 0; i < state.count; i++) bytes += state.len[i]!;
    return bytes;
  }

  get inputBytes(): number {
    const kept = this.#kept;
    if (kept === null) return this.#remainder?.length ?? 0;
    if (kept.state === null) return kept.length;
    const at = kept.start + kept.state.resume;
    const lineEnd = kept.bytes.subarray(at, Math.min(at + 24, kept.end)).indexOf(LF);
    return kept.end - at - (lineEnd + 1);
  }

  get inputRoom(): number {
    return (this.#remainder?.length ?? 0) + (this.#kept?.bytes.length ?? 0);
  }

  #nextTarget(): Uint8Array | null {
    const kept = this.#kept;
    const shared = this.#shared.bytes;
    if (kept !== null && this.#target !== null && kept.bytes.length - kept.end >= DIRECT_MIN) {
      this.#target = kept.bytes;
      this.#targetAt = kept.end;
      this.#targetRoom = kept.bytes.length - kept.end;
      return kept.bytes.subarray(kept.end);
    }
    if (this.#target === shared) return null;
    this.#target = shared;
    this.#targetAt = HEADROOM;
    this.#targetRoom = AREA_BYTES;
    return this.#shared.target;
  }

  /**
   * A read that filled its buffer has left more behind, and libuv would read on, up to 32 times, before any other
   * connection has its turn: tens of milliseconds for a client that floods. So this one waits for the next round.
   */
  #mayReadOn(count: number): boolean {
    if (count < this.#targetRoom) return true;
    setImmediate(() => {
      if (!this.#closed && this.#isRead) this.#socket.resume();
    });
    return false;
  }

  /**
   * Who waits for a key, or for the end of a pause, is read all the same: else nobody would notice that it is gone, and
   * it would be given an element. What it sends is limited as any input is.
   */
  get #isRead(): boolean {
    return (this.client.stopped & ~STOP_BLOCKED) === 0;
  }

  #onRead(count: number): boolean {
    const engine = this.#engine;
    engine.stats.netInputBytes += count;
    engine.stats.readsProcessed++;
    if (this.#closed || (this.client.stopped & STOP_CLOSING) !== 0) return true;
    if (this.#kept !== null) return this.#readMore(count);
    const { bytes } = this.#shared;
    let from = HEADROOM;
    const end = HEADROOM + count;
    if (this.#target !== bytes) {
      // What was kept has been served since this read was set up, into a buffer that is perhaps a value now.
      const kept = new Kept(count);
      kept.bytes.set(this.#read(count));
      kept.end = count;
      this.#kept = kept;
      if (this.client.stopped === 0) this.#serveKept();
      return this.#kept === null || this.#checkInput(kept);
    }
    const remainder = this.#remainder;
    if (remainder !== null) {
      from -= remainder.length;
      bytes.set(remainder, from);
      this.#remainder = null;
    }
    return this.#serveShared(from, end);
  }

  /** Serves what stands in the shared area; keeps the rest. */
  #serveShared(from: number, end: number): boolean {
    const engine = this.#engine;
    const { bytes, busyPoll } = this.#shared;
    const at = this.client.stopped === 0 ? engine.serve(this.client, bytes, from, end) : from;
    busyPoll.served(engine.chargedUs);
    if (at < end) return this.#keep(bytes, at, end);
    return true;
  }

  /** Keeps what could not be served. Returns false when the socket shall not be read for now. */
  #keep(bytes: Uint8Array, at: number, end: number): boolean {
    const { parser } = this.#engine;
    const length = end - at;
    if (this.client.stopped === 0 && length <= REMAINDER_MAX && parser.missing < DIRECT_MIN) {
      parser.reset();
      this.#remainder = bytes.slice(at, end);
      return true;
    }
    const stopped = this.client.stopped !== 0;
    const kept = new Kept(stopped ? length : roomFor(length, parser.missing));
    kept.needed = length + parser.missing;
    kept.bytes.set(bytes.subarray(at, end));
    kept.end = length;
    if (stopped) parser.reset();
    else kept.state = parser.save(at);
    this.#kept = kept;
    return this.#checkInput(kept);
  }

  /** Bytes for a connection that already keeps some. */
  #readMore(count: number): boolean {
    const kept = this.#kept!;
    if (this.#target !== kept.bytes || this.#targetAt !== kept.end) {
      const missing = kept.needed - kept.length;
      if (kept.state !== null && this.client.stopped === 0 && missing >= APART_MIN && missing < count) {
        return this.#completeKept(kept, missing, count);
      }
      const came = this.#read(count);
      makeRoom(kept, count, kept.length * 2);
      kept.bytes.set(came, kept.end);
    }
    kept.end += count;
    if (this.client.stopped === 0) this.#serveKept();
    return this.#kept === null || this.#checkInput(this.#kept);
  }

  /**
   * The bulk that was missing ends amid this read: its command is completed and served by itself, and what follows is
   * served where it is instead of being copied behind it.
   */
  #completeKept(kept: Kept, missing: number, count: number): boolean {
    const came = this.#read(count);
    makeRoom(kept, missing, 0);
    kept.bytes.set(came.subarray(0, missing), kept.end);
    kept.end += missing;
    this.#serveKept();
    if (this.#closed) return true;
    if (this.#kept === null && this.#target === this.#shared.bytes) {
      return this.#serveShared(HEADROOM + missing, HEADROOM + count);
    }
    const rest = this.#kept ?? new Kept(count - missing);
    makeRoom(rest, count - missing, 0);
    rest.bytes.set(came.subarray(missing), rest.end);
    rest.end += count - missing;
    this.#kept = rest;
    if (this.client.stopped === 0) this.#serveKept();
    return this.#kept === null || this.#checkInput(this.#kept);
  }

  /** The bytes of the last read. */
  #read(count: number): Uint8Array {
    return this.#target!.subarray(this.#targetAt, this.#targetAt + count);
  }

  #serveKept(): void {
    const kept = this.#kept!;
    const { parser } = this.#engine;
    if (kept.state !== null) {
      parser.restore(kept.state);
      kept.state = null;
      // Exactly the bytes that were missing: the buffer holds one command, or a part of one, and nothing else.
      parser.args.owned = kept.start === 0 && kept.end === kept.needed;
    }
    const at = this.#engine.serve(this.client, kept.bytes, kept.start, kept.end);
    parser.args.owned = false;
    kept.start = at;
    if (at >= kept.end) {
      this.#kept = null;
      return;
    }
    if (this.client.stopped !== 0) {
      parser.reset();
      return;
    }
    kept.state = parser.save(at);
    if (at > 0) {
      kept.bytes.copyWithin(0, at, kept.end);
      kept.end -= at;
      kept.start = 0;
    }
    kept.needed = kept.length + parser.missing;
    // Only when the next read would not fit: else each read of a long bulk would copy all that came before it.
    if (kept.bytes.length - kept.end < Math.min(parser.missing, DIRECT_MIN)) {
      makeRoom(kept, Math.min(parser.missing, Math.max(TRUST_BYTES, kept.length)), 0);
    }
  }

  #checkInput(kept: Kept): boolean {
    const start = kept.bytes.subarray(kept.start, kept.end);
    if (!this.#engine.clients.limits.acceptsInput(this.client, kept.length, start)) return true;
    return this.#isRead || kept.length < HELD_MAX;
  }

  send(buf: Buffer, length: number): boolean {
    const { stats } = this.#engine;
    stats.netOutputBytes += length;
    stats.writesProcessed++;
    if (this.#closed) return true;
    const { limits } = this.#engine.clients;
    if (length > limits.unaskedBytes && !limits.accepts(this.client, this.pendingBytes + length)) return true;
    const gate = this.#engine.outputGate;
    if (gate.guarded) {
      const held = gate.hold(this, buf, length);
      if (held !== PASSED) {
        if (this.heldBytes > HELD_UNASKED) this.#checkOutput(gate.heldBytes);
        return held === HELD_COPY;
      }
    }
    return this.sendHeld(buf, length);
  }

  sendHeld(buf: Buffer, length: number): boolean {
    if (this.#closed) return true;
    const { writer } = this.#shared;
    if (writer.write(this.#socket, this.#handle, this.#shared.head(buf, length), this)) {
      if ((this.#ending || (this.client.stopped & STOP_OUTPUT) !== 0) && this.heldBytes === 0) this.written();
      if (this.#lent !== null) this.#heldHasGone();
      return true;
    }
    if (!this.#closed) this.#checkOutput(writer.pendingBytes);
    if (this.#lent !== null) this.#heldHasGone();
    return false;
  }

  lend(bytes: Uint8Array, gone: () => void): boolean {
    if (this.#closed) return false;
    this.#lent = bytes;
    this.#onLentGone = gone;
    // What is held at the gate comes first.
    this.#isLentWritten = this.heldBytes === 0;
    if (!this.#isLentWritten || !this.#writeLent()) return false;
    this.#lent = null;
    return true;
  }

  /** Hands what is lent to the socket; true when it has gone. */
  #writeLent(): boolean {
    const bytes = this.#lent!;
    const { writer } = this.#shared;
    const { stats } = this.#engine;
    stats.netOutputBytes += bytes.length;
    stats.writesProcessed++;
    const lending = this.#lending ?? new Lending(this);
    const { isDirect } = writer;
    this.#lending = null;
    const gone = writer.write(this.#socket, this.#handle, bytes, lending);
    // Written the usual way, a piece is told of even if it went at once: that must not be taken for the next one.
    if (!gone) lending.waits = true;
    else if (isDirect) this.#lending = lending;
    return gone;
  }

  /** What was held has gone, and what is lent stood behind it. */
  #heldHasGone(): void {
    if (this.heldBytes !== 0 || this.#isLentWritten || this.#closed) return;
    this.#isLentWritten = true;
    if (this.#writeLent()) this.lentGone();
  }

  /** What was lent has gone, later than at once. */
  lentGone(): void {
    const gone = this.#onLentGone;
    this.#lent = null;
    if (this.#closed) return;
    if (this.#ending && this.#isDrained) this.#socket.destroy();
    gone?.();
  }

  gatherPackets(on: boolean): void {
    // Not the socket's: that takes what it has not been told itself for unset, and does nothing.
    this.#handle.setNoDelay?.(!on);
  }

  /** Output has stayed behind; `ofAll`: that of all connections together. */
  #checkOutput(ofAll: number): void {
    const pending = this.pendingBytes;
    if (pending > OUTPUT_SHARE_BYTES && ofAll > OUTPUT_PAUSE_BYTES) this.client.stopped |= STOP_OUTPUT;
    this.#engine.clients.limits.outputGrew(this.client, pending);
  }

  written(): void {
    if (this.#ending && this.#isDrained) this.#socket.destroy();
    if ((this.client.stopped & STOP_OUTPUT) === 0 || this.pendingBytes > OUTPUT_SHARE_BYTES) return;
    this.client.stopped &= ~STOP_OUTPUT;
    this.resume();
  }

  writeFailed(): void {
    this.destroy();
  }

  resume(): void {
    if (this.#closed || this.client.stopped !== 0) return;
    if (this.#engine.current !== null) {
      // In the middle of another client's command: no handler runs inside another.
      queueMicrotask(() => this.resume());
      return;
    }
    if (this.#kept !== null) this.#serveKept();
    if (this.client.stopped !== 0 || this.#closed) return;
    if (this.#ended) this.#finish();
    else this.#socket.resume();
  }

  end(): void {
    if (this.#closed) return;
    this.#ending = true;
    if (this.#isDrained) this.#socket.destroy();
  }

  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  /**
   * The peer has closed its side. Its requests have been served, unless it did not read the replies of earlier ones
   * (then they are served when it does) or waits for data (then it is gone).
   */
  #onEnd(): void {
    this.#ended = true;
    if (this.client.stopped !== STOP_OUTPUT) this.#finish();
  }

  #finish(): void {
    this.client.stopped |= STOP_CLOSING;
    this.end();
  }

  #onClose(): void {
    this.#closed = true;
    this.#kept = null;
    this.#remainder = null;
    this.#engine.clients.remove(this.client);
  }
}

/** One piece that is lent, on its way. */
class Lending implements Writing {
  readonly #connection: Connection;
  waits = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  written(): void {
    if (!this.waits) return;
    this.waits = false;
    this.#connection.lentGone();
  }

  writeFailed(): void {
    this.#connection.writeFailed();
  }
}

export type AcceptedHandle = StreamHandle;

export interface ConnectionNames {
  kind: 'tcp' | 'unix';
  peer: string;
  local: string;
}

function roomFor(length: number, missing: number): number {
  return length + Math.min(missing, Math.max(TRUST_BYTES, length));
}

/** Makes room for `bytes` more behind what is kept. */
function makeRoom(kept: Kept, bytes: number, atLeast: number): void {
  if (kept.bytes.length - kept.end >= bytes) return;
  const grown = new Uint8Array(Math.max(kept.length + bytes, atLeast));
  grown.set(kept.bytes.subarray(kept.start, kept.end));
  kept.end -= kept.start;
  kept.start = 0;
  kept.bytes = grown;
}

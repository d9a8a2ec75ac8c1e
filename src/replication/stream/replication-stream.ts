/**
 * The stream of a history: bytes that are kept for replicas, once for all of them.
 *
 * Blocks of bytes, one behind the other; a byte's place in the history is its offset (the first byte is 1, as in
 * PSYNC). Each replica has a cursor: what lies behind it is kept for it, however long that is (its output limit
 * decides when it is dropped). Besides, the last `repl-backlog-size` bytes are kept for those who come back.
 *
 *          firstByte                       cursor of a replica            end
 *     ────────┼────────────────────────────────┼───────────────────────────┤
 *             └───────── at least repl-backlog-size, if there were so many ─┘
 *
 * Bytes in a block are never changed once they are there, so sockets are given views of it: nothing is copied for a
 * replica. A block goes when it is the oldest, no cursor stands in it, and the rest is a whole backlog; then it is used
 * again for what comes, unless a socket may still have a view of it.
 *
 * Blocks are a sixteenth of the backlog, so that a small one is kept about as exactly as a big one; 4 to 64 KiB,
 * and 64 when much more than a backlog is kept.
 */
import type { EffectSink } from '../../engine/effects/propagation.ts';
import { copyBytes } from '../../util/copy-bytes.ts';

const BLOCK_MAX = 64 * 1024;
const BLOCK_MIN = 4096;
const BLOCKS_OF_BACKLOG = 16;
/** Blocks that are kept for use when they are free: for each that comes, one goes. */
const SPARE_MAX = 1;
/** From so many bytes on, and twice the backlog, blocks are long: else a replica far behind makes it too many. */
const LONG_FROM = 4 * 1024 * 1024;

/** Where a replica is in the stream. What follows is kept for it until `release`. */
export interface Cursor {
  /** The byte that comes next. */
  readonly next: number;
  /** Bytes from there to the end. */
  readonly pendingBytes: number;
  /** What comes next, as far as it lies in one piece; null: nothing. It stays as it is until `advance` has passed it. */
  peek(): Uint8Array | null;
  /** So many bytes have gone. */
  advance(bytes: number): void;
  release(): void;
}

class Block {
  readonly bytes: Uint8Array;
  /** Offset of the first byte in it. */
  start = 0;
  used = 0;
  next: Block | null = null;
  /** Cursors that stand in it. */
  cursors = 0;
  /** A cursor has left while a socket perhaps had a view. */
  isLent = false;
  /** The view that was asked for last, and where it begins: replicas that are level share it. */
  view: Uint8Array | null = null;
  viewAt = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  viewFrom(at: number): Uint8Array {
    const { view } = this;
    if (view !== null && this.viewAt === at && view.length === this.used - at) return view;
    const { buffer, byteOffset } = this.bytes;
    this.viewAt = at;
    this.view = new Uint8Array(buffer, byteOffset + at, this.used - at);
    return this.view;
  }
}

export class ReplicationStream implements EffectSink {
  /** master_repl_offset: the last byte that there is. It stands still while the stream is closed. */
  end = 0;
  /** repl_backlog_active: bytes are kept. */
  isOpen = false;
  /** Called when bytes have come and nobody has been told since the last `told`; for one that sends at the end of the turn. */
  onAppend: (() => void) | null = null;
  #isTold = false;
  #backlogBytes = 1 << 20;
  #readers = 0;
  #blockBytes = BLOCK_MAX;
  #first: Block | null = null;
  #last: Block | null = null;
  /** Free blocks of the present size. */
  readonly #spare: Block[] = [];
  #memory = 0;

  /** repl-backlog-size */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  set backlogBytes(bytes: number) {
    this.#backlogBytes = bytes;
    const size = Math.max(BLOCK_MIN, Math.min(BLOCK_MAX, Math.floor(bytes / BLOCKS_OF_BACKLOG)));
    if (size !== this.#blockBytes) {
      this.#blockBytes = size;
      this.#dropSpare();
    }
    this.#trim();
  }

  /** repl_backlog_first_byte_offset: the oldest byte that is kept. `end + 1` if there is none. */
  get firstByte(): number {
    return this.#first === null ? this.end + 1 : this.#first.start;
  }

  /** repl_backlog_histlen */
  get keptBytes(): number {
    return this.end + 1 - this.firstByte;
  }

  /** Cursors that are open. */
  get readers(): number {
    return this.#readers;
  }

  /** Memory that the blocks take. */
  get memoryBytes(): number {
    return this.#memory;
  }

  /** Begins to keep what comes behind `end`. */
  open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.#first = this.#newBlock();
    this.#last = this.#first;
  }

  /** Forgets all bytes; there must be no cursors. */
  close(): void {
    this.isOpen = false;
    for (let block = this.#first; block !== null; block = block.next) this.#memory -= block.bytes.length;
    this.#first = null;
    this.#last = null;
    this.#dropSpare();
  }

  /** Goes on behind byte `end` of another history: the bytes so far are forgotten. There must be no cursors. */
  startAt(end: number): void {
    const wasOpen = this.isOpen;
    this.close();
    this.end = end;
    if (wasOpen) this.open();
  }

  /** Whoever is told by `onAppend` has looked: the next bytes tell again. */
  told(): void {
    this.#isTold = false;
  }

  /** Hot: runs for each write, or each batch of them. Nothing happens while the stream is closed. */
  append(bytes: Uint8Array, off: number, len: number): void {
    const last = this.#last;
    if (last === null) return;
    const at = last.used;
    if (len <= last.bytes.length - at) {
      copyBytes(bytes, off, len, last.bytes, at);
      last.used = at + len;
      this.end += len;
    } else this.#appendAcross(last, bytes, off, len);
    if (!this.#isTold && this.onAppend !== null) {
      this.#isTold = true;
      this.onAppend();
    }
  }

  #appendAcross(block: Block, bytes: Uint8Array, from: number, len: number): void {
    const to = from + len;
    let off = from;
    for (;;) {
      const part = Math.min(to - off, block.bytes.length - block.used);
      if (part > 0) {
        copyBytes(bytes, off, part, block.bytes, block.used);
        block.used += part;
        this.end += part;
        off += part;
      }
      if (off === to) return;
      const next = this.#newBlock();
      block.next = next;
      this.#last = next;
      block = next;
      this.#trim();
    }
  }

  #newBlock(): Block {
    const isLong = this.keptBytes > Math.max(LONG_FROM, 2 * this.#backlogBytes);
    let block = isLong ? undefined : this.#spare.pop();
    if (block === undefined) {
      block = new Block(isLong ? BLOCK_MAX : this.#blockBytes);
      this.#memory += block.bytes.length;
    }
    block.start = this.end + 1;
    return block;
  }

  #dropSpare(): void {
    for (const block of this.#spare) this.#memory -= block.bytes.length;
    this.#spare.length = 0;
  }

  /** Lets go of the oldest blocks that nobody needs. */
  #trim(): void {
    let first = this.#first;
    while (first !== null && first.next !== null && first.cursors === 0) {
      if (this.end + 1 - first.next.start < this.#backlogBytes) break;
      const { next } = first;
      this.#recycle(first);
      first = next;
    }
    this.#first = first;
  }

  #recycle(block: Block): void {
    if (block.isLent || block.bytes.length !== this.#blockBytes || this.#spare.length === SPARE_MAX) {
      this.#memory -= block.bytes.length;
      return;
    }
    block.used = 0;
    block.next = null;
    block.view = null;
    this.#spare.push(block);
  }

  /** Whether all bytes from `from` on are there: firstByte <= from <= end + 1. */
  has(from: number): boolean {
    return this.isOpen && from >= this.firstByte && from <= this.end + 1;
  }

  /** A cursor before byte `from`, which must be there. */
  cursorAt(from: number): Cursor {
    if (!this.has(from)) throw new Error(`The stream has no byte ${from}`);
    let block = this.#first!;
    while (block.next !== null && from >= block.next.start) block = block.next;
    this.#readers++;
    return new StreamCursor(this, block, from, {
      trim: () => this.#trim(),
      released: () => {
        this.#readers--;
      },
    });
  }
}

interface CursorOwner {
  trim(): void;
  released(): void;
}

class StreamCursor implements Cursor {
  next: number;
  readonly #stream: ReplicationStream;
  readonly #owner: CursorOwner;
  #block: Block | null;
  /** Up to which byte somebody has been shown the stream. */
  #shown: number;

  constructor(stream: ReplicationStream, block: Block, next: number, owner: CursorOwner) {
    this.#stream = stream;
    this.#block = block;
    this.#owner = owner;
    this.next = next;
    this.#shown = next;
    block.cursors++;
  }

  get pendingBytes(): number {
    return this.#block === null ? 0 : this.#stream.end + 1 - this.next;
  }

  peek(): Uint8Array | null {
    let block = this.#block;
    if (block === null) return null;
    while (this.next === block.start + block.used) {
      if (block.next === null) return null;
      block = this.#moveOn(block, block.next);
    }
    this.#shown = block.start + block.used;
    return block.viewFrom(this.next - block.start);
  }

  #moveOn(from: Block, to: Block): Block {
    from.cursors--;
    to.cursors++;
    this.#block = to;
    if (from.cursors === 0) this.#owner.trim();
    return to;
  }

  advance(bytes: number): void {
    this.next += bytes;
    const block = this.#block;
    if (block === null || block.next === null || this.next < block.next.start) return;
    this.#moveOn(block, block.next);
  }

  release(): void {
    const block = this.#block;
    if (block === null) return;
    // A socket that is about to close may have a view of what was shown.
    if (this.#shown > this.next) block.isLent = true;
    block.cursors--;
    this.#block = null;
    this.#owner.released();
    this.#owner.trim();
  }
}

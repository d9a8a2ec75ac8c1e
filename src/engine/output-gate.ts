/**
 * The gate at which replies wait for the append-only file: no client sees what a crash could still take away, neither
 * the writer its OK nor anybody else the value. With `appendfsync always` that is a crash of the machine, and they wait
 * for the sync; with the other policies it is one of the process, and they wait for the write at the end of this turn
 * of the event loop.
 *
 * The stream of effects is counted in bytes: `appended` so far, `durable` those that are safe. Whatever is sent while
 * the two differ is held, with the count that was appended by then, in one queue for all links; so each link's bytes
 * stay in order, and `release` lets go from the front what has become durable.
 *
 * A reply can leave in the middle of its command, when it is long; the command's effects are appended at its end. So
 * what is sent inside a command waits for whatever comes next, or for the end of the turn if nothing does.
 *
 * Costs one comparison for each send while nobody guards the gate. Short pieces are copied, one behind the other, and
 * sent from a small buffer; longer ones are copied to blocks that are used again; only what is longer than those is
 * held in the sender's own buffer. Nothing is allocated for a reply. What is held counts as pending output of its
 * client, with the usual limits.
 */
import { copyBytes } from '../util/copy-bytes.ts';

/** A link whose output can be held. */
export interface HeldLink {
  /** Bytes of it that are held. */
  heldBytes: number;
  /** Sends what was held; false when `buf` is kept. */
  sendHeld(buf: Buffer, length: number): boolean;
}

/** What `hold` did. */
export const PASSED = 0;
export const HELD_COPY = 1;
/** The buffer itself is held: the sender takes another. */
export const HELD_BUFFER = 2;

/** Up to here, pieces are copied one behind the other. */
const SHORT_MAX = 8192;
/** Up to here, they are copied to a block of their own; longer ones are not copied. */
const BLOCK_BYTES = 32 * 1024;
/** Blocks that are kept. */
const BLOCKS_KEPT = 32;
const BYTES_MIN = 64 * 1024;
/** Room for short pieces, and for how many of all kinds, that is kept when nothing is held. */
const BYTES_KEPT = 1024 * 1024;
const PIECES_MIN = 64;
const PIECES_KEPT = 16 * 1024;

/** Tells whether a command is being run, whose effects are not appended yet. */
export type InCommand = { readonly isRunning: boolean };

export class OutputGate {
  /** Somebody answers for what is durable: each send asks `hold`. */
  guarded = false;
  /** Bytes of the stream so far. */
  appended = 0;
  /** Those of them that are safe. */
  durable = 0;
  /** Bytes held for all links. */
  heldBytes = 0;
  /** Called when something is held although all that was appended is durable: the guard must call `release` soon. */
  onHeldEarly: (() => void) | null = null;
  readonly #commands: InCommand;
  /** The queue: pieces [#first, #last). */
  #links: (HeldLink | null)[] = new Array<null>(PIECES_MIN).fill(null);
  #lengths = new Float64Array(PIECES_MIN);
  #marks = new Float64Array(PIECES_MIN);
  /** Where a piece stands if it isn't among the short ones. */
  #buffers: (Buffer | null)[] = new Array<null>(PIECES_MIN).fill(null);
  #first = 0;
  #last = 0;
  /** Short pieces, in order: [#start, #end) of #bytes. */
  #bytes = Buffer.allocUnsafeSlow(0);
  #start = 0;
  #end = 0;
  /** What short pieces are sent from, each from its beginning. */
  #out = Buffer.allocUnsafeSlow(0);
  readonly #blocks: Buffer[] = [];

  constructor(commands: InCommand) {
    this.#commands = commands;
  }

  /** Pieces that are held: about one for each client that waits. */
  get count(): number {
    return this.#last - this.#first;
  }

  /** Decides about a piece of output; only while `guarded`. */
  hold(link: HeldLink, buf: Buffer, length: number): typeof PASSED | typeof HELD_COPY | typeof HELD_BUFFER {
    const { isRunning } = this.#commands;
    if (this.durable === this.appended) {
      if (!isRunning && link.heldBytes === 0) return PASSED;
      this.onHeldEarly?.();
    }
    const mark = isRunning ? this.appended + 1 : this.appended;
    link.heldBytes += length;
    this.heldBytes += length;
    if (length > BLOCK_BYTES) {
      this.#push(link, length, mark, buf);
      return HELD_BUFFER;
    }
    if (length > SHORT_MAX) {
      const block = this.#blocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
      copyBytes(buf, 0, length, block, 0);
      this.#push(link, length, mark, block);
      return HELD_COPY;
    }
    if (this.#bytes.length - this.#end < length) this.#makeRoom(length);
    copyBytes(buf, 0, length, this.#bytes, this.#end);
    this.#end += length;
    const before = this.#last - 1;
    if (before >= this.#first && this.#links[before] === link && this.#marks[before] === mark) {
      if (this.#buffers[before] === null && this.#lengths[before]! + length <= SHORT_MAX) {
        this.#lengths[before] = this.#lengths[before]! + length;
        return HELD_COPY;
      }
    }
    this.#push(link, length, mark, null);
    return HELD_COPY;
  }

  /** Sends what was waiting for the first `durable` bytes of the stream. Returns the number of pieces. */
  release(durable: number): number {
    this.durable = durable;
    let sent = 0;
    while (this.#first < this.#last && this.#mayGo(durable)) {
      this.#sendFirst();
      sent++;
    }
    if (this.#first === this.#last) this.#empty();
    return sent;
  }

  #mayGo(durable: number): boolean {
    if (this.#marks[this.#first]! <= durable) return true;
    // Without anything on its way, nothing will come that the rest could wait for. A link that is served again when
    // its output has gone can bring something, so it is asked for each piece.
    return durable === this.appended && !this.#commands.isRunning;
  }

  #push(link: HeldLink, length: number, mark: number, buffer: Buffer | null): void {
    if (this.#last === this.#links.length) this.#makeRoomForPieces();
    const at = this.#last++;
    this.#links[at] = link;
    this.#lengths[at] = length;
    this.#marks[at] = mark;
    this.#buffers[at] = buffer;
  }

  #sendFirst(): void {
    const at = this.#first++;
    const link = this.#links[at]!;
    const length = this.#lengths[at]!;
    const buffer = this.#buffers[at]!;
    this.#links[at] = null;
    link.heldBytes -= length;
    this.heldBytes -= length;
    if (buffer !== null) {
      this.#buffers[at] = null;
      const free = link.sendHeld(buffer, length);
      if (free && length <= BLOCK_BYTES && this.#blocks.length < BLOCKS_KEPT) this.#blocks.push(buffer);
      return;
    }
    if (this.#out.length === 0) this.#out = Buffer.allocUnsafeSlow(SHORT_MAX);
    const out = this.#out;
    copyBytes(this.#bytes, this.#start, length, out, 0);
    this.#start += length;
    if (!link.sendHeld(out, length)) this.#out = Buffer.allocUnsafeSlow(SHORT_MAX);
  }

  #empty(): void {
    this.#first = 0;
    this.#last = 0;
    this.#start = 0;
    this.#end = 0;
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
    if (this.#links.length > PIECES_KEPT) this.#resize(PIECES_MIN);
  }

  /** Moves the pieces to the front if that makes enough room, and to longer lists if not. */
  #makeRoomForPieces(): void {
    if (this.#first < this.#links.length / 2) this.#resize(this.#links.length * 2);
    else this.#resize(this.#links.length);
  }

  #resize(room: number): void {
    const { count } = this;
    const links = this.#links.slice(this.#first, this.#last);
    const buffers = this.#buffers.slice(this.#first, this.#last);
    const lengths = new Float64Array(room);
    const marks = new Float64Array(room);
    lengths.set(this.#lengths.subarray(this.#first, this.#last));
    marks.set(this.#marks.subarray(this.#first, this.#last));
    while (links.length < room) {
      links.push(null);
      buffers.push(null);
    }
    this.#links = links;
    this.#buffers = buffers;
    this.#lengths = lengths;
    this.#marks = marks;
    this.#first = 0;
    this.#last = count;
  }

  #makeRoom(length: number): void {
    const used = this.#end - this.#start;
    const old = this.#bytes;
    if ((used + length) * 2 > old.length) {
      this.#bytes = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, (used + length) * 2));
    }
    old.copy(this.#bytes, 0, this.#start, this.#end);
    this.#start = 0;
    this.#end = used;
  }
}

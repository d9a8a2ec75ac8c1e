/**
 * The gate at which replies wait for the disk (`appendfsync always`): no client sees what a crash could still take
 * away, neither the writer its OK nor anybody else the value.
 *
 * The stream of effects is counted in bytes: `appended` so far, `durable` those that a finished fdatasync covers.
 * Whatever is sent while the two differ is held, with the count that was appended by then, in one queue for all
 * links; so each link's bytes stay in order, and `release` lets go from the front what has become durable.
 *
 * A reply can leave in the middle of its command, when it is long; the command's effects are appended at its end. So
 * what is sent inside a command waits for whatever comes next, or for the end of the turn if nothing does.
 *
 * Costs one comparison for each send while nobody guards the gate. What is held counts as pending output of its
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

/** Longer pieces are not copied. */
const COPY_MAX = 8192;
const BYTES_MIN = 64 * 1024;
/** Bytes of room that are kept when nothing is held. */
const BYTES_KEPT = 1024 * 1024;

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
  /** The queue: entries [#first, #links.length). */
  #links: (HeldLink | null)[] = [];
  #lengths: number[] = [];
  #marks: number[] = [];
  #buffers: (Buffer | null)[] = [];
  #first = 0;
  /** Copied pieces, in order: [#start, #end) of #bytes. */
  #bytes = Buffer.allocUnsafeSlow(0);
  #start = 0;
  #end = 0;
  /** What pieces are sent from, each from its beginning. */
  #out = Buffer.allocUnsafeSlow(0);

  constructor(commands: InCommand) {
    this.#commands = commands;
  }

  /** Pieces that are held: about one for each client that waits. */
  get count(): number {
    return this.#links.length - this.#first;
  }

  /** Decides about a piece of output; only while `guarded`. */
  hold(link: HeldLink, buf: Buffer, length: number): typeof PASSED | typeof HELD_COPY | typeof HELD_BUFFER {
    const { isRunning } = this.#commands;
    if (this.durable === this.appended && !isRunning && link.heldBytes === 0) return PASSED;
    const mark = isRunning ? this.appended + 1 : this.appended;
    if (this.durable === this.appended) this.onHeldEarly?.();
    link.heldBytes += length;
    this.heldBytes += length;
    if (length > COPY_MAX) {
      this.#push(link, length, mark, buf);
      return HELD_BUFFER;
    }
    if (this.#bytes.length - this.#end < length) this.#makeRoom(length);
    copyBytes(buf, 0, length, this.#bytes, this.#end);
    this.#end += length;
    const last = this.#links.length - 1;
    if (last >= this.#first && this.#links[last] === link && this.#marks[last] === mark) {
      if (this.#buffers[last] === null && this.#lengths[last]! + length <= COPY_MAX) {
        this.#lengths[last] = this.#lengths[last]! + length;
        return HELD_COPY;
      }
    }
    this.#push(link, length, mark, null);
    return HELD_COPY;
  }

  /** Sends what was waiting for the first `durable` bytes of the stream. Returns the number of pieces. */
  release(durable: number): number {
    this.durable = durable;
    // Without anything on its way, nothing will come that the rest could wait for.
    const all = durable === this.appended && !this.#commands.isRunning;
    const from = this.#first;
    while (this.#first < this.#links.length && (all || this.#marks[this.#first]! <= durable)) {
      this.#sendFirst();
    }
    const sent = this.#first - from;
    if (this.#first === this.#links.length) this.#empty();
    else if (this.#first > 1024) this.#dropSent();
    return sent;
  }

  #push(link: HeldLink, length: number, mark: number, buffer: Buffer | null): void {
    this.#links.push(link);
    this.#lengths.push(length);
    this.#marks.push(mark);
    this.#buffers.push(buffer);
  }

  #sendFirst(): void {
    const at = this.#first++;
    const link = this.#links[at]!;
    const length = this.#lengths[at]!;
    const buffer = this.#buffers[at]!;
    this.#links[at] = null;
    this.#buffers[at] = null;
    link.heldBytes -= length;
    this.heldBytes -= length;
    if (buffer !== null) {
      link.sendHeld(buffer, length);
      return;
    }
    if (this.#out.length === 0) this.#out = Buffer.allocUnsafeSlow(COPY_MAX);
    const out = this.#out;
    copyBytes(this.#bytes, this.#start, length, out, 0);
    this.#start += length;
    if (!link.sendHeld(out, length)) this.#out = Buffer.allocUnsafeSlow(COPY_MAX);
  }

  #empty(): void {
    this.#links.length = 0;
    this.#lengths.length = 0;
    this.#marks.length = 0;
    this.#buffers.length = 0;
    this.#first = 0;
    this.#start = 0;
    this.#end = 0;
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = Buffer.allocUnsafeSlow(BYTES_MIN);
  }

  #dropSent(): void {
    const from = this.#first;
    this.#links = this.#links.slice(from);
    this.#lengths = this.#lengths.slice(from);
    this.#marks = this.#marks.slice(from);
    this.#buffers = this.#buffers.slice(from);
    this.#first = 0;
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

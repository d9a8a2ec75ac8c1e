/**
 * Finds the end of a payload whose length nobody knew when it began: a mark of 40 random characters, told before it,
 * stands behind the last byte. It may come in pieces; so the last 39 bytes are held back until what follows is there.
 */
import { copyBytes } from '../../../util/copy-bytes.ts';

export const MARK_BYTES = 40;
const HELD_MAX = MARK_BYTES - 1;

export type TakeBytes = (buf: Uint8Array, off: number, len: number) => void;

export class EndMark {
  /** It has come: nothing after it belongs to the payload. */
  found = false;
  readonly #mark: Buffer;
  readonly #give: TakeBytes;
  /** What is held back, and room for the beginning of what comes next: a mark that lies across is found here. */
  readonly #seam = Buffer.alloc(2 * HELD_MAX);
  #held = 0;

  /** `give` takes what belongs to the payload; the bytes are only lent. */
  constructor(mark: string, give: TakeBytes) {
    this.#mark = Buffer.from(mark, 'latin1');
    this.#give = give;
  }

  /** Takes bytes; returns how many are payload or mark: all, unless the mark has been found. */
  take(buf: Uint8Array, off: number, len: number): number {
    if (this.found || len === 0) return 0;
    const held = this.#held;
    const seam = this.#seam;
    const next = Math.min(len, HELD_MAX);
    copyBytes(buf, off, next, seam, held);
    const across = held === 0 ? -1 : indexIn(seam, 0, held + next, this.#mark);
    if (across >= 0 && across < held) {
      this.found = true;
      this.#give(seam, 0, across);
      return across + MARK_BYTES - held;
    }
    const at = indexIn(buf, off, len, this.#mark);
    if (at >= 0) {
      this.found = true;
      if (held > 0) this.#give(seam, 0, held);
      if (at > 0) this.#give(buf, off, at);
      return at + MARK_BYTES;
    }
    // All but the last bytes are payload for certain.
    const sure = held + len - HELD_MAX;
    if (sure <= 0) {
      this.#held = held + len;
      return len;
    }
    const fromHeld = Math.min(held, sure);
    if (fromHeld > 0) this.#give(seam, 0, fromHeld);
    const fromNew = sure - fromHeld;
    if (fromNew > 0) this.#give(buf, off, fromNew);
    seam.copyWithin(0, fromHeld, held);
    copyBytes(buf, off + fromNew, len - fromNew, seam, held - fromHeld);
    this.#held = HELD_MAX;
    return len;
  }
}

function indexIn(buf: Uint8Array, off: number, len: number, mark: Buffer): number {
  return Buffer.from(buf.buffer, buf.byteOffset + off, len).indexOf(mark);
}

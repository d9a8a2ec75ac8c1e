/**
 * A payload on its way from the link to the loader: what comes is gathered in chunks, which the loader works on where
 * they are. There are never more than a few of them: above QUEUE_MAX nothing more is read from the link.
 */
import { HEADROOM } from '../../../persistence/loading/file-reader.ts';
import type { SnapshotSource } from '../../../persistence/loading/snapshot-file.ts';
import { copyBytes } from '../../../util/copy-bytes.ts';

const CHUNK_BYTES = 512 * 1024;
const QUEUE_MAX = 4 * 1024 * 1024;
const QUEUE_LOW = 1024 * 1024;

interface Chunk {
  /** Bytes [HEADROOM, end) are the payload's. */
  readonly bytes: Uint8Array;
  end: number;
}

function newChunk(): Chunk {
  return { bytes: new Uint8Array(HEADROOM + CHUNK_BYTES), end: HEADROOM };
}

export class LinkChunks implements SnapshotSource {
  isFull = false;
  onDrain: (() => void) | null = null;
  #current: Chunk = newChunk();
  readonly #queue: Chunk[] = [];
  readonly #spare: Chunk[] = [];
  #queued = 0;
  /** Bytes that the loader has got. */
  taken = 0;
  #isOver = false;
  #wake: (() => void) | null = null;

  /** Takes bytes of the payload. */
  write(buf: Uint8Array, off: number, len: number): void {
    for (let done = 0; done < len; ) {
      let chunk = this.#queue.at(-1);
      if (chunk === undefined || chunk.end === chunk.bytes.length) {
        chunk = this.#spare.pop() ?? newChunk();
        this.#queue.push(chunk);
      }
      const part = Math.min(len - done, chunk.bytes.length - chunk.end);
      copyBytes(buf, off + done, part, chunk.bytes, chunk.end);
      chunk.end += part;
      done += part;
    }
    this.#queued += len;
    if (this.#queued >= QUEUE_MAX) this.isFull = true;
    this.#rouse();
  }

  /** No more will come. */
  over(): void {
    this.#isOver = true;
    this.#rouse();
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** There is something to take. */
  get hasBytes(): boolean {
    return this.#queued > 0;
  }

  get waiting(): Promise<void> | null {
    if (this.#queued > 0 || this.#isOver) return null;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  take(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    this.#current.end = HEADROOM;
    this.#spare.push(this.#current);
    this.#current = next;
    this.#queued -= next.end - HEADROOM;
    this.taken += next.end - HEADROOM;
    if (this.isFull && this.#queued <= QUEUE_LOW) {
      this.isFull = false;
      this.onDrain?.();
    }
    return true;
  }

  get bytes(): Uint8Array {
    return this.#current.bytes;
  }

  get end(): number {
    return this.#current.end;
  }
}

/**
 * Takes the snapshot of a full sync and makes it the data set: by a file (`repl-diskless-load disabled`), or straight
 * from the link.
 */
import type { Shared } from '../parts.ts';

export interface PayloadOptions {
  /** `$<bytes>`, or `$EOF:<mark of 40 characters>`. */
  readonly kind: { readonly bytes: number } | { readonly mark: string };
  /** The old data is about to go, or the new to be loaded. */
  onLoading(): void;
  /** Called once, when the data set is the master's (with repl-stream-db of the snapshot, -1: not told), or it has failed. */
  onEnd(result: { streamDb: number } | Error): void;
}

/** Bytes come in from the link; the end comes by `onEnd`. */
export class FullSyncPayload {
  /** Bytes of the payload so far (master_sync_read_bytes). */
  taken = 0;
  /** No more should be read from the link for now; `onDrain` is called when that is over. */
  isFull = false;
  onDrain: (() => void) | null = null;
  protected readonly shared: Shared;
  protected readonly options: PayloadOptions;

  constructor(shared: Shared, options: PayloadOptions) {
    this.shared = shared;
    this.options = options;
  }

  /** Takes bytes; returns how many belong to the payload. Fewer than there are: it is over, the rest is the stream. */
  take(_buf: Uint8Array, _off: number, _len: number): number {
    throw new Error('not yet');
  }

  /** The link is gone, or nobody wants it any more: what has come is dropped, `onEnd` is not called. */
  abort(): void {
    throw new Error('not yet');
  }
}

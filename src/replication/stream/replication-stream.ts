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
 */
import type { EffectSink } from '../../engine/effects/propagation.ts';

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

export class ReplicationStream implements EffectSink {
  /** master_repl_offset: the last byte that there is. It stands still while the stream is closed. */
  end = 0;
  /** repl_backlog_active: bytes are kept. */
  isOpen = false;
  /** repl-backlog-size */
  backlogBytes = 1 << 20;
  /** Called when bytes have come and nobody has been told since the last `told`; for one that sends at the end of the turn. */
  onAppend: (() => void) | null = null;

  /** repl_backlog_first_byte_offset: the oldest byte that is kept. */
  get firstByte(): number {
    throw new Error('not yet');
  }

  /** repl_backlog_histlen */
  get keptBytes(): number {
    throw new Error('not yet');
  }

  /** Memory that the blocks take. */
  get memoryBytes(): number {
    throw new Error('not yet');
  }

  /** Begins to keep what comes behind `end`. */
  open(): void {
    throw new Error('not yet');
  }

  /** Forgets all bytes; there must be no cursors. */
  close(): void {
    throw new Error('not yet');
  }

  append(_bytes: Uint8Array, _off: number, _len: number): void {
    throw new Error('not yet');
  }

  /** Whether all bytes from `from` on are there: firstByte <= from <= end + 1. */
  has(_from: number): boolean {
    throw new Error('not yet');
  }

  /** A cursor before byte `from`, which must be there. */
  cursorAt(_from: number): Cursor {
    throw new Error('not yet');
  }
}

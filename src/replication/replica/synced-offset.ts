/**
 * How much of the master's history is on this replica's disk (REPLCONF ACK ... FACK, for WAITAOF): the append-only file
 * counts its own bytes, so it is noted now and then where both were at the same moment.
 */
import type { AppendOnlyFile } from '../../persistence/aof/aof.ts';

interface Mark {
  readonly position: number;
  readonly offset: number;
}

/** Where a sync takes longer than that many acknowledgements, some are left out. */
const MARKS_MAX = 64;

export class SyncedOffset {
  readonly #aof: AppendOnlyFile;
  /** Of what is not synced yet, in order. */
  #marks: Mark[] = [];
  /** What is. */
  #offset = 0;

  constructor(aof: AppendOnlyFile) {
    this.#aof = aof;
  }

  /** `applied`: bytes of the history whose effects have been appended. Returns those that are safe; null: no file. */
  at(applied: number): number | null {
    const { state, writer } = this.#aof;
    if (state !== 'on') {
      this.#marks = [];
      this.#offset = 0;
      return state === 'off' ? null : 0;
    }
    const { end, synced } = writer;
    // Another history.
    if (applied < this.#offset) {
      this.#marks = [];
      this.#offset = 0;
    }
    if (synced >= end) {
      this.#marks = [];
      this.#offset = applied;
      return applied;
    }
    let passed = 0;
    while (passed < this.#marks.length && this.#marks[passed]!.position <= synced) passed++;
    if (passed > 0) this.#offset = this.#marks[passed - 1]!.offset;
    this.#marks.splice(0, passed);
    const last = this.#marks[this.#marks.length - 1];
    if (last !== undefined && last.position === end) this.#marks.pop();
    if (this.#marks.length < MARKS_MAX) this.#marks.push({ position: end, offset: applied });
    return this.#offset;
  }
}

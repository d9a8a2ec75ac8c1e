/**
 * Which history a data set has: what decides whether a replica may go on where it was (partial resync).
 *
 * A history is named by 40 hex digits (replid) and measured in bytes of its stream (offset). A server that is promoted
 * begins a history of its own and remembers the old one: up to where it has followed it, the two are the same
 * (replid2). So replicas of the old master, and the old master itself, can follow the new one without a full sync.
 */
import { type Random, randomHex } from '../util/random.ts';

const ID_DIGITS = 40;
const NO_ID = '0'.repeat(ID_DIGITS);

export class History {
  /** master_replid */
  id: string;
  /** master_replid2: the history that was followed before; 40 zeros: none. */
  id2 = NO_ID;
  /** second_repl_offset: the first byte that the two histories don't share; -1: there is none. */
  secondOffset = -1;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.id = randomHex(random, ID_DIGITS);
  }

  /** Begins a new history that shares nothing with what was. */
  renew(): void {
    this.id = randomHex(this.#random, ID_DIGITS);
    this.forgetSecond();
  }

  /** Begins a new history behind `offset` bytes of the one so far, which stays valid up to there. */
  shift(offset: number): void {
    this.id2 = this.id;
    // The byte that comes next has another meaning in the new history.
    this.secondOffset = offset + 1;
    this.id = randomHex(this.#random, ID_DIGITS);
  }

  /** Begins a new history behind `offset` bytes of history `id`, which somebody else has had before (a run of this server). */
  goOnBehind(id: string, offset: number): void {
    this.id2 = id;
    this.secondOffset = offset + 1;
  }

  /** Takes over the history of a master. */
  follow(id: string): void {
    this.id = id;
    this.forgetSecond();
  }

  /** The master has gone over to a new history of its own while we followed: `offset` bytes were applied by then. */
  masterShifted(id: string, offset: number): void {
    this.id2 = this.id;
    this.secondOffset = offset + 1;
    this.id = id;
  }

  forgetSecond(): void {
    this.id2 = NO_ID;
    this.secondOffset = -1;
  }

  /** Whether a stream of history `id` may go on with byte `from` (the first is 1) of ours. */
  shares(id: string, from: number): boolean {
    return id === this.id || (id === this.id2 && from <= this.secondOffset);
  }
}

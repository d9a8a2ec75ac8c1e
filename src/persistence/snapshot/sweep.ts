/**
 * After an aborted snapshot: entries that it has not come to are marked as all others are (EPOCH_BIT), in slices, so
 * that the next one may begin. What is stored, moved or renamed meanwhile gets the mark anyway.
 */
import type { Engine } from '../../engine/engine.ts';
import { EPOCH_BIT } from '../../keyspace/entry.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import type { Dictionary } from '../../structures/dictionary.ts';
import { Pace } from './pace.ts';

const ENTRIES_PER_LOOK = 128;
/** What a clock that stands still (in a test) cannot bound. */
const ENTRIES_PER_SLICE = 65536;

interface Rest {
  readonly dict: Dictionary;
  cursor: number;
}

export class Sweep {
  readonly #engine: Engine;
  readonly #pace: Pace;
  #rests: Rest[] = [];
  #left = 0;
  readonly #visit: (ref: number) => boolean;

  constructor(engine: Engine, schedule: (run: () => void) => void) {
    this.#engine = engine;
    this.#pace = new Pace(engine, (budgetUs) => this.#slice(budgetUs), schedule);
    this.#visit = (ref) => {
      const { arena, epoch } = engine.keyspace.memory;
      const words = arena.words[ref >>> PAGE_BITS]!;
      const at = (ref & OFFSET_MASK) << 1;
      words[at] = (words[at]! & ~EPOCH_BIT) | epoch;
      return --this.#left > 0;
    };
  }

  get busy(): boolean {
    return this.#rests.length > 0;
  }

  /** Notes the entries of a dictionary from `cursor` on. */
  add(dict: Dictionary, cursor: number): void {
    this.#rests.push({ dict, cursor });
  }

  begin(): void {
    if (this.busy) this.#pace.next();
  }

  /** Does what is left at once. */
  finish(): void {
    this.#pace.stop();
    while (this.busy) this.#look(ENTRIES_PER_SLICE);
  }

  stop(): void {
    this.#pace.stop();
  }

  #slice(budgetUs: number): void {
    const { clock } = this.#engine;
    const until = clock.monoUs() + budgetUs;
    for (let done = 0; this.busy && done < ENTRIES_PER_SLICE; done += ENTRIES_PER_LOOK) {
      this.#look(ENTRIES_PER_LOOK);
      if (clock.monoUs() >= until) break;
    }
    this.begin();
  }

  #look(limit: number): void {
    const rest = this.#rests[0]!;
    this.#left = limit;
    // A dictionary that nobody has any more was flushed: its entries are being freed, or their memory has gone.
    const isLive = this.#engine.keyspace.databases.some(({ dict }) => dict === rest.dict);
    rest.cursor = isLive ? rest.dict.scan(rest.cursor, this.#visit) : 0;
    if (rest.cursor === 0) this.#rests.shift();
  }
}

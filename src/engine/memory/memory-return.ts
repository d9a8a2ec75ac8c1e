/**
 * Gives memory back to the system, in slices beside the commands.
 *
 *   defragmentation   activedefrag: when sparse pages waste more than active-defrag-ignore-bytes and
 *                     active-defrag-threshold-lower percent, a cycle (keyspace/defragment.ts) runs for -cycle-min to
 *                     -cycle-max percent of the time, as much as the waste deserves between the two thresholds. What a
 *                     cycle leaves is looked at without active-defrag-ignore-bytes: cycles follow until one is futile
 *   collection        pages that were dropped, by whatever means, are resident until V8 collects them, and it doesn't
 *                     when nothing else is going on. Where the process is the server's own, V8 is asked to
 *   trimming          what the arena keeps in reserve goes when it hasn't grown for a while
 */
import { Defragmenter } from '../../keyspace/defragment.ts';
import type { TimerHandle } from '../../util/clock.ts';
import type { Engine } from '../engine.ts';

/** Time of one slice, and how long a cycle's begin may be away from the last futile one. */
const SLICE_US = 1500;
const FUTILE_PAUSE_MS = 60_000;
/** A cycle is futile when it gave back less of the waste that was there when it began. */
const GAIN_MIN = 0.1;
const TRIM_PERIOD_MS = 5000;
/** So much garbage, and a share of what is in use, is collected after so many ms; less of it later. */
const GARBAGE_BYTES = 32 * 1024 * 1024;
const GARBAGE_SHARE = 1 / 16;
const GARBAGE_PERIOD_MS = 1000;
const LITTLE_GARBAGE_BYTES = 4 * 1024 * 1024;
const LITTLE_GARBAGE_PERIOD_MS = 10_000;

/** How the process's collector is reached (util/collector.ts). */
export interface Collector {
  collect(): void;
  arrayBufferBytes(): number;
}

export class MemoryReturn {
  /** Null where others live in the process. */
  collector: Collector | null = null;
  readonly defragmenter: Defragmenter;
  /** Percent of the time that the cycle in progress takes; 0: there is none (active_defrag_running). */
  running = 0;
  readonly #engine: Engine;
  #timer: TimerHandle | null = null;
  #startedMs = 0;
  #spentMs = 0;
  #wasteAtStart = 0;
  #droppedAtStart = 0;
  /** Percent of the time that the cycle took that has just ended and wasn't futile; else 0. */
  #goesOn = 0;
  /** Waste that a cycle couldn't do anything about, and until when that is believed. */
  #futileWaste = 0;
  #futileUntilMs = 0;
  #collectedMs = 0;
  #droppedAtCollection = 0;
  #trimmedMs = 0;
  #liveAtTrim = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.defragmenter = new Defragmenter(engine.keyspace, engine.clock);
    const { info } = engine;
    const { defragmenter } = this;
    info.field('active_defrag_running', () => this.running);
    info.field('active_defrag_hits', () => defragmenter.hits);
    info.field('active_defrag_misses', () => defragmenter.misses);
    info.field('active_defrag_key_hits', () => defragmenter.keyHits);
    info.field('active_defrag_key_misses', () => defragmenter.keyMisses);
    info.field('total_active_defrag_time', () => Math.round(this.#spentMs + this.#sinceStartMs()));
    info.field('current_active_defrag_time', () => Math.round(this.#sinceStartMs()));
    engine.onResetStat.push(() => {
      defragmenter.resetStats();
      this.#spentMs = 0;
      if (this.running > 0) this.#startedMs = engine.clock.monoMs();
    });
  }

  /** Called by the cron. */
  run(): void {
    const nowMs = this.#engine.clock.monoMs();
    this.#adjustEffort(nowMs);
    if (nowMs - this.#trimmedMs >= TRIM_PERIOD_MS) this.#trim(nowMs);
    if (this.collector !== null) this.#collect(this.collector, nowMs);
  }

  stop(): void {
    if (this.#timer !== null) this.#engine.timers.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** MEMORY PURGE: everything that can be given back now. */
  purge(): void {
    this.#engine.keyspace.memory.arena.trim();
    this.#droppedAtCollection = this.#engine.keyspace.memory.droppedBytes;
    this.collector?.collect();
  }

  // -------------------------------------------------------------------------------------- defragmentation

  #sinceStartMs(): number {
    return this.running === 0 ? 0 : this.#engine.clock.monoMs() - this.#startedMs;
  }

  #waste(): number {
    const { arena } = this.#engine.keyspace.memory;
    return arena.pageBytes - arena.liveBytes;
  }

  /** Percent of the time that the waste deserves; 0: none. */
  #effort(): number {
    const { config, keyspace } = this.#engine;
    const { values } = config;
    const waste = this.#waste();
    const lower = values['active-defrag-threshold-lower'];
    const upper = values['active-defrag-threshold-upper'];
    const min = values['active-defrag-cycle-min'];
    const max = values['active-defrag-cycle-max'];
    const percent = (waste * 100) / Math.max(1, keyspace.memory.arena.liveBytes);
    if ((waste < values['active-defrag-ignore-bytes'] && this.#goesOn === 0) || percent < lower) return 0;
    if (percent >= upper || upper <= lower) return max;
    return Math.max(1, Math.round(min + ((max - min) * (percent - lower)) / (upper - lower)));
  }

  #adjustEffort(nowMs: number): void {
    const { config, keyspace } = this.#engine;
    if (!config.values.activedefrag) {
      if (this.running > 0) this.#end(nowMs);
      return;
    }
    // What waits to be freed is no waste yet.
    if (this.running === 0 && keyspace.lazyFree.busy) return;
    const effort = this.#effort();
    if (this.running > 0) {
      // A cycle that has begun goes on with the highest effort it ever deserved.
      this.running = Math.max(this.running, effort);
      return;
    }
    const last = this.#goesOn;
    this.#goesOn = 0;
    if (effort === 0) return;
    const waste = this.#waste();
    if (nowMs < this.#futileUntilMs && waste < this.#futileWaste * 1.1) return;
    if (!this.defragmenter.begin()) {
      this.#isFutile(nowMs, waste);
      return;
    }
    this.running = Math.max(effort, last);
    this.#startedMs = nowMs;
    this.#wasteAtStart = waste;
    this.#droppedAtStart = this.#engine.keyspace.memory.droppedBytes;
    this.#slice();
  }

  #slice(): void {
    const engine = this.#engine;
    const startUs = engine.clock.monoUs();
    const more = this.defragmenter.step(SLICE_US);
    const { latency, nowMs } = engine;
    if (latency.thresholdMs !== 0) {
      latency.add('active-defrag-cycle', (engine.clock.monoUs() - startUs) / 1000, nowMs);
    }
    if (!more) {
      this.#end(engine.clock.monoMs());
      return;
    }
    const pauseMs = ((SLICE_US / 1000) * (100 - this.running)) / this.running;
    this.#timer = engine.upkeep.after(Math.max(1, Math.round(pauseMs)), () => {
      this.#timer = null;
      this.#slice();
    });
  }

  #end(nowMs: number): void {
    this.stop();
    this.defragmenter.stop();
    this.#spentMs += nowMs - this.#startedMs;
    const percent = this.running;
    this.running = 0;
    // Commands may have made more waste meanwhile: that is another matter.
    const gained = this.#engine.keyspace.memory.droppedBytes - this.#droppedAtStart;
    if (gained < this.#wasteAtStart * GAIN_MIN) this.#isFutile(nowMs, this.#wasteAtStart);
    else this.#goesOn = percent;
  }

  #isFutile(nowMs: number, waste: number): void {
    this.#futileWaste = waste;
    this.#futileUntilMs = nowMs + FUTILE_PAUSE_MS;
  }

  // --------------------------------------------------------------------------------- garbage and reserves

  #trim(nowMs: number): void {
    const { arena } = this.#engine.keyspace.memory;
    if (arena.liveBytes <= this.#liveAtTrim) arena.trim();
    this.#liveAtTrim = arena.liveBytes;
    this.#trimmedMs = nowMs;
  }

  #collect(collector: Collector, nowMs: number): void {
    const { keyspace } = this.#engine;
    const { arena, tables, droppedBytes } = keyspace.memory;
    const dropped = droppedBytes - this.#droppedAtCollection;
    const waitedMs = nowMs - this.#collectedMs;
    const much = dropped >= GARBAGE_BYTES + keyspace.bytes * GARBAGE_SHARE && waitedMs >= GARBAGE_PERIOD_MS;
    if (!much && (dropped < LITTLE_GARBAGE_BYTES || waitedMs < LITTLE_GARBAGE_PERIOD_MS)) return;
    this.#collectedMs = nowMs;
    this.#droppedAtCollection = droppedBytes;
    // V8 may have collected it by itself: what buffers there are beyond those in use tells.
    const inUse = keyspace.bytes - arena.liveBytes + arena.reservedBytes + tables.spareBytes;
    if (collector.arrayBufferBytes() - inUse >= LITTLE_GARBAGE_BYTES) collector.collect();
  }
}

/**
 * Upkeep: the keyspace's life between commands. It gives expiry, eviction, lazy free and the measuring of memory
 * their time, in slices that no client notices:
 *
 *   cron (hz)      measure memory → one slice of expiry → one slice of lazy free → make room if need be → see what can
 *                  be given back (memory-return.ts)
 *   follow-ups     while one of them is not done, a timer repeats its slices at intervals that leave most of the
 *                  time to clients: a millisecond of four for expiry (active-expire-effort raises that), and of
 *                  three for lazy free and eviction; lazy free takes three of four while no commands come
 *
 * Each slice is limited to SLICE_US (IDLE_SLICE_US) by the clock, below the 5 ms that nothing may take.
 */
import { EVICT_OK, EVICT_RUNNING, Evictor, type EvictResult } from '../../keyspace/eviction.ts';
import { ExpireCycle } from '../../keyspace/expire-cycle.ts';
import { type TimerHandle, unrefTimer } from '../../util/clock.ts';
import type { CronJob } from '../cron-job.ts';
import type { Engine } from '../engine.ts';
import { SERVER_LOADING, SERVER_MAXMEMORY } from '../gates.ts';
import { MemoryReturn } from './memory-return.ts';
import { MemoryUsage } from './memory-usage.ts';

const SLICE_US = 1000;
const LAZY_FREE_DELAY_MS = 2;
/** The same when no command came since the last slice: more of the time is free. */
const IDLE_SLICE_US = 3000;
const IDLE_DELAY_MS = 1;

export class Upkeep implements CronJob {
  readonly name = 'upkeep';
  readonly memory: MemoryUsage;
  readonly memoryReturn: MemoryReturn;
  readonly expiry: ExpireCycle;
  readonly evictor: Evictor;
  readonly #engine: Engine;
  /** maxmemory in bytes; 0: no limit. */
  #limit = 0;
  #expireTimer: TimerHandle | null = null;
  #roomTimer: TimerHandle | null = null;
  /** Commands that had been served at the last slice of lazy free. */
  #commandsSeen = 0;

  constructor(engine: Engine) {
    const { config, keyspace, clock, random } = engine;
    this.#engine = engine;
    this.memory = new MemoryUsage(engine);
    this.memoryReturn = new MemoryReturn(engine);
    this.expiry = new ExpireCycle(keyspace, clock);
    this.evictor = new Evictor(keyspace, clock, random);
    const { values } = config;
    const apply = (name: Parameters<typeof config.onChange>[0], take: () => void): void => {
      take();
      config.onChange(name, take);
    };
    apply('active-expire-effort', () => {
      this.expiry.effort = values['active-expire-effort'];
    });
    apply('maxmemory-policy', () => this.evictor.setPolicy(values['maxmemory-policy']));
    apply('maxmemory-eviction-tenacity', () => {
      this.evictor.setTenacity(values['maxmemory-eviction-tenacity']);
    });
    apply('maxmemory-samples', () => {
      this.evictor.samples = values['maxmemory-samples'];
    });
    const { lazyFree } = keyspace;
    apply('lazyfree-lazy-server-del', () => {
      lazyFree.serverDel = values['lazyfree-lazy-server-del'];
      lazyFree.lazy = lazyFree.serverDel;
    });
    apply('lazyfree-lazy-user-del', () => {
      lazyFree.userDel = values['lazyfree-lazy-user-del'];
    });
    apply('lazyfree-lazy-expire', () => {
      lazyFree.expire = values['lazyfree-lazy-expire'];
    });
    apply('lazyfree-lazy-eviction', () => {
      lazyFree.eviction = values['lazyfree-lazy-eviction'];
    });
    apply('lazyfree-lazy-user-flush', () => {
      lazyFree.userFlush = values['lazyfree-lazy-user-flush'];
    });
    apply('maxmemory', () => this.#setLimit(values.maxmemory));
    config.onChange('maxmemory', () => this.#warnOfLimit());
    const { info } = engine;
    info.field('total_eviction_exceeded_time', () => Math.floor(this.evictor.exceededTotalUs / 1000));
    info.field('current_eviction_exceeded_time', () => Math.floor(this.evictor.exceededNowUs / 1000));
    engine.onResetStat.push(() => {
      this.expiry.resetStats();
      this.evictor.resetStats();
      lazyFree.freed = 0;
    });
  }

  #setLimit(bytes: number): void {
    const engine = this.#engine;
    this.#limit = bytes;
    if (bytes === 0) {
      engine.gates &= ~SERVER_MAXMEMORY;
      return;
    }
    engine.gates |= SERVER_MAXMEMORY;
    // The limit takes effect even if no command comes; not at once, though: CONFIG SET has to be answered first.
    this.#roomSoon();
  }

  #warnOfLimit(): void {
    const used = this.memory.used();
    if (this.#limit === 0 || this.#limit >= used) return;
    this.#engine.log.warning(
      `WARNING: the new maxmemory value set via CONFIG SET (${this.#limit}) is smaller than the current memory ` +
        `usage (${used}). This will result in key eviction and/or the inability to accept new write commands ` +
        'depending on the maxmemory-policy.',
    );
  }

  /** Cron job. */
  run(): void {
    const engine = this.#engine;
    this.memory.sample(engine.clock.monoMs());
    if (this.#expireTimer === null) this.#expireSlice();
    if (this.#roomTimer === null) this.#roomSlice();
    this.memoryReturn.run();
  }

  /** Ends the work between crons; for the end of the server. */
  stop(): void {
    const { timers } = this.#engine;
    if (this.#expireTimer !== null) timers.clearTimeout(this.#expireTimer);
    if (this.#roomTimer !== null) timers.clearTimeout(this.#roomTimer);
    this.#expireTimer = null;
    this.#roomTimer = null;
    this.memoryReturn.stop();
  }

  /** Keeps the limit of memory, before a command. Only called while there is one. */
  makeRoom(): EvictResult {
    if (this.#isLoading) return EVICT_OK;
    const startUs = this.#engine.latency.thresholdMs === 0 ? 0 : this.#engine.clock.monoUs();
    const result = this.evictor.makeRoom(this.memory, this.#limit);
    this.#watch('eviction-cycle', startUs);
    if (result === EVICT_RUNNING) this.#roomSoon();
    return result;
  }

  /** Tells the latency monitor how long something took. */
  #watch(event: string, startUs: number): void {
    const { latency, clock, nowMs } = this.#engine;
    if (latency.thresholdMs !== 0) latency.add(event, (clock.monoUs() - startUs) / 1000, nowMs);
  }

  /** What is half loaded is not complete: nothing expires, nothing is evicted. */
  get #isLoading(): boolean {
    return (this.#engine.gates & SERVER_LOADING) !== 0;
  }

  #expireSlice(): void {
    const engine = this.#engine;
    if (!engine.debug.activeExpire || engine.debug.cronPaused || this.#isLoading) return;
    const startUs = engine.clock.monoUs();
    const more = this.expiry.run(SLICE_US);
    this.#watch('expire-cycle', startUs);
    if (!more) return;
    const pauseMs = SLICE_US / 1000 / this.expiry.timeShare - SLICE_US / 1000;
    this.#expireTimer = this.after(Math.max(1, Math.round(pauseMs)), () => {
      this.#expireTimer = null;
      this.#expireSlice();
    });
  }

  /** Frees what flushes have left, and evicts what exceeds the limit. */
  #roomSlice(): void {
    const { clock, keyspace, stats } = this.#engine;
    const idle = stats.commandsProcessed === this.#commandsSeen;
    this.#commandsSeen = stats.commandsProcessed;
    const more = keyspace.lazyFree.step(clock, idle ? IDLE_SLICE_US : SLICE_US);
    const result =
      this.#limit === 0 || this.#isLoading ? EVICT_OK : this.evictor.makeRoom(this.memory, this.#limit);
    if (more || result === EVICT_RUNNING) this.#roomSoon(idle ? IDLE_DELAY_MS : LAZY_FREE_DELAY_MS);
  }

  #roomSoon(delayMs = LAZY_FREE_DELAY_MS): void {
    if (this.#roomTimer !== null) return;
    this.#roomTimer = this.after(delayMs, () => {
      this.#roomTimer = null;
      this.#roomSlice();
    });
  }

  /** Runs something later, with the engine's time up to date; the process doesn't wait for it. */
  after(ms: number, run: () => void): TimerHandle {
    const engine = this.#engine;
    const handle = engine.timers.setTimeout(() => {
      engine.readTime();
      run();
    }, ms);
    unrefTimer(handle);
    return handle;
  }
}

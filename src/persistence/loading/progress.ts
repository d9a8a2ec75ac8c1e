/**
 * How far loading has come: for INFO, and for the log when it takes longer than a second.
 */
import type { Engine } from '../../engine/engine.ts';
import type { InfoText } from '../../engine/figures/info.ts';

/** A load that takes longer says in the log how far it is: first after this time, then less and less often. */
const FIRST_LINE_MS = 1000;
const LINE_FACTOR = 2;
const LINE_MAX_MS = 30_000;

const PERCENT_MAX_GUESSED = 99.99;

export class LoadingProgress {
  readonly #engine: Engine;
  /** Wall clock, seconds. */
  readonly startedSeconds: number;
  readonly #startedMs: number;
  /** Bytes of all files that are to be loaded. */
  readonly totalBytes: number;
  loadedBytes = 0;
  /** Bytes of the files that are done. */
  #before = 0;
  /** Memory that the data took where it was saved, as the file says. */
  rdbUsedMem = 0;
  #nextLineMs: number;
  #lineDelayMs = FIRST_LINE_MS;

  constructor(engine: Engine, totalBytes: number) {
    this.#engine = engine;
    this.totalBytes = totalBytes;
    this.#startedMs = engine.clock.monoMs();
    this.startedSeconds = Math.floor(engine.clock.wallMs() / 1000);
    this.#nextLineMs = this.#startedMs + FIRST_LINE_MS;
  }

  /** `offset` bytes of the file that is being loaded have been done. */
  at(fileName: string, offset: number): void {
    this.loadedBytes = this.#before + offset;
    const nowMs = this.#engine.clock.monoMs();
    if (nowMs < this.#nextLineMs) return;
    this.#lineDelayMs = Math.min(this.#lineDelayMs * LINE_FACTOR, LINE_MAX_MS);
    this.#nextLineMs = nowMs + this.#lineDelayMs;
    const { log, keyspace } = this.#engine;
    let keys = 0;
    for (const db of keyspace.databases) keys += db.size;
    log.notice(
      `Loading ${fileName}: ${this.#percent().toFixed(0)}% of ${this.#likelyBytes} bytes, ${keys} keys, ` +
        `${((nowMs - this.#startedMs) / 1000).toFixed(1)} seconds`,
    );
  }

  /** The file is done: `bytes` of it have been loaded. */
  fileDone(bytes: number): void {
    this.#before += bytes;
    this.loadedBytes = this.#before;
  }

  /** A snapshot that comes from a master without a length is taken to be as long as its data was in memory. */
  get #likelyBytes(): number {
    return this.totalBytes === 0 ? Math.max(this.rdbUsedMem, this.loadedBytes + 1) : this.totalBytes;
  }

  #percent(): number {
    const percent = (this.loadedBytes / this.#likelyBytes) * 100;
    return this.totalBytes === 0 ? Math.min(percent, PERCENT_MAX_GUESSED) : percent;
  }

  writeInfo(out: InfoText): void {
    const elapsed = Math.floor(this.#engine.clock.wallMs() / 1000) - this.startedSeconds;
    const left = this.#likelyBytes - this.loadedBytes;
    // Nobody knows before a second has passed: 1, as Redis says.
    const eta = elapsed === 0 ? 1 : Math.floor((elapsed * left) / (this.loadedBytes + 1));
    out.field('loading_start_time', this.startedSeconds);
    out.field('loading_total_bytes', this.totalBytes);
    out.field('loading_rdb_used_mem', this.rdbUsedMem);
    out.field('loading_loaded_bytes', this.loadedBytes);
    out.field('loading_loaded_perc', this.#percent().toFixed(2));
    out.field('loading_eta_seconds', eta);
  }
}

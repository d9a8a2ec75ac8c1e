/**
 * The data files of a server, put together: snapshots (rdb/), the append-only file (aof/), loading (loading/) and what
 * INFO tells of them (info.ts). Commands see it as `engine.persistence`, the server starts and ends it.
 *
 *     built ──load()──> the data is there ──opened()──> writes are kept ──beforeEnd()──> everything is on disk
 *
 * A part that is not needed (AOF off) costs nothing: it is asked, not called.
 */
import type { Engine } from '../engine/engine.ts';
import type { ShutdownOptions } from '../engine/host.ts';
import type { Persistence } from '../engine/persistence.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import type { AofPart, SavingPart } from './parts.ts';

export class DataFiles implements Persistence {
  readonly engine: Engine;
  saver: SavingPart | null = null;
  aof: AofPart | null = null;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** Reads what is on disk. Rejects with a LoadError if the server must not start with it. */
  async load(): Promise<void> {}

  /** The data is there: from now on what is written is kept. */
  opened(): void {
    this.saver?.loaded();
    this.aof?.loaded();
  }

  /** Before the server ends. Gives a reason why it must not, or null. */
  async beforeEnd(options: ShutdownOptions): Promise<string | null> {
    // The AOF first: what it holds is not to wait for a long save.
    const problem = (await this.aof?.beforeEnd(options)) ?? null;
    if (problem !== null && !options.force) return problem;
    return (await this.saver?.beforeEnd(options)) ?? problem;
  }

  save(): boolean {
    return this.saver?.save() ?? false;
  }

  backgroundSave(schedule: boolean): 'started' | 'scheduled' {
    return this.saver!.backgroundSave(schedule);
  }

  rewriteAof(): 'started' | 'scheduled' {
    return this.aof!.rewrite();
  }

  get lastSaveMs(): number {
    return this.saver?.lastSaveMs ?? 0;
  }

  get isSaving(): boolean {
    return this.saver?.isSaving ?? false;
  }

  get isRewriting(): boolean {
    return this.aof?.isRewriting ?? false;
  }

  /** A failed snapshot goes before a failed append, as Redis asks. */
  get misconf(): ReplyError | null {
    return this.saver?.misconf ?? this.aof?.misconf ?? null;
  }

  flushedAll(): void {
    this.saver?.flushedAll();
  }

  reload(_options: { save: boolean; flush: boolean; merge: boolean }): void {}

  loadAof(): void {}
}

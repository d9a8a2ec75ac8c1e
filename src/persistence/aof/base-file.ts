/**
 * The base of an append-only file while it is being written: an RDB, or commands (`aof-use-rdb-preamble no`), in a
 * temporary file in `dir`, as Redis has it. Who ordered it gives it its name.
 */
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { usedMemory } from '../../engine/memory/memory-usage.ts';
import type { ChunkSink } from '../../rdb/chunk-sink.ts';
import { CommandsFormat } from '../../rdb/commands/commands-format.ts';
import { accessWritten, RdbFormat } from '../../rdb/save/rdb-format.ts';
import type { SnapshotFormat } from '../../rdb/snapshot-format.ts';
import { errnoText } from '../../util/errno-text.ts';
import { REDIS_VERSION } from '../../util/version.ts';
import { CHUNK_BYTES, ChunkFile, SYNC_BYTES } from '../files/chunk-file.ts';
import { ChunkFileSync } from '../files/chunk-file-sync.ts';
import type { FileSystem } from '../files/file-system.ts';
import { replaceFileSync } from '../files/replace.ts';
import { tempRewriteName } from '../files/temp-files.ts';
import type { Backlog } from '../snapshot/backlog.ts';
import type { Snapshots } from '../snapshot/snapshots.ts';

/** A temporary file that takes a snapshot. */
export interface BaseFile {
  /** Without its folder, for the log. */
  readonly name: string;
  readonly path: string;
  readonly format: SnapshotFormat;
  readonly backlog: Backlog;
  /** The format has ended: writes the rest, syncs and closes. A failure goes to `onError`. */
  finish(done: () => void): void;
  /** Closes and deletes it, whatever it is doing. */
  discard(): void;
  /** The same, as far as it can be done at once: the process ends. */
  discardNow(): void;
}

export interface BaseFiles {
  /** Begins a temporary file. `onError`: it cannot be written; the log has been told why. */
  begin(isRdb: boolean, onError: () => void): BaseFile;
  /** Writes the data as it is now to `path`, at once. Returns false, after the log has been told, if it can't. */
  writeNow(path: string, isRdb: boolean): boolean;
}

export interface BaseWriterParts {
  readonly engine: Engine;
  readonly files: FileSystem;
  readonly snapshots: Snapshots;
  /** Code of libraries of functions, as they were loaded. */
  readonly functions: () => readonly Uint8Array[];
}

export class BaseWriter implements BaseFiles {
  readonly #parts: BaseWriterParts;

  constructor(parts: BaseWriterParts) {
    this.#parts = parts;
  }

  get #name(): string {
    return tempRewriteName(this.#parts.engine.host?.pid ?? 0);
  }

  get #syncEvery(): number {
    return this.#parts.engine.config.values['aof-rewrite-incremental-fsync'] ? SYNC_BYTES : 0;
  }

  begin(isRdb: boolean, onError: () => void): BaseFile {
    const { engine, files } = this.#parts;
    const name = this.#name;
    const path = join(engine.config.values.dir, name);
    const file = new ChunkFile(files, path, {
      syncEvery: this.#syncEvery,
      onError: (error) => {
        this.#logProblem(error);
        onError();
      },
    });
    return {
      name,
      path,
      format: this.#formatFor(file, isRdb),
      backlog: file,
      finish: (done) => file.finish(done),
      discard: () => file.discard(),
      discardNow: () => file.discardNow(),
    };
  }

  #formatFor(sink: ChunkSink, isRdb: boolean): SnapshotFormat {
    const { engine } = this.#parts;
    const { values } = engine.config;
    const functions = this.#parts.functions();
    const seconds = Math.floor(engine.clock.wallMs() / 1000);
    if (!isRdb) {
      return new CommandsFormat(sink, {
        timestamp: values['aof-timestamp-enabled'] ? seconds : null,
        functions,
        chunkBytes: CHUNK_BYTES,
      });
    }
    return new RdbFormat(engine.keyspace, sink, {
      checksum: values.rdbchecksum,
      compress: values.rdbcompression,
      version: REDIS_VERSION,
      createdSeconds: seconds,
      usedMemory: usedMemory(engine),
      aofBase: true,
      replication: null,
      access: accessWritten(values['maxmemory-policy']),
      functions,
      chunkBytes: CHUNK_BYTES,
    });
  }

  #logProblem(error: Error & { step?: string }): void {
    const { log } = this.#parts.engine;
    const text = errnoText(error);
    if (error.step === 'open') {
      log.warning(`Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): ${text}`);
    } else if (error.step === 'rename') {
      log.warning(`Error moving temp append only file on the final destination: ${text}`);
    } else log.warning(`Write error writing append only file on disk: ${text}`);
  }

  writeNow(path: string, isRdb: boolean): boolean {
    const { engine, files, snapshots } = this.#parts;
    const temp = join(engine.config.values.dir, this.#name);
    let file: ChunkFileSync | null = null;
    try {
      file = new ChunkFileSync(files, temp, this.#syncEvery);
      snapshots.runNow(this.#formatFor(file, isRdb));
      file.finish();
      replaceFileSync(files, temp, path);
      return true;
    } catch (error) {
      this.#logProblem(error as Error);
      file?.discard();
      return false;
    }
  }
}

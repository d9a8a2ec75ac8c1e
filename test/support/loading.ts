/**
 * Loading without a process: an engine, an append-only file or a snapshot in a scratch folder, and what the log says.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../src/logging/logger.ts';
import { parseManifest } from '../../src/persistence/aof/manifest.ts';
import { realFileSystem } from '../../src/persistence/files/file-system.ts';
import { LoadError } from '../../src/persistence/loading/context.ts';
import { KeptFunctions } from '../../src/persistence/loading/kept-functions.ts';
import { loadAof, loadDump } from '../../src/persistence/loading/load-data.ts';
import { atOnce, inSlices, type Steps } from '../../src/persistence/loading/steps.ts';
import { type InProcess, inProcess } from './in-process.ts';
import { encodeCommand } from './raw-client.ts';

export interface Loaded {
  readonly redis: InProcess;
  /** Why it was refused; null: it was not. */
  readonly refusal: string | null;
  /** The log's messages. */
  readonly log: readonly string[];
  readonly functions: KeptFunctions;
}

export class LoadingFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'ts-redis-loading-'));
  readonly #aofs: string;

  constructor() {
    this.#aofs = join(this.path, 'appendonlydir');
    mkdirSync(this.#aofs);
  }

  write(name: string, bytes: Uint8Array | string): void {
    writeFileSync(join(this.#aofs, name), typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  read(name: string): Buffer {
    return readFileSync(join(this.#aofs, name));
  }

  /** Loads append-only files: the first is the base if `withBase`. */
  load(
    names: readonly string[],
    { directives = {}, withBase = false, blocking = true }: LoadOptions = {},
  ): Promise<Loaded> {
    const lines = names.map((name, i) => {
      const isBase = withBase && i === 0;
      return `file ${name} seq ${isBase ? 1 : i + 1} type ${isBase ? 'b' : 'i'}\n`;
    });
    const manifest = parseManifest(lines.join(''));
    return run(directives, blocking, (parts) => loadAof(parts, manifest, this.#aofs, 'appendonly.aof'));
  }

  loadDump(name: string, { directives = {}, blocking = true }: LoadOptions = {}): Promise<Loaded> {
    return run(directives, blocking, (parts) =>
      loadDump(parts, join(this.#aofs, name), name, { dropExpired: true }),
    );
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface LoadOptions {
  readonly directives?: Readonly<Record<string, string>>;
  readonly withBase?: boolean;
  readonly blocking?: boolean;
}

async function run(
  directives: Readonly<Record<string, string>>,
  blocking: boolean,
  steps: (parts: Parameters<typeof loadAof>[0]) => Steps<unknown>,
): Promise<Loaded> {
  const redis = inProcess(directives);
  const { engine } = redis;
  const log: string[] = [];
  const note = (message: string): void => void log.push(message);
  const logger: Logger = { ...engine.log, notice: note, warning: note };
  Object.assign(engine, { log: logger });
  const functions = new KeptFunctions();
  const parts = { engine, fs: realFileSystem, functions, blocking, begun: () => {}, onSnapshot: () => {} };
  let refusal: string | null = null;
  try {
    if (blocking) atOnce(steps(parts));
    else await inSlices(steps(parts), () => false);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    refusal = error.message;
  }
  return { redis, refusal, log, functions };
}

/** Commands as a file has them. */
export function aof(...commands: readonly (readonly (string | number)[])[]): Buffer {
  return Buffer.concat(commands.map((words) => encodeCommand(words.map(String))));
}

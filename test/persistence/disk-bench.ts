/**
 * A whole server in memory over files in memory, for tests that start it thousands of times over what a crash or a
 * broken disk has left.
 */
import { LoadError } from '../../src/persistence/loading/context.ts';
import { DataFiles } from '../../src/persistence/persistence.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { MemoryFiles } from './memory-files.ts';

export const DIR = '/data';
export const AOF_DIR = '/data/appendonlydir';
export const MANIFEST = `${AOF_DIR}/appendonly.aof.manifest`;

export type Contents = ReadonlyMap<string, Buffer>;

export class DiskBench {
  readonly redis: InProcess;
  readonly files: MemoryFiles;
  readonly data: DataFiles;
  fatal = false;

  private constructor(directives: Readonly<Record<string, string>>, files: MemoryFiles) {
    this.redis = inProcess({ save: '""', 'enable-debug-command': 'yes', ...directives });
    this.files = files;
    files.folders.add(DIR);
    (this.redis.engine.config.values as { dir: string }).dir = DIR;
    this.data = new DataFiles(this.redis.engine, {
      fs: files,
      fatal: () => {
        this.fatal = true;
      },
    });
    this.redis.engine.persistence = this.data;
  }

  /** Starts over the files. Rejects with a LoadError. */
  static async start(
    directives: Readonly<Record<string, string>>,
    files: MemoryFiles | Contents = new MemoryFiles(),
  ): Promise<DiskBench> {
    const disk = files instanceof MemoryFiles ? files : filesOf(files);
    const bench = new DiskBench(directives, disk);
    let over = false;
    const loading = bench.data.load().finally(() => {
      over = true;
    });
    loading.catch(() => {});
    while (!over) {
      disk.finishAll();
      await turn();
    }
    await loading;
    return bench;
  }

  call(...args: readonly string[]): unknown {
    return this.redis.call(...args);
  }

  get digest(): string {
    return String(this.redis.call('DEBUG', 'DIGEST'));
  }

  /** Turns pass and the disk works, until nothing is left to do; `ms` of the clock pass, too. */
  async settle(ms = 0): Promise<void> {
    for (let passed = 0; passed <= ms; passed += 100) {
      if (ms > 0) this.redis.clock.advance(100);
      for (let quiet = 0; quiet < 4; quiet++) {
        if (this.files.pending.length > 0) quiet = 0;
        this.files.finishAll();
        await turn();
      }
    }
  }

  /** What is in the files. */
  contents(synced = false): Map<string, Buffer> {
    const contents = new Map<string, Buffer>();
    for (const [path, file] of this.files.files) {
      contents.set(path, Buffer.from(synced ? file.synced : file.bytes));
    }
    return contents;
  }
}

export function filesOf(contents: Contents): MemoryFiles {
  const files = new MemoryFiles();
  files.folders.add(DIR);
  if ([...contents.keys()].some((path) => path.startsWith(AOF_DIR))) files.folders.add(AOF_DIR);
  for (const [path, bytes] of contents) {
    const fd = files.openSync(path, 'w');
    if (bytes.length > 0) files.writeSync(fd, bytes, 0, bytes.length);
    files.fsyncSync(fd);
    files.closeSync(fd);
  }
  return files;
}

/** The digest after a start over the files, or null when they are refused. */
export async function digestOf(
  directives: Readonly<Record<string, string>>,
  contents: Contents,
): Promise<string | null> {
  try {
    return (await DiskBench.start(directives, contents)).digest;
  } catch (error) {
    if (error instanceof LoadError) return null;
    throw error;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

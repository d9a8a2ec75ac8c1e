import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppendOnlyFile } from '../../src/persistence/aof/aof.ts';
import { AofFolder } from '../../src/persistence/aof/aof-folder.ts';
import { BaseWriter } from '../../src/persistence/aof/base-file.ts';
import { Snapshots } from '../../src/persistence/snapshot/snapshots.ts';
import { randomBelow, seededRandom } from '../../src/util/random.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { parseReply } from '../support/reply-framer.ts';
import { MemoryFiles } from './memory-files.ts';
import { RecordingFormat } from './recording-format.ts';

const FOLDER = '/data/appendonlydir';

/** A server in memory with an append-only file in memory. Bases are commands, so that they can be read here. */
class Bench {
  readonly redis: InProcess;
  readonly files: MemoryFiles;
  readonly snapshots: Snapshots;
  readonly aof: AppendOnlyFile;
  readonly turns: (() => void)[] = [];

  constructor(directives: Readonly<Record<string, string>> = {}, files = new MemoryFiles()) {
    this.redis = inProcess({ appendonly: 'yes', 'aof-use-rdb-preamble': 'no', ...directives });
    this.files = files;
    files.folders.add('/data');
    const { engine } = this.redis;
    // The directory is in memory, too.
    (engine.config.values as { dir: string }).dir = '/data';
    const schedule = (run: () => void): void => {
      this.turns.push(run);
    };
    this.snapshots = new Snapshots(engine, { schedule });
    const { snapshots } = this;
    const folder = new AofFolder(files, engine.log, engine.config);
    const bases = new BaseWriter({ engine, files, snapshots, functions: () => [] });
    this.aof = new AppendOnlyFile({ engine, files, snapshots, bases, folder, fatal: () => {}, schedule });
    this.aof.manifest = folder.readManifest();
    this.aof.loaded();
  }

  /** Everything that is due is done; a few milliseconds pass for the snapshot. */
  settle(): void {
    for (let i = 0; i < 500; i++) {
      const waiting = this.turns.length + this.files.pending.length;
      if (waiting === 0 && !this.aof.isRewriting && !this.snapshots.active) break;
      this.redis.clock.advance(4);
      for (const run of this.turns.splice(0)) run();
      this.files.finishAll();
    }
  }

  get manifest(): string[] {
    return this.files.text(`${FOLDER}/appendonly.aof.manifest`).trimEnd().split('\n');
  }

  get names(): readonly string[] {
    return [...this.files.files.keys()].map((path) => path.replace(`${FOLDER}/`, '')).sort();
  }

  /** What a server that starts with these files would have. */
  reloaded(): Map<string, string> {
    const redis = inProcess();
    for (const line of this.manifest) {
      const [, name, , , , type] = line.split(' ');
      if (type !== 'h') replay(redis, this.files.files.get(`${FOLDER}/${name}`)!.bytes);
    }
    return dataOf(redis);
  }
}

function replay(redis: InProcess, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    const end = commandEnd(bytes, at);
    redis.call(...(parseReply(bytes.subarray(at, end)) as string[]));
    at = end;
  }
}

function commandEnd(bytes: Buffer, from: number): number {
  let at = bytes.indexOf('\r\n', from) + 2;
  for (let words = Number(bytes.toString('latin1', from + 1, at - 2)); words > 0; words--) {
    const line = bytes.indexOf('\r\n', at);
    at = line + 2 + Number(bytes.toString('latin1', at + 1, line)) + 2;
  }
  return at;
}

function dataOf(redis: InProcess): Map<string, string> {
  const data = new Map<string, string>();
  for (const key of (redis.call('KEYS', '*') as string[]).sort()) {
    const type = String(redis.call('TYPE', key));
    const value = type === 'list' ? redis.call('LRANGE', key, 0, -1) : redis.call('GET', key);
    data.set(key, JSON.stringify(value));
  }
  return data;
}

function fill(redis: InProcess, from: number, to: number): void {
  for (let i = from; i < to; i++) redis.call('RPUSH', `list:${i % 50}`, String(i));
}

test('a server that starts with nothing makes a base and an incremental file', () => {
  const bench = new Bench();
  assert.deepEqual(bench.manifest, [
    'file appendonly.aof.1.base.aof seq 1 type b',
    'file appendonly.aof.1.incr.aof seq 1 type i',
  ]);
  bench.redis.call('SET', 'k', 'v');
  bench.settle();
  assert.equal(
    bench.files.text(`${FOLDER}/appendonly.aof.1.incr.aof`),
    '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n',
  );
  const again = new Bench({}, bench.files);
  again.redis.call('SET', 'k2', 'v');
  again.settle();
  assert.deepEqual(
    [...again.reloaded()],
    [
      ['k', '"v"'],
      ['k2', '"v"'],
    ],
  );
  assert.equal(again.manifest.length, 2);
});

test('a rewrite: the old files go when the new ones are there, and sizes are known', () => {
  const bench = new Bench();
  const { redis, aof } = bench;
  fill(redis, 0, 1000);
  bench.settle();
  assert.equal(aof.rewrite(), 'started');
  assert(aof.isRewriting);
  assert.throws(
    () => aof.rewrite(),
    ({ text }) => text.endsWith('already in progress'),
  );
  fill(redis, 1000, 1100);
  bench.settle();
  assert(!aof.isRewriting);
  assert.deepEqual(bench.manifest, [
    'file appendonly.aof.2.base.aof seq 2 type b',
    'file appendonly.aof.2.incr.aof seq 2 type i',
  ]);
  assert.deepEqual(bench.names, [
    'appendonly.aof.2.base.aof',
    'appendonly.aof.2.incr.aof',
    'appendonly.aof.manifest',
  ]);
  assert.deepEqual(bench.reloaded(), dataOf(redis));
  const sizes = bench.names.slice(0, 2).map((name) => bench.files.text(`${FOLDER}/${name}`).length);
  assert.equal(aof.writer.totalSize, sizes[0]! + sizes[1]!);
  assert.equal(aof.baseSize, aof.writer.totalSize);
  assert.equal(aof.lastRewriteOk, true);
  assert.equal(bench.files.openCount, 1);
});

test('at each moment of a rewrite, with whatever fails, the files on disk have all of the data', () => {
  for (let seed = 1; seed <= 15; seed++) failAnywhere(seed);
});

function failAnywhere(seed: number): void {
  const random = seededRandom(seed);
  const bench = new Bench();
  const { redis, aof, files } = bench;
  let failing = false;
  files.fails = (call, path) => {
    const appends = path.endsWith('.incr.aof') && call !== 'open';
    return failing && !appends && randomBelow(random, 12) === 0 ? 'EIO' : null;
  };
  let count = 0;
  const check = (): void => {
    aof.flushNow();
    assert.deepEqual(bench.reloaded(), dataOf(redis), `seed ${seed}`);
  };
  for (let round = 0; round < 4; round++) {
    fill(redis, count, count + 60);
    count += 60;
    failing = true;
    try {
      aof.rewrite();
    } catch {
      // It could not even begin.
    }
    for (let step = 0; aof.isRewriting && step < 300; step++) {
      if (randomBelow(random, 3) === 0) files.finish();
      else {
        redis.clock.advance(2);
        for (const run of bench.turns.splice(0)) run();
      }
      if (randomBelow(random, 4) === 0) {
        fill(redis, count, count + 3);
        count += 3;
      }
      if (randomBelow(random, 8) === 0) check();
    }
    failing = false;
    bench.settle();
    check();
  }
  assert.equal(aof.rewrite(), 'started');
  bench.settle();
  check();
  assert.equal(bench.manifest.length, 2);
  assert.equal(files.openCount, 1, `seed ${seed}: files left open`);
}

test('CONFIG SET appendonly: effects are kept from the snapshot on, and count when it is done', () => {
  const bench = new Bench({ appendonly: 'no' });
  const { redis, aof } = bench;
  fill(redis, 0, 100);
  bench.settle();
  assert.equal(bench.names.length, 0);
  redis.set('appendonly', 'yes');
  assert.equal(aof.state, 'waiting');
  assert(aof.isRewriting);
  fill(redis, 100, 150);
  assert(bench.names.includes('temp-appendonly.aof.incr'));
  bench.settle();
  assert.equal(aof.state, 'on');
  assert.deepEqual(bench.names, [
    'appendonly.aof.1.base.aof',
    'appendonly.aof.1.incr.aof',
    'appendonly.aof.manifest',
  ]);
  fill(redis, 150, 200);
  bench.settle();
  assert.deepEqual(bench.reloaded(), dataOf(redis));
  const kept = dataOf(redis);
  redis.set('appendonly', 'no');
  assert.equal(aof.state, 'off');
  fill(redis, 200, 250);
  bench.settle();
  assert.deepEqual(bench.reloaded(), kept);
  assert.equal(redis.engine.propagation.active, false);
  // A rewrite makes a base all the same, and no incremental file.
  assert.equal(aof.rewrite(), 'started');
  bench.settle();
  assert.deepEqual(bench.manifest, ['file appendonly.aof.2.base.aof seq 2 type b']);
  assert.deepEqual(bench.reloaded(), dataOf(redis));
  redis.set('appendonly', 'yes');
  bench.settle();
  assert.deepEqual(bench.manifest, [
    'file appendonly.aof.3.base.aof seq 3 type b',
    'file appendonly.aof.2.incr.aof seq 2 type i',
  ]);
});

test('switching on: what fails leaves nothing, and is tried again with longer and longer rests', () => {
  const bench = new Bench({ appendonly: 'no' });
  const { redis, aof, files } = bench;
  fill(redis, 0, 100);
  files.fails = (call, path) => (call === 'write' && path.includes('temp-rewriteaof') ? 'ENOSPC' : null);
  redis.set('appendonly', 'yes');
  const begun = new Set<number>();
  let seen = 0;
  for (let minute = 0; minute < 20; minute++) {
    for (let i = 0; i < 60; i++) {
      bench.settle();
      assert.deepEqual(bench.names, []);
      assert.equal(aof.state, 'waiting');
      redis.clock.advance(1000);
      if (aof.rewrites !== seen) {
        seen = aof.rewrites;
        begun.add(minute);
      }
    }
  }
  bench.settle();
  assert.equal(aof.rewriteFailures, aof.rewrites);
  // Three at once; then after 1, 2, 4 and 8 minutes.
  assert.deepEqual([...begun], [0, 1, 3, 7, 15]);
  assert.equal(aof.rewrites, 7);
  files.fails = () => null;
  redis.clock.advance(16 * 60_000);
  bench.settle();
  assert.equal(aof.state, 'on');
  assert.equal(aof.rewriteFailures, 0);
  assert.deepEqual(bench.reloaded(), dataOf(redis));
});

test('rewrites asked for that fail count as failures, too: the ones by itself get their rest', () => {
  const bench = new Bench({ 'auto-aof-rewrite-percentage': '1', 'auto-aof-rewrite-min-size': '1kb' });
  const { redis, aof, files } = bench;
  fill(redis, 0, 100);
  files.fails = (call, path) => (call === 'write' && path.includes('temp-rewriteaof') ? 'ENOSPC' : null);
  for (let i = 1; i <= 3; i++) {
    assert.equal(aof.rewrite(), 'started');
    bench.settle();
    assert.equal(aof.rewriteFailures, i);
  }
  fill(redis, 100, 200);
  bench.settle();
  redis.clock.advance(10_000);
  bench.settle();
  assert.equal(aof.rewrites, 3);
  // Who asks is served all the same.
  files.fails = () => null;
  assert.equal(aof.rewrite(), 'started');
  bench.settle();
  assert.equal(aof.rewriteFailures, 0);
});

test('a rewrite waits for a snapshot that runs, and for the end of a transaction', () => {
  const bench = new Bench();
  const { redis, aof, snapshots } = bench;
  fill(redis, 0, 100);
  let ended = false;
  const format = new RecordingFormat(redis.engine.keyspace);
  snapshots.start({
    format,
    backlog: null,
    onEnd: () => {
      ended = true;
    },
  });
  assert.equal(aof.rewrite(), 'scheduled');
  assert(aof.rewriteScheduled && !aof.isRewriting);
  redis.clock.advance(200);
  assert(!aof.isRewriting);
  bench.settle();
  assert(ended);
  redis.clock.advance(100);
  assert(aof.isRewriting);
  bench.settle();
  assert.equal(bench.manifest[0], 'file appendonly.aof.2.base.aof seq 2 type b');
});

test('BGREWRITEAOF inside EXEC begins when the transaction is over, and the transaction stays whole', () => {
  const bench = new Bench();
  const { redis, aof } = bench;
  redis.engine.persistence = { rewriteAof: () => aof.rewrite(), misconf: null } as never;
  redis.call('SET', 'before', '1');
  for (let round = 1; round <= 2; round++) {
    redis.call('MULTI');
    redis.call('SET', 'a', String(round));
    redis.call('BGREWRITEAOF');
    redis.call('SET', 'b', String(round));
    assert.deepEqual(redis.call('EXEC'), ['OK', 'Background append only file rewriting scheduled', 'OK']);
    assert(aof.rewriteScheduled && !aof.isRewriting);
    for (const run of bench.turns.splice(0)) run();
    const incr = bench.files.text(`${FOLDER}/appendonly.aof.${round}.incr.aof`);
    assert(
      incr.endsWith(
        '*1\r\n$5\r\nMULTI\r\n' +
          `*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n${round}\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n${round}\r\n` +
          '*1\r\n$4\r\nEXEC\r\n',
      ),
      incr,
    );
    redis.clock.advance(100);
    assert(aof.isRewriting);
    redis.call('SET', 'after', String(round));
    bench.settle();
    assert.equal(bench.manifest[0], `file appendonly.aof.${round + 1}.base.aof seq ${round + 1} type b`);
    assert.deepEqual(
      [...bench.reloaded()],
      [
        ['a', `"${round}"`],
        ['after', `"${round}"`],
        ['b', `"${round}"`],
        ['before', '"1"'],
      ],
    );
  }
});

test('the file is rewritten by itself when it has grown', () => {
  const bench = new Bench({ 'auto-aof-rewrite-min-size': '10000', 'auto-aof-rewrite-percentage': '50' });
  const { redis, aof } = bench;
  for (let i = 0; i < 1000; i++) redis.call('SET', 'k', String(i));
  bench.settle();
  redis.clock.advance(100);
  assert(aof.isRewriting);
  bench.settle();
  assert(aof.baseSize < 100);
  redis.clock.advance(1000);
  assert(!aof.isRewriting, 'small again');
});

test('aof-disable-auto-gc keeps history until it is turned off', async () => {
  const bench = new Bench({ 'aof-disable-auto-gc': 'yes' });
  const { redis, aof } = bench;
  for (let i = 0; i < 2; i++) {
    redis.call('SET', 'k', String(i));
    aof.rewrite();
    bench.settle();
  }
  assert.deepEqual(bench.manifest, [
    'file appendonly.aof.3.base.aof seq 3 type b',
    'file appendonly.aof.2.incr.aof seq 2 type h',
    'file appendonly.aof.2.base.aof seq 2 type h',
    'file appendonly.aof.1.incr.aof seq 1 type h',
    'file appendonly.aof.1.base.aof seq 1 type h',
    'file appendonly.aof.3.incr.aof seq 3 type i',
  ]);
  const done = redis.config.set([['aof-disable-auto-gc', 'no']]);
  bench.settle();
  assert.equal(await done, null);
  assert.equal(bench.manifest.length, 2);
  assert.equal(bench.names.length, 3);
});

test('writers are refused while the file cannot be written; readers are not', () => {
  const bench = new Bench();
  const { redis, aof, files } = bench;
  redis.engine.persistence = {
    misconf: null,
    get isRewriting() {
      return false;
    },
  } as never;
  Object.defineProperty(redis.engine.persistence, 'misconf', { get: () => aof.misconf });
  redis.call('SET', 'k', 'v');
  bench.settle();
  files.fails = (call) => (call === 'write' ? 'ENOSPC' : null);
  assert.equal(redis.call('SET', 'k', 'w'), 'OK');
  bench.settle();
  assert.throws(
    () => check(redis.call('SET', 'k', 'x')),
    /MISCONF Errors writing to the AOF file: No space left/,
  );
  assert.equal(redis.call('GET', 'k'), 'w');
  files.fails = () => null;
  redis.clock.advance(2000);
  assert.equal(redis.call('SET', 'k', 'y'), 'OK');
  bench.settle();
  assert.deepEqual(bench.reloaded(), dataOf(redis));
});

function check(reply: unknown): unknown {
  if (reply instanceof Error) throw reply;
  return reply;
}

test('shutdown: everything is on disk, and a rewrite that runs leaves nothing', () => {
  const bench = new Bench();
  const { redis, aof, files } = bench;
  const options = { save: 'default', now: false, force: false } as const;
  fill(redis, 0, 100);
  aof.rewrite();
  for (let i = 0; i < 6; i++) files.finish();
  assert(aof.isRewriting);
  fill(redis, 100, 110);
  assert.equal(aof.beforeEnd(options), null);
  for (const name of bench.names.filter((one) => one.endsWith('.incr.aof'))) {
    assert.equal(files.syncedText(`${FOLDER}/${name}`), files.text(`${FOLDER}/${name}`));
  }
  assert.deepEqual(bench.reloaded(), dataOf(redis));
  assert(!bench.names.some((name) => name.includes('temp')), bench.names.join());
  const other = new Bench({ appendonly: 'no' });
  other.redis.set('appendonly', 'yes');
  assert.notEqual(other.aof.beforeEnd(options), null);
  assert.equal(other.aof.beforeEnd({ ...options, force: true }), null);
});

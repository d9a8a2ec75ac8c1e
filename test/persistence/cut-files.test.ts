/**
 * Every prefix of small data files, and every byte of a snapshot changed: a server starts with the state of a command's
 * end or refuses; it never starts with anything else.
 *
 * A zero-byte base file is Redis's one exception, kept here: it counts as a file in which nothing is.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { LoadError } from '../../src/persistence/loading/context.ts';
import { ReplyError } from '../../src/resp/reply-error.ts';
import { parseReply, replyEnd } from '../support/reply-framer.ts';
import { freePort, ServerProcess } from '../support/server-process.ts';
import { AOF_DIR, DIR, DiskBench, digestOf, filesOf, MANIFEST } from './disk-bench.ts';

const AOF = { appendonly: 'yes', 'aof-load-truncated': 'yes' };
const STRICT = { appendonly: 'yes', 'aof-load-truncated': 'no' };
const INCR = `${AOF_DIR}/appendonly.aof.2.incr.aof`;
const DUMP = `${DIR}/dump.rdb`;

/** A state in files: a base with something of each type, an increment with commands and transactions. */
async function makeFiles(preamble: boolean): Promise<Map<string, Buffer>> {
  const bench = await DiskBench.start({ ...AOF, 'aof-use-rdb-preamble': preamble ? 'yes' : 'no' });
  writeAllTypes(bench);
  await bench.settle();
  bench.call('BGREWRITEAOF');
  await bench.settle(500);
  bench.call('SET', 'after', 'the base');
  bench.call('SPOP', 'set');
  bench.call('MULTI');
  bench.call('INCR', 'a');
  bench.call('INCR', 'b');
  bench.call('EXEC');
  bench.call('SELECT', '3');
  bench.call('RPUSH', 'list', 'x', 'y\r\n*1\r\n', 'z'.repeat(30));
  bench.call('PEXPIRE', 'list', '100000000');
  bench.call('MULTI');
  bench.call('DEL', 'list');
  bench.call('SELECT', '0');
  bench.call('XADD', 'stream', '9-9', 'field', 'value');
  bench.call('EXEC');
  bench.call('ZADD', 'zset', '2.5', 'last');
  await bench.settle(200);
  return bench.contents();
}

function writeAllTypes(bench: DiskBench): void {
  bench.call('SET', 'string', 'some text '.repeat(5));
  bench.call('SET', 'number', '12345', 'EX', '100000');
  bench.call('RPUSH', 'list', 'one', 'two', '3');
  bench.call('SADD', 'set', 'a', 'b', 'c', 'd');
  bench.call('SADD', 'integers', '1', '2', '70000');
  bench.call('HSET', 'hash', 'field', 'value', 'other', '7');
  bench.call('ZADD', 'zset', '1', 'one', '-2.25', 'two');
  bench.call('XADD', 'stream', '1-1', 'a', 'b');
  bench.call('XGROUP', 'CREATE', 'stream', 'group', '0');
  bench.call('XREADGROUP', 'GROUP', 'group', 'consumer', 'STREAMS', 'stream', '>');
  bench.call('SELECT', '5');
  bench.call('SET', 'elsewhere', 'x');
  bench.call('SELECT', '0');
}

interface Boundary {
  /** Bytes of the increment. */
  readonly end: number;
  readonly digest: string;
}

/** Where commands and transactions of an increment end, and the digest then. */
async function boundaries(files: ReadonlyMap<string, Buffer>): Promise<Boundary[]> {
  const bytes = files.get(INCR)!;
  const bench = await DiskBench.start(STRICT, new Map([...files, [INCR, Buffer.alloc(0)]]));
  const found: Boundary[] = [{ end: 0, digest: bench.digest }];
  let inMulti = false;
  for (let at = 0; at < bytes.length; ) {
    const end = replyEnd(bytes, at);
    const args = parseReply(bytes.subarray(at, end), 'latin1') as string[];
    bench.call(...args);
    if (args[0] === 'MULTI') inMulti = true;
    if (args[0] === 'EXEC') inMulti = false;
    at = end;
    if (!inMulti) found.push({ end, digest: bench.digest });
  }
  return found;
}

/** Loads files again and again in one server: DEBUG LOADAOF goes the way of a start. */
class Loader {
  readonly #bench: DiskBench;

  constructor(bench: DiskBench) {
    this.#bench = bench;
  }

  static async start(directives: Readonly<Record<string, string>>): Promise<Loader> {
    return new Loader(await DiskBench.start({ ...directives, appendonly: 'no' }));
  }

  /** The digest, or null when the files are refused, and how long the increment is then. */
  load(files: ReadonlyMap<string, Buffer>): { digest: string | null; incrLength: number } {
    const { data, files: disk } = this.#bench;
    disk.files.clear();
    const made = filesOf(files);
    for (const [path, file] of made.files) disk.files.set(path, file);
    disk.folders.add(AOF_DIR);
    let digest: string | null = null;
    try {
      data.loadAof();
      digest = this.#bench.digest;
    } catch (error) {
      // Told as a reply error, or as what a start is refused with.
      if (!(error instanceof LoadError || error instanceof ReplyError)) throw error;
    }
    return { digest, incrLength: disk.files.get(INCR)?.bytes.length ?? -1 };
  }
}

for (const preamble of [true, false]) {
  describe(`an append-only file cut anywhere (base: ${preamble ? 'RDB' : 'commands'})`, () => {
    let files: Map<string, Buffer>;
    let base: string;
    let ends: Boundary[];
    let tried = 0;

    before(async () => {
      files = await makeFiles(preamble);
      base = [...files.keys()].find((path) => path.includes('.base.'))!;
      assert.ok(base.includes('.2.base.'), [...files.keys()].join(' '));
      ends = await boundaries(files);
      assert.ok(ends.length > 8);
    });

    it('the increment: the state at the end of the last whole command or transaction', async (t) => {
      const bytes = files.get(INCR)!;
      const loader = await Loader.start(AOF);
      for (let length = 0; length <= bytes.length; length++) {
        const { digest, incrLength } = loader.load(new Map([...files, [INCR, bytes.subarray(0, length)]]));
        const boundary = ends.findLast(({ end }) => end <= length)!;
        assert.equal(digest, boundary.digest, `${length} of ${bytes.length} bytes`);
        assert.equal(incrLength, boundary.end, `what is left of ${length} bytes`);
        tried++;
      }
      t.diagnostic(`${tried} prefixes`);
    });

    it('with aof-load-truncated no: only whole ones are taken', async () => {
      const bytes = files.get(INCR)!;
      const loader = await Loader.start(STRICT);
      for (let length = 0; length <= bytes.length; length++) {
        const { digest, incrLength } = loader.load(new Map([...files, [INCR, bytes.subarray(0, length)]]));
        const boundary = ends.find(({ end }) => end === length);
        assert.equal(digest, boundary?.digest ?? null, `${length} of ${bytes.length} bytes`);
        assert.equal(incrLength, length, 'nothing is cut off');
      }
    });

    it('the base: refused', async () => {
      const bytes = files.get(base)!;
      const loader = await Loader.start(AOF);
      for (let length = 1; length < bytes.length; length++) {
        const cut = new Map([...files, [base, bytes.subarray(0, length)]]);
        const { digest } = loader.load(cut);
        // The end of a command is not to be told from the end of the file.
        const isWhole = !preamble && endsCommand(bytes, length);
        if (!isWhole) assert.equal(digest, null, `${length} of ${bytes.length} bytes`);
      }
    });

    it('the manifest: refused, or without its last files', async () => {
      const bytes = files.get(MANIFEST)!;
      const loader = await Loader.start(AOF);
      for (let length = 0; length < bytes.length; length++) {
        const { digest } = loader.load(new Map([...files, [MANIFEST, bytes.subarray(0, length)]]));
        const text = bytes.toString('latin1', 0, length);
        if (text === '' || !text.endsWith('\n')) assert.equal(digest, null, JSON.stringify(text));
        else assert.equal(digest, ends[0]!.digest, JSON.stringify(text));
      }
    });

    it('a start, not only a reload', async () => {
      const bytes = files.get(INCR)!;
      for (let length = 0; length <= bytes.length; length += 37) {
        const cut = new Map([...files, [INCR, bytes.subarray(0, length)]]);
        const expected = ends.findLast(({ end }) => end <= length)!;
        assert.equal(await digestOf(AOF, cut), expected.digest, `${length} bytes`);
        const whole = ends.find(({ end }) => end === length);
        assert.equal(await digestOf(STRICT, cut), whole?.digest ?? null, `${length} bytes, strict`);
      }
    });

    it('a start of the real process', async () => {
      const bytes = files.get(INCR)!;
      const inside = ends.at(-2)!.end + 5;
      for (const [name, directives, cut, code] of [
        ['cut', AOF, new Map([...files, [INCR, bytes.subarray(0, inside)]]), null],
        ['strict', STRICT, new Map([...files, [INCR, bytes.subarray(0, inside)]]), 1],
        ['base', AOF, new Map([...files, [base, files.get(base)!.subarray(0, -9)]]), 1],
        ['manifest', AOF, new Map([...files, [MANIFEST, files.get(MANIFEST)!.subarray(0, -3)]]), 1],
      ] as const) {
        assert.equal(await startFor(directives, cut), code, name);
      }
    });
  });
}

describe('a snapshot', () => {
  let bytes: Buffer;
  let digest: string;

  before(async () => {
    const bench = await DiskBench.start({});
    writeAllTypes(bench);
    assert.equal(bench.call('SAVE'), 'OK');
    digest = bench.digest;
    bytes = bench.contents().get(DUMP)!;
    assert.equal(await digestOf({}, new Map([[DUMP, bytes]])), digest);
  });

  it('cut anywhere is refused', async (t) => {
    for (let length = 0; length < bytes.length; length++) {
      const found = await digestOf({}, new Map([[DUMP, bytes.subarray(0, length)]]));
      assert.equal(found, null, `${length} of ${bytes.length} bytes`);
    }
    t.diagnostic(`${bytes.length} prefixes`);
  });

  it('with any byte changed is refused', async (t) => {
    let tried = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0x01, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= mask;
        const found = await digestOf({}, new Map([[DUMP, changed]]));
        if (found !== null) assert.equal(found, digest, `byte ${at} xor ${mask}`);
        tried++;
      }
    }
    t.diagnostic(`${tried} changes`);
  });
});

function endsCommand(bytes: Buffer, length: number): boolean {
  let at = 0;
  while (at < length) at = replyEnd(bytes, at);
  return at === length;
}

/** The exit code of our server over the files; null: it has started. */
async function startFor(
  directives: Readonly<Record<string, string>>,
  files: ReadonlyMap<string, Buffer>,
): Promise<number | string | null> {
  const dir = mkdtempSync(join(tmpdir(), 'ts-redis-cut-'));
  mkdirSync(join(dir, 'appendonlydir'));
  for (const [path, bytes] of files) writeFileSync(join(dir, 'appendonlydir', basename(path)), bytes);
  const server = new ServerProcess({ directives, dir }, await freePort());
  try {
    await server.waitReady();
    return null;
  } catch {
    return await server.exited;
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

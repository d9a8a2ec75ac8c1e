/**
 * A disk that breaks at any one call, and power that goes before any one call: saving, rewriting, switching the
 * append-only file on and appending to it, each with the first call failing, the second, the third ... Whatever fails,
 * the old files still mean what they meant, nothing temporary is left, and the next attempt succeeds.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Contents, DIR, DiskBench, digestOf, MANIFEST } from './disk-bench.ts';

const DUMP = `${DIR}/dump.rdb`;
const AOF = { appendonly: 'yes', appendfsync: 'always' };
/** More calls than any of the operations makes. */
const MOST_CALLS = 60;

interface Operation {
  readonly name: string;
  readonly directives: Readonly<Record<string, string>>;
  run(bench: DiskBench): Promise<void>;
  /** Whether the last attempt counts as a success in INFO. */
  succeeded(bench: DiskBench): boolean;
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'SAVE',
    directives: {},
    run: async (bench) => {
      bench.call('SAVE');
      await bench.settle();
    },
    succeeded: (bench) => info(bench, 'rdb_last_bgsave_status') === 'ok',
  },
  {
    name: 'BGSAVE',
    directives: {},
    run: async (bench) => {
      bench.call('BGSAVE');
      await bench.settle(300);
    },
    succeeded: (bench) => info(bench, 'rdb_last_bgsave_status') === 'ok',
  },
  ...['yes', 'no'].map((preamble) => ({
    name: `BGREWRITEAOF, aof-use-rdb-preamble ${preamble}`,
    directives: { ...AOF, 'aof-use-rdb-preamble': preamble },
    run: async (bench: DiskBench) => {
      bench.call('BGREWRITEAOF');
      await bench.settle(300);
    },
    succeeded: (bench: DiskBench) => info(bench, 'aof_last_bgrewrite_status') === 'ok',
  })),
  {
    name: 'CONFIG SET appendonly yes',
    directives: { appendonly: 'no', appendfsync: 'always' },
    run: async (bench) => {
      bench.call('CONFIG', 'SET', 'appendonly', 'yes');
      await bench.settle(300);
    },
    succeeded: (bench) =>
      info(bench, 'aof_enabled') === '1' &&
      info(bench, 'aof_last_bgrewrite_status') === 'ok' &&
      info(bench, 'aof_rewrite_in_progress') === '0',
  },
];

function info(bench: DiskBench, field: string): string {
  const text = String(bench.call('INFO', 'persistence'));
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? 'missing';
}

function fill(bench: DiskBench, from: number): void {
  for (let i = from; i < from + 30; i++) {
    bench.call('SET', `key:${i}`, 'x'.repeat(i));
    bench.call('HSET', 'hash', `field ${i}`, String(i));
    bench.call('RPUSH', 'list', String(i));
  }
}

/** What a start over the files gives: the snapshot's state without AOF, else the AOF's. */
function reload(directives: Operation['directives'], contents: Contents): Promise<string | null> {
  return digestOf(directives, contents);
}

/** Files that nobody knows of. */
function leftovers(bench: DiskBench): string[] {
  const known = bench.contents();
  const manifest = known.get(MANIFEST)?.toString('latin1') ?? '';
  return [...known.keys()].filter((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (path === DUMP || path === MANIFEST) return false;
    return !manifest.includes(`file ${name} `);
  });
}

for (const operation of OPERATIONS) {
  describe(operation.name, () => {
    const usesAof = operation.directives.appendonly !== undefined;
    const onDisk = operation.directives.appendonly === 'no' ? {} : operation.directives;

    /** A server whose files hold `before` and whose memory holds more. */
    async function prepare(): Promise<{ bench: DiskBench; before: string; now: string }> {
      const bench = await DiskBench.start(operation.directives);
      fill(bench, 0);
      await bench.settle();
      assert.equal(bench.call('SAVE'), 'OK');
      await bench.settle();
      const before = bench.digest;
      fill(bench, 100);
      await bench.settle(200);
      return { bench, before, now: bench.digest };
    }

    /** The n-th call from now on fails. Returns what says whether it came to that. */
    function breakAt(bench: DiskBench, n: number, code: string): { hit: string | null } {
      const state: { hit: string | null } = { hit: null };
      let calls = 0;
      bench.files.fails = (call, path) => {
        if (++calls !== n) return null;
        state.hit = `${call} of ${path}`;
        return code;
      };
      return state;
    }

    it('with any one call failing: the old state stays, nothing is left behind, the next one succeeds', async (t) => {
      let tried = 0;
      for (let n = 1; n <= MOST_CALLS; n++) {
        const { bench, before, now } = await prepare();
        const state = breakAt(bench, n, n % 2 === 0 ? 'EIO' : 'ENOSPC');
        await operation.run(bench);
        bench.files.fails = () => null;
        const what = `call ${n}, ${state.hit}`;
        if (state.hit === null) break;
        tried++;
        await bench.settle(200);
        assert.equal(bench.digest, now, what);
        if (bench.fatal) continue;
        const found = await reload(onDisk, bench.contents());
        if (!usesAof) assert.ok(found === before || found === now, `${what}: ${found}`);
        else if (onDisk !== operation.directives) assert.ok(found === before, what);
        else assert.equal(found, now, what);
        if (info(bench, 'aof_rewrite_in_progress') === '0') assert.deepEqual(leftovers(bench), [], what);

        // Failed rewrites are tried again after a while.
        bench.call('SET', 'after', 'all');
        await bench.settle(1500);
        await operation.run(bench);
        await bench.settle(70_000);
        assert.ok(operation.succeeded(bench), `${what}: the next attempt fails`);
        assert.deepEqual(leftovers(bench), [], `${what}: afterwards`);
        const directives = usesAof ? { ...operation.directives, appendonly: 'yes' } : {};
        assert.equal(await reload(directives, bench.contents()), bench.digest, `${what}: afterwards`);
      }
      assert.ok(tried >= 4, `only ${tried} calls`);
      t.diagnostic(`${tried} calls made to fail`);
    });

    it('with power gone before any one call: the old state or the new one', async (t) => {
      const { bench, before, now } = await prepare();
      const cuts: { what: string; contents: Contents }[] = [];
      bench.files.fails = (call, path) => {
        cuts.push({ what: `before ${call} of ${path}`, contents: bench.contents(true) });
        return null;
      };
      await operation.run(bench);
      bench.files.fails = () => null;
      cuts.push({ what: 'at the end', contents: bench.contents(true) });
      assert.ok(cuts.length > 4);
      for (const { what, contents } of cuts) {
        const found = await reload(onDisk, contents);
        if (operation.directives === onDisk && usesAof) assert.equal(found, now, what);
        else assert.ok(found === before || found === now, `${what}: ${found}`);
        if (usesAof && contents.has(MANIFEST)) {
          const appending = await reload({ ...operation.directives, appendonly: 'yes' }, contents);
          assert.equal(appending, now, `${what}, with AOF`);
        }
      }
      t.diagnostic(`${cuts.length} power cuts`);
    });
  });
}

describe('appending', () => {
  it('with appendfsync everysec: failed writes make writers wait, and are made good', async (t) => {
    let tried = 0;
    for (const code of ['ENOSPC', 'EIO']) {
      for (let n = 1; n <= 3; n++) {
        const bench = await DiskBench.start({ appendonly: 'yes', appendfsync: 'everysec' });
        fill(bench, 0);
        await bench.settle(1200);
        let broken = true;
        let calls = 0;
        bench.files.fails = (call) => (call === 'write' && broken && ++calls >= n ? code : null);
        for (let i = 0; i < 5; i++) {
          bench.call('SET', `more ${i}`, 'x');
          await bench.settle(200);
        }
        assert.equal(info(bench, 'aof_last_write_status'), 'err');
        assert.match(String(bench.call('SET', 'refused', 'x')), /MISCONF/);
        assert.equal(bench.call('GET', 'key:5'), 'xxxxx', 'reads go on');
        const acknowledged = bench.digest;
        broken = false;
        await bench.settle(1500);
        assert.equal(info(bench, 'aof_last_write_status'), 'ok');
        assert.equal(await digestOf({ appendonly: 'yes' }, bench.contents()), acknowledged);
        assert.equal(bench.call('SET', 'again', 'x'), 'OK');
        await bench.settle(1500);
        assert.equal(await digestOf({ appendonly: 'yes' }, bench.contents(true)), bench.digest);
        tried++;
      }
    }
    t.diagnostic(`${tried} ways of failing`);
  });

  it('with little room: a short write is cut back to the last whole command', async () => {
    for (let room = 0; room < 120; room += 7) {
      const bench = await DiskBench.start({ appendonly: 'yes', appendfsync: 'everysec' });
      fill(bench, 0);
      await bench.settle(1200);
      const used = [...bench.contents().values()].reduce((sum, { length }) => sum + length, 0);
      bench.files.room = used + room;
      for (let i = 0; i < 5; i++) bench.call('SET', `more ${i}`, 'x');
      const acknowledged = bench.digest;
      await bench.settle(500);
      assert.equal(info(bench, 'aof_last_write_status'), 'err', `${room} bytes of room`);
      const strict = { appendonly: 'yes', 'aof-load-truncated': 'no' };
      assert.notEqual(await digestOf(strict, bench.contents()), null, `${room}: whole commands only`);
      bench.files.room = Number.POSITIVE_INFINITY;
      await bench.settle(1500);
      assert.equal(await digestOf(strict, bench.contents()), acknowledged, `${room} bytes of room`);
    }
  });

  it('with appendfsync always: a failed write or sync ends the server, as it ends Redis', async () => {
    for (const broken of ['write', 'fdatasync']) {
      const bench = await DiskBench.start(AOF);
      fill(bench, 0);
      await bench.settle(200);
      const durable = bench.digest;
      assert.equal(await digestOf(AOF, bench.contents(true)), durable, 'each answered write is synced');
      bench.files.fails = (call) => (call === broken ? 'EIO' : null);
      bench.redis.connect().raw('SET', 'more', 'x');
      await bench.settle(200);
      assert.ok(bench.fatal, broken);
      const found = await digestOf(AOF, bench.contents(true));
      assert.ok(found === durable || found === bench.digest);
    }
  });
});

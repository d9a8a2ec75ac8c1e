/**
 * The generic commands, in process: what a real server cannot be asked to compare (walks in another order, time,
 * events), and the promise of SCAN.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Database } from '../../src/keyspace/database.ts';
import type { KeyspaceObserver } from '../../src/keyspace/keyspace.ts';
import { seededRandom } from '../../src/util/random.ts';
import { fillKeys } from '../support/fill.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { ErrorReply } from '../support/reply-framer.ts';

/** Goes through all of SCAN; `between` runs after each call. */
function scanAll(
  redis: InProcess,
  options: readonly string[] = [],
  between: () => void = () => {},
): string[] {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = redis.call('SCAN', cursor, ...options) as [string, string[]];
    found.push(...keys);
    cursor = next;
    between();
  } while (cursor !== '0');
  return found;
}

/** Records what the keyspace tells. */
class Recorder implements KeyspaceObserver {
  readonly told: string[] = [];
  modified(db: Database, key: Uint8Array, off: number, len: number): void {
    this.told.push(`modified ${db.id} ${text(key, off, len)}`);
  }
  event(_cls: number, name: string, db: Database, key: Uint8Array, off: number, len: number): void {
    this.told.push(`${name} ${db.id} ${text(key, off, len)}`);
  }
  removed(db: Database, key: Uint8Array, off: number, len: number, evicted: boolean): void {
    this.told.push(`${evicted ? 'evict' : 'expire'} ${db.id} ${text(key, off, len)}`);
  }
  flushed(db: Database | null): void {
    this.told.push(`flushed ${db === null ? 'all' : db.id}`);
  }
  swapped(a: Database, b: Database): void {
    this.told.push(`swapped ${a.id} ${b.id}`);
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

function text(bytes: Uint8Array, off: number, len: number): string {
  return Buffer.from(bytes.subarray(off, off + len)).toString('latin1');
}

function recorded(redis: InProcess): Recorder {
  const recorder = new Recorder();
  redis.engine.keyspace.observer = recorder;
  redis.engine.keyspace.watched = true;
  redis.engine.keyspace.eventMask = -1;
  return recorder;
}

describe('SCAN', () => {
  it('returns every key once when nothing changes', () => {
    const redis = inProcess();
    fillKeys(redis.engine.keyspace, redis.client.db, 10_000);
    const found = scanAll(redis, ['COUNT', '77']);
    assert.equal(found.length, 10_000);
    assert.equal(new Set(found).size, 10_000);
  });

  for (const [name, from, to] of [
    ['grows', 1000, 60_000],
    ['shrinks', 60_000, 1000],
  ] as const) {
    it(`returns what is there throughout exactly once while the table ${name}`, () => {
      const redis = inProcess();
      const { keyspace } = redis.engine;
      fillKeys(keyspace, redis.client.db, 1000, { prefix: 'stays:' });
      fillKeys(keyspace, redis.client.db, from, { prefix: 'other:' });
      let others = from;
      const found = scanAll(redis, ['COUNT', '20'], () => {
        if (from < to && others < to) {
          for (let i = 0; i < 1500; i++) redis.call('SET', `other:${others++}`, 'v');
        } else if (from > to && others > to) {
          for (let i = 0; i < 1500; i++) redis.call('DEL', `other:${--others}`);
        }
      });
      const stayed = found.filter((key) => key.startsWith('stays:'));
      assert.equal(stayed.length, 1000);
      assert.equal(new Set(stayed).size, 1000);
    });
  }

  it('keeps its promise through random changes and any COUNT', () => {
    const redis = inProcess({}, 7);
    const random = seededRandom(42);
    fillKeys(redis.engine.keyspace, redis.client.db, 300, { prefix: 'stays:' });
    for (let round = 0; round < 6; round++) {
      const count = String(1 + (random.uint32() % 200));
      const found = scanAll(redis, ['COUNT', count], () => {
        const burst = random.uint32() % 300;
        const set = random.uint32() % 2 === 0;
        for (let i = 0; i < burst; i++) {
          const key = `other:${random.uint32() % 5000}`;
          if (set) redis.call('SET', key, 'v');
          else redis.call('DEL', key);
        }
      });
      assert.equal(found.filter((key) => key.startsWith('stays:')).length, 300);
    }
  });

  it('goes on in a database that was emptied or swapped meanwhile', () => {
    const redis = inProcess();
    fillKeys(redis.engine.keyspace, redis.client.db, 100);
    const [cursor] = redis.call('SCAN', '0') as [string];
    redis.call('FLUSHALL');
    assert.deepEqual(redis.call('SCAN', cursor), ['0', []]);
  });

  it('drops expired keys, from the reply and from the database', () => {
    const redis = inProcess();
    redis.engine.debug.activeExpire = false;
    for (let i = 0; i < 100; i++) redis.call('SET', `k${i}`, 'v', ...(i < 60 ? ['PX', '10'] : []));
    redis.clock.advance(100);
    assert.equal((redis.call('KEYS', '*') as string[]).length, 40);
    assert.equal(redis.call('DBSIZE'), 100);
    assert.equal(scanAll(redis, ['COUNT', '1000']).length, 40);
    assert.equal(redis.call('DBSIZE'), 40);
  });

  it('filters by pattern and type', () => {
    const redis = inProcess();
    for (let i = 0; i < 50; i++) redis.call('SET', `k${i}`, 'v');
    assert.deepEqual(
      scanAll(redis, ['MATCH', 'k1?']).sort(),
      [...Array(10).keys()].map((i) => `k1${i}`),
    );
    assert.equal(scanAll(redis, ['TYPE', 'STRING']).length, 50);
    assert.equal(scanAll(redis, ['TYPE', 'hash']).length, 0);
    assert.equal(scanAll(redis, ['TYPE', 'nonsense']).length, 0);
  });

  it('takes cursors as strtoul does', () => {
    const redis = inProcess();
    for (const good of ['0', '', '+0', '-1', '00000000000000000000000000', '18446744073709551615', '5\0x']) {
      assert.ok(Array.isArray(redis.call('SCAN', good)), good);
    }
    for (const bad of ['x', ' 0', '0 ', '-', '1.0', '18446744073709551616', '0x0']) {
      assert.ok(redis.call('SCAN', bad) instanceof ErrorReply, bad);
    }
  });
});

describe('RANDOMKEY', () => {
  it('gives every key its turn, and none that has expired', () => {
    const redis = inProcess();
    redis.engine.debug.activeExpire = false;
    assert.equal(redis.call('RANDOMKEY'), null);
    for (let i = 0; i < 10; i++) redis.call('SET', `k${i}`, 'v');
    for (let i = 0; i < 50; i++) redis.call('SET', `gone${i}`, 'v', 'PX', '1');
    redis.clock.advance(10);
    const counts = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      const key = redis.call('RANDOMKEY') as string;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    assert.equal(counts.size, 10);
    for (const [key, count] of counts) assert.ok(key.startsWith('k') && count > 50, `${key}: ${count}`);
  });

  it('ends when all keys have expired', () => {
    const redis = inProcess();
    redis.engine.debug.activeExpire = false;
    for (let i = 0; i < 50; i++) redis.call('SET', `gone${i}`, 'v', 'PX', '1');
    redis.clock.advance(10);
    assert.equal(redis.call('RANDOMKEY'), null);
    assert.equal(redis.call('DBSIZE'), 0);
  });
});

describe('moving values', () => {
  const SIZES = [0, 1, 100, 5000, 32_768, 32_769, 1_000_000];

  it('RENAME, MOVE and COPY keep value, encoding and expiry, whatever the size', () => {
    const redis = inProcess();
    const { keyspace } = redis.engine;
    for (const size of SIZES) {
      const value = 'v'.repeat(size);
      redis.call('SET', 'a', value, 'EX', '100');
      redis.call('SET', 'longer-than-that', 'old');
      assert.equal(redis.call('RENAME', 'a', 'longer-than-that'), 'OK');
      assert.equal(redis.call('COPY', 'longer-than-that', 'c'), 1);
      assert.equal(redis.call('MOVE', 'c', '1'), 1);
      assert.equal(redis.call('GET', 'longer-than-that'), value);
      assert.equal(redis.call('TTL', 'longer-than-that'), 100);
      redis.client.db = keyspace.databases[1]!;
      assert.equal(redis.call('GET', 'c'), value);
      assert.equal(redis.call('TTL', 'c'), 100);
      // A copy is not the same bytes.
      redis.call('APPEND', 'c', 'more');
      redis.client.db = keyspace.databases[0]!;
      assert.equal(redis.call('GET', 'longer-than-that'), value);
      redis.call('FLUSHALL');
    }
    assert.equal(keyspace.memory.arena.liveBytes, 0);
    assert.equal(keyspace.memory.externals.bytes, 0);
  });

  it('leaves no slot behind, through random sequences', () => {
    const redis = inProcess({}, 3);
    const random = seededRandom(9);
    const model: Map<string, string>[] = [new Map(), new Map()];
    const key = (): string => `k${'y'.repeat(random.uint32() % 4)}${random.uint32() % 6}`;
    const { keyspace } = redis.engine;
    for (let i = 0; i < 20_000; i++) {
      const id = random.uint32() % 2;
      const here = model[id]!;
      const there = model[1 - id]!;
      redis.client.db = keyspace.databases[id]!;
      const [a, b] = [key(), key()];
      switch (random.uint32() % 8) {
        case 0: {
          const value = 'v'.repeat([0, 5, 300, 40_000][random.uint32() % 4]!);
          redis.call('SET', a, value, ...(random.uint32() % 2 === 0 ? ['EX', '1000'] : []));
          here.set(a, value);
          break;
        }
        case 1:
          redis.call('EXPIRE', a, '5000');
          break;
        case 2:
          redis.call('PERSIST', a);
          break;
        case 3:
          if (redis.call('RENAME', a, b) === 'OK' && a !== b) {
            here.set(b, here.get(a)!);
            here.delete(a);
          }
          break;
        case 4:
          if (redis.call('MOVE', a, String(1 - id)) === 1) {
            there.set(a, here.get(a)!);
            here.delete(a);
          }
          break;
        case 5:
          if (redis.call('COPY', a, b, 'DB', String(1 - id), 'REPLACE') === 1) there.set(b, here.get(a)!);
          break;
        case 6:
          redis.call('DEL', a);
          here.delete(a);
          break;
        default:
          redis.call('SWAPDB', '0', '1');
          model.reverse();
      }
    }
    for (const [id, map] of model.entries()) {
      redis.client.db = keyspace.databases[id]!;
      assert.deepEqual((redis.call('KEYS', '*') as string[]).sort(), [...map.keys()].sort());
      for (const [name, value] of map) assert.equal(redis.call('GET', name), value);
      let volatile = 0;
      for (const name of map.keys()) if (redis.call('TTL', name) !== -1) volatile++;
      assert.equal(keyspace.databases[id]!.expires.count, volatile);
      for (const name of map.keys()) redis.call('DEL', name);
    }
    assert.equal(keyspace.memory.arena.liveBytes, 0);
    assert.equal(keyspace.memory.externals.count, 0);
  });
});

describe('SWAPDB and FLUSHDB', () => {
  it('clients of both databases see the other data', () => {
    const redis = inProcess();
    redis.call('SET', 'a', '1', 'EX', '100');
    redis.call('SWAPDB', '0', '5');
    assert.equal(redis.call('GET', 'a'), null);
    redis.client.db = redis.engine.keyspace.databases[5]!;
    assert.equal(redis.call('TTL', 'a'), 100);
    redis.call('SWAPDB', '5', '5');
    assert.equal(redis.call('TTL', 'a'), 100);
  });

  it('FLUSHDB is cheap beside other data, and gives all memory back in time', () => {
    const redis = inProcess();
    const { keyspace } = redis.engine;
    redis.call('SET', 'stays', 'v');
    const before = keyspace.bytes;
    fillKeys(keyspace, keyspace.databases[1]!, 100_000, { expireAt: () => redis.engine.nowMs + 1e6 });
    redis.client.db = keyspace.databases[1]!;
    assert.equal(redis.call('FLUSHDB', 'ASYNC'), 'OK');
    assert.equal(redis.call('DBSIZE'), 0);
    assert.ok(keyspace.lazyFree.pending > 0, 'some is left for later');
    // New keys live while old ones are freed.
    for (let i = 0; i < 1000; i++) redis.call('SET', `new${i}`, 'v');
    redis.clock.advance(3000);
    assert.equal(keyspace.lazyFree.pending, 0);
    assert.equal(redis.call('DBSIZE'), 1000);
    redis.call('FLUSHDB');
    redis.clock.advance(100);
    assert.equal(keyspace.bytes, before);
  });

  it('FLUSHALL forgets what a flush had left', () => {
    const redis = inProcess();
    const { keyspace } = redis.engine;
    redis.call('SET', 'stays', 'v');
    fillKeys(keyspace, keyspace.databases[1]!, 50_000);
    redis.client.db = keyspace.databases[1]!;
    redis.call('FLUSHDB');
    redis.call('FLUSHALL');
    assert.equal(keyspace.lazyFree.pending, 0);
    assert.equal(keyspace.memory.arena.liveBytes, 0);
    redis.clock.advance(1000);
    assert.equal(keyspace.memory.arena.liveBytes, 0);
  });
});

describe('what watchers are told', () => {
  it('one event of the right name for each change', () => {
    const redis = inProcess();
    const recorder = recorded(redis);
    redis.call('SET', 'a', '1');
    recorder.take();
    const cases: [string[], string[]][] = [
      [
        ['EXPIRE', 'a', '100'],
        ['modified 0 a', 'expire 0 a'],
      ],
      [
        ['PERSIST', 'a'],
        ['modified 0 a', 'persist 0 a'],
      ],
      [['PERSIST', 'a'], []],
      [
        ['COPY', 'a', 'b'],
        ['new 0 b', 'modified 0 b', 'copy_to 0 b'],
      ],
      [
        ['RENAME', 'b', 'c'],
        ['new 0 c', 'modified 0 b', 'modified 0 c', 'rename_from 0 b', 'rename_to 0 c'],
      ],
      [
        ['MOVE', 'c', '2'],
        ['new 2 c', 'modified 0 c', 'modified 2 c', 'move_from 0 c', 'move_to 2 c'],
      ],
      [
        ['EXPIRE', 'a', '-1'],
        ['modified 0 a', 'del 0 a'],
      ],
      [['GET', 'a'], ['keymiss 0 a']],
      [['OBJECT', 'ENCODING', 'a'], []],
      [['TTL', 'a'], ['keymiss 0 a']],
      [['SWAPDB', '0', '2'], ['swapped 0 2']],
      [
        ['DEL', 'a', 'c', 'c'],
        ['modified 0 c', 'del 0 c'],
      ],
      [['FLUSHDB'], ['flushed 0']],
      [['FLUSHALL'], ['flushed all']],
    ];
    for (const [command, told] of cases) {
      const { dirty } = redis.engine.keyspace;
      redis.call(...command);
      assert.deepEqual(recorder.take(), told, command.join(' '));
      const changes = told.some((line) => /^(modified|swapped)/.test(line));
      assert.equal(redis.engine.keyspace.dirty > dirty, changes, `dirty after ${command.join(' ')}`);
    }
  });

  it('an expired key is removed, then modified, then an event', () => {
    const redis = inProcess();
    redis.engine.debug.activeExpire = false;
    redis.call('SET', 'a', '1', 'PX', '1');
    redis.clock.advance(10);
    const recorder = recorded(redis);
    redis.call('DEL', 'a');
    assert.deepEqual(recorder.take(), ['expire 0 a', 'modified 0 a', 'expired 0 a']);
    redis.set('maxmemory-policy', 'allkeys-random');
    redis.call('SET', 'b', '1');
    recorder.take();
    redis.set('maxmemory', '1');
    redis.call('PING');
    assert.deepEqual(recorder.take(), ['evict 0 b', 'modified 0 b', 'evicted 0 b']);
  });
});

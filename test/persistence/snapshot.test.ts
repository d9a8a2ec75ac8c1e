/**
 * A snapshot is the state at its beginning, whatever happens while it is taken; the data lives on as if there were none;
 * and nothing is left behind. Two servers in memory get the same random commands of every family, one of them takes
 * snapshots in tiny slices, some of which are aborted.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { BLOCKING } from '../../src/engine/command-spec.ts';
import { EPOCH_BIT } from '../../src/keyspace/entry.ts';
import { Snapshots } from '../../src/persistence/snapshot/snapshots.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { commandFromSpec, DATA_GROUPS } from '../support/spec-generator.ts';
import { assertSameEntries, RecordingFormat } from './recording-format.ts';

const LEFT_OUT = new Set(['wait', 'migrate', 'object']);
const ROUNDS = Number(process.env.SNAPSHOT_ROUNDS ?? 3);
const SNAPSHOTS = 8;
const KEYS = [
  's1',
  's2',
  'b1',
  'p1',
  'p2',
  'l1',
  'l2',
  't1',
  't2',
  'z1',
  'z2',
  'g1',
  'h1',
  'h2',
  'x1',
  'x2',
  'big',
];

const dataCommand = fc.oneof(
  ...ALL_COMMANDS.filter(
    ({ name, group, flags }) => DATA_GROUPS.has(group) && !LEFT_OUT.has(name) && (flags & BLOCKING) === 0,
  ).flatMap((spec) =>
    spec.subcommands === undefined
      ? [commandFromSpec(spec)]
      : spec.subcommands.map((sub) => commandFromSpec(sub, spec.name)),
  ),
);
const database = fc.constantFrom('0', '1', '2');
const key = fc.constantFrom(...KEYS);
/** Commands that meet what `bigOnes` has made: random arguments seldom do. */
const aimed = fc
  .constantFrom(
    'xreadgroup group a b count 5 streams x1 >',
    'xreadgroup group a new count 5 streams x1 >',
    'xreadgroup group a b noack count 2 streams x1 >',
    'xautoclaim x1 a d 0 0 count 7',
    'xclaim x1 a e 0 1-1 3-1 7-1',
    'xack x1 a 2-1 5-1 6-1',
    'xgroup create x1 g2 $',
    'xgroup destroy x1 g2',
    'xgroup createconsumer x1 a z',
    'xgroup delconsumer x1 a b',
    'xgroup setid x1 a 9-1',
    'xtrim x1 maxlen 200',
    'xdel x1 100-1 101-1',
    'sort l1 alpha store t1',
    'sort t1 by nosort store l1',
    'zunionstore z1 2 z1 t1',
    'sunionstore t1 t1 t2',
    'sdiffstore t1 t1 t2',
    'zrangestore z1 z1 0 -1',
    'geosearchstore z1 z1 fromlonlat 0 0 byradius 30000 km',
    'spop t1 100',
    'smove t1 t2 element-9-0',
    'lmove l1 l2 left right',
    'ltrim l1 100 2500',
    'lset l1 1000 q',
    'setrange s1 200000 zz',
    'setbit b1 600000 1',
    'getex s1 px 50',
  )
  .map((text) => text.split(' '));
const someCommand = fc.oneof(
  { weight: 30, arbitrary: dataCommand },
  { weight: 8, arbitrary: aimed },
  { weight: 2, arbitrary: database.map((db) => ['select', db]) },
  { weight: 1, arbitrary: fc.tuple(database, database).map(([a, b]) => ['swapdb', a, b]) },
  { weight: 1, arbitrary: fc.constantFrom(['multi'], ['exec'], ['exec'], ['exec'], ['discard']) },
  { weight: 2, arbitrary: fc.tuple(key, key).map(([a, b]) => ['rename', a, b]) },
  { weight: 2, arbitrary: fc.tuple(key, database).map(([a, b]) => ['move', a, b]) },
  {
    weight: 2,
    arbitrary: fc.tuple(key, key, database).map(([a, b, c]) => ['copy', a, b, 'db', c, 'replace']),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(key, fc.integer({ min: 1, max: 300 })).map(([a, b]) => ['pexpire', a, `${b}`]),
  },
  { weight: 2, arbitrary: fc.tuple(key).map(([a]) => ['unlink', a]) },
  { weight: 2, arbitrary: fc.tuple(key).map(([a]) => ['append', a, 'y'.repeat(40000)]) },
  { weight: 2, arbitrary: fc.tuple(key).map(([a]) => ['rpush', a, 'an element']) },
  { weight: 2, arbitrary: fc.tuple(key).map(([a]) => ['hset', a, 'field', 'value']) },
  { weight: 2, arbitrary: fc.tuple(key).map(([a]) => ['sadd', a, 'member']) },
  { weight: 2, arbitrary: fc.tuple(key).map(([a]) => ['zadd', a, '7', 'member']) },
);
const rareCommand = fc.constantFrom(['flushdb'], ['flushall'], ['flushdb', 'async'], ['flushall', 'async']);

/** Grown collections of every type that take more than a slice, and long strings. */
function bigOnes(n: number): string[][] {
  const members = Array.from({ length: 2600 }, (_, i) => `element-${i}-${n}`);
  const pairs = members.flatMap((member, i) => [`${i % 97}`, member]);
  const commands = [
    ['rpush', 'l1', ...members],
    ['sadd', 't1', ...members],
    ['zadd', 'z1', ...pairs],
    ['hset', 'h1', ...pairs.toReversed()],
    ['set', 's1', 'long'.repeat(60000)],
    ['set', 'b1', 'some'.repeat(20000)],
    ['sadd', 't2', ...members.slice(0, 700)],
    ['hset', 'h2', ...pairs.slice(0, 300)],
  ];
  for (let i = 1; i <= 300; i++) commands.push(['xadd', 'x1', `${i}-1`, 'field', `value ${i}`]);
  commands.push(
    ['xgroup', 'create', 'x1', 'a', '0'],
    ['xreadgroup', 'group', 'a', 'b', 'count', '50', 'streams', 'x1', '>'],
  );
  return commands;
}

class Pair {
  readonly live: InProcess;
  readonly twin: InProcess;
  readonly snapshots: Snapshots;

  constructor(directives: Readonly<Record<string, string>>, seed: number) {
    this.live = inProcess(directives, seed);
    this.twin = inProcess(directives, seed);
    // Slices come when the test says so.
    this.snapshots = new Snapshots(this.live.engine, { schedule: () => {} });
  }

  /** Runs a command on both; while the snapshot wants it to wait, the snapshot goes on. */
  async run(words: readonly string[], told: string): Promise<boolean> {
    const args = words.map((word) => Buffer.from(word, 'latin1'));
    const expected = this.twin.raw(...args);
    let reply = this.live.raw(...args);
    let postponed = false;
    for (let n = 0; this.live.client.blocked !== null; n++) {
      assert.ok(n < 100000 && this.snapshots.postponedClients > 0, `${told}: it waits for ever`);
      postponed = true;
      this.snapshots.step(3);
      await null;
    }
    if (postponed) reply = this.live.raw();
    assert.equal(reply.toString('latin1'), expected.toString('latin1'), told);
    return postponed;
  }

  advance(ms: number): void {
    this.live.clock.advance(ms);
    this.twin.clock.advance(ms);
  }

  /** Evicts a key of database 0 in both. */
  evict(name: string): void {
    for (const { engine } of [this.live, this.twin]) {
      const { keyspace } = engine;
      const db = keyspace.databases[0]!;
      const ref = keyspace.peek(db, Buffer.from(name), 0, name.length);
      if (ref !== 0) keyspace.evict(db, ref);
    }
  }

  record(server: InProcess): ReadonlyMap<string, string> {
    const format = new RecordingFormat(server.engine.keyspace);
    (server === this.live ? this.snapshots : new Snapshots(server.engine)).runNow(format);
    return format.entries;
  }
}

/** After a snapshot every entry is settled. */
function assertSettled({ engine }: InProcess, told: string): void {
  const { databases, memory } = engine.keyspace;
  for (const db of databases) {
    db.dict.scan(0, (ref) => {
      const meta = db.meta(ref);
      assert.equal(
        meta & EPOCH_BIT,
        memory.epoch,
        `${told}: ${Buffer.from(db.keyBytes(ref))} is pending still`,
      );
      return true;
    });
  }
}

for (const [title, directives] of [
  ['usual thresholds', {}],
  [
    'low thresholds',
    {
      'hash-max-listpack-entries': '3',
      'set-max-intset-entries': '3',
      'zset-max-listpack-entries': '3',
      'list-max-listpack-size': '2',
      'stream-node-max-entries': '2',
    },
  ],
  [
    'LFU, lazy',
    { 'maxmemory-policy': 'allkeys-lfu', 'lazyfree-lazy-user-del': 'yes', 'lazyfree-lazy-expire': 'yes' },
  ],
] as const) {
  it(`a snapshot is the state at its beginning, ${title}`, async () => {
    const first = Number(process.env.FC_SEED ?? Math.floor(Math.random() * 2 ** 30));
    let postponed = 0;
    let bigs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const seed = first + round;
      const pick = fc.sample(fc.infiniteStream(fc.nat(999)), { numRuns: 1, seed })[0]!;
      const dice = (): number => pick.next().value as number;
      const commands = fc.sample(someCommand, { numRuns: 4000, seed });
      const rare = fc.sample(rareCommand, { numRuns: 200, seed });
      let next = 0;
      const pair = new Pair(directives, seed);
      const { snapshots, live, twin } = pair;
      const run = async (words: readonly string[]): Promise<void> => {
        const told = `seed ${seed}, command ${next}: ${words.join(' ').slice(0, 300)}`;
        try {
          if (await pair.run(words, told)) postponed++;
        } catch (error) {
          throw new Error(`${told}: ${error instanceof Error ? error.stack : error}`);
        }
      };
      for (let taken = 0; taken < SNAPSHOTS && next < 3900; taken++) {
        const told = `seed ${seed}, snapshot ${taken}`;
        await run(['discard']);
        if (dice() < 600) {
          await run(['select', '0']);
          for (const words of bigOnes(taken)) await run(words);
        }
        for (let n = dice() % 40; n > 0; n--) await run(commands[next++ % 4000]!);
        const expected = pair.record(live);
        const format = new RecordingFormat(live.engine.keyspace);
        let ended: Error | null | undefined;
        const backlog = { pendingBytes: 0, onDrain: null as (() => void) | null };
        snapshots.start({
          format,
          backlog,
          onEnd: (error) => {
            ended = error;
          },
        });
        const abortAt = dice() < 200 ? dice() % 60 : -1;
        for (let turn = 0; snapshots.active; turn++) {
          const lot = dice();
          if (turn === abortAt) snapshots.abort(new Error('enough'));
          else if (lot < 450) snapshots.step(1 + (dice() % 5));
          else if (lot < 460) pair.advance(dice() % 150);
          else if (lot < 470) pair.evict(KEYS[dice() % KEYS.length]!);
          else if (lot < 475) await run(rare[dice() % 200]!);
          else await run(commands[next++ % 4000]!);
          await null;
        }
        if (ended === null) {
          assertSameEntries(format.entries, expected, told);
          assertSettled(live, told);
          bigs += format.bigs;
        } else assert.ok(abortAt >= 0, `${told}: ${ended?.stack}`);
        await run(['discard']);
        assertSameEntries(pair.record(live), pair.record(twin), `${told}, live`);
      }
      await run(['discard']);
      await run(['flushall']);
      for (let n = 0; n < 100; n++) pair.advance(100);
      const { memory } = live.engine.keyspace;
      const left = {
        arena: memory.arena.liveBytes,
        tables: memory.tableBytes,
        externals: memory.externals.count,
        externalBytes: memory.externals.bytes,
      };
      assert.deepEqual(
        left,
        { arena: 0, tables: 0, externals: 0, externalBytes: 0 },
        `seed ${seed}: something is left`,
      );
    }
    assert.ok(bigs > 0 && postponed > 0, `${bigs} big entries, ${postponed} postponed`);
  });
}

it('rdb-key-save-delay keeps the snapshot waiting, but not a client that waits for the snapshot', async () => {
  const redis = inProcess();
  const turns: (() => void)[] = [];
  const snapshots = new Snapshots(redis.engine, { schedule: (run) => turns.push(run) });
  const work = async (): Promise<void> => {
    for (let n = 0; n < 100; n++) {
      for (const turn of turns.splice(0)) turn();
      redis.clock.advance(10);
      await null;
    }
  };
  for (const words of bigOnes(0)) redis.call(...words);
  const format = new RecordingFormat(redis.engine.keyspace);
  const expected = new RecordingFormat(redis.engine.keyspace);
  snapshots.runNow(expected);
  redis.set('rdb-key-save-delay', '2000000000');
  let ended = false;
  snapshots.start({
    format,
    backlog: null,
    onEnd: () => {
      ended = true;
    },
  });
  await work();
  assert.equal(snapshots.keysWritten, 1);
  const clients = ['l1', 't1', 'z1', 'h1'].map((key) => {
    const client = redis.connect();
    return { client, now: client.raw('SADD', key, 'x').length > 0 };
  });
  const atOnce = clients.filter(({ now }) => now).length;
  assert.ok(atOnce <= 1, `${atOnce} had been written`);
  await work();
  for (const { client, now } of clients) assert.equal(client.received().length, now ? 0 : 1);
  assert.equal(ended, false);
  redis.set('rdb-key-save-delay', '0');
  await work();
  assert.equal(ended, true);
  assertSameEntries(format.entries, expected.entries, 'delayed');
});

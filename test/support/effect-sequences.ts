/**
 * Random sequences of commands of every family by several clients, while time passes: keys that expire and are evicted,
 * MULTI, clients that wait. And what an engine tells while it runs one.
 */
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { type CommandSpec, WRITE } from '../../src/engine/command-spec.ts';
import { TO_AOF } from '../../src/engine/effects/propagation.ts';
import { CollectingSink, showEffects } from './effect-pair.ts';
import { type InProcess, type InProcessClient, inProcess } from './in-process.ts';
import { commandFromSpec, DATA_GROUPS } from './spec-generator.ts';

const CLIENTS = 3;
const LEFT_OUT = new Set(['migrate', 'wait', 'waitaof', 'pfselftest', 'dump', 'restore', 'pfdebug']);

export interface Step {
  readonly client: number;
  /** Empty: time passes. */
  readonly words: readonly string[];
  readonly ms: number;
}

export function steps(maxLength: number, minLength = 1): fc.Arbitrary<Step[]> {
  const made: { weight: number; arbitrary: fc.Arbitrary<string[]> }[] = [];
  for (const spec of ALL_COMMANDS) {
    if ((!DATA_GROUPS.has(spec.group) && spec.group !== 'transactions') || LEFT_OUT.has(spec.name)) continue;
    // Those that read only find keys that have expired.
    const weight = (spec.flags & WRITE) !== 0 ? 6 : 1;
    if (spec.subcommands === undefined)
      made.push({ weight, arbitrary: commandFromSpec(spec as CommandSpec) });
    else {
      for (const sub of spec.subcommands)
        made.push({ weight: 2, arbitrary: commandFromSpec(sub, spec.name) });
    }
  }
  const key = fc.constantFrom('s1', 's2', 'l1', 'l2', 't1', 'z1', 'h1', 'x1', 'g1', 'p1');
  const ms = fc.constantFrom('1', '20', '50', '150', '1000');
  const line = (text: string): fc.Arbitrary<string[]> =>
    fc
      .tuple(key, key, ms)
      .map(([k, q, t]) => text.replace('$k', k).replace('$q', q).replace('$t', t).split(' '));
  const lines = [
    'SET $k v PX $t',
    'PSETEX $k $t v',
    'PEXPIRE $k $t',
    'PEXPIRE $k $t LT',
    'PEXPIRE $k $t',
    'GETEX s1 PX $t',
    'SET $k v PX $t GET',
    'PEXPIRE $k -5',
    'XADD x1 * a b',
    'XADD x1 MAXLEN ~ 3 * a b',
    'XADD x2 MINID ~ 5 6-* a b',
    'XREADGROUP GROUP grp c BLOCK 30 STREAMS x1 >',
    'XREADGROUP GROUP grp2 c NOACK STREAMS x1 >',
    'XREADGROUP GROUP grp c STREAMS x1 >',
    'XGROUP CREATE x1 grp 0 MKSTREAM',
    'XAUTOCLAIM x1 grp d 0 0',
    'BLPOP l1 l2 0.1',
    'BRPOPLPUSH l1 l2 0.05',
    'BLMOVE l1 l2 LEFT LEFT 0.05',
    'BLMPOP 0.1 2 l1 l2 LEFT COUNT 2',
    'BZPOPMIN z1 z2 0.1',
    'BZMPOP 0.1 1 z1 MAX COUNT 2',
    'RPUSH l1 a b c',
    'LPUSH l2 a',
    'ZADD z1 1 a 2 b 3 c',
    'SADD t1 a b c d e f g h i j',
    'SPOP t1 3',
    'SPOP t1 9',
    'SPOP t1',
    'SCAN 0',
    'RANDOMKEY',
    'SELECT 0',
    'SELECT 1',
    'GEOADD g1 13.361389 38.115556 a 15.087269 37.502669 b',
    'INCRBYFLOAT s1 1.5',
    'HINCRBYFLOAT h1 b 1.5',
    'PFADD p1 a b',
    'SORT l1 ALPHA STORE l2',
    'HSET h1 a 1 b 2 c 3',
    'SWAPDB 0 1',
    'FLUSHDB',
    'MOVE $k 1',
    'COPY $k $q DB 1 REPLACE',
    'COPY $k $q REPLACE',
    'RENAME $k $q',
    'MULTI',
    'MULTI',
    'EXEC',
    'EXEC',
    'EXEC',
    'CONFIG SET maxmemory 1',
    'CONFIG SET maxmemory 0',
    'CONFIG SET maxmemory 0',
    'CONFIG SET lazyfree-lazy-expire yes',
    'CONFIG SET set-max-intset-entries 2',
    'CONFIG SET stream-node-max-entries 2',
    'CONFIG SET list-max-listpack-size 2',
    'CONFIG SET hash-max-listpack-entries 2',
    'CONFIG SET zset-max-listpack-entries 2',
  ];
  for (const text of lines) {
    // Eviction leaves nothing, so it has to be rare.
    const weight = /maxmemory 1|FLUSHDB/.test(text) ? 1 : 5;
    made.push({ weight, arbitrary: line(text) });
  }
  const client = fc.nat(CLIENTS - 1);
  const command = fc
    .tuple(client, fc.oneof(...made))
    .map(([at, words]): Step => ({ client: at, words, ms: 0 }));
  const pause = fc
    .constantFrom(1, 10, 60, 110, 250)
    .map((time): Step => ({ client: 0, words: [], ms: time }));
  return fc.array(fc.oneof({ weight: 12, arbitrary: command }, { weight: 1, arbitrary: pause }), {
    minLength,
    maxLength,
    size: 'max',
  });
}

export const SEQUENCE_DIRECTIVES = {
  'enable-debug-command': 'yes',
  'maxmemory-policy': 'allkeys-random',
  databases: '3',
};

/** Runs a sequence. Returns the engine, and what it has told. */
export function record(sequence: readonly Step[], seed: number): { redis: InProcess; stream: Buffer } {
  const redis = inProcess(SEQUENCE_DIRECTIVES, seed);
  const sink = new CollectingSink();
  redis.engine.propagation.attach(sink, TO_AOF);
  const clients: InProcessClient[] = [];
  for (let i = 0; i < CLIENTS; i++) clients.push(redis.connect());
  for (const { client, words, ms } of sequence) {
    if (words.length === 0) redis.clock.advance(ms);
    else clients[client]!.raw(...words.map((word) => Buffer.from(word, 'latin1')));
  }
  redis.engine.propagation.detach(sink);
  return { redis, stream: sink.take() };
}

export function showSteps(sequence: readonly Step[]): string {
  return sequence
    .map(({ client, words, ms }) =>
      words.length === 0 ? `pause ${ms}` : `${client} ${showEffects([words])}`,
    )
    .join('\n');
}

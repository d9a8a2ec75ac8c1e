/**
 * The property that the append-only file and replicas live on: who is told the stream of effects, and nothing else,
 * comes to the same data. Random commands of every family by several clients, keys that expire and are evicted, MULTI,
 * clients that wait; then the stream runs in a second engine, and DEBUG DIGEST, every deadline, and what is pending in
 * consumer groups must be the same.
 *
 *     FC_SEED=123 FC_RUNS=5000 npm test -- effects-replay
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import type { CommandSpec } from '../../src/engine/command-spec.ts';
import { TO_AOF } from '../../src/engine/effects/propagation.ts';
import { EXPIRE_IGNORED } from '../../src/keyspace/keyspace.ts';
import { CollectingSink, commandsIn, showEffects } from '../support/effect-pair.ts';
import { type InProcess, type InProcessClient, inProcess } from '../support/in-process.ts';
import type { Reply } from '../support/reply-framer.ts';
import { commandFromSpec, DATA_GROUPS } from '../support/spec-generator.ts';

const CLIENTS = 3;
const LEFT_OUT = new Set(['migrate', 'wait', 'waitaof', 'pfselftest', 'dump', 'restore', 'pfdebug']);

interface Step {
  readonly client: number;
  /** Empty: time passes. */
  readonly words: readonly string[];
  readonly ms: number;
}

function steps(maxLength: number): fc.Arbitrary<Step[]> {
  const made: { weight: number; arbitrary: fc.Arbitrary<string[]> }[] = [];
  for (const spec of ALL_COMMANDS) {
    if ((!DATA_GROUPS.has(spec.group) && spec.group !== 'transactions') || LEFT_OUT.has(spec.name)) continue;
    const weight = spec.group === 'stream' ? 6 : 4;
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
    minLength: 1,
    maxLength,
    size: 'max',
  });
}

const DIRECTIVES = { 'enable-debug-command': 'yes', 'maxmemory-policy': 'allkeys-random', databases: '3' };

/** Null, or what is wrong. */
function run(sequence: readonly Step[], seed: number): string | null {
  const redis = inProcess(DIRECTIVES, seed);
  const sink = new CollectingSink();
  redis.engine.propagation.attach(sink, TO_AOF);
  const clients: InProcessClient[] = [];
  for (let i = 0; i < CLIENTS; i++) clients.push(redis.connect());
  for (const { client, words, ms } of sequence) {
    if (words.length === 0) redis.clock.advance(ms);
    else clients[client]!.raw(...words.map((word) => Buffer.from(word, 'latin1')));
  }
  const stream = sink.take();
  redis.engine.propagation.detach(sink);
  const commands = commandsIn(stream);
  const copy = inProcess(DIRECTIVES, seed + 1);
  copy.clock.jumpWallTo(redis.clock.wallMs());
  copy.engine.keyspace.expireMode = EXPIRE_IGNORED;
  copy.engine.debug.activeExpire = false;
  copy.client.mustObey = true;
  for (const words of commands) {
    const reply = copy.call(...words.map((word) => Buffer.from(word, 'latin1')));
    if (reply instanceof Error) return `${showEffects([words])}: ${reply.message}\n${showEffects(commands)}`;
  }
  redis.engine.keyspace.expireMode = EXPIRE_IGNORED;
  const [ours, theirs] = [stateOf(redis), stateOf(copy)];
  if (ours === theirs) return null;
  return `${ours}\n--- told:\n${showEffects(commands)}\n--- came to:\n${theirs}`;
}

function stateOf(redis: InProcess): string {
  const client = redis.connect();
  const lines = [`digest ${String(client.call('DEBUG', 'DIGEST'))}`];
  for (let db = 0; db < 3; db++) {
    client.call('SELECT', db);
    const keys = (client.call('KEYS', '*') as Reply[]).map(String).sort();
    for (const key of keys) {
      const name = Buffer.from(key, 'latin1');
      lines.push(`${db} ${JSON.stringify(key)} until ${String(client.call('PEXPIRETIME', name))}`);
      if (String(client.call('TYPE', name)) === 'stream') lines.push(...streamState(client, name));
    }
  }
  return lines.join('\n');
}

function streamState(client: InProcessClient, key: Buffer): string[] {
  const info = fields(client.call('XINFO', 'STREAM', key));
  const lines = ['length', 'last-generated-id', 'max-deleted-entry-id', 'entries-added'].map(
    (name) => `  ${name} ${String(info.get(name))}`,
  );
  for (const group of client.call('XINFO', 'GROUPS', key) as Reply[]) {
    const about = fields(group);
    const name = String(about.get('name'));
    lines.push(`  group ${name} at ${String(about.get('last-delivered-id'))}`);
    const pending = client.call('XPENDING', key, name, '-', '+', 1000) as Reply[][];
    lines.push(...pending.map(([id, consumer]) => `    ${String(id)} of ${String(consumer)}`));
  }
  return lines;
}

function fields(reply: Reply): Map<string, Reply> {
  const found = new Map<string, Reply>();
  const flat = reply as Reply[];
  for (let i = 0; i < flat.length; i += 2) found.set(String(flat[i]), flat[i + 1]!);
  return found;
}

describe('the stream of effects', () => {
  it('leads to the same data', () => {
    let wrong: string | null = null;
    const property = fc.property(steps(120), fc.nat(1000), (sequence, seed) => {
      const found = run(sequence, seed);
      wrong = found ?? wrong;
      return found === null;
    });
    const { FC_SEED, FC_RUNS } = process.env;
    const result = fc.check(property, {
      numRuns: FC_RUNS ? Number(FC_RUNS) : 300,
      ...(FC_SEED ? { seed: Number(FC_SEED) } : {}),
    });
    if (!result.failed) return;
    const [sequence] = result.counterexample ?? [[]];
    const lines = (sequence as Step[]).map(({ client, words, ms }) =>
      words.length === 0 ? `pause ${ms}` : `${client} ${showEffects([words])}`,
    );
    assert.fail(`seed ${result.seed}\n${lines.join('\n')}\n=> ${wrong ?? String(result.errorInstance)}`);
  });
});

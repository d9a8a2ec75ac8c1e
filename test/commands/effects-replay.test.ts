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
import { EXPIRE_IGNORED } from '../../src/keyspace/keyspace.ts';
import { commandsIn, showEffects } from '../support/effect-pair.ts';
import { record, SEQUENCE_DIRECTIVES, type Step, showSteps, steps } from '../support/effect-sequences.ts';
import { type InProcess, type InProcessClient, inProcess } from '../support/in-process.ts';
import type { Reply } from '../support/reply-framer.ts';

/** Null, or what is wrong. */
function run(sequence: readonly Step[], seed: number): string | null {
  const { redis, stream } = record(sequence, seed);
  const commands = commandsIn(stream);
  const copy = inProcess(SEQUENCE_DIRECTIVES, seed + 1);
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
    assert.fail(
      `seed ${result.seed}\n${showSteps(sequence as Step[])}\n=> ${wrong ?? String(result.errorInstance)}`,
    );
  });
});

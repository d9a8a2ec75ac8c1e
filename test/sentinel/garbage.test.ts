/** A sentinel that is told nonsense believes what redis-sentinel believes, and lives. */
import { it } from 'node:test';
import { garbage } from './support/garbage.ts';
import { forcedMix } from './support/mixes.ts';

it('garbage: forged hellos, senseless commands and fuzzed bytes', async (t) => {
  const seed = Number(process.env.FC_SEED ?? Date.now() % 1_000_000);
  const mix = forcedMix() ?? { sentinels: ['ours'], servers: ['ours', 'ours'] };
  t.diagnostic(await garbage(mix, seed, 100));
});

/** Full syncs of every kind between ours and real servers, under writes, end in equal data. */
import { describe, it } from 'node:test';
import { namePairing, pairings } from './support/node.ts';
import { fullSync } from './support/scenarios.ts';

describe('full sync', { concurrency: 2 }, () => {
  for (const pairing of pairings()) {
    const name = namePairing(pairing);
    it(`${name}: from disk, two replicas`, () =>
      fullSync({ ...pairing, transfer: 'disk', seed: 11, batches: 4, replicas: 2 }));
    it(`${name}: diskless, straight into a second set of databases, with append-only files`, () =>
      fullSync({ ...pairing, transfer: 'diskless', load: 'swapdb', seed: 12, batches: 4, aof: true }));
  }
});

/** Full syncs that are cut at many bytes; nobody sees half a data set. `npm run soak:replication` cuts at hundreds. */
import { describe, it } from 'node:test';
import { namePairing, pairings } from './support/node.ts';
import { cutEverywhere, killings, type Load, type Transfer } from './support/scenarios.ts';

const WAYS: readonly (readonly [Transfer, Load])[] = [
  ['disk', 'disabled'],
  ['diskless', 'swapdb'],
  ['diskless', 'on-empty-db'],
  ['diskless', 'disabled'],
];

describe('a full sync is cut', { concurrency: 3 }, () => {
  pairings().forEach((pairing, i) => {
    const [transfer, load] = WAYS[i]!;
    it(`${namePairing(pairing)}: ${transfer}, ${load}`, () =>
      cutEverywhere({ ...pairing, transfer, load, positions: 5, parallel: 3, keys: 3000 }).then(() => {}));
  });
});

describe('servers are killed', { concurrency: 3 }, () => {
  pairings().forEach((pairing, i) => {
    it(namePairing(pairing), () => killings({ ...pairing, seed: 31 + i, rounds: 2 }));
  });
});

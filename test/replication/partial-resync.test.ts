/** Who had the history so far goes on with it: after a cut link, below a replica, behind a promotion. */
import { describe, it } from 'node:test';
import { type Kind, namePairing, pairings } from './support/node.ts';
import { chain, cutAndContinue, noStorm, promotion } from './support/scenarios.ts';

describe('partial resync', { concurrency: 3 }, () => {
  for (const pairing of pairings()) {
    const { master, replica } = pairing;
    const name = namePairing(pairing);
    it(`${name}: after cuts`, () => cutAndContinue({ ...pairing, seed: 21, rounds: 4 }));
    it(`${name}: a chain of three`, () => chain([master, replica, master], 22, 3));
    // The other replica is of the master's kind, so that each of both follows each.
    const kinds: [Kind, Kind, Kind] = [master, replica, master];
    it(`${name}: promotion, and back`, () => promotion(kinds, 23, 3));
    it(`${name}: a master that hangs up is not stormed`, () => noStorm(pairing, 3));
  }
});

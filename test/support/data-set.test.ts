/** The data set of the interop tests gives the same data in both servers, before any file is written. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dataSet, fill } from './data-set.ts';
import { assertSameData, fingerprint } from './fingerprint.ts';
import { findOracle, NO_ORACLE } from './oracle.ts';
import { startServer } from './server-process.ts';

describe('data set', () => {
  it('is the same for a seed and another one for another', () => {
    assert.deepEqual(dataSet({ seed: 3, scale: 0.1 }), dataSet({ seed: 3, scale: 0.1 }));
    assert.notDeepEqual(dataSet({ seed: 3, scale: 0.1 }), dataSet({ seed: 4, scale: 0.1 }));
  });

  const oracle = findOracle();
  it('gives the same data in both servers', { skip: oracle === null ? NO_ORACLE : false }, async (t) => {
    const servers = await Promise.all([
      startServer({ directives: { 'enable-debug-command': 'yes' } }),
      startServer({ command: [oracle!], directives: { 'enable-debug-command': 'yes' } }),
    ]);
    t.after(() => Promise.all(servers.map((server) => server.stop())));
    const [ours, theirs] = await Promise.all(servers.map((server) => server.connect()));
    for (const seed of [1, 2]) {
      const commands = dataSet({ seed });
      for (const client of [ours!, theirs!]) {
        await client.send('FLUSHALL');
        await fill(client, commands);
      }
      const options = { seenTimes: false };
      assertSameData(await fingerprint(ours!, options), await fingerprint(theirs!, options), `seed ${seed}`);
    }
    await Promise.all([ours!.close(), theirs!.close()]);
  });
});

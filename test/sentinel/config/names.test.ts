/** Names instead of addresses: one that does not resolve yet is no reason to stop, nor to lose it from the file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../support/server-process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { fields } from '../support/group.ts';
import { Member } from '../support/member.ts';

for (const announce of ['no', 'yes'] as const) {
  test(`names in the file, announce-hostnames ${announce}`, async () => {
    const sentinel = new Member('ours', 'sentinel', await freePort());
    try {
      sentinel.configure({
        bind: '127.0.0.1',
        port: sentinel.port,
        dir: sentinel.dir,
        sentinel: [
          'monitor here localhost 1 2',
          'monitor nowhere nowhere.invalid 1 2',
          'known-replica nowhere other.invalid 2',
          'resolve-hostnames yes',
          `announce-hostnames ${announce}`,
        ],
      });
      await sentinel.start();
      const shown = announce === 'yes' ? 'localhost' : '127.0.0.1';
      const ip = async () => fields(await sentinel.ok('SENTINEL', 'MASTER', 'here')).get('ip');
      await waitFor(async () => (await ip()) === shown, { what: 'localhost to be looked up' });
      await waitFor(
        () =>
          ['nowhere', 'other'].every((name) =>
            sentinel.output.includes(`# Failed to resolve hostname '${name}.invalid'\n`),
          ),
        { timeoutMs: 20_000, what: 'the log to tell of names' },
      );
      await sentinel.ok('SENTINEL', 'FLUSHCONFIG');
      assert.match(
        sentinel.config,
        new RegExp(`^sentinel monitor here ${shown.replaceAll('.', '\\.')} 1 2$`, 'm'),
      );
      assert.match(sentinel.config, /^sentinel monitor nowhere nowhere\.invalid 1 2$/m);
      assert.match(sentinel.config, /^sentinel known-replica nowhere other\.invalid 2$/m);
    } finally {
      await sentinel.stop();
    }
  });
}

/**
 * A disk that is really full: a small tmpfs, on which a server appends until nothing fits. It takes root to mount one.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RawClient } from '../support/raw-client.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

const MB = 1024 * 1024;
const MOUNT = mkdtempSync(join(tmpdir(), 'ts-redis-full-'));

function mount(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'skipped: only root can mount a tmpfs';
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', MOUNT]);
  return status === 0 ? false : `skipped: no tmpfs can be mounted here: ${stderr}`;
}

const skip = mount();

describe('a full disk', { skip }, () => {
  after(() => {
    spawnSync('umount', [MOUNT]);
    rmSync(MOUNT, { recursive: true, force: true });
  });

  describe('the append-only file', () => {
    const directives = {
      appendonly: 'yes',
      appendfsync: 'everysec',
      'auto-aof-rewrite-percentage': 0,
      rdbcompression: 'no',
    };
    const dir = join(MOUNT, 'aof');
    let server: ServerProcess;
    let client: RawClient;

    before(async () => {
      spawnSync('mkdir', [dir]);
      server = await startServer({ dir, directives });
      client = await server.connect();
    });
    after(() => server.stop());

    it('refuses writers, serves readers, goes on when there is space, and has lost nothing', async () => {
      const ballast = join(MOUNT, 'ballast');
      writeFileSync(ballast, Buffer.alloc(MB));
      const answered: string[] = [];
      let refusal = '';
      for (let i = 0; i < 5000 && refusal === ''; i++) {
        const reply = String(await client.call('SET', `key:${i}`, 'x'.repeat(1000)));
        if (reply === 'OK') answered.push(`key:${i}`);
        else refusal = reply;
      }
      assert.match(refusal, /^(Error: )?MISCONF Errors writing to the AOF file: No space left on device/);
      assert.equal(String(await client.call('GET', 'key:0')).length, 1000);
      assert.match(String(await client.call('INFO', 'persistence')), /aof_last_write_status:err/);
      assert.match(
        server.output,
        /Error writing to the AOF file: No space left on device|Short write while writing to the AOF file/,
      );

      rmSync(ballast);
      await waitFor(async () => String(await client.call('SET', 'after', 'x')) === 'OK', {
        timeoutMs: 10_000,
      });
      answered.push('after');
      assert.match(String(await client.call('INFO', 'persistence')), /aof_last_write_status:ok/);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      server.kill('SIGKILL');
      await server.exited;

      server = await startServer({ dir, directives: { ...directives, 'aof-load-truncated': 'no' } });
      client = await server.connect();
      await waitFor(async () => String(await client.call('PING')) === 'PONG');
      assert.equal(await client.call('DBSIZE'), answered.length);
      assert.equal(await client.call('EXISTS', ...answered), answered.length);
    });

    it('cannot be rewritten, and says so; later it can', async () => {
      const { bavail, bsize } = statfsSync(MOUNT);
      const ballast = join(MOUNT, 'ballast');
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 200_000)));
      const info = async (): Promise<string> => String(await client.call('INFO', 'persistence'));
      const rewrite = async (): Promise<string> => {
        await client.call('BGREWRITEAOF');
        return waitFor(async () => {
          const text = await info();
          const ended =
            text.includes('aof_rewrite_in_progress:0') && text.includes('aof_rewrite_scheduled:0');
          return ended ? text : null;
        });
      };
      assert.match(await rewrite(), /aof_last_bgrewrite_status:err/);
      await waitFor(() => !readdirSync(dir).some((name) => name.startsWith('temp')), { what: 'no remains' });
      rmSync(ballast);
      await client.call('FLUSHALL');
      await client.call('SET', 'only', 'this');
      assert.match(await rewrite(), /aof_last_bgrewrite_status:ok/);
      await server.stop();
      server = await startServer({ dir, directives });
      client = await server.connect();
      await waitFor(async () => String(await client.call('PING')) === 'PONG');
      assert.deepEqual(await client.call('KEYS', '*'), ['only']);
    });
  });

  describe('snapshots', () => {
    const dir = join(MOUNT, 'rdb');
    let server: ServerProcess;
    let client: RawClient;

    before(async () => {
      spawnSync('mkdir', [dir]);
      const directives = { save: '900 1', rdbcompression: 'no' };
      server = await startServer({ dir, directives });
      client = await server.connect();
    });
    after(() => server.stop());

    for (const command of ['SAVE', 'BGSAVE']) {
      it(`${command}: the old file stays, writers are refused, the next one succeeds`, async () => {
        const finished = (): Promise<string> =>
          waitFor(async () => {
            const text = String(await client.call('INFO', 'persistence'));
            return text.includes('rdb_bgsave_in_progress:0') ? text : null;
          });
        await client.call('FLUSHALL');
        await client.call('SET', 'small', 'x');
        assert.equal(await client.call('SAVE'), 'OK');
        for (let i = 0; i < 30; i++) await client.call('SET', `key:${i}`, 'x'.repeat(100_000));
        const reply = String(await client.call(command));
        if (command === 'SAVE') assert.equal(reply, 'Error: ERR');
        const text = await finished();
        // The status, and what writers are told by it, is that of background saves.
        const status = command === 'SAVE' ? 'ok' : 'err';
        assert.match(text, new RegExp(`rdb_last_bgsave_status:${status}`));
        if (status === 'err') assert.match(String(await client.call('SET', 'more', 'x')), /MISCONF/);
        assert.equal(await client.call('GET', 'small'), 'x');
        assert.deepEqual(
          readdirSync(dir).filter((name) => name.startsWith('temp')),
          [],
        );
        assert.match(server.output, /Write error saving DB on disk(\((.*)\))?: No space left on device/);

        assert.equal(await client.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no'), 'OK');
        await client.call('FLUSHALL');
        assert.equal(await client.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes'), 'OK');
        await client.call(command);
        assert.match(await finished(), /rdb_last_bgsave_status:ok/);
        assert.equal(await client.call('SET', 'more', 'x'), 'OK');
      });
    }
  });
});

/** The file is on disk before anything is acted on, and stays whole whatever happens. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SaveFs } from '../../../src/sentinel/config/save.ts';
import { launch, SENTINEL_COMMAND } from '../../process/launch.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type ErrorReply, parseReply, type Reply } from '../../support/reply-framer.ts';
import { freePort } from '../../support/server-process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { findRealSentinel, hasReal, Member, NO_REAL } from '../support/member.ts';
import { fileWith, ID, load, saver, scratch, textOf } from './support.ts';

const SAVED = 'notice Sentinel new configuration saved on disk';
const MONITOR = 'sentinel monitor m 127.0.0.1 1 2\n';

/** The file system, but for some of it; `calls` tells what was asked of it. */
function fsWith(changes: Partial<SaveFs>, calls: string[] = []): SaveFs {
  const real: SaveFs = { ...fs, readFileSync: (path) => readFileSync(path) };
  const told = (name: keyof SaveFs) =>
    function (this: unknown, ...args: never[]) {
      calls.push(name);
      return ({ ...real, ...changes }[name] as (...args: never[]) => unknown)(...args);
    };
  return Object.fromEntries(
    (Object.keys(PARTS) as (keyof SaveFs)[]).map((name) => [name, told(name)]),
  ) as never;
}

const PARTS: Record<keyof SaveFs, true> = {
  openSync: true,
  closeSync: true,
  fstatSync: true,
  fsyncSync: true,
  ftruncateSync: true,
  readFileSync: true,
  renameSync: true,
  rmSync: true,
  statSync: true,
  writeSync: true,
};

function failing(code: string): () => never {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

describe('saving', () => {
  test('is synced, renamed, and the folder synced', () => {
    const path = fileWith(MONITOR);
    chmodSync(path, 0o600);
    const loaded = load(path);
    const calls: string[] = [];
    const logged: string[] = [];
    loaded.state.masters.get('m')!.leaderEpoch = 9;
    assert.equal(saver(loaded, logged, fsWith({}, calls)).save(loaded.state), true);
    assert.deepEqual(
      calls.filter((name) => /rename|fsync/.test(name)),
      ['fsyncSync', 'renameSync', 'fsyncSync'],
    );
    assert.deepEqual(logged, [SAVED]);
    assert.match(textOf(path), /^sentinel leader-epoch m 9$/m);
    assert.equal(statSync(path).mode & 0o777, 0o600, 'passwords stay where they are');
    assert.deepEqual(readdirSync(join(path, '..')), ['sentinel.conf']);
  });

  test('a file that is gone is written anew', () => {
    const path = fileWith(MONITOR);
    const loaded = load(path);
    rmSync(path);
    assert.equal(saver(loaded).save(loaded.state), true);
    assert.match(textOf(path), /^sentinel monitor m 127\.0\.0\.1 1 2$/m);
  });

  test('what fails leaves the old file, and is told', () => {
    const path = fileWith(MONITOR);
    const loaded = load(path);
    for (const name of ['writeSync', 'fsyncSync', 'renameSync', 'openSync'] as const) {
      const logged: string[] = [];
      const one = saver(loaded, logged, fsWith({ [name]: failing('ENOSPC') }));
      assert.equal(one.save(loaded.state), false, name);
      assert.deepEqual(logged, [
        'warning WARNING: Sentinel was not able to save the new configuration on disk!!!: No space left on device',
      ]);
      assert.equal(one.problem, 'No space left on device');
      assert.equal(readFileSync(path, 'latin1'), MONITOR);
      assert.deepEqual(readdirSync(join(path, '..')), ['sentinel.conf']);
    }
  });

  for (const code of ['EBUSY', 'EXDEV']) {
    test(`${code}: in place, told once, and never a line of the old text behind the new one`, () => {
      const path = fileWith(`${MONITOR}${'# a long comment that goes\n'.repeat(1)}${'\n'.repeat(4000)}`);
      const loaded = load(path);
      const logged: string[] = [];
      const inode = statSync(path).ino;
      let seen = '';
      const rig = fsWith({
        renameSync: failing(code),
        ftruncateSync: (fd, length) => {
          seen = readFileSync(path, 'latin1');
          fs.ftruncateSync(fd, length);
        },
      });
      const one = saver(loaded, logged, rig);
      assert.equal(one.save(loaded.state), true);
      assert.equal(one.save(loaded.state), true);
      assert.equal(statSync(path).ino, inode);
      assert.equal(logged.filter((line) => line.includes('written in place')).length, 1);
      assert.equal(logged.filter((line) => line === SAVED).length, 2);
      assert.equal(seen.trimEnd(), textOf(path), 'before it is cut, only line breaks follow');
      assert.deepEqual(readdirSync(join(path, '..')), ['sentinel.conf']);
    });
  }

  test('a folder in which nothing can be made: in place', () => {
    const path = fileWith(MONITOR);
    const loaded = load(path);
    const openSync: SaveFs['openSync'] = (name, flags, mode) =>
      flags === 'wx' ? failing('EROFS')() : fs.openSync(name, flags, mode);
    assert.equal(saver(loaded, [], fsWith({ openSync })).save(loaded.state), true);
    assert.match(textOf(path), /^sentinel current-epoch 0$/m);
  });
});

/** Whether this process may mount a file over another in a namespace of its own. */
function canMount(): boolean {
  const folder = scratch();
  writeFileSync(join(folder, 'a'), '');
  writeFileSync(join(folder, 'b'), '');
  const script = 'mount --bind "$0/a" "$0/b"';
  return spawnSync('unshare', ['-m', 'sh', '-c', script, folder]).status === 0;
}

test('a file that is mounted, as into a container, is written in place', async (t) => {
  if (!canMount()) return t.skip('skipped: this user may not mount');
  const port = await freePort();
  const outside = fileWith(`bind 127.0.0.1\nport ${port}\n${MONITOR}`);
  const inside = fileWith('');
  const script = 'mount --bind "$0" "$1" && shift && exec "$@"';
  const command = ['unshare', '-m', 'sh', '-c', script, outside, inside, ...SENTINEL_COMMAND];
  const sentinel = launch([inside], { command });
  await sentinel.sees('Sentinel ID is');
  await sentinel.sees(/cannot be replaced \(Device or resource busy\): it is written in place/);
  assert.match(textOf(outside), /^sentinel myid [0-9a-f]{40}$/m);
  const client = await RawClient.connect({ port });
  assert.equal(await client.call('SENTINEL', 'SET', 'm', 'quorum', '5'), 'OK');
  client.socket.destroy();
  assert.match(textOf(outside), /^sentinel monitor m 127\.0\.0\.1 1 5$/m);
  await sentinel.end('SIGKILL');
  assert.equal(readFileSync(inside, 'latin1'), '', 'nobody else has written there');
  assert.deepEqual(readdirSync(join(inside, '..')), ['sentinel.conf']);
});

/** Makes a file one that nobody may change, not even root; false if that cannot be done here. */
function petrify(path: string, on: boolean): boolean {
  return spawnSync('chattr', [on ? '+i' : '-i', path]).status === 0;
}

async function watching(): Promise<Member> {
  const sentinel = new Member('ours', 'sentinel', await freePort());
  sentinel.configure({
    bind: '127.0.0.1',
    port: sentinel.port,
    dir: sentinel.dir,
    sentinel: ['monitor m 127.0.0.1 1 2', 'down-after-milliseconds m 3600000'],
  });
  await sentinel.start();
  return sentinel;
}

function ask(sentinel: Member, epoch: number, id: string): Promise<Reply> {
  return sentinel.call('SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', '1', String(epoch), id);
}

describe('a vote that was given', () => {
  test('is in the file when the reply comes, and outlives kill -9', async () => {
    const sentinel = await watching();
    try {
      for (let round = 1; round <= 4; round++) {
        const epoch = round * 10;
        const [mine, other] = ['a', 'b'].map((letter) => letter.repeat(39) + round);
        assert.deepEqual(await ask(sentinel, epoch, mine!), [0, mine, epoch]);
        await sentinel.kill();
        assert.match(sentinel.config, new RegExp(`^sentinel leader-epoch m ${epoch}$`, 'm'));
        assert.match(sentinel.config, new RegExp(`^sentinel current-epoch ${epoch}$`, 'm'));
        await sentinel.start();
        const [, leader] = (await ask(sentinel, epoch, other!)) as [number, string, number];
        assert.notEqual(leader, other, 'nobody else gets a vote of this epoch');
      }
    } finally {
      await sentinel.stop();
    }
  });

  test('is there whenever the process is killed amid many', async () => {
    const sentinel = await watching();
    try {
      let epoch = 0;
      for (const replies of [1, 7, 30]) {
        const client = await sentinel.connect();
        for (let i = 1; i <= 60; i++) {
          const asked = ['IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', '1', String(epoch + i), ID];
          client.sendNoReply('SENTINEL', ...asked);
        }
        let told = 0;
        for (let i = 0; i < replies; i++) {
          const reply = parseReply(await client.nextReply()) as [number, string, number];
          assert.equal(reply[1], ID);
          told = reply[2];
        }
        await sentinel.kill();
        client.socket.destroy();
        const saved = Number(/^sentinel leader-epoch m (\d+)$/m.exec(sentinel.config)?.[1]);
        assert.ok(saved >= told && told > epoch, `told ${told}, saved ${saved}`);
        epoch = saved;
        await sentinel.start();
      }
    } finally {
      await sentinel.stop();
    }
  });

  test('is not told if it cannot be saved', async (t) => {
    const sentinel = await watching();
    try {
      if (!petrify(sentinel.configFile, true)) return t.skip('skipped: chattr +i does not work here');
      const [, leader] = (await ask(sentinel, 10, ID)) as [number, string, number];
      assert.notEqual(leader, ID);
      const flush = await sentinel.call('SENTINEL', 'FLUSHCONFIG');
      assert.equal((flush as ErrorReply).message, 'ERR Failed to save config file. Check server logs.');
      assert.match(
        sentinel.output,
        /WARNING: Sentinel was not able to save the new configuration on disk!!!/,
      );
    } finally {
      petrify(sentinel.configFile, false);
      await sentinel.stop();
    }
  });
});

describe('a sentinel needs a file that it can write', () => {
  for (const kind of ['ours', 'real'] as const) {
    test(`${kind}: what it says without`, async (t) => {
      if (kind === 'real' && !hasReal()) return t.skip(NO_REAL);
      const member = new Member(kind, 'sentinel', await freePort());
      try {
        rmSync(member.configFile, { force: true });
        member.launch();
        assert.equal(await member.exited, 1);
        await waitFor(() => member.output !== '', { what: 'its words' });
        assert.match(member.output, /Fatal error, can't open config file '.*': No such file or directory/);
      } finally {
        await member.stop();
      }
      const command = kind === 'real' ? [findRealSentinel()!] : SENTINEL_COMMAND;
      const none = spawnSync(command[0]!, [...command.slice(1), '--port', String(await freePort())], {
        timeout: 10_000,
      });
      assert.equal(none.status, 1);
      assert.match(
        none.stdout.toString(),
        /# Sentinel needs config file on disk to save state\. Exiting\.\.\.$/m,
      );
      const port = await freePort();
      const path = fileWith(`port ${port}\n`);
      if (!petrify(path, true)) return;
      try {
        const refused = spawnSync(command[0]!, [...command.slice(1), path], { timeout: 10_000 });
        assert.equal(refused.status, 1);
        const told = `# Sentinel config file ${path} is not writable: Operation not permitted. Exiting...\n`;
        assert.ok(refused.stdout.toString().endsWith(told), refused.stdout.toString());
      } finally {
        petrify(path, false);
      }
    });
  }
});

test('a link that somebody put where the new file is made is not followed', () => {
  const path = fileWith(MONITOR);
  const victim = join(scratch(), 'victim');
  writeFileSync(victim, 'mine');
  fs.symlinkSync(victim, join(path, '..', `.sentinel.conf.${process.pid}-rewrite.tmp`));
  const loaded = load(path);
  assert.equal(saver(loaded).save(loaded.state), true);
  assert.equal(readFileSync(victim, 'latin1'), 'mine');
  assert.match(textOf(path), /^sentinel monitor m /m);
  assert.ok(fs.lstatSync(path).isFile());
});

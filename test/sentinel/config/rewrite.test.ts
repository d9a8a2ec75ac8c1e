/** The file that a sentinel writes, and who can start with it: ours and redis-sentinel take turns. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sentinelLines } from '../../../src/sentinel/config/lines.ts';
import { freePort, REPOSITORY } from '../../support/server-process.ts';
import { hasReal, NO_REAL } from '../support/member.ts';
import { fileWith, ID, load, rewrittenByOurs, rewrittenByReal, saver, scratch, sorted } from './support.ts';

const SHARED = join(REPOSITORY, '..', 'shared', 'data');
const OTHER = 'cd'.repeat(20);

/** All there is, twice. */
const FULL = `# the first line

sentinel known-replica m2 127.0.0.1 23
sentinel auth-pass m1 pass
sentinel auth-user m1 user
sentinel monitor m1 127.0.0.1 7 2
SENTINEL monitor m2 127.0.0.1 8 3
  # a comment
sentinel down-after-milliseconds m1 30000
sentinel down-after-milliseconds m2 1000
sentinel parallel-syncs m2 5
sentinel failover-timeout m2 60001
sentinel rename-command m2 CONFIG GUESSME
sentinel notification-script m2 /bin/true
sentinel client-reconfig-script m2 /bin/true
sentinel master-reboot-down-after-period m2 100
sentinel known-replica m1 127.0.0.1 24
sentinel known-replica m1 127.0.0.1 22
sentinel known-sentinel m1 127.0.0.1 9 ${OTHER}
sentinel known-sentinel m2 127.0.0.1 9 ${OTHER}
sentinel config-epoch m1 4
sentinel leader-epoch m1 5
sentinel current-epoch 3
sentinel sentinel-user su
sentinel sentinel-pass sp
sentinel announce-ip 1.2.3.4
sentinel announce-port 777
sentinel deny-scripts-reconfig no
save 60 1


maxclients 100
# the last line
`;

async function withPort(text: string): Promise<string> {
  const port = await freePort();
  return /^port .*$/m.test(text)
    ? text.replace(/^port .*$/m, `port ${port}`)
    : text.replace(/\n?$/, `\nport ${port}\n`);
}

/** Its own id, and where a file of its own is, differ; users that were read are shown with all their flags. */
function lines(text: string): string[] {
  const bare = text
    .replace(/^sentinel myid .*$/m, 'sentinel myid ID')
    .replace(/^dir "\/.*$/m, 'dir DIR')
    .replace(' sanitize-payload', '');
  return sorted(bare);
}

/** Each writes the same text its own way; then each reads what the other wrote. */
async function takeTurns(text: string): Promise<void> {
  const given = await withPort(text);
  const byReal = fileWith(given);
  const byOurs = fileWith(given);
  const real = await rewrittenByReal(byReal);
  const ours = rewrittenByOurs(byOurs);
  assert.deepEqual(lines(ours), lines(real));
  assert.equal(rewrittenByOurs(byReal), real, 'ours changes nothing in what the real one has written');
  // It writes at its start only if it has no id yet.
  writeFileSync(byOurs, ours.replace(/^sentinel myid .*\n/m, ''));
  assert.deepEqual(
    lines(await rewrittenByReal(byOurs)),
    lines(ours),
    'nor the real one in what ours has written',
  );
}

describe('the same file is rewritten to the same lines', () => {
  test('with everything in it', async (t) => {
    if (!hasReal()) return t.skip(NO_REAL);
    await takeTurns(FULL);
  });

  test('with hardly anything in it', async (t) => {
    if (!hasReal()) return t.skip(NO_REAL);
    await takeTurns('sentinel monitor mymaster 127.0.0.1 6379 2');
    await takeTurns('# nothing but a comment');
  });

  for (const version of ['4.0.11', '5.0.14', '6.2.14', '7.0.15', '7.2.4']) {
    test(`the file of ${version}`, async (t) => {
      const path = join(SHARED, 'stock-conf', version, 'sentinel.conf');
      if (!existsSync(path)) return t.skip('skipped: no stock-conf beside the repository');
      if (!hasReal()) return t.skip(NO_REAL);
      await takeTurns(readFileSync(path, 'latin1'));
    });
  }
});

describe('ours alone', () => {
  test("the guide's file, with comments behind its directives", (t) => {
    const original = join(SHARED, 'guide', 'sentinel.conf');
    if (!existsSync(original)) return t.skip('skipped: no guide beside the repository');
    const path = join(scratch(), 'sentinel.conf');
    copyFileSync(original, path);
    chmodSync(path, 0o600);
    const text = rewrittenByOurs(path);
    const old = readFileSync(original, 'latin1').trimEnd().split('\n');
    assert.deepEqual(
      text.split('\n').slice(0, old.length),
      old.map((line) => line.trim()),
      'all lines stay',
    );
    assert.ok(text.includes(`\nsentinel myid ${ID}\n`));
    assert.equal(rewrittenByOurs(path), text);
  });

  test('a known-slave of old becomes a known-replica, which redis-sentinel forgets to do', () => {
    const path = fileWith('sentinel monitor m 127.0.0.1 1 2\nsentinel known-slave m 127.0.0.1 2\n');
    const text = rewrittenByOurs(path);
    assert.match(text, /^sentinel monitor m 127\.0\.0\.1 1 2\nsentinel known-replica m 127\.0\.0\.1 2\n/);
    assert.ok(!text.includes('known-slave'));
  });

  test('what is gone loses its lines, and only those', () => {
    const path = fileWith('sentinel monitor a 127.0.0.1 1 2\nsentinel monitor b 127.0.0.1 2 2\n');
    const text = rewrittenByOurs(path);
    writeFileSync(path, text.replaceAll(/^sentinel [a-z-]+ a .*\n/gm, ''));
    assert.ok(!/ a /.test(rewrittenByOurs(path)));
    assert.match(rewrittenByOurs(path), /^sentinel monitor b 127\.0\.0\.1 2 2$/m);
  });

  test('a line break in a password writes no directive', () => {
    const path = fileWith('sentinel monitor m 127.0.0.1 1 2\nsentinel auth-pass m "x\\nport 1"\n');
    const text = rewrittenByOurs(path);
    assert.match(text, /^sentinel auth-pass m "x\\nport 1"$/m);
    assert.equal(rewrittenByOurs(path), text);
    assert.deepEqual(readdirSync(join(path, '..')), ['sentinel.conf'], 'no temporary file stays');
  });

  test('a run id that begins with # is no comment', () => {
    const id = `#${'x'.repeat(39)}`;
    const path = fileWith(
      `sentinel monitor m 127.0.0.1 1 2\nsentinel known-sentinel m 127.0.0.1 2 "${id}"\n`,
    );
    rewrittenByOurs(path);
    assert.deepEqual([...load(path).state.masters.get('m')!.sentinels.keys()], [id]);
  });

  test('names stand in the file only if they will be resolved when it is read', () => {
    const path = fileWith('sentinel resolve-hostnames yes\nsentinel monitor m localhost 1 2\n');
    const { state } = load(path);
    state.announceHostnames = true;
    state.masters.get('m')!.address.ip = '127.0.0.1';
    assert.ok(sentinelLines(state).includes('sentinel monitor m localhost 1 2'));
    state.resolveHostnames = false;
    assert.ok(sentinelLines(state).includes('sentinel monitor m 127.0.0.1 1 2'));
  });

  test('masters of an included file are there after the next start, too', () => {
    const path = fileWith('include masters.conf\n');
    const included = join(path, '..', 'masters.conf');
    const text = 'sentinel monitor m 127.0.0.1 1 2\nsentinel down-after-milliseconds m 5\n';
    writeFileSync(included, text);
    const first = load(path);
    first.state.myId = ID;
    const [m] = first.state.masters.values();
    assert.equal(m!.downAfterMs, 5);
    m!.downAfterMs = 30_000; // The default, so it has no line.
    saver(first).save(first.state);
    writeFileSync(included, `${text}sentinel monitor new 127.0.0.1 3 2\n`);
    const again = load(path).state.masters;
    assert.deepEqual(
      [...again.values()].map(({ name, downAfterMs }) => [name, downAfterMs]),
      [
        ['new', 30_000],
        ['m', 30_000],
      ],
    );
    assert.equal(readFileSync(included, 'latin1').startsWith(text), true);
  });

  test('two replicas whose names resolve to one address are one in the file', () => {
    const monitor = 'sentinel resolve-hostnames yes\nsentinel monitor m 127.0.0.1 1 2\n';
    const path = fileWith(`${monitor}sentinel known-replica m a.b 2\nsentinel known-replica m c.d 2\n`);
    const loaded = load(path);
    const replicas = [...loaded.state.masters.get('m')!.replicas.values()];
    assert.equal(replicas.length, 2);
    for (const { address } of replicas) address.ip = '127.0.0.9';
    saver(loaded).save(loaded.state);
    assert.equal(load(path).state.masters.get('m')!.replicas.size, 1);
  });

  test('a renamed command keeps its bytes', () => {
    const text = 'sentinel monitor m 127.0.0.1 1 2\nsentinel rename-command m "get\\xff" x\n';
    const path = fileWith(text);
    assert.ok(rewrittenByOurs(path).includes('sentinel rename-command m GET\xff x\n'));
    assert.deepEqual([...load(path).state.masters.get('m')!.renamedCommands.keys()], ['get\xff']);
  });
});

/** Users of configurations and ACL files: what starts, what does not, and what is written; the same as redis-server. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Node } from '../replication/support/node.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { launch, messages, runToEnd, scratchFolder, startServer } from './launch.ts';

const oracle = findOracle();

/** Users of a configuration, and of an ACL file where there is one. */
const BAD: readonly { conf?: string; file?: string }[] = [
  { conf: 'user a on +foo' },
  { conf: 'user a on (+foo)' },
  { conf: 'user a +config|foo' },
  { conf: 'user "a b" on' },
  { conf: 'user a on\nuser a on' },
  { conf: 'user a on', file: '' },
  { conf: 'aclfile nosuch.acl' },
  { file: 'user a on +foo\nuser b on bar\nuser a on\nuser c ~* ~a\nfoo bar\nuser\nuser q (on\n# comment\n' },
  { file: 'user a >x <y #zz' },
  { file: 'user default on\nuser default on' },
  { file: 'user a on "+get"' },
];

/** The end of a start that fails: its complaints, with neither times nor pids. */
async function refusal(command: readonly string[] | null, bad: (typeof BAD)[number]): Promise<string[]> {
  const folder = scratchFolder();
  const port = await freePort();
  writeFileSync(join(folder, 'users.acl'), bad.file ?? '');
  const aclfile = bad.file === undefined ? '' : 'aclfile users.acl\n';
  writeFileSync(
    join(folder, 'c.conf'),
    `port ${port}\nbind 127.0.0.1\nsave ""\n${bad.conf ?? ''}\n${aclfile}`,
  );
  const ended = await runToEnd(['c.conf'], { cwd: folder, ...(command && { command }) });
  assert.equal(ended.code, 1);
  const log = ended.stdout === '' ? [] : messages(ended.stdout);
  const noise =
    /starting|Redis version|Configuration loaded|overcommit|Running mode|initialized|monotonic|backlog/;
  const complaints = log.filter((line) => !noise.test(line) && !/^\s*(?:[_.`'|-]|$)/.test(line));
  // Of an error of the configuration, the line and what is wrong with it.
  return [...complaints, ...ended.stderr.split('\n').filter((line) => !/^\*\*\*|^In file/.test(line))];
}

describe('users that stop a start', { skip: oracle === null && NO_ORACLE }, () => {
  for (const bad of BAD) {
    test(JSON.stringify(bad), async () => {
      assert.deepEqual(await refusal(null, bad), await refusal([oracle!], bad));
    });
  }
});

test('a rule that is wrong in itself is found when the configuration is read, and named', async () => {
  const words = await runToEnd(['--port', '0', '--user', 'a', 'on', '~*', '~x']);
  assert.equal(words.code, 1);
  assert.match(words.stderr, /Error in user declaration '~x': Adding a pattern after the \* pattern/);
});

const USERS = [
  'user alice on >pw ~app:* &news +@read +@connection -keys (%W~out:* +@write)',
  'user bob off -@all',
  'user carl on nopass +@all -@admin ~*',
  '',
].join('\n');

/** Redis names single commands in no certain order; and a default user that is declared is reset, which adds a word. */
function inAnyOrder(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(' sanitize-payload', '').split(' ').sort().join(' '));
}

describe('files of users go back and forth', { skip: oracle === null && NO_ORACLE }, () => {
  const programs = [
    ['ours', null],
    ['real', [oracle!]],
  ] as const;
  for (const [name, command] of programs) {
    for (const [other, otherCommand] of programs) {
      if (name === other && name === 'real') continue;
      test(`an ACL file written by ${name} starts ${other}`, async () => {
        const folder = scratchFolder();
        writeFileSync(join(folder, 'users.acl'), USERS, { mode: 0o600 });
        const directives = { aclfile: 'users.acl', requirepass: 'secret' };
        const first = await startServer({ dir: folder, directives, ...(command && { command }) });
        const client = await first.connect();
        // The file has no default user: it is as at the very first.
        const lines = (await client.call('ACL', 'LIST')) as string[];
        assert.equal(lines[3], 'user default on nopass ~* &* +@all');
        await client.call('ACL', 'SETUSER', 'dora', 'on', '>d', '+@all', '-@dangerous', '+select|0');
        await client.call('ACL', 'SETUSER', 'default', 'resetpass', '>new');
        assert.equal(await client.call('ACL', 'SAVE'), 'OK');
        assert.equal(await client.call('CONFIG', 'REWRITE'), 'OK');
        const saved = readFileSync(join(folder, 'users.acl'), 'latin1');
        const listed = (await client.call('ACL', 'LIST')) as string[];
        assert.equal(saved, `${listed.join('\n')}\n`);
        if (name === 'ours') assert.equal(statSync(join(folder, 'users.acl')).mode & 0o777, 0o600);
        await first.stop();
        const second = await startServer({
          dir: folder,
          directives,
          ...(otherCommand && { command: otherCommand }),
        });
        const again = await second.connect();
        assert.equal(await again.call('AUTH', 'new'), 'OK');
        assert.deepEqual(inAnyOrder((await again.call('ACL', 'LIST')) as string[]), inAnyOrder(listed));
        await second.stop();
      });

      test(`a configuration rewritten by ${name} starts ${other}`, async () => {
        const folder = scratchFolder();
        const port = await freePort();
        const file = join(folder, 'own.conf');
        const own = `port ${port}\nbind 127.0.0.1\nsave ""\ndir ${folder}\nrequirepass secret\n`;
        writeFileSync(file, own + USERS);
        const first = await launch([file], { cwd: folder, ...(command && { command }) }).ready();
        const client = await RawClient.connect({ port });
        await client.call('AUTH', 'secret');
        await client.call('ACL', 'DELUSER', 'bob');
        await client.call('ACL', 'SETUSER', 'dora', 'on', '>d', '+@all', '-@dangerous', '+select|0');
        const listed = (await client.call('ACL', 'LIST')) as string[];
        assert.equal(await client.call('CONFIG', 'REWRITE'), 'OK');
        await first.end();
        const again = await launch([file], {
          cwd: folder,
          ...(otherCommand && { command: otherCommand }),
        }).ready();
        const next = await RawClient.connect({ port });
        assert.equal(await next.call('AUTH', 'secret'), 'OK');
        assert.deepEqual(inAnyOrder((await next.call('ACL', 'LIST')) as string[]), inAnyOrder(listed));
        await again.end();
      });
    }
  }
});

test('ACL LOAD: all or nothing; clients of users that are replaced are closed', async () => {
  const folder = scratchFolder();
  const file = join(folder, 'users.acl');
  writeFileSync(file, 'user alice on nopass ~* +@all\n');
  const server = await startServer({ dir: folder, directives: { aclfile: 'users.acl' } });
  const admin = await server.connect();
  const alice = await server.connect();
  assert.equal(await alice.call('AUTH', 'alice', 'x'), 'OK');
  writeFileSync(file, 'user alice on nopass +nosuch\n');
  assert.match(
    String(await admin.call('ACL', 'LOAD')),
    /users\.acl:1: Error in applying operation '\+nosuch': Unknown command or category name in ACL\. WARNING: ACL errors detected/,
  );
  assert.equal(await alice.call('PING'), 'PONG');
  writeFileSync(file, 'user alice on nopass +ping\nuser default on >pw ~* +@all\n');
  assert.equal(await admin.call('ACL', 'LOAD'), 'OK');
  await waitFor(() => alice.isClosed, { what: 'alice to be closed' });
  assert.equal(await admin.call('PING'), 'PONG');
  const newcomer = await server.connect();
  assert.match(String(await newcomer.call('PING')), /NOAUTH/);
  await server.stop();
});

test('rules may name commands that rename-command has taken away, and mean renamed ones by their own names', async () => {
  const server = await startServer({
    directives: {
      'rename-command': ['CONFIG ""', 'GET fetch'],
      user: 'u on nopass ~* -@all +config|get +get',
    },
  });
  const client = await server.connect();
  assert.match(String(await client.call('ACL', 'SETUSER', 'v', '+config', '+fetch')), /Unknown command/);
  assert.equal(await client.call('ACL', 'SETUSER', 'v', '+config', '-config|set'), 'OK');
  assert.equal(await client.call('AUTH', 'u', 'x'), 'OK');
  assert.equal(await client.call('FETCH', 'a'), null);
  assert.match(String(await client.call('CONFIG', 'GET', 'x')), /unknown command/);
  await server.stop();
});

test('ACL SAVE of several clients at the same time', async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'users.acl'), '');
  const server = await startServer({ dir: folder, directives: { aclfile: 'users.acl' } });
  const clients = await Promise.all([1, 2, 3, 4].map(() => server.connect()));
  const saves = clients.map((client) => client.call('ACL', 'SAVE'));
  assert.deepEqual(await Promise.all(saves), ['OK', 'OK', 'OK', 'OK']);
  await server.stop();
});

test('a replica logs in as masteruser, who needs no more than psync, replconf and ping', async () => {
  const users = { 'acllog-max-len': 10, requirepass: 'root' };
  for (const master of oracle === null ? (['ours'] as const) : (['ours', 'real'] as const)) {
    const first = await Node.start(master, users);
    const client = await first.connect();
    await client.call('AUTH', 'root');
    await client.call('ACL', 'SETUSER', 'repl', 'on', '>r', '+psync', '+replconf', '+ping');
    const replica = await Node.start('ours', {
      replicaof: `127.0.0.1 ${first.port}`,
      masteruser: 'repl',
      masterauth: 'r',
    });
    await client.call('SET', 'k', 'v');
    const asked = await replica.connect();
    await waitFor(async () => (await asked.call('GET', 'k')) === 'v', { what: 'the replica to have it' });
    // What the master sends is not a matter of users.
    await asked.call('ACL', 'SETUSER', 'default', '-set', '-del');
    await client.call('SET', 'k', 'w');
    await waitFor(async () => (await asked.call('GET', 'k')) === 'w', {
      what: 'the replica to have the next',
    });
    await replica.stop();
    await first.stop();
  }
});

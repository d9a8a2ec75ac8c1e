/**
 * MIGRATE between a real server and ours, in both directions: whatever moves is the same on the other side, and what
 * goes wrong is told in the same words.
 */
import assert from 'node:assert/strict';
import { createServer, type Server as NetServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { dataSet, fill, HISTORIC } from '../support/data-set.ts';
import { assertSameData, fingerprint } from '../support/fingerprint.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { freePort, type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

const oracle = findOracle();

describe('MIGRATE', { skip: oracle === null ? NO_ORACLE : false }, () => {
  const servers: ServerProcess[] = [];
  let ours: RawClient;
  let theirs: RawClient;

  before(async () => {
    const directives = { 'enable-debug-command': 'yes' };
    servers.push(
      ...(await Promise.all([startServer({ directives }), startServer({ command: [oracle!], directives })])),
    );
    [ours, theirs] = (await Promise.all(servers.map((server) => server.connect()))) as [RawClient, RawClient];
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  const empty = async (): Promise<void> => {
    for (const client of [ours, theirs]) {
      await client.call('FLUSHALL');
      await client.call('SELECT', 0);
    }
  };
  const target = (client: RawClient): [string, number] => [
    '127.0.0.1',
    servers[client === ours ? 1 : 0]!.port,
  ];

  for (const direction of ['from ours', 'from theirs']) {
    const sides = (): [RawClient, RawClient] => (direction === 'from ours' ? [ours, theirs] : [theirs, ours]);

    it(`moves every kind of value, ${direction}`, async () => {
      await empty();
      const [from, to] = sides();
      // Time to live travels as what is left of it: see the next test.
      await fill(
        from,
        dataSet({ databases: [0] }).filter((args) => !String(args[1]).startsWith('expires:')),
      );
      const expected = await fingerprint(from, { encodingsExcept: HISTORIC });
      const keys = [...expected.keys.keys()].map((name) => Buffer.from(name.slice(2), 'latin1'));
      for (let i = 0; i < keys.length; i += 100) {
        const some = keys.slice(i, i + 100);
        assert.equal(await from.call('MIGRATE', ...target(from), '', 0, 10_000, 'KEYS', ...some), 'OK');
      }
      assert.equal(await from.call('DBSIZE'), 0);
      assertSameData(await fingerprint(to, { encodingsExcept: HISTORIC }), expected);
    });

    it(`moves a long list and keeps time to live, ${direction}`, async () => {
      await empty();
      const [from, to] = sides();
      const element = 'x'.repeat(1000);
      for (let i = 0; i < 20; i++) {
        await from.pipeline(
          Array.from({ length: 500 }, (_, j) => ['RPUSH', 'list', `${element}${i * 500 + j}`]),
        );
      }
      await from.call('PEXPIRE', 'list', 100_000);
      const digest = await from.call('DEBUG', 'DIGEST-VALUE', 'list');
      assert.equal(await from.call('MIGRATE', ...target(from), 'list', 9, 10_000), 'OK');
      assert.equal(await from.call('EXISTS', 'list'), 0);
      await to.call('SELECT', 9);
      assert.deepEqual(await to.call('DEBUG', 'DIGEST-VALUE', 'list'), digest);
      const ttl = Number(await to.call('PTTL', 'list'));
      assert.ok(ttl > 90_000 && ttl <= 100_000, `${ttl}`);
      await to.call('SELECT', 0);
    });
  }

  it('answers in the same words', async () => {
    await empty();
    const closed = await freePort();
    const cases: [string, (client: RawClient) => (string | number)[]][] = [
      ['no such key', (client) => [...target(client), 'nokey', 0, 1000]],
      ['no key at all', (client) => [...target(client), '', 0, 1000, 'KEYS']],
      ['key and KEYS', (client) => [...target(client), 'k', 0, 1000, 'KEYS', 'a']],
      ['options', (client) => [...target(client), 'k', 0, 1000, 'FOO']],
      ['AUTH without', (client) => [...target(client), 'k', 0, 1000, 'AUTH']],
      ['AUTH2 with one', (client) => [...target(client), 'k', 0, 1000, 'AUTH2', 'u']],
      ['time-out', (client) => [...target(client), 'k', 0, 'x']],
      ['database', (client) => [...target(client), 'k', 'x', 100]],
      ['options before numbers', (client) => [...target(client), 'k', 'x', 100, 'FOO']],
      ['busy', (client) => [...target(client), 'busy', 0, 1000, 'COPY']],
      ['copy and replace', (client) => [...target(client), 'busy', 0, 1000, 'REPLACE', 'COPY']],
      ['some busy', (client) => [...target(client), '', 0, 1000, 'COPY', 'KEYS', 'k', 'busy', 'nokey']],
      ['no such database', (client) => [...target(client), 'busy', 99, 1000]],
      ['negative database', (client) => [...target(client), 'busy', -1, 1000]],
      ['a wrong password', (client) => [...target(client), 'busy', 0, 1000, 'AUTH2', 'nobody', 'secret']],
      ['no such host', () => ['no-such-host.invalid', 1, 'busy', 0, 1000]],
      ['nobody there', () => ['127.0.0.1', closed, 'busy', 0, 1000]],
      ['no port', () => ['127.0.0.1', 'x', 'busy', 0, 0]],
      ['a port beyond', () => ['127.0.0.1', 70_000, 'busy', 0, 0]],
    ];
    for (const [name, args] of cases) {
      for (const client of [ours, theirs])
        await client.pipeline([['FLUSHALL'], ['MSET', 'busy', '1', 'k', '2']]);
      await theirs.call('DEL', 'k');
      await ours.call('DEL', 'k');
      const a = await ours.send('MIGRATE', ...args(ours));
      for (const client of [ours, theirs])
        await client.pipeline([['FLUSHALL'], ['MSET', 'busy', '1', 'k', '2']]);
      await theirs.call('DEL', 'k');
      await ours.call('DEL', 'k');
      const b = await theirs.send('MIGRATE', ...args(theirs));
      assert.equal(a.toString('latin1'), b.toString('latin1'), name);
    }
  });

  it('removes only what the target has taken', async () => {
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await empty();
      await from.call('MSET', 'a', '1', 'b', '2', 'c', '3', 'd', '4');
      await to.call('MSET', 'b', '_', 'd', '_');
      const reply = await from.send(
        'MIGRATE',
        ...target(from),
        '',
        0,
        5000,
        'KEYS',
        'a',
        'b',
        'c',
        'd',
        'no',
      );
      const busy = '-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n';
      assert.equal(reply.toString('latin1'), busy);
      assert.deepEqual(await from.call('MGET', 'a', 'b', 'c', 'd'), [null, '2', null, '4']);
      assert.deepEqual(await to.call('MGET', 'a', 'b', 'c', 'd'), ['1', '_', '3', '_']);
    }
  });

  it('authenticates', async () => {
    await empty();
    await theirs.call('CONFIG', 'SET', 'requirepass', 'secret');
    try {
      await ours.call('SET', 'k', 'v');
      const options = [...target(ours), 'k', 0, 1000, 'REPLACE', 'COPY'] as const;
      for (const auth of [
        ['AUTH', 'secret'],
        ['AUTH2', 'default', 'secret'],
      ]) {
        assert.equal(await ours.call('MIGRATE', ...options, ...auth), 'OK');
      }
      const wrong = String(await ours.call('MIGRATE', ...options, 'AUTH', 'wrong'));
      assert.match(wrong, /ERR Target instance replied with error: WRONGPASS/);
      assert.equal(await ours.call('GET', 'k'), 'v');
    } finally {
      await theirs.call('CONFIG', 'SET', 'requirepass', '');
    }
  });

  it('gives up on a target that does not answer, and leaves the key', async () => {
    await empty();
    const silent = await listenSilently();
    try {
      await ours.call('SET', 'k', 'v');
      const started = performance.now();
      const reply = await ours.send('MIGRATE', '127.0.0.1', portOf(silent), 'k', 0, 300);
      assert.equal(reply.toString(), '-IOERR error or timeout reading to target instance\r\n');
      assert.ok(performance.now() - started < 3000);
      assert.equal(await ours.call('GET', 'k'), 'v');
      assert.match(String(await ours.call('INFO', 'stats')), /migrate_cached_sockets:[01]\r/);
    } finally {
      silent.close();
    }
  });

  it('serves others meanwhile; who would change the key waits', async () => {
    await empty();
    const silent = await listenSilently();
    const other = await servers[0]!.connect();
    const reader = await servers[0]!.connect();
    try {
      await ours.call('MSET', 'k', 'v', 'other', '1');
      const migrating = ours.call('MIGRATE', '127.0.0.1', portOf(silent), 'k', 0, 1000);
      await waitFor(async () => String(await reader.call('CLIENT', 'LIST')).includes('cmd=migrate'), {
        timeoutMs: 1000,
      });
      let changed = false;
      const change = other.call('APPEND', 'k', 'w').then((reply) => {
        changed = true;
        return reply;
      });
      assert.equal(await reader.call('GET', 'k'), 'v');
      assert.equal(await reader.call('INCR', 'other'), 2);
      assert.equal(changed, false);
      assert.match(String(await migrating), /IOERR/);
      assert.equal(await change, 2);
    } finally {
      silent.close();
      await Promise.all([other.close(), reader.close()]);
    }
  });

  it('works in a transaction, among other commands', async () => {
    await empty();
    await ours.call('MSET', 'a', '1', 'b', '2');
    await ours.pipeline([['MULTI'], ['GET', 'a'], ['MIGRATE', ...target(ours), 'a', 0, 1000], ['GET', 'b']]);
    assert.deepEqual(await ours.call('EXEC'), ['1', 'OK', '2']);
    assert.equal(await ours.call('EXISTS', 'a'), 0);
    assert.equal(await theirs.call('GET', 'a'), '1');
  });
});

async function listenSilently(): Promise<NetServer> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: NetServer): number {
  return (server.address() as { port: number }).port;
}

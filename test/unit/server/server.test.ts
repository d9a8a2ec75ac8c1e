/** The composition root: servers that share a process, the cron under a clock of its own, shutdown step by step. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ServerConfig } from '../../../src/config/config.ts';
import { openFilesLimit } from '../../../src/server/open-files.ts';
import { processTitle } from '../../../src/server/process-title.ts';
import { Server, type ServerOptions, StartError } from '../../../src/server/server.ts';
import { ManualClock } from '../../../src/util/clock.ts';
import { seededRandom } from '../../../src/util/random.ts';
import { RawClient } from '../../support/raw-client.ts';
import { freePort } from '../../support/server-process.ts';

const DEFAULT = { save: 'default', now: false, force: false } as const;
const servers: Server[] = [];
after(async () => {
  for (const server of servers) await server.shutdown({ ...DEFAULT, force: true });
});

/** A server that logs into `lines`. */
async function make(
  directives: Readonly<Record<string, string | number>> = {},
  options: Partial<ServerOptions> = {},
): Promise<{ server: Server; port: number; lines: string[] }> {
  const port = await freePort();
  const config = new ServerConfig();
  const all = { bind: '127.0.0.1', port, ...directives };
  config.load({
    options: Object.entries(all)
      .map(([name, value]) => `${name} ${value}`)
      .join('\n'),
  });
  const lines: string[] = [];
  const logSink = { write: (text: string) => lines.push(text), flush() {}, close() {} };
  const server = new Server({ config, logSink, ...options });
  servers.push(server);
  return { server, port, lines };
}

test('two servers in one process share nothing', async () => {
  const a = await make({ databases: 2, requirepass: 'secret' });
  const b = await make();
  await a.server.start();
  await b.server.start();
  const toA = await RawClient.connect({ port: a.port });
  const toB = await RawClient.connect({ port: b.port });
  await toA.call('AUTH', 'secret');
  await toA.call('SET', 'k', 'of a');
  await toB.call('SET', 'k', 'of b');
  await toB.call('SET', 'other', '1');
  assert.deepEqual([await toA.call('GET', 'k'), await toB.call('GET', 'k')], ['of a', 'of b']);
  assert.deepEqual([await toA.call('DBSIZE'), await toB.call('DBSIZE')], [1, 2]);
  assert.equal(await toA.call('CONFIG', 'SET', 'maxmemory', '1gb'), 'OK');
  assert.deepEqual(await toB.call('CONFIG', 'GET', 'maxmemory'), ['maxmemory', '0']);
  assert.notEqual(a.server.runId, b.server.runId);

  assert.equal(await a.server.shutdown(DEFAULT), null);
  await a.server.stopped;
  await toA.waitClosed();
  assert.equal(await toB.call('GET', 'k'), 'of b');
  assert.match(a.lines.at(-1)!, /bye bye/);
  assert.doesNotMatch(b.lines.join(''), /bye bye/);
  await toB.close();
});

test('a server that cannot start leaves nothing open', async () => {
  const first = await make();
  await first.server.start();
  // IPv4 can be listened on, the second address cannot.
  const second = await make({ bind: `127.0.0.2 127.0.0.1`, port: first.port });
  await assert.rejects(second.server.start(), StartError);
  assert.deepEqual(second.server.listeners, []);
  const third = await make({ bind: '127.0.0.2', port: first.port });
  await third.server.start();
});

describe('cron', () => {
  test('runs the jobs hz times a second, in order, and follows CONFIG SET hz', async () => {
    const clock = new ManualClock();
    const { server } = await make({ hz: 10 }, { clock, timers: clock, random: seededRandom(1) });
    await server.start();
    const ran: string[] = [];
    let seenMs = 0;
    server.engine.cron.push({ name: 'a', run: () => ran.push('a') });
    server.engine.cron.push({
      name: 'b',
      run: (nowMs) => {
        ran.push('b');
        seenMs = nowMs;
      },
    });
    clock.advance(1000);
    assert.equal(ran.join(''), 'ab'.repeat(10));
    assert.equal(seenMs, clock.wallMs());
    await server.config.set([['hz', '100']]);
    clock.advance(100);
    ran.length = 0;
    clock.advance(1000);
    assert.equal(ran.length, 200);
  });

  test('follows the wall clock when somebody sets it', async () => {
    const clock = new ManualClock();
    const { server } = await make({}, { clock, timers: clock, random: seededRandom(1) });
    await server.start();
    clock.jumpWallTo(2_000_000_000_000);
    clock.advance(100);
    assert.equal(server.engine.nowMs, 2_000_000_000_100);
  });

  test('stands still under DEBUG PAUSE-CRON, but not the clock', async () => {
    const clock = new ManualClock();
    const { server } = await make({}, { clock, timers: clock, random: seededRandom(1) });
    await server.start();
    let ran = 0;
    server.engine.cron.push({ name: 'count', run: () => ran++ });
    server.engine.debug.cronPaused = true;
    clock.advance(1000);
    assert.equal(ran, 0);
    assert.equal(server.engine.nowMs, clock.wallMs());
  });
});

describe('shutdown', () => {
  test('a step that fails keeps the server, unless forced', async () => {
    const { server, lines } = await make();
    await server.start();
    server.shutdownSteps.push(() => 'the disk is full');
    assert.equal(await server.shutdown(DEFAULT), 'Errors trying to SHUTDOWN. Check logs.');
    assert.equal(server.isShuttingDown, false);
    assert.equal(server.listeners.length, 1);
    assert.doesNotMatch(lines.join(''), /bye bye/);
    assert.equal(await server.shutdown({ ...DEFAULT, force: true }), null);
    assert.equal(server.listeners.length, 0);
  });

  test('can be aborted while a step goes on; asking twice is asking once', async () => {
    const { server, lines } = await make();
    await server.start();
    let finish = (): void => {};
    server.shutdownSteps.push(() => new Promise((resolve) => (finish = () => resolve(null))));
    assert.equal(server.abortShutdown(), false);
    const ended = server.shutdown(DEFAULT);
    assert.equal(server.shutdown(DEFAULT), ended);
    assert.equal(server.isShuttingDown, true);
    assert.equal(server.abortShutdown(), true);
    assert.equal(server.abortShutdown(), false);
    finish();
    assert.equal(await ended, 'Errors trying to SHUTDOWN. Check logs.');
    assert.equal(server.isShuttingDown, false);
    assert.match(lines.join(''), /Shutdown manually aborted/);
    server.shutdownSteps.length = 0;
    assert.equal(await server.shutdown(DEFAULT), null);
  });
});

test('the title of the process', () => {
  const title = (options: string) => {
    const config = new ServerConfig();
    config.load({ options });
    return processTitle(config, '/usr/local/bin/ts-redis-server');
  };
  assert.equal(title(''), 'ts-redis-server *:6379');
  assert.equal(title('bind 127.0.0.1 -::1\nport 7'), 'ts-redis-server 127.0.0.1:7');
  assert.equal(title('port 0\nunixsocket /tmp/s'), 'ts-redis-server /tmp/s');
  assert.equal(title('cluster-enabled yes'), 'ts-redis-server *:6379 [cluster]');
  assert.equal(title('proc-title-template "{port} {tls-port} <{unixsocket}{config-file}>"'), '6379 0 <>');
});

test('the limit of open files is known where there is /proc', () => {
  const limit = openFilesLimit();
  if (process.platform === 'linux') assert.ok(limit !== null && limit > 32);
});

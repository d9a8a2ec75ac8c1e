/** One sentinel and a master that is no good, on a clock that is moved by hand: what it does about it, and how often. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { OneProcess, saw, type Watcher } from './support/one-process.ts';

const all = new OneProcess();
const servers: Server[] = [];
const sockets: Socket[] = [];
after(async () => {
  await all.close();
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

interface Peer {
  readonly port: number;
  /** Connections so far. */
  count: number;
}

async function peer(onData: (socket: Socket, text: string) => void): Promise<Peer> {
  const server = createServer((socket) => {
    made.count++;
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => onData(socket, chunk.toString('latin1')));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const made = { port: (server.address() as { port: number }).port, count: 0 };
  return made;
}

function watch(port: number, ...more: readonly string[]): Promise<Watcher> {
  return all.sentinel([
    `sentinel monitor m 127.0.0.1 ${port} 1`,
    'sentinel down-after-milliseconds m 2000',
    ...more,
  ]);
}

describe('a master that', () => {
  test('accepts connections and says nothing is down in time; its links are made anew, not often', async () => {
    const mute = await peer(() => {});
    const watcher = await watch(mute.port);
    const took = await all.until(() => saw(watcher, '+sdown master m'), 5000, 'down');
    assert.ok(took >= 2000 && took <= 2500, `${took}`);
    assert.equal(mute.count, 2);
    // No sooner than fifteen seconds after a link was made.
    await all.until(() => mute.count > 2, 20_000, 'a new link');
    await all.pass(40_000);
    assert.ok(mute.count <= 10, `${mute.count}`);
    await all.end(watcher.node);
  });

  test('closes at once is asked once in a second, and is down', async () => {
    const closing = await peer((socket) => socket.destroy());
    const watcher = await watch(closing.port);
    await all.until(() => saw(watcher, '+sdown master m'), 5000, 'down');
    const { count } = closing;
    await all.pass(10_000);
    assert.ok(closing.count - count <= 2 * 11, `${closing.count - count}`);
    await all.end(watcher.node);
  });

  test('sends garbage is down, and the sentinel serves', async () => {
    const garbage = await peer((socket) => socket.write('*1\r\n'.repeat(50_000)));
    const watcher = await watch(garbage.port);
    await all.until(() => saw(watcher, '+sdown master m'), 5000, 'down');
    const client = await RawClient.connect({ port: watcher.port });
    assert.equal(await client.call('PING'), 'PONG');
    await client.close();
    await all.end(watcher.node);
  });

  test('answers PING late, but before its time is up, is not down', async () => {
    const late = await peer((socket, text) => {
      for (const _ping of text.matchAll(/PING|CLIENT|INFO|SUBSCRIBE/g)) {
        all.clock.setTimeout(() => socket.write('+PONG\r\n'), 1200);
      }
    });
    const watcher = await watch(late.port);
    await all.pass(15_000);
    assert.equal(saw(watcher, '+sdown'), false);
    await all.end(watcher.node);
  });

  test('has a name that resolves only later is found then', async () => {
    const mute = await peer(() => {});
    let isKnown = false;
    const lookup = (host: string) => {
      assert.equal(host, 'redis-0.example');
      return isKnown ? Promise.resolve('127.0.0.1') : Promise.reject(new Error("Can't resolve"));
    };
    const lines = ['sentinel resolve-hostnames yes', `sentinel monitor m redis-0.example ${mute.port} 1`];
    const watcher = await all.sentinel(lines, { lookup });
    await all.pass(3000);
    assert.equal(mute.count, 0);
    isKnown = true;
    await all.until(() => mute.count === 2, 3000, 'both links');
    await all.end(watcher.node);
  });
});

test('a vote that cannot be saved is not given', async () => {
  const mute = await peer(() => {});
  const watcher = await watch(mute.port);
  await all.until(() => saw(watcher, '+sdown master m'), 5000, 'down');
  const client = await RawClient.connect({ port: watcher.port });
  const ask = (epoch: number) =>
    client.call('SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', mute.port, epoch, 'f'.repeat(40));
  const given = (await ask(100)) as unknown[];
  assert.deepEqual([given[1], given[2]], ['f'.repeat(40), 100]);
  assert.match(readFileSync(watcher.file, 'utf8'), /^sentinel leader-epoch m 100$/m);
  // A folder where the file was: it can neither be replaced nor written.
  renameSync(watcher.file, `${watcher.file}.away`);
  mkdirSync(watcher.file);
  mkdirSync(`${watcher.file}/x`);
  const reply = await ask(200).catch((error: Error) => error);
  assert.ok(
    reply instanceof Error || !JSON.stringify(reply).includes('f'.repeat(40)),
    `the vote was given: ${JSON.stringify(reply)}`,
  );
  assert.ok(saw(watcher, 'WARNING: Sentinel was not able to save the new configuration on disk!!!'));
  rmdirSync(`${watcher.file}/x`);
  rmdirSync(watcher.file);
  renameSync(`${watcher.file}.away`, watcher.file);
  chmodSync(watcher.file, 0o644);
  // It is tried again by itself.
  await all.until(() => /leader-epoch m 200/.test(readFileSync(watcher.file, 'utf8')), 3000, 'the file');
  await client.close();
  await all.end(watcher.node);
});

test('sentinels that are found at the same time are saved together', async () => {
  const mute = await peer(() => {});
  const watcher = await watch(mute.port);
  const client = await RawClient.connect({ port: watcher.port });
  const saved = () => watcher.lines.filter((line) => line.includes('saved on disk')).length;
  const before = saved();
  const ids = Array.from({ length: 30 }, (_, i) => `${i}`.padStart(40, 'a'));
  await Promise.all(
    ids.map((id, i) =>
      client.call(
        'PUBLISH',
        '__sentinel__:hello',
        `127.0.0.1,${40_000 + i},${id},0,m,127.0.0.1,${mute.port},0`,
      ),
    ),
  );
  await all.until(
    () => ids.every((id) => readFileSync(watcher.file, 'utf8').includes(id)),
    3000,
    'all of them in the file',
  );
  assert.ok(saved() - before < 15, `${saved() - before} times`);
  await client.close();
  await all.end(watcher.node);
});

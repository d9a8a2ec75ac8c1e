/**
 * A master, two replicas and three sentinels in one process, on one clock that is moved by hand: a failover and the old
 * master's return, which take half a minute, in a few seconds. Nothing of them may be global.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as realSleep } from 'node:timers/promises';
import { ServerConfig } from '../../src/config/config.ts';
import { commentAfterWords } from '../../src/sentinel/config/directives.ts';
import type { Node } from '../../src/server/node.ts';
import { SentinelNode } from '../../src/server/sentinel-node.ts';
import { Server } from '../../src/server/server.ts';
import { ManualClock } from '../../src/util/clock.ts';
import { seededRandom } from '../../src/util/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';

const STEP_MS = 20;
const NOW = { save: 'nosave', now: true, force: true } as const;

const scratch = mkdtempSync(join(tmpdir(), 'ts-redis-one-process-'));
const nodes = new Set<Node>();
const clock = new ManualClock();
after(async () => {
  for (const node of nodes) await node.shutdown(NOW);
  rmSync(scratch, { recursive: true, force: true });
});

async function dataNode(port: number, master: number | null): Promise<Server> {
  const config = new ServerConfig();
  const follows = master === null ? '' : `replicaof 127.0.0.1 ${master}\n`;
  config.load({
    options: `bind 127.0.0.1\nport ${port}\nsave ""\ndir ${mkdtempSync(join(scratch, 'data-'))}\n${follows}`,
  });
  const server = new Server({ config, clock, timers: clock, random: seededRandom(port), logSink: sink([]) });
  nodes.add(server);
  await server.start();
  return server;
}

interface Watcher {
  readonly node: SentinelNode;
  readonly port: number;
  readonly file: string;
  readonly lines: string[];
}

async function sentinelNode(file: string, port: number, seed: number): Promise<Watcher> {
  const config = new ServerConfig({ sentinel: { commentAfter: commentAfterWords } });
  config.load({ file });
  const lines: string[] = [];
  const node = new SentinelNode({
    config,
    clock,
    timers: clock,
    random: seededRandom(seed),
    logSink: sink(lines),
  });
  nodes.add(node);
  await node.start();
  return { node, port, file, lines };
}

function sink(lines: string[]) {
  return { write: (text: string) => lines.push(text), flush() {}, close() {} };
}

/** Moves the clock until it is so: sockets have their turn between two steps. */
async function until(isSo: () => boolean, limitMs: number, what: string): Promise<number> {
  for (let passed = 0; passed <= limitMs; passed += STEP_MS) {
    if (isSo()) return passed;
    clock.advance(STEP_MS);
    await realSleep(1);
  }
  throw new Error(`not within ${limitMs} ms of virtual time: ${what}`);
}

function masterPort({ node }: Watcher): number {
  return node.sentinel.state.masters.get('mymaster')!.address.port;
}

test('a group with its sentinels in one process, on a virtual clock', async () => {
  const ports = await Promise.all([1, 2, 3, 4, 5, 6].map(() => freePort()));
  const [first = 0, second = 0, third = 0, ...sentinelPorts] = ports;
  const master = await dataNode(first, null);
  const replicas = [await dataNode(second, first), await dataNode(third, first)];
  const role = (server: Server) => server.engine.replication!.role;
  await until(
    () => replicas.every(({ engine }) => engine.replication!.role === 'replica'),
    20_000,
    'the replicas follow',
  );
  const watchers: Watcher[] = [];
  for (const port of sentinelPorts) {
    const file = join(scratch, `sentinel-${port}.conf`);
    writeFileSync(
      file,
      `bind 127.0.0.1
port ${port}
sentinel monitor mymaster 127.0.0.1 ${first} 2
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 10000
`,
    );
    watchers.push(await sentinelNode(file, port, port));
  }
  const knowsAll = ({ node }: Watcher) => {
    const watched = node.sentinel.state.masters.get('mymaster')!;
    return watched.replicas.size === 2 && watched.sentinels.size === 2;
  };
  await until(() => watchers.every(knowsAll), 30_000, 'they know each other');

  // A dead server on another machine answers nothing; here its end also closes its sockets.
  await master.shutdown(NOW);
  nodes.delete(master);
  const took = await until(
    () => watchers.every((watcher) => masterPort(watcher) !== first),
    15_000,
    'a new master',
  );
  assert.ok(took >= 1000, 'not before it was silent for long enough');
  const agreed = masterPort(watchers[0]!);
  assert.deepEqual(
    watchers.map(masterPort),
    watchers.map(() => agreed),
  );
  const promoted = replicas.find(({ config }) => config.values.port === agreed)!;
  const other = replicas.find((server) => server !== promoted)!;
  assert.equal(role(promoted), 'master');
  await until(() => other.config.values.replicaof?.port === agreed, 10_000, 'the other follows');

  // The old master comes back, and is told whom to follow.
  const returned = await dataNode(first, null);
  await until(() => role(returned) === 'replica', 60_000, 'the old master follows');
  assert.equal(returned.config.values.replicaof?.port, agreed);

  // What they know is in their files, each in its own.
  const ids = watchers.map(({ file }) => /^sentinel myid (\w+)$/m.exec(readFileSync(file, 'utf8'))?.[1]);
  assert.equal(new Set(ids).size, 3);
  for (const { file } of watchers) {
    assert.match(
      readFileSync(file, 'utf8'),
      new RegExp(`^sentinel monitor mymaster 127.0.0.1 ${agreed} 2$`, 'm'),
    );
  }
  const client = await RawClient.connect({ port: watchers[1]!.port });
  assert.deepEqual(await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'), [
    '127.0.0.1',
    String(agreed),
  ]);
  await client.close();

  // One ends; the others go on, and it leaves no connection behind.
  const [gone, ...left] = watchers;
  await gone!.node.shutdown(NOW);
  nodes.delete(gone!.node);
  assert.equal(gone!.node.sentinel.connections, 0);
  assert.match(gone!.lines.at(-1)!, /Sentinel is now ready to exit, bye bye/);
  clock.advance(100);
  assert.equal(
    left.every(({ node }) => node.sentinel.connections > 0),
    true,
  );
});

/**
 * What replication must survive, for any pairing: each scenario opens its nodes, does its harm and asserts that all
 * ends in equal data. Tests run them small, the soak run at length.
 */
import assert from 'node:assert/strict';
import { seededRandom } from '../../soak/soak.ts';
import { dataSet, fill } from '../../support/data-set.ts';
import type { Directives } from '../../support/server-process.ts';
import { sleep, waitFor } from '../../support/wait-for.ts';
import { type Cut, LinkProxy } from './link-proxy.ts';
import {
  assertCleanLog,
  assertConverged,
  type Kind,
  Node,
  type Pairing,
  syncs,
  waitInSync,
  waitLinked,
  withNodes,
} from './node.ts';
import { WholeReader, WholeWriter } from './whole-reader.ts';
import { WriteLoad } from './write-load.ts';

export type Transfer = 'disk' | 'diskless';
export type Load = 'disabled' | 'on-empty-db' | 'swapdb';

export function transferOf(transfer: Transfer): Directives {
  return { 'repl-diskless-sync': transfer === 'diskless' };
}

export interface FullSync extends Pairing {
  readonly transfer: Transfer;
  readonly load?: Load;
  readonly seed: number;
  readonly batches: number;
  readonly aof?: boolean;
  readonly replicas?: number;
}

/** Replicas with data of their own come while the master is written to. They share a snapshot or wait for the next. */
export function fullSync(options: FullSync): Promise<void> {
  const { master: kind, transfer, load = 'disabled', seed, batches, aof = false, replicas = 1 } = options;
  return withNodes(async (open) => {
    const directives = { appendonly: aof };
    const master = open(await Node.start(kind, { ...directives, ...transferOf(transfer) }));
    await fill(master.client, dataSet({ seed }));
    const followers: Node[] = [];
    const writes = new WriteLoad({ port: master.port, seed });
    writes.begin();
    try {
      for (let i = 0; i < replicas; i++) {
        const replica = open(
          await Node.start(options.replica, { ...directives, 'repl-diskless-load': load }),
        );
        await replica.ok('MSET', 'of before', 'x', `string:${i}`, 'y');
        await replica.follow(master.port);
        followers.push(replica);
        if (i % 2 === 1) await sleep(50);
      }
      await waitLinked(followers);
    } finally {
      await writes.stop();
    }
    await new WriteLoad({ port: master.port, seed: seed + 1 }).run(batches);
    await assertConverged(master, followers, `seed ${seed}`);
    const count = await syncs(master);
    assert.equal(count.full, replicas, 'full syncs');
    for (const node of [master, ...followers]) assertCleanLog(node);
    if (aof) {
      // What the replica's own append-only file says is the same again.
      const replica = followers[0]!;
      await waitFor(
        async () => {
          const info = await replica.info('persistence');
          const names = ['aof_rewrite_in_progress', 'aof_rewrite_scheduled', 'rdb_bgsave_in_progress'];
          return info.get('aof_enabled') === '1' && names.every((name) => info.get(name) === '0');
        },
        { timeoutMs: 30_000, what: 'the append-only file of the replica' },
      );
      await replica.ok('REPLICAOF', 'NO', 'ONE');
      await replica.ok('DEBUG', 'LOADAOF');
      const [own, other] = await Promise.all([replica.ok('DEBUG', 'DIGEST'), master.ok('DEBUG', 'DIGEST')]);
      assert.equal(own, other, 'the digest of what the append-only file says');
    }
  });
}

export interface Steady extends Pairing {
  readonly transfer: Transfer;
  readonly seed: number;
  readonly seconds: number;
}

/** Writes as fast as they go, compared every few seconds. Returns how many commands were sent, and the looks. */
export async function steady(options: Steady): Promise<{ commands: number; looks: number; bytes: number }> {
  const { master: kind, replica: other, transfer, seed, seconds } = options;
  const figures = { commands: 0, looks: 0, bytes: 0 };
  await withNodes(async (open) => {
    const master = open(await Node.start(kind, transferOf(transfer)));
    const replica = open(await Node.start(other));
    await fill(master.client, dataSet({ seed, databases: [0, 1] }));
    await replica.follow(master.port);
    await waitLinked([replica]);
    const until = performance.now() + seconds * 1000;
    while (performance.now() < until) {
      const writes = new WriteLoad({ port: master.port, seed: seed + figures.looks });
      writes.begin();
      await sleep(Math.min(10_000, Math.max(1000, until - performance.now())));
      await writes.stop();
      await assertConverged(master, [replica], `${transfer}, seed ${seed}, look ${figures.looks}`);
      figures.commands += writes.sent;
      figures.looks++;
    }
    figures.bytes = await master.offset();
    assert.equal((await syncs(master)).full, 1, 'full syncs');
    for (const node of [master, replica]) assertCleanLog(node);
  });
  return figures;
}

export interface Scenario extends Pairing {
  readonly seed: number;
  readonly rounds: number;
}

/** The link is cut again and again while the master is written to: the replica goes on where it was. */
export function cutAndContinue({ master: kind, replica: other, seed, rounds }: Scenario): Promise<void> {
  return withNodes(async (open) => {
    const below = seededRandom(seed);
    const master = open(await Node.start(kind, { 'repl-backlog-size': '64mb' }));
    const replica = open(await Node.start(other));
    const proxy = open(await LinkProxy.to(master.port));
    await fill(master.client, dataSet({ seed, databases: [0, 3] }));
    await replica.follow(proxy.port);
    await waitLinked([replica]);
    const writes = new WriteLoad({ port: master.port, seed });
    writes.begin();
    try {
      for (let i = 0; i < rounds; i++) {
        await sleep(below(150));
        const before = proxy.connections.length;
        proxy.cut(below(2) === 0);
        await waitFor(() => proxy.connections.length > before, { what: 'the replica to dial again' });
        await waitLinked([replica]);
      }
    } finally {
      await writes.stop();
    }
    await assertConverged(master, [replica], `seed ${seed}`);
    const count = await syncs(master);
    assert.equal(count.full, 1, 'full syncs');
    assert.equal(count.partial, rounds, 'partial syncs');
    for (const node of [master, replica]) assertCleanLog(node);
  });
}

/** A replica of a replica: what happens above goes through, and a cut above is no reason for a full sync below. */
export function chain(kinds: readonly Kind[], seed: number, batches: number): Promise<void> {
  return withNodes(async (open) => {
    const nodes: Node[] = [];
    for (const kind of kinds) nodes.push(open(await Node.start(kind)));
    const [first, second] = nodes as [Node, Node];
    const proxy = open(await LinkProxy.to(first.port));
    await fill(first.client, dataSet({ seed, databases: [0, 2] }));
    await second.follow(proxy.port);
    for (let i = 2; i < nodes.length; i++) await nodes[i]!.follow(nodes[i - 1]!.port);
    await waitLinked(nodes.slice(1));
    const writes = new WriteLoad({ port: first.port, seed });
    await writes.run(batches);
    await waitInSync(first, nodes.slice(1));
    const below = await syncs(second);
    proxy.cut();
    await writes.run(batches);
    await assertConverged(first, nodes.slice(1), `${kinds.join(' < ')}, seed ${seed}`);
    assert.equal((await syncs(first)).full, 1, 'full syncs of the first');
    assert.equal((await syncs(second)).full, below.full, 'full syncs of the second after a cut above it');
    const ids = await Promise.all(nodes.map(async (node) => (await node.info()).get('master_replid')));
    assert.equal(new Set(ids).size, 1, 'all have one history');
    for (const node of nodes) assertCleanLog(node);
  });
}

/** One of two replicas becomes the master; the other and the old master follow it, and nobody needs a full sync. */
export function promotion(kinds: readonly [Kind, Kind, Kind], seed: number, batches: number): Promise<void> {
  return withNodes(async (open) => {
    // What a master tells by itself (a PING, a key that expired) after another one was promoted makes it differ.
    const [old, chosen, other] = (await Promise.all(
      kinds.map(async (kind) => open(await Node.start(kind, { 'repl-ping-replica-period': 3600 }))),
    )) as [Node, Node, Node];
    const quiet = async (master: Node, replicas: readonly Node[]): Promise<void> => {
      await master.ok('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
      await waitInSync(master, replicas);
    };
    await fill(old.client, dataSet({ seed, databases: [0, 4] }));
    await chosen.follow(old.port);
    await other.follow(old.port);
    await waitLinked([chosen, other]);
    await new WriteLoad({ port: old.port, seed }).run(batches);
    await quiet(old, [chosen, other]);
    const full = await Promise.all([old, chosen, other].map(async (node) => (await syncs(node)).full));
    await chosen.promote();
    await chosen.ok('SELECT', '9');
    await chosen.ok('SET', 'written by', 'the new master');
    await chosen.ok('SELECT', '0');
    await other.follow(chosen.port);
    await old.follow(chosen.port);
    await old.ok('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    await waitLinked([other, old]);
    await new WriteLoad({ port: chosen.port, seed: seed + 1 }).run(batches);
    await assertConverged(chosen, [other, old], `${kinds.join(', ')}, seed ${seed}`);
    assert.equal((await syncs(chosen)).full, full[1], 'full syncs after the promotion');
    assert.equal((await syncs(chosen)).partial, 2, 'partial syncs after the promotion');
    // And back again.
    await quiet(chosen, [other, old]);
    await old.promote();
    await chosen.follow(old.port);
    await other.follow(old.port);
    await chosen.ok('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    await waitLinked([chosen, other]);
    await new WriteLoad({ port: old.port, seed: seed + 2 }).run(batches);
    await assertConverged(old, [chosen, other], `${kinds.join(', ')} and back, seed ${seed}`);
    assert.equal((await syncs(old)).full, full[0], 'full syncs after the way back');
    for (const node of [old, chosen, other]) assertCleanLog(node);
  });
}

export interface CutEverywhere extends Pairing {
  readonly transfer: Transfer;
  readonly load?: Load;
  /** How many places of each direction. */
  readonly positions: number;
  /** Replicas that are cut side by side: each tries once a second. */
  readonly parallel: number;
  /** Keys of the data set. */
  readonly keys: number;
}

export interface CutFigures {
  cuts: number;
  connections: number;
  seen: { whole: number; empty: number; error: number };
}

/**
 * Full syncs that are cut at bytes of the handshake, of the payload and behind it, in both directions. The replicas
 * had the data of before; whoever reads meanwhile sees it as a whole, or the new, or nothing of it. All end equal.
 */
export async function cutEverywhere(options: CutEverywhere): Promise<CutFigures> {
  const figures: CutFigures = { cuts: 0, connections: 0, seen: { whole: 0, empty: 0, error: 0 } };
  const { master: kind, replica: other, transfer, load = 'disabled', positions, parallel, keys } = options;
  await withNodes(async (open) => {
    const master = open(await Node.start(kind, transferOf(transfer)));
    const writer = await WholeWriter.start(master, { fillers: keys, fillerBytes: 100 });
    const replicas: Node[] = [];
    const proxies: LinkProxy[] = [];
    for (let i = 0; i < parallel; i++) {
      replicas.push(open(await Node.start(other, { ...SEEN_LOADING, 'repl-diskless-load': load })));
      proxies.push(open(await LinkProxy.to(master.port)));
    }
    // One that is not cut tells how much there is to cut.
    await replicas[0]!.follow(proxies[0]!.port);
    await waitLinked([replicas[0]!]);
    const whole = { ...proxies[0]!.bytes };
    const cuts = cutsOf(whole, positions);
    const readers = replicas.map((replica) => new WholeReader(replica, writer.keys, true));
    const began = performance.now();
    try {
      await Promise.all(
        replicas.map(async (replica, i) => {
          const mine = cuts.filter((_, j) => j % parallel === i);
          if (i > 0) await replica.follow(proxies[i]!.port);
          await waitLinked([replica]);
          const done = await cutAtEach(master, replica, proxies[i]!, mine);
          figures.cuts += done;
        }),
      );
      await waitLinked(replicas, 60_000);
    } finally {
      await writer.stop();
      for (const reader of readers) {
        await reader.stop();
        for (const what of ['whole', 'empty', 'error'] as const) figures.seen[what] += reader.seen[what];
      }
    }
    await assertConverged(master, replicas);
    const seconds = (performance.now() - began) / 1000;
    for (const proxy of proxies) {
      figures.connections += proxy.connections.length;
      // One each second, and one at once whenever a link that was up is lost or is to be made.
      const allowed = seconds * 1.2 + (2 * cuts.length) / parallel + 5;
      assert.ok(
        proxy.connections.length <= allowed,
        `${proxy.connections.length} connections in ${seconds} s`,
      );
    }
    for (const node of [master, ...replicas]) assertCleanLog(node);
  });
  return figures;
}

/** Loading lets others be served now and then, or else nobody could see what is half loaded. */
const SEEN_LOADING: Directives = { 'loading-process-events-interval-bytes': 1024, 'key-load-delay': -50 };

/** Every byte where something is said, then evenly over the payload, and around its end. */
function cutsOf(whole: { up: number; down: number }, positions: number): Cut[] {
  const cuts: Cut[] = [];
  const spread = (direction: 'up' | 'down', from: number, to: number, count: number): void => {
    for (let i = 0; i < count; i++) {
      const at = Math.floor(from + ((to - from) * i) / Math.max(1, count));
      cuts.push({ direction, at, reset: i % 3 === 0 });
    }
  };
  const handshake = 130;
  spread('down', 1, handshake, Math.ceil(positions * 0.4));
  spread('down', handshake, whole.down - 60, Math.ceil(positions * 0.4));
  spread('down', whole.down - 60, whole.down + 200, Math.ceil(positions * 0.2));
  spread('up', 0, whole.up + 30, positions);
  return cuts;
}

/** Makes the replica come anew for each place, and waits until it was cut there (or came through). */
async function cutAtEach(
  master: Node,
  replica: Node,
  proxy: LinkProxy,
  cuts: readonly Cut[],
): Promise<number> {
  let done = 0;
  for (const cut of cuts) {
    const first = proxy.connections.length;
    proxy.plan = (index) => (index === first ? cut : null);
    // A history that nobody shares: the next one to come needs everything.
    await master.ok('DEBUG', 'CHANGE-REPL-ID');
    proxy.cut(cut.reset);
    await waitFor(
      async () => {
        const connection = proxy.connections[first];
        if (connection === undefined) return false;
        if (connection.wasCut) return true;
        return !connection.open || (await replica.info()).get('master_link_status') === 'up';
      },
      { timeoutMs: 20_000, intervalMs: 20, what: `a cut at ${cut.direction} ${cut.at} of ${replica.kind}` },
    );
    if (proxy.connections[first]!.wasCut) done++;
  }
  proxy.plan = () => null;
  return done;
}

/** Either of the two is killed at any time, and comes back over its own files. */
export function killings({ master: kind, replica: other, seed, rounds }: Scenario): Promise<void> {
  return withNodes(async (open) => {
    const below = seededRandom(seed);
    const transfer = below(2) === 0 ? 'disk' : 'diskless';
    const load = (['disabled', 'on-empty-db', 'swapdb'] as const)[below(3)]!;
    const aof = below(2) === 0;
    // Without it, what the last snapshot had is what the master comes back with.
    const masterAof = below(3) > 0;
    const shared = { 'repl-diskless-load': load, ...transferOf(transfer) };
    const master = open(await Node.start(kind, { ...shared, appendonly: masterAof, appendfsync: 'no' }));
    await fill(master.client, dataSet({ seed, databases: [0] }));
    const replica = open(await Node.start(other, { ...shared, appendonly: aof }));
    const writes = new WriteLoad({ port: master.port, seed });
    await replica.follow(master.port);
    await waitLinked([replica]);
    const told = `seed ${seed}, ${transfer}, ${load}, AOF: ${masterAof ? 'master' : ''} ${aof ? 'replica' : ''}`;
    writes.begin();
    try {
      for (let i = 0; i < rounds; i++) {
        await sleep(below(800));
        const victim = below(2) === 0 ? master : replica;
        if (below(3) === 0) await victim.call('BGSAVE');
        await victim.kill();
        await sleep(below(300));
        await victim.restart(victim === replica ? { replicaof: `127.0.0.1 ${master.port}` } : {});
      }
    } finally {
      await writes.stop();
    }
    await assertConverged(master, [replica], told, 60_000);
    for (const node of [master, replica]) assertCleanLog(node);
  });
}

/** A master that hangs up on everybody is dialled once a second, not more. */
export function noStorm({ master: kind, replica: other }: Pairing, seconds: number): Promise<void> {
  return withNodes(async (open) => {
    const master = open(await Node.start(kind));
    const replica = open(await Node.start(other));
    const proxy = open(await LinkProxy.to(master.port));
    await replica.follow(proxy.port);
    await waitLinked([replica]);
    proxy.refuse(true);
    proxy.cut();
    await sleep(seconds * 1000);
    const count = proxy.recent(seconds * 1000);
    assert.ok(count <= seconds + 3 && count >= seconds - 2, `${count} connections in ${seconds} s`);
    proxy.refuse(false);
    await assertConverged(master, [replica]);
  });
}

/**
 * One simulated installation, from its start over minutes of trouble to its healed end.
 *
 * What the model is: the real core of src/sentinel, the real lines of its configuration file, 3, 5 or 7 sentinels, one
 * to three masters with their replicas, on hosts with a network between them (network.ts); data nodes that answer as
 * Redis does to all that a sentinel sends (redis-node.ts); trouble of all kinds (faults.ts), another mixture for each
 * seed; a judge who sees everything (judge.ts). Time is virtual, and only the seed decides.
 *
 * What it is not: there are no bytes (RESP, sockets, partial reads: the shell's tests see to these), no data beyond
 * an offset and replication ids (replication follows by a rule once a second), no clients (but hellos), no scripts,
 * no names to resolve, no passwords; requests of operators are few; a file is written wholly or not at all.
 */
import type { CoreModule } from './core-module.ts';
import { Faults } from './faults.ts';
import { Judge, Violation } from './judge.ts';
import { Network } from './network.ts';
import { RedisNode } from './redis-node.ts';
import { SentinelNode } from './sentinel-node.ts';
import { World } from './world.ts';

const CALM_START_MS = 20_000;
const TROUBLE_END_MS = 420_000;
export const END_MS = 600_000;
/** Within so long after healing all must agree. */
const CONVERGENCE_MAX_MS = 150_000;

/** Who agrees for so long has converged. */
const AGREED_MS = 20_000;

const SDOWN = 1;
const NOT_WELL = 1 | 2 | 8;

export interface Group {
  readonly name: string;
  readonly nodes: readonly RedisNode[];
  readonly quorum: number;
}

export interface Installation {
  readonly world: World;
  readonly network: Network;
  readonly judge: Judge;
  readonly sentinels: readonly SentinelNode[];
  readonly groups: readonly Group[];
}

export interface SimulationResult {
  readonly seed: number;
  readonly violation: { readonly invariant: string; readonly text: string; readonly atMs: number } | null;
  /** What the installation was, in words. */
  readonly what: string;
  readonly failovers: number;
  readonly switches: number;
  readonly excused: number;
  /** It came to an end that Redis's own rules don't lead out of (isDeadlock, isForgotten, isTorn). */
  readonly deadlocked: boolean;
  readonly faults: number;
  /** How long after healing all agreed; -1: the run ended before. */
  readonly convergedMs: number;
}

export function simulate(
  module: CoreModule,
  seed: number,
  trace: ((line: string) => void) | null = null,
): SimulationResult {
  const world = new World(seed, trace);
  const judge = new Judge(world);
  const installation = build(world, module, judge);
  const faults = new Faults(installation);
  let convergedMs = -1;
  let violation: SimulationResult['violation'] = null;
  let deadlocked = false;
  try {
    world.runUntil(CALM_START_MS);
    faults.begin(TROUBLE_END_MS);
    world.runUntil(TROUBLE_END_MS);
    world.tell('--- all is healed');
    faults.heal();
    const healed = world.now;
    while (world.now < END_MS) {
      world.runUntil(world.now + 500);
      if (judge.expectQuiet) continue;
      const problem = disagreement(installation);
      if (problem === null) {
        if (convergedMs < 0) convergedMs = world.now - healed;
        // A connection that hangs since before may be given up only when it is fifteen seconds old.
        judge.expectQuiet = world.now - healed - convergedMs >= AGREED_MS;
        if (judge.expectQuiet) world.tell('--- all agree');
      } else {
        convergedMs = -1;
        if (world.now - healed > CONVERGENCE_MAX_MS) {
          deadlocked = isDeadlock(installation, module) || isForgotten(installation) || isTorn(installation);
          if (deadlocked) break;
          throw new Violation('converges', problem);
        }
      }
    }
    const problem = deadlocked ? null : disagreement(installation);
    if (problem !== null) throw new Violation('quiet-when-healthy', problem);
  } catch (error) {
    const isViolation = error instanceof Violation;
    const text = isViolation ? error.message : String((error as Error).stack);
    violation = { invariant: isViolation ? error.invariant : 'no-exception', text, atMs: world.now };
    world.tell(`!!! ${isViolation ? '' : 'no-exception: '}${text}`);
  }
  return {
    seed,
    violation,
    what: describe(installation),
    failovers: judge.failovers,
    switches: judge.switches,
    excused: judge.excused,
    deadlocked,
    faults: faults.count,
    convergedMs,
  };
}

function build(world: World, module: CoreModule, judge: Judge): Installation {
  const draw = world.random.float();
  const count = draw < 0.55 ? 3 : draw < 0.88 ? 5 : 7;
  const groupCount = count === 3 ? world.pick([1, 1, 2, 3]) : count === 5 ? world.pick([1, 1, 2]) : 1;
  const replicas = world.pick([1, 2, 2, 2, 3]);
  const shared = world.chance(0.6);
  // All masters on one host: they fail together.
  const together = world.chance(0.4);
  const hosts = shared ? Math.max(count, replicas + 1) : count + replicas + 1;
  const network = new Network(world, hosts);
  network.delayMs = world.pick([0.1, 0.3, 2, 20]);
  network.jitterMs = world.pick([0.2, 1, 10, 60]);
  const duplicates = world.chance(0.5);
  const propagates = world.chance(0.15);
  const groups: Group[] = [];
  const timing = {
    downAfter: world.pick([500, 1000, 1000, 2000, 5000, 10_000]),
    failoverTimeout: world.pick([3000, 5000, 10_000, 20_000, 30_000]),
    parallelSyncs: world.pick([1, 1, 2]),
    rebootDownAfter: world.pick([0, 0, 0, 3000]),
  };
  for (let g = 0; g < groupCount; g++) {
    const name = `m${g + 1}`;
    const nodes: RedisNode[] = [];
    for (let i = 0; i <= replicas; i++) {
      const host =
        network.hosts[
          shared ? (i + (together ? 0 : g)) % hosts : count + (together ? i : (i + g) % (replicas + 1))
        ]!;
      const node = new RedisNode(world, network, `${name}-${'abcd'[i]}`, name, host, 6379 + g);
      node.duplicates = duplicates;
      node.propagatesPublish = propagates;
      node.priority = world.pick([100, 100, 100, 100, 50, 0]);
      nodes.push(node);
    }
    for (const node of nodes) node.meet(nodes);
    const majority = Math.floor(count / 2) + 1;
    groups.push({ name, nodes, quorum: world.pick([2, majority, majority, majority, count]) });
  }
  const sentinels: SentinelNode[] = [];
  for (let i = 0; i < count; i++) {
    const template: string[] = [];
    for (const { name, nodes, quorum } of groups) {
      const [master] = nodes;
      template.push(
        `sentinel monitor ${name} ${master!.host.ip} ${master!.port} ${quorum}`,
        `sentinel down-after-milliseconds ${name} ${timing.downAfter}`,
        `sentinel failover-timeout ${name} ${timing.failoverTimeout}`,
        `sentinel parallel-syncs ${name} ${timing.parallelSyncs}`,
      );
      if (timing.rebootDownAfter > 0) {
        template.push(`sentinel master-reboot-down-after-period ${name} ${timing.rebootDownAfter}`);
      }
    }
    sentinels.push(
      new SentinelNode({
        world,
        network,
        module,
        judge,
        name: `s${i + 1}`,
        host: network.hosts[i]!,
        port: 26379,
        template,
      }),
    );
  }
  judge.sentinels = sentinels;
  for (const { nodes } of groups) {
    const [master] = nodes;
    nodes.forEach((node, i) => {
      const configured = i === 0 ? null : { ip: master!.host.ip, port: master!.port };
      world.after(world.between(0, 2000), () => node.start({ configured, withData: true }));
    });
  }
  for (const sentinel of sentinels) world.after(world.between(1000, 4000), () => sentinel.start());
  if (world.trace !== null)
    world.tell(`--- ${describe({ world, network, judge, sentinels, groups })}; ${JSON.stringify(timing)}`);
  return { world, network, judge, sentinels, groups };
}

function describe({ sentinels, groups, network }: Installation): string {
  const quorums = groups.map(({ quorum }) => quorum).join(',');
  return `${sentinels.length} sentinels (quorum ${quorums}), ${groups.length} masters of ${groups[0]!.nodes.length} nodes, ${network.hosts.length} hosts`;
}

/**
 * All instances of a group call themselves replicas, after several promotions and losses of data at once, and Redis's
 * rules exclude each of them: it was without a master for longer than the sentinels hold theirs for down, or its
 * priority is 0. No sentinel may promote anybody then, until somebody says REPLICAOF NO ONE; SENTINEL DOCTOR tells why.
 */
function isDeadlock({ sentinels, groups }: Installation, module: CoreModule): boolean {
  return groups.some(({ name, nodes }) => {
    if (nodes.some(({ role }) => role === 'master')) return false;
    return sentinels.every((sentinel) => {
      const master = sentinel.core!.state.masters.get(name)!;
      return [...master.replicas.values()].every((replica) => {
        const why = sentinel.core!.act(sentinel.now, (turn) => module.exclusionReason(turn, replica)).value;
        return why !== null && /without its master|replica-priority is 0/.test(why);
      });
    });
  });
}

/**
 * An instance that calls itself a master is in nobody's memory: one after the other, all sentinels have lost their
 * files, and it follows none of the others. Who is to be watched has to be said anew, in Redis as here.
 */
function isForgotten({ sentinels, groups }: Installation): boolean {
  if (!sentinels.every(({ forgetful }) => forgetful)) return false;
  return groups.some(({ name, nodes }) =>
    nodes.some(({ role, host, port }) => {
      if (role !== 'master') return false;
      return sentinels.every(({ core }) => {
        const master = core!.state.masters.get(name)!;
        return [master, ...master.replicas.values()].every(
          ({ address }) => address.ip !== host.ip || address.port !== port,
        );
      });
    }),
  );
}

/**
 * Sentinels that have lost their files have given an epoch to a second leader, so two configurations have the same one:
 * neither gives way, in Redis as here, until there is another failover.
 */
function isTorn({ sentinels, groups, judge }: Installation): boolean {
  if (judge.excused === 0) return false;
  return groups.some(({ name }) => {
    const views = sentinels.map(({ core }) => core!.state.masters.get(name)!);
    return views.some((a) =>
      views.some((b) => a.configEpoch === b.configEpoch && a.address.ip !== b.address.ip),
    );
  });
}

/** What is not yet as it should be in a healed installation; null: nothing. */
function disagreement({ sentinels, groups }: Installation): string | null {
  const ids = new Set(sentinels.map(({ core }) => core?.state.myId ?? ''));
  for (const { name, nodes } of groups) {
    const masters = nodes.filter(({ role }) => role === 'master');
    if (masters.length !== 1) return `${name} has ${masters.length} masters`;
    const [chosen] = masters;
    for (const node of nodes) {
      if (node === chosen) continue;
      if (node.master?.ip !== chosen!.host.ip || node.master.port !== chosen!.port) {
        return `${node.name} follows ${node.master?.ip}:${node.master?.port}, not ${chosen!.name}`;
      }
      if (!node.linkUp) return `${node.name} has no link to its master`;
    }
    for (const sentinel of sentinels) {
      const { state } = sentinel.core!;
      const master = state.masters.get(name)!;
      const { address } = master;
      if (state.tilt) return `${sentinel.name} is in TILT`;
      if (address.ip !== chosen!.host.ip || address.port !== chosen!.port) {
        return `${sentinel.name} holds ${address.ip}:${address.port} for ${name}, not ${chosen!.name}`;
      }
      if (master.flags & NOT_WELL) return `${sentinel.name} finds ${name} not well (flags ${master.flags})`;
      if (master.replicas.size !== nodes.length - 1) {
        return `${sentinel.name} knows ${master.replicas.size} replicas of ${name}`;
      }
      for (const replica of master.replicas.values()) {
        if (replica.flags & SDOWN) return `${sentinel.name} holds replica ${replica.name} for down`;
      }
      if (master.sentinels.size !== sentinels.length - 1) {
        return `${sentinel.name} knows ${master.sentinels.size} other sentinels of ${name}`;
      }
      for (const other of master.sentinels.values()) {
        if (!ids.has(other.runId)) return `${sentinel.name} knows a sentinel that is no more: ${other.runId}`;
        if (other.flags & SDOWN) return `${sentinel.name} holds sentinel ${other.name} for down`;
      }
    }
  }
  return null;
}

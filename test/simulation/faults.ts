/**
 * Trouble. Each seed draws its own mixture of kinds, pace and lengths (some see only partitions, some only crashes),
 * as that finds more than a little of everything.
 */
import type { Host } from './network.ts';
import type { RedisNode } from './redis-node.ts';
import type { SentinelNode } from './sentinel-node.ts';
import type { Group, Installation } from './simulation.ts';

interface Kind {
  readonly name: string;
  readonly weight: number;
  run(): void;
}

/** A sentinel that loses its file must have been found by all before another one does. */
const AMNESIA_PAUSE_MS = 90_000;

export class Faults {
  count = 0;
  readonly #all: Installation;
  #until = 0;
  #kinds: Kind[] = [];
  #weights = 0;
  #amnesiaAt = -AMNESIA_PAUSE_MS;
  /** Partitions overlap; the network is healed when the last has ended. */
  #partitions = 0;

  constructor(all: Installation) {
    this.#all = all;
    for (const sentinel of all.sentinels) {
      sentinel.onDeath = () => this.#restartLater(sentinel);
    }
  }

  /** Begins, until a moment. */
  begin(until: number): void {
    const { world, network } = this.#all;
    this.#until = until;
    const kinds: readonly (readonly [string, number, () => void])[] = [
      ['kill a master', 4, () => this.#killRedis(this.#aMaster())],
      ['kill a node', 2, () => this.#killRedis(this.#aNode())],
      ['pause a master', 3, () => this.#pauseRedis(this.#aMaster())],
      ['pause a node', 1, () => this.#pauseRedis(this.#aNode())],
      ['busy', 1, () => this.#busy()],
      ['host off', 1, () => this.#hostOff()],
      ['kill a sentinel', 3, () => this.#killSentinel(this.#aSentinel())],
      ['die at a save', 3, () => this.#dieAtSave()],
      ['die in a turn', 2, () => this.#dieInTurn()],
      ['lose a file', 1, () => this.#amnesia()],
      ['pause a sentinel', 2, () => this.#pauseSentinel()],
      ['clock', 1, () => this.#clockJump()],
      ['disk', 1, () => this.#diskFails()],
      ['isolate', 3, () => this.#isolate()],
      ['one way', 3, () => this.#oneWay()],
      ['split', 3, () => this.#split()],
      ['slow', 2, () => this.#slow()],
      ['resets', 2, () => this.#resets()],
      ['hangs', 2, () => this.#hangs()],
      ['order a failover', 1, () => this.#order()],
      ['stray', 1, () => this.#stray()],
      ['priority', 1, () => this.#priority()],
      ['read-only configuration', 0.5, () => this.#readOnly()],
    ];
    for (const [name, weight, run] of kinds) {
      // Each kind is there in two of three worlds, and much of it in some.
      if (world.chance(0.35)) continue;
      this.#kinds.push({ name, weight: weight * world.pick([1, 1, 1, 4]), run });
    }
    if (this.#kinds.length === 0)
      this.#kinds.push({ name: 'kill', weight: 1, run: () => this.#killRedis(this.#aMaster()) });
    this.#weights = this.#kinds.reduce((sum, { weight }) => sum + weight, 0);
    if (world.chance(0.3)) network.lossRate = world.pick([0.001, 0.01, 0.05]);
    const pace = world.pick([3000, 8000, 15_000, 40_000]);
    world.tell(`--- trouble: ${this.#kinds.map(({ name }) => name).join(', ')}; every ${pace / 1000} s`);
    this.#next(pace);
  }

  /** Ends all trouble: whoever is down or paused comes back. */
  heal(): void {
    const { network, sentinels, groups } = this.#all;
    this.#until = 0;
    network.lossRate = 0;
    for (const host of network.hosts) host.up = true;
    network.heal();
    for (const { nodes } of groups) {
      for (const node of nodes) {
        node.busyUntil = 0;
        node.rewritable = true;
        if (!node.running) node.start({ withData: true });
        else if (node.paused) node.resume();
      }
      if (nodes.every(({ priority }) => priority === 0)) nodes[0]!.priority = 100;
    }
    for (const sentinel of sentinels) {
      sentinel.diskWorks = true;
      sentinel.dieAfter = -1;
      sentinel.dieAtSave = 'no';
      if (!sentinel.running) sentinel.start();
      else if (sentinel.paused) sentinel.resume();
    }
  }

  get #over(): boolean {
    return this.#all.world.now >= this.#until;
  }

  #next(pace: number): void {
    const { world } = this.#all;
    world.after(-Math.log(1 - world.random.float()) * pace, () => {
      if (this.#over) return;
      const kind = this.#draw();
      this.count++;
      kind.run();
      this.#next(pace);
    });
  }

  #draw(): Kind {
    let draw = this.#all.world.random.float() * this.#weights;
    for (const kind of this.#kinds) {
      draw -= kind.weight;
      if (draw < 0) return kind;
    }
    return this.#kinds[0]!;
  }

  /** How long something lasts: mostly seconds, at times a minute. */
  #while(): number {
    const { world } = this.#all;
    return world.pick([
      world.between(100, 2000),
      world.between(1000, 8000),
      world.between(5000, 20_000),
      world.between(10_000, 60_000),
    ]);
  }

  #later(ms: number, run: () => void): void {
    this.#all.world.after(ms, () => {
      if (!this.#over) run();
    });
  }

  #tell(text: string): void {
    if (this.#all.world.trace !== null) this.#all.world.tell(`*** ${text}`);
  }

  #aGroup(): Group {
    return this.#all.world.pick(this.#all.groups);
  }

  #aNode(): RedisNode {
    return this.#all.world.pick(this.#aGroup().nodes);
  }

  #aMaster(): RedisNode {
    const { nodes } = this.#aGroup();
    return nodes.find((node) => node.running && node.role === 'master') ?? this.#all.world.pick(nodes);
  }

  #aSentinel(): SentinelNode {
    return this.#all.world.pick(this.#all.sentinels);
  }

  #killRedis(node: RedisNode): void {
    if (!node.running) return;
    const { world } = this.#all;
    const back = this.#while();
    const withData = world.chance(0.6);
    this.#tell(`${node.name} is killed, back in ${back.toFixed(0)} ms${withData ? '' : ' without its data'}`);
    node.stop(false);
    this.#later(back, () => this.#startRedis(node, withData));
  }

  #startRedis(node: RedisNode, withData: boolean): void {
    if (node.running || !node.host.up) return;
    const { world } = this.#all;
    const loadingMs = world.oneIn(3) ? world.between(100, 15_000) : 0;
    this.#tell(`${node.name} starts${withData ? '' : ' empty'}`);
    node.start({ withData, loadingMs });
  }

  #pauseRedis(node: RedisNode): void {
    if (!node.awake) return;
    const back = this.#while();
    this.#tell(`${node.name} stands still for ${back.toFixed(0)} ms`);
    node.paused = true;
    this.#later(back, () => {
      if (!node.paused || !node.running) return;
      this.#tell(`${node.name} goes on`);
      node.resume();
    });
  }

  #busy(): void {
    const node = this.#aMaster();
    const { world } = this.#all;
    node.busyUntil = world.now + this.#while();
    node.busyWithWrites = world.oneIn(2);
    this.#tell(`${node.name} is busy until ${(node.busyUntil / 1000).toFixed(3)}`);
  }

  #hostOff(): void {
    const { world, network, sentinels, groups } = this.#all;
    const host = world.pick(network.hosts);
    if (!host.up) return;
    const back = this.#while() + 1000;
    this.#tell(`${host.ip} is off for ${back.toFixed(0)} ms`);
    host.up = false;
    const nodes = groups.flatMap((group) => group.nodes).filter((node) => node.host === host && node.running);
    const lost = sentinels.filter((sentinel) => sentinel.host === host && sentinel.running);
    for (const node of nodes) node.stop(true);
    for (const sentinel of lost) sentinel.stop(true);
    this.#later(back, () => {
      this.#tell(`${host.ip} is on again`);
      host.up = true;
      network.retry();
      for (const node of nodes)
        this.#later(world.between(0, 2000), () => this.#startRedis(node, world.chance(0.7)));
      for (const sentinel of lost) this.#later(world.between(0, 2000), () => this.#startSentinel(sentinel));
    });
  }

  #killSentinel(sentinel: SentinelNode): void {
    if (!sentinel.running) return;
    this.#tell(`${sentinel.name} is killed`);
    sentinel.stop(false);
    this.#restartLater(sentinel);
  }

  #restartLater(sentinel: SentinelNode): void {
    const { world } = this.#all;
    this.#later(world.oneIn(2) ? world.between(1, 1500) : this.#while(), () => this.#startSentinel(sentinel));
  }

  #startSentinel(sentinel: SentinelNode): void {
    if (sentinel.running || !sentinel.host.up) return;
    this.#tell(`${sentinel.name} starts`);
    sentinel.start();
  }

  #dieAtSave(): void {
    const { world } = this.#all;
    const sentinel = this.#aSentinel();
    sentinel.dieAtSave = world.oneIn(2) ? 'before' : 'after';
  }

  #dieInTurn(): void {
    this.#aSentinel().dieAfter = this.#all.world.below(40);
  }

  /** Its file is what an operator gave it: no id, no epochs, no votes, nobody known. */
  #amnesia(): void {
    const { world } = this.#all;
    if (world.now - this.#amnesiaAt < AMNESIA_PAUSE_MS) return;
    this.#amnesiaAt = world.now;
    const sentinel = this.#aSentinel();
    this.#tell(`${sentinel.name} loses its file`);
    sentinel.stop(false);
    sentinel.file = sentinel.template;
    sentinel.forgetful = true;
    this.#restartLater(sentinel);
  }

  #pauseSentinel(): void {
    const sentinel = this.#aSentinel();
    if (!sentinel.awake) return;
    const back = this.#while();
    this.#tell(`${sentinel.name} stands still for ${back.toFixed(0)} ms`);
    sentinel.paused = true;
    this.#later(back, () => {
      if (!sentinel.paused || !sentinel.running) return;
      this.#tell(`${sentinel.name} goes on`);
      sentinel.resume();
    });
  }

  #clockJump(): void {
    const { world } = this.#all;
    const sentinel = this.#aSentinel();
    const jump = world.pick([1500, 3000, 60_000, 3_600_000]) * (world.oneIn(2) ? 1 : -1);
    this.#tell(`the clock of ${sentinel.name} jumps by ${jump} ms`);
    sentinel.wallOffset += jump;
  }

  #diskFails(): void {
    const sentinel = this.#aSentinel();
    this.#tell(`the disk of ${sentinel.name} is full`);
    sentinel.diskWorks = false;
    this.#later(this.#while(), () => {
      sentinel.diskWorks = true;
    });
  }

  #isolate(): void {
    const { world, network } = this.#all;
    const master = this.#aMaster();
    const host = world.oneIn(2) ? master.host : world.pick(network.hosts);
    this.#partition(`${host.ip} is cut off`, (from, to) => from === host || to === host);
  }

  #oneWay(): void {
    const { world, network } = this.#all;
    const host = world.oneIn(2) ? this.#aMaster().host : world.pick(network.hosts);
    const out = world.oneIn(2);
    const some = network.hosts.filter(() => world.chance(0.7));
    this.#partition(`${out ? 'from' : 'to'} ${host.ip} nothing comes through`, (from, to) =>
      out ? from === host && some.includes(to) : to === host && some.includes(from),
    );
  }

  #split(): void {
    const { world, network } = this.#all;
    const left = new Set(network.hosts.filter(() => world.oneIn(2)));
    const text = `${[...left].map(({ ip }) => ip).join(' ')} | the others`;
    this.#partition(text, (from, to) => left.has(from) !== left.has(to));
  }

  #partition(text: string, cuts: (from: Host, to: Host) => boolean): void {
    const { network } = this.#all;
    const back = this.#while();
    this.#tell(`partition for ${back.toFixed(0)} ms: ${text}`);
    for (const from of network.hosts) {
      for (const to of network.hosts) if (cuts(from, to)) network.block(from, to);
    }
    this.#partitions++;
    this.#all.world.after(back, () => {
      if (--this.#partitions > 0 || this.#over) return;
      this.#tell('no partition any more');
      network.heal();
    });
  }

  #slow(): void {
    const { world, network } = this.#all;
    const host = world.pick(network.hosts);
    const ms = world.pick([100, 600, 1500, 4000]);
    this.#tell(`${host.ip} is slow by up to ${ms} ms`);
    for (const other of network.hosts) {
      network.slowDown(host, other, ms);
      if (world.oneIn(2)) network.slowDown(other, host, ms);
    }
    this.#later(this.#while(), () => {
      for (const other of network.hosts) {
        network.slowDown(host, other, 0);
        network.slowDown(other, host, 0);
      }
    });
  }

  #resets(): void {
    const { world } = this.#all;
    const share = world.random.float();
    const client = world.oneIn(2);
    this.#tell('connections break');
    for (const sentinel of this.#all.sentinels) {
      for (const connection of sentinel.connections) {
        if (world.chance(share)) connection.reset(true, !client || world.oneIn(2));
      }
    }
  }

  #hangs(): void {
    const { world } = this.#all;
    const share = world.random.float() ** 2;
    this.#tell('connections hang');
    for (const sentinel of this.#all.sentinels) {
      for (const connection of sentinel.connections) {
        if (world.chance(share)) connection.hanging = true;
      }
    }
  }

  /** An operator orders failovers of what is well only, one at a time. */
  #order(): void {
    const { world, judge, sentinels } = this.#all;
    const group = this.#aGroup();
    const sentinel = this.#aSentinel();
    const masters = sentinels.map(({ core }) => core?.state.masters.get(group.name));
    if (this.#partitions > 0 || masters.some((master) => master === undefined || (master.flags & 11) !== 0))
      return;
    const coordinated = world.oneIn(2);
    this.#tell(
      `${sentinel.name} is asked for a ${coordinated ? 'coordinated ' : ''}failover of ${group.name}`,
    );
    const master = sentinel.core?.state.masters.get(group.name);
    if (master === undefined) return;
    judge.ordering = { node: sentinel, forced: !coordinated };
    try {
      const answer = sentinel.order(master, coordinated);
      this.#tell(`the answer is ${answer}`);
    } finally {
      judge.ordering = null;
    }
  }

  /** Somebody gives a replica another master, or makes it one. */
  #stray(): void {
    const { world } = this.#all;
    const { nodes } = this.#aGroup();
    const node = world.pick(nodes);
    const other = world.pick(nodes);
    if (!node.awake || node.role === 'master') return;
    this.#tell(`${node.name} is made ${other === node ? 'a master' : `a replica of ${other.name}`} by hand`);
    node.replicaOf(other === node ? null : { ip: other.host.ip, port: other.port });
  }

  #priority(): void {
    const { world } = this.#all;
    const node = this.#aNode();
    node.priority = world.pick([0, 1, 10, 100]);
    this.#tell(`${node.name} has priority ${node.priority}`);
  }

  #readOnly(): void {
    const node = this.#aNode();
    node.rewritable = false;
    this.#later(this.#while(), () => {
      node.rewritable = true;
    });
  }
}

/**
 * `npm run soak:partitions`: three hosts with a server and a sentinel each, under load, through random schedules of
 * what networks and machines do: cables pulled, packets lost in one direction, processes killed, paused, restarted.
 *
 *     npm run soak:partitions -- --schedules 50 --seed 1 [--servers ours|real|mixed] [--sentinels ours|real|mixed]
 *
 * After each schedule everything is healed, and within CONVERGENCE_MS
 * - all sentinels name the same master, that one and no other has the role, the others follow it with their links up;
 * - it takes writes from all hosts.
 * All along, no host may see two servers that take writes for longer than a master may that is cut off from its
 * replicas (min-replicas-max-lag and a second): there are never two masters on one side. The seed gives the schedule,
 * not the moment of every packet.
 */
import type { ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type Random, randomBelow, seededRandom } from '../../src/util/random.ts';
import { REPOSITORY } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { Deployment, type Kind } from './deployment.ts';
import { MASTER, PORT, REPLICAS } from './guide-files.ts';
import { noHosts } from './hosts.ts';

const HOSTS: readonly string[] = [MASTER, ...REPLICAS];
const CONVERGENCE_MS = 90_000;
const MAX_LAG_S = 2;
/** Two servers may be seen to take writes for so long: the lag, its second, and what the cron and the writer take. */
const BOTH_MS = (MAX_LAG_S + 1) * 1000 + 1500;
const ROUND_MS = 100;
const SENTINEL_LINES = `sentinel down-after-milliseconds mymaster 1500
sentinel failover-timeout mymaster 8000
`;
const SERVER_LINES = `min-replicas-to-write 1
min-replicas-max-lag ${MAX_LAG_S}
repl-timeout 5
repl-ping-replica-period 1
repl-diskless-sync-delay 0
`;

const { values: options } = parseArgs({
  options: {
    schedules: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    servers: { type: 'string', default: 'ours' },
    sentinels: { type: 'string', default: 'ours' },
  },
});

const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  ours: ['ts-redis', 'ts-redis', 'ts-redis'],
  real: ['redis-server', 'redis-server', 'redis-server'],
  mixed: ['ts-redis', 'redis-server', 'redis-server'],
};

function log(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
}

/** Watches, from one host, who takes writes. */
class Watcher {
  readonly host: string;
  readonly #child: ChildProcess;
  /** Since when two servers take writes, without a break; 0: they don't. */
  #bothSince = 0;
  #lastTaken = 0;
  /** Rounds in which somebody took the write, and all. */
  taken = 0;
  rounds = 0;
  longestBothMs = 0;
  last: readonly string[] = [];

  constructor(deployment: Deployment, host: string) {
    this.host = host;
    const places = HOSTS.flatMap((address) => [address, String(PORT)]);
    const script = join(REPOSITORY, 'test/netns/writer.mjs');
    this.#child = deployment.host(host).spawn(process.execPath, script, host, String(ROUND_MS), ...places);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#round(line));
  }

  #round(line: string): void {
    const [at, ...took] = line.split(' ');
    const now = Number(at);
    this.rounds++;
    this.last = took;
    if (took.length > 0) {
      this.taken++;
      this.#lastTaken = now;
    }
    if (took.length < 2) this.#bothSince = 0;
    else if (this.#bothSince === 0) this.#bothSince = now;
    else this.longestBothMs = Math.max(this.longestBothMs, now - this.#bothSince);
  }

  get lastTakenAt(): number {
    return this.#lastTaken;
  }

  end(): void {
    this.#child.stdin!.end();
    this.#child.kill('SIGKILL');
  }
}

type Process = 'server' | 'sentinel';

/** What is broken, and how it is mended. */
class World {
  readonly deployment: Deployment;
  readonly #broken = new Map<string, () => Promise<void>>();

  constructor(deployment: Deployment) {
    this.deployment = deployment;
  }

  isBroken(what: string): boolean {
    return this.#broken.has(what);
  }

  async breakCable(host: string): Promise<void> {
    await this.deployment.host(host).connected(false);
    this.#broken.set(`cable ${host}`, () => this.deployment.host(host).connected(true));
  }

  /** What `from` sends to `to` goes to an Ethernet address that nobody has. */
  async loseOneWay(from: string, to: string): Promise<void> {
    const neighbour = (verb: string, ...more: string[]) =>
      this.deployment.host(from).run('ip', 'neigh', verb, to, 'dev', 'eth0', ...more);
    await neighbour('replace', 'lladdr', '02:00:00:00:00:01', 'nud', 'permanent');
    this.#broken.set(`way ${from} ${to}`, async () => {
      await neighbour('del');
    });
  }

  async kill(host: string, process: Process): Promise<void> {
    await this.#signal(host, process, 'KILL');
    this.#broken.set(`${process} ${host}`, () => this.start(host, process));
  }

  async pause(host: string, process: Process): Promise<void> {
    await this.#signal(host, process, 'STOP');
    this.#broken.set(`${process} ${host}`, () => this.#signal(host, process, 'CONT'));
  }

  async shutDown(host: string, process: Process): Promise<void> {
    await this.#signal(host, process, 'TERM');
    this.#broken.set(`${process} ${host}`, () => this.start(host, process));
  }

  async start(host: string, process: Process): Promise<void> {
    const running = this.deployment.host(host);
    // A server that ends with a save may take its time, and one whose append-only file is not there yet refuses to end:
    // it is asked again. Nobody buries the dead of such a host: Z counts as gone.
    const pid = `$(cat ${pidFile(process)})`;
    const alive = `grep -qv ') Z' /proc/${pid}/stat && kill -TERM ${pid}`;
    await waitFor(async () => (await running.run('sh', '-c', alive)).code !== 0, {
      timeoutMs: 20_000,
      intervalMs: 100,
      what: `${process} of ${host} to be gone`,
    });
    await running.shell(
      process === 'server' ? 'bin/redis-server conf/redis.conf' : 'bin/redis-sentinel conf/sentinel.conf',
    );
  }

  async mend(what?: string): Promise<void> {
    for (const [name, mend] of [...this.#broken]) {
      if (what !== undefined && name !== what) continue;
      this.#broken.delete(name);
      await mend();
    }
  }

  get broken(): readonly string[] {
    return [...this.#broken.keys()];
  }

  async #signal(host: string, process: Process, name: string): Promise<void> {
    await this.deployment.host(host).run('sh', '-c', `kill -${name} $(cat ${pidFile(process)})`);
  }
}

function pidFile(process: Process): string {
  return process === 'server' ? '/redis/server.pid' : '/redis/sentinel.pid';
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[randomBelow(random, from.length)]!;
}

/** One thing that goes wrong; null if that can't be, as things are. */
async function breakSomething(world: World, random: Random): Promise<string | null> {
  const host = pick(random, HOSTS);
  const process = pick<Process>(random, ['server', 'server', 'sentinel']);
  const kind = pick(random, ['cable', 'way', 'kill', 'pause', 'restart', 'master'] as const);
  const isFree = !world.isBroken(`${process} ${host}`);
  switch (kind) {
    case 'cable':
      if (world.isBroken(`cable ${host}`)) return null;
      await world.breakCable(host);
      return `cable of ${host}`;
    case 'way': {
      const to = pick(
        random,
        HOSTS.filter((other) => other !== host),
      );
      if (world.isBroken(`way ${host} ${to}`)) return null;
      await world.loseOneWay(host, to);
      return `all from ${host} to ${to} is lost`;
    }
    case 'kill':
      if (!isFree) return null;
      await world.kill(host, process);
      return `kill -9 ${process} of ${host}`;
    case 'pause':
      if (!isFree) return null;
      await world.pause(host, process);
      return `pause ${process} of ${host}`;
    case 'restart':
      if (!isFree) return null;
      await world.shutDown(host, process);
      return `shut down ${process} of ${host}`;
    case 'master': {
      const master = await presentMaster(world.deployment);
      if (master === null || world.isBroken(`server ${master}`)) return null;
      if (randomBelow(random, 2) === 0) await world.kill(master, 'server');
      else await world.pause(master, 'server');
      return `the master ${master}`;
    }
  }
}

/** The master that some sentinel names. */
async function presentMaster(deployment: Deployment): Promise<string | null> {
  for (const host of HOSTS) {
    const reply = await deployment
      .host(host)
      .run('timeout', '1', 'bin/redis-cli', '-p', '26379', 'sentinel', 'get-master-addr-by-name', 'mymaster');
    const address = reply.stdout.split('\n')[0]!.trim();
    if (HOSTS.includes(address)) return address;
  }
  return null;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function schedule(world: World, random: Random): Promise<void> {
  const steps = 2 + randomBelow(random, 4);
  for (let step = 0; step < steps; step++) {
    const what = await breakSomething(world, random);
    if (what !== null) log(`  ${what}`);
    await sleep(300 + randomBelow(random, 3500));
    if (randomBelow(random, 2) === 0 && world.broken.length > 0) {
      const mended = pick(random, world.broken);
      await world.mend(mended);
      log(`  mended: ${mended}`);
    }
  }
  await world.mend();
}

/** Says what is not as it has to be at the end, or null. */
async function wrong(world: World): Promise<string | null> {
  const { deployment } = world;
  const named = new Set<string>();
  for (const host of HOSTS) {
    const reply = await deployment.askSentinel(host, 'sentinel get-master-addr-by-name mymaster');
    named.add(reply.split('\n')[0]!);
    const info = await deployment.askSentinel(host, 'info sentinel');
    if (!info.includes('status=ok') || !info.includes('slaves=2,sentinels=3')) return `${host} says ${info}`;
  }
  if (named.size !== 1) return `masters named: ${[...named]}`;
  const [master] = named;
  for (const host of HOSTS) {
    const info = await deployment.info(host);
    if (host === master) {
      if (info.get('role') !== 'master' || info.get('connected_slaves') !== '2')
        return `${host} leads nobody`;
    } else if (info.get('master_host') !== master || info.get('master_link_status') !== 'up') {
      return `${host} does not follow ${master}`;
    }
  }
  return null;
}

async function main(): Promise<number> {
  const skip = await noHosts();
  if (skip !== false) {
    console.log(skip);
    return 0;
  }
  const schedules = Number(options.schedules);
  const servers = KINDS[options.servers]!;
  const deployment = await Deployment.create(
    servers[0]!,
    servers[1]!,
    KINDS[options.sentinels]!,
    SENTINEL_LINES,
  );
  const world = new World(deployment);
  const watchers: Watcher[] = [];
  let failures = 0;
  try {
    for (const host of HOSTS) {
      const { redis } = deployment.host(host);
      appendFileSync(
        join(redis, 'conf/redis.conf'),
        `${SERVER_LINES}pidfile /redis/server.pid\ndir /redis\n`,
      );
      appendFileSync(join(redis, 'conf/sentinel.conf'), 'pidfile /redis/sentinel.pid\ndir /redis\n');
      await deployment.start(host);
    }
    for (const host of HOSTS) await deployment.startSentinel(host, 'bin/redis-sentinel conf/sentinel.conf');
    for (const host of HOSTS) watchers.push(new Watcher(deployment, host));
    const start = await converged(world, watchers);
    if (start !== null) throw new Error(`it does not even begin well: ${start}`);
    for (let n = 0; n < schedules; n++) {
      const seed = Number(options.seed) + n;
      log(`schedule ${n + 1} of ${schedules}, seed ${seed}`);
      await schedule(world, seededRandom(seed));
      const started = performance.now();
      const problem = (await converged(world, watchers)) ?? bothProblem(watchers);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      if (problem === null) log(`  healed in ${seconds} s`);
      else {
        failures++;
        log(`  FAILED, seed ${seed}: ${problem}`);
        console.log(deployment.logs());
        break;
      }
    }
  } finally {
    for (const watcher of watchers) watcher.end();
    await deployment.end();
  }
  const longest = Math.max(...watchers.map(({ longestBothMs }) => longestBothMs));
  const share = watchers.map(({ taken, rounds }) => `${Math.round((100 * taken) / rounds)}%`).join(' ');
  log(
    `${schedules} schedules, ${failures} failed; two servers took writes for ${longest} ms at most; rounds with a write, by host: ${share}`,
  );
  return failures === 0 ? 0 : 1;
}

function bothProblem(watchers: readonly Watcher[]): string | null {
  const bad = watchers.find(({ longestBothMs }) => longestBothMs > BOTH_MS);
  return bad === undefined ? null : `${bad.host} saw two servers take writes for ${bad.longestBothMs} ms`;
}

/** Waits until all is well; says what is not if that takes too long. */
async function converged(world: World, watchers: readonly Watcher[]): Promise<string | null> {
  let problem: string | null = 'not asked';
  const end = performance.now() + CONVERGENCE_MS;
  while (performance.now() < end) {
    problem = await wrong(world).catch((error: Error) => error.message);
    if (problem === null) {
      problem = watchers.every(({ last }) => last.length === 1) ? null : 'not every host can write';
      if (problem === null) return null;
    }
    await sleep(300);
  }
  return problem;
}

process.exitCode = await main();

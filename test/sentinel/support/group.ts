/**
 * A master with replicas and the sentinels that watch it, of any mix of kinds, on ports of loopback; and what must hold
 * of such a group when nothing is wrong with it.
 */
import { randomBytes } from 'node:crypto';
import type { Reply } from '../../support/reply-framer.ts';
import type { Directives } from '../../support/server-process.ts';
import { freePort } from '../../support/server-process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Events } from './events.ts';
import { type Kind, Member } from './member.ts';

export const MASTER_NAME = 'mymaster';

export interface GroupOptions {
  /** The first is the master. */
  readonly servers: readonly Kind[];
  readonly sentinels: readonly Kind[];
  /** A majority by default. */
  readonly quorum?: number;
  /** 2000 by default: on a busy machine nobody answers within one second always. */
  readonly downAfterMs?: number;
  readonly failoverTimeoutMs?: number;
  readonly parallelSyncs?: number;
  /** Of every data server. */
  readonly directives?: Directives;
  /** Lines of every sentinel's file. */
  readonly sentinelLines?: readonly string[];
  /**
   * The sentinels' files already name each other and the replicas, so there is nothing to discover: seconds less. The
   * names are those that they would find.
   */
  readonly acquainted?: boolean;
  /** Words before the commands of servers and sentinels (taskset). */
  readonly before?: readonly string[];
}

export interface AgreedOptions {
  /** Who must be the master, and who may not. */
  readonly master?: Member;
  readonly notMaster?: Member;
  /** The sentinels also see each other and all replicas up: they ask each 10 s only, so it takes as long. */
  readonly seen?: boolean;
  readonly timeoutMs?: number;
}

export class Group {
  readonly servers: Member[] = [];
  readonly sentinels: Member[] = [];
  readonly options: GroupOptions;
  #events: Events | null = null;

  /** Starts all of them and waits until they agree. */
  static async start(options: GroupOptions): Promise<Group> {
    const group = new Group(options);
    try {
      await group.#start();
      return group;
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  private constructor(options: GroupOptions) {
    this.options = options;
  }

  get events(): Events {
    return this.#events!;
  }

  get quorum(): number {
    return this.options.quorum ?? Math.floor(this.options.sentinels.length / 2) + 1;
  }

  async #start(): Promise<void> {
    const { servers, sentinels, directives = {}, before = [] } = this.options;
    for (const kind of servers) {
      const master = this.servers[0];
      const replicaof = master === undefined ? {} : { replicaof: `127.0.0.1 ${master.port}` };
      this.servers.push(await Member.server(kind, { ...directives, ...replicaof }, before));
    }
    for (const kind of sentinels) this.sentinels.push(new Member(kind, 'sentinel', await freePort(), before));
    const ids = sentinels.map(() => randomBytes(20).toString('hex'));
    for (const [i, sentinel] of this.sentinels.entries()) sentinel.configure(this.#sentinelFile(i, ids));
    await Promise.all(this.sentinels.map((sentinel) => sentinel.start()));
    this.#events = await Events.of(this.sentinels);
    await this.agreed({ master: this.servers[0]!, seen: true });
  }

  #sentinelFile(index: number, ids: readonly string[]): Directives {
    const {
      downAfterMs = 2000,
      failoverTimeoutMs = 10_000,
      parallelSyncs = 1,
      sentinelLines = [],
    } = this.options;
    const self = this.sentinels[index]!;
    const lines = [
      `monitor ${MASTER_NAME} 127.0.0.1 ${this.servers[0]!.port} ${this.quorum}`,
      `down-after-milliseconds ${MASTER_NAME} ${downAfterMs}`,
      `failover-timeout ${MASTER_NAME} ${failoverTimeoutMs}`,
      `parallel-syncs ${MASTER_NAME} ${parallelSyncs}`,
      ...sentinelLines,
    ];
    if (this.options.acquainted ?? true) {
      lines.push(`myid ${ids[index]!}`);
      for (const replica of this.servers.slice(1))
        lines.push(`known-replica ${MASTER_NAME} 127.0.0.1 ${replica.port}`);
      for (const [i, other] of this.sentinels.entries()) {
        if (i !== index) lines.push(`known-sentinel ${MASTER_NAME} 127.0.0.1 ${other.port} ${ids[i]!}`);
      }
    }
    return { bind: '127.0.0.1', port: self.port, dir: self.dir, sentinel: lines };
  }

  /** The server on that port. */
  serverAt(port: number): Member {
    const found = this.servers.find((server) => server.port === port);
    if (found === undefined) throw new Error(`no server of the group listens on ${port}`);
    return found;
  }

  /** Where a sentinel says that the master is. */
  async masterOf(sentinel: Member): Promise<Member> {
    const [, port] = (await sentinel.ok('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME)) as [
      string,
      string,
    ];
    return this.serverAt(Number(port));
  }

  /** The master in the eyes of the first sentinel that runs. */
  async master(): Promise<Member> {
    return this.masterOf(this.sentinels.find(({ running, paused }) => running && !paused)!);
  }

  /**
   * Waits until everything is as it should be: the sentinels that run agree on one master and on its epoch, and all
   * servers that run are that master and its replicas, links up. Resolves to the master.
   */
  async agreed(options: AgreedOptions = {}): Promise<Member> {
    const { timeoutMs = 60_000, seen = false } = options;
    let found: Member | null = null;
    try {
      await waitFor(
        async () => {
          found = await this.#look(seen);
          if (options.master !== undefined && found !== options.master)
            throw new Error(`${found.name} is the master`);
          if (found === options.notMaster) throw new Error(`${found.name} is still the master`);
          return true;
        },
        { timeoutMs, intervalMs: 50, what: 'a group that agrees' },
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await this.story()}`);
    }
    return found!;
  }

  /** Throws what is not as it should be. */
  async #look(seen: boolean): Promise<Member> {
    const { servers, sentinels } = this;
    const awake = sentinels.filter(({ running, paused }) => running && !paused);
    const views = await Promise.all(awake.map((sentinel) => this.#view(sentinel, seen)));
    const master = views[0]!.master;
    for (const view of views) {
      if (view.master !== master)
        throw new Error(`sentinels do not agree: ${master.name}, ${view.master.name}`);
      if (view.epoch !== views[0]!.epoch) throw new Error(`config epochs ${views[0]!.epoch}, ${view.epoch}`);
    }
    for (const server of servers.filter(({ running, paused }) => running && !paused)) {
      const info = await server.info();
      const isMaster = info.get('role') === 'master';
      if (isMaster !== (server === master)) throw new Error(`${server.name} is a ${info.get('role')}`);
      if (isMaster) continue;
      if (Number(info.get('master_port')) !== master.port) throw new Error(`${server.name} follows another`);
      if (info.get('master_link_status') !== 'up') throw new Error(`${server.name} has no link`);
    }
    return master;
  }

  async #view(sentinel: Member, seen: boolean): Promise<{ master: Member; epoch: string }> {
    const what = async (text: string): Promise<never> => {
      throw new Error(`${sentinel.name} sees ${text}`);
    };
    const about = fields(await sentinel.ok('SENTINEL', 'MASTER', MASTER_NAME));
    const view = { master: this.serverAt(Number(about.get('port'))), epoch: about.get('config-epoch')! };
    if (about.get('flags') !== 'master') await what(`the master as ${about.get('flags')}`);
    const replicas = ((await sentinel.ok('SENTINEL', 'REPLICAS', MASTER_NAME)) as Reply[]).map(fields);
    if (replicas.length !== this.servers.length - 1) await what(`${replicas.length} replicas`);
    if (!seen) return view;
    for (const replica of replicas) {
      const { running, paused } = this.serverAt(Number(replica.get('port')));
      if (!running || paused) continue;
      if (replica.get('flags') !== 'slave') await what(`${replica.get('name')} as ${replica.get('flags')}`);
      if (replica.get('role-reported') !== 'slave') await what(`${replica.get('name')} as a master still`);
      if (replica.get('master-link-status') !== 'ok') await what(`${replica.get('name')} without a link`);
      if (replica.get('master-port') !== about.get('port'))
        await what(`${replica.get('name')} follow another`);
    }
    const others = ((await sentinel.ok('SENTINEL', 'SENTINELS', MASTER_NAME)) as Reply[]).map(fields);
    if (others.length !== this.sentinels.length - 1) await what(`${others.length} other sentinels`);
    for (const other of others) {
      const member = this.sentinels.find(({ port }) => port === Number(other.get('port')));
      if (member?.running && !member.paused && other.get('flags') !== 'sentinel')
        await what(`${other.get('name')} as ${other.get('flags')}`);
    }
    return view;
  }

  /** The ends of all logs, and what sentinels say of the replicas, for a failure's message. */
  async story(): Promise<string> {
    const told: string[] = [];
    for (const sentinel of this.sentinels.filter(({ running, paused }) => running && !paused)) {
      const reply = await sentinel.call('SENTINEL', 'REPLICAS', MASTER_NAME).catch(String);
      const replicas = Array.isArray(reply)
        ? reply.map((one) => [...fields(one)].join(' '))
        : [String(reply)];
      const master = await sentinel.call('SENTINEL', 'MASTER', MASTER_NAME).catch(String);
      const about = Array.isArray(master) ? master.join(' ') : String(master);
      told.push(`--- what ${sentinel.name} sees\n${about}\n${replicas.join('\n')}\n`);
    }
    const members = [...this.sentinels, ...this.servers];
    return (
      told.join('') +
      members
        .map((one) => `--- ${one.name}${one.running ? '' : ' (ended)'}\n${one.output.slice(-2500)}`)
        .join('\n')
    );
  }

  /** Lines of logs which mean that one of ours went wrong. */
  badLines(): string[] {
    const bad = /BUG REPORT|Unhandled|Uncaught|at .*\.[tj]s:\d+|Internal error/;
    return [...this.sentinels, ...this.servers].flatMap(({ output, name }) =>
      output
        .split('\n')
        .filter((line) => bad.test(line))
        .map((line) => `${name}: ${line}`),
    );
  }

  async stop(): Promise<void> {
    this.#events?.stop();
    await Promise.all([...this.sentinels, ...this.servers].map((one) => one.stop()));
  }
}

/** An array of names and values, or a map, as a map. */
export function fields(reply: Reply): Map<string, string> {
  if (reply instanceof Map) return reply as Map<string, string>;
  const list = reply as string[];
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < list.length; i += 2) map.set(String(list[i]), String(list[i + 1]));
  return map;
}

/** Runs `body` with a group, which is ended however it goes. */
export async function withGroup<T>(options: GroupOptions, body: (group: Group) => Promise<T>): Promise<T> {
  const group = await Group.start(options);
  try {
    return await body(group);
  } finally {
    await group.stop();
  }
}

/** The guide's deployment on three hosts (hosts.ts): what stands in /redis, and its commands as the guide types them. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOracle } from '../support/oracle.ts';
import { findProgram, REPOSITORY } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  forRedisServer,
  MASTER,
  MASTER_CONF,
  PORT,
  REPLICA_CONF,
  REPLICAS,
  SENTINEL_CONF,
  SENTINEL_PORT,
} from './guide-files.ts';
import { type Host, Network } from './hosts.ts';

export type Kind = 'ts-redis' | 'redis-server';

/** Fields of INFO replication, in order. */
export type Info = ReadonlyMap<string, string>;

export class Deployment {
  readonly #network: Network;
  readonly hosts: ReadonlyMap<string, Host>;

  private constructor(network: Network, hosts: ReadonlyMap<string, Host>) {
    this.#network = network;
    this.hosts = hosts;
  }

  /** Three hosts with everything in /redis as the guide says. `sentinels`: of the master's host and of the others. */
  static async create(
    master: Kind,
    replicas: Kind,
    sentinels: readonly Kind[] = [],
    moreSentinelConf = '',
  ): Promise<Deployment> {
    const network = await Network.create();
    const hosts = new Map<string, Host>();
    const deployment = new Deployment(network, hosts);
    try {
      for (const [i, address] of [MASTER, ...REPLICAS].entries()) {
        const host = await network.addHost(address);
        hosts.set(address, host);
        const isMaster = address === MASTER;
        install(host, isMaster ? master : replicas, isMaster ? MASTER_CONF : REPLICA_CONF);
        const sentinel = sentinels[i];
        if (sentinel !== undefined) installSentinel(host, sentinel, moreSentinelConf);
      }
    } catch (error) {
      await network.end();
      throw error;
    }
    return deployment;
  }

  host(address: string): Host {
    return this.hosts.get(address)!;
  }

  async start(address: string): Promise<void> {
    await this.host(address).shell('bin/redis-server conf/redis.conf');
    await waitFor(async () => (await this.cli(address, 'ping')) === 'PONG', {
      timeoutMs: 20_000,
      what: `${address} to answer`,
    });
  }

  /** Starts the sentinel of a host, in one of the guide's two ways. */
  async startSentinel(address: string, line: string): Promise<void> {
    await this.host(address).shell(line);
    await waitFor(async () => (await this.askSentinel(address, 'ping')) === 'PONG', {
      timeoutMs: 20_000,
      what: `the sentinel of ${address} to answer`,
    });
  }

  /** redis-cli for the sentinel of a host. */
  async askSentinel(address: string, words: string, from = address): Promise<string> {
    return (await this.host(from).shell(`bin/redis-cli -h ${address} -p ${SENTINEL_PORT} ${words}`)).trim();
  }

  /** Waits until all sentinels name the same master, one that `isWanted`. Gives its address. */
  async agreedMaster(isWanted: (address: string) => boolean, timeoutMs = 90_000): Promise<string> {
    return waitFor(
      async () => {
        const named = new Set<string>();
        for (const address of this.hosts.keys()) {
          const reply = await this.askSentinel(address, 'sentinel get-master-addr-by-name mymaster');
          named.add(reply.split('\n')[0]!);
        }
        const [agreed] = named;
        return named.size === 1 && isWanted(agreed!) ? agreed! : null;
      },
      { timeoutMs, intervalMs: 250, what: 'all sentinels to name the same master' },
    );
  }

  /** redis-cli on the host itself, which reaches any other. */
  async cli(address: string, words: string, from = address): Promise<string> {
    return (await this.host(from).shell(`bin/redis-cli -h ${address} -p ${PORT} ${words}`)).trim();
  }

  async info(address: string, section = 'replication', from = address): Promise<Info> {
    const text = await this.cli(address, `info ${section}`, from);
    const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
    return new Map(
      lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  }

  async waitInSync(): Promise<void> {
    await waitFor(
      async () => {
        const master = await this.info(MASTER);
        const offset = master.get('master_repl_offset');
        for (const replica of REPLICAS) {
          const info = await this.info(replica);
          if (info.get('master_link_status') !== 'up') throw new Error(`${replica}: ${show(info)}`);
          if (info.get('slave_repl_offset') !== offset) throw new Error(`${replica}: ${show(info)}`);
        }
        return master.get('connected_slaves') === '2' && !show(master).includes('state=wait');
      },
      { timeoutMs: 60_000, intervalMs: 200, what: 'both replicas to follow' },
    );
  }

  logs(): string {
    return [...this.hosts.values()]
      .flatMap(({ address, redis }) =>
        ['redis', 'sentinel'].map((of) => ({ address, of, path: join(redis, `log/${of}.log`) })),
      )
      .filter(({ path }) => existsSync(path))
      .map(({ address, of, path }) => `${address} ${of}\n${readFileSync(path, 'utf8')}`)
      .join('\n');
  }

  async end(): Promise<void> {
    await this.#network.end();
  }
}

export function show(info: Info): string {
  return [...info].map((pair) => pair.join(':')).join(' ');
}

/** What the guide's first steps leave in /redis. */
function install(host: Host, kind: Kind, conf: string): void {
  for (const name of ['conf', 'log', 'bin']) mkdirSync(join(host.redis, name));
  const server = kind === 'ts-redis' ? join(REPOSITORY, 'bin', 'ts-redis-server') : findOracle()!;
  symlinkSync(server, join(host.redis, 'bin/redis-server'));
  symlinkSync(findProgram('redis-cli')!, join(host.redis, 'bin/redis-cli'));
  writeFileSync(join(host.redis, 'conf/redis.conf'), kind === 'ts-redis' ? conf : forRedisServer(conf));
}

/** bin/redis-sentinel and conf/sentinel.conf; `more`: lines behind the guide's. */
function installSentinel(host: Host, kind: Kind, more: string): void {
  const ours = kind === 'ts-redis';
  const program = ours ? join(REPOSITORY, 'bin', 'ts-redis-sentinel') : findProgram('redis-sentinel')!;
  symlinkSync(program, join(host.redis, 'bin/redis-sentinel'));
  const conf = ours ? SENTINEL_CONF : forRedisServer(SENTINEL_CONF);
  writeFileSync(join(host.redis, 'conf/sentinel.conf'), `${conf}${more}`);
}

/**
 * A data node as a sentinel sees it: it answers PING, INFO, PUBLISH, SUBSCRIBE and the transactions of a
 * reconfiguration, has a role, a history (replication ids and offset) and a configuration that outlives a crash only
 * if it was rewritten. Replication itself is a rule applied about once a second: who reaches its master follows it.
 */
import { randomHex } from '../../src/util/random.ts';
import type { Connection, End, Host, Listener, Network } from './network.ts';
import type { World } from './world.ts';

/** A message on a Pub/Sub connection; everything else on a connection is a Reply. */
export class Message {
  readonly channel: string;
  readonly payload: string;
  constructor(channel: string, payload: string) {
    this.channel = channel;
    this.payload = payload;
  }
}

export interface MasterAddress {
  readonly ip: string;
  readonly port: number;
}

interface Client {
  transaction: string[][] | null;
  subscribed: boolean;
}

/** Replication ends when nothing was heard for so long (repl-timeout). */
const REPL_TIMEOUT_MS = 10_000;
const NO_REPLID = '0'.repeat(40);

export class RedisNode implements Listener, End<unknown> {
  readonly name: string;
  readonly group: string;
  readonly host: Host;
  readonly port: number;
  running = false;
  paused = false;
  role: 'master' | 'replica' = 'master';
  master: MasterAddress | null = null;
  priority = 100;
  linkUp = false;
  offset = 1;
  replId = '';
  /** It answers -BUSY until a script is killed, or the moment has come. */
  busyUntil = 0;
  /** SCRIPT KILL cannot end it. */
  busyWithWrites = false;
  loadingUntil = 0;
  /** CONFIG REWRITE works. */
  rewritable = true;
  /** Hellos arrive twice, and late, now and then. */
  duplicates = false;
  /** PUBLISH at a master reaches the subscribers of its replicas, too. */
  propagatesPublish = false;
  readonly #world: World;
  readonly #network: Network;
  readonly #clients = new Map<Connection, Client>();
  #runId = '';
  #replId2 = NO_REPLID;
  #secondOffset = -1;
  #linkDownSince: number | null = null;
  #lastIo = 0;
  /** When the present attempt to synchronize is done; 0: there is none. */
  #syncedAt = 0;
  /** Changes whenever replicas have to connect again. */
  #session = 0;
  #masterSession = 0;
  /** What the configuration file says. */
  #durableMaster: MasterAddress | null = null;
  #failover: { readonly target: RedisNode; readonly until: number } | null = null;
  #lifes = 0;

  constructor(world: World, network: Network, name: string, group: string, host: Host, port: number) {
    this.#world = world;
    this.#network = network;
    this.name = name;
    this.group = group;
    this.host = host;
    this.port = port;
    network.listen(host.ip, port, this);
  }

  get awake(): boolean {
    return this.running && !this.paused;
  }

  get address(): string {
    return `${this.host.ip}:${this.port}`;
  }

  /** Starts the process. Without its data, its history is a new one; its configuration is what was rewritten last. */
  start(options: { configured?: MasterAddress | null; withData: boolean; loadingMs?: number }): void {
    const world = this.#world;
    if (options.configured !== undefined) this.#durableMaster = options.configured;
    this.running = true;
    this.paused = false;
    this.busyUntil = 0;
    this.loadingUntil = world.now + (options.loadingMs ?? 0);
    this.#runId = randomHex(world.random, 40);
    this.master = this.#durableMaster;
    this.role = this.master === null ? 'master' : 'replica';
    this.linkUp = false;
    this.#linkDownSince = null;
    this.#syncedAt = 0;
    this.#session++;
    this.#failover = null;
    if (!options.withData || this.replId === '') {
      this.replId = randomHex(world.random, 40);
      this.#replId2 = NO_REPLID;
      this.#secondOffset = -1;
      this.offset = 1;
    }
    const life = ++this.#lifes;
    const step = (): void => {
      if (!this.running || life !== this.#lifes) return;
      if (!this.paused) this.#replicate();
      world.after(world.between(700, 1000), step);
    };
    world.after(world.between(10, 900), step);
  }

  /** The process ends; `silently`: with its machine. */
  stop(silently: boolean): void {
    this.running = false;
    this.paused = false;
    for (const connection of this.#clients.keys()) {
      if (silently) connection.vanish('server');
      else connection.closeServer();
    }
    this.#clients.clear();
  }

  resume(): void {
    this.paused = false;
    this.#network.retry();
  }

  /** What an operator does by hand: REPLICAOF. */
  replicaOf(master: MasterAddress | null): void {
    if (master === null) {
      if (this.role === 'master') return;
      this.role = 'master';
      this.master = null;
      this.#replId2 = this.replId;
      this.#secondOffset = this.offset + 1;
      this.replId = randomHex(this.#world.random, 40);
      this.linkUp = false;
      this.#session++;
      return;
    }
    if (this.master !== null && this.master.ip === master.ip && this.master.port === master.port) return;
    this.role = 'replica';
    this.master = { ip: master.ip, port: master.port };
    this.linkUp = false;
    this.#linkDownSince = null;
    this.#syncedAt = 0;
    this.#session++;
  }

  accept(connection: Connection): void {
    this.#clients.set(connection, { transaction: null, subscribed: false });
    connection.serve(this);
  }

  closed(connection: Connection): void {
    this.#clients.delete(connection);
  }

  receive(connection: Connection, data: unknown): void {
    const client = this.#clients.get(connection);
    if (client === undefined) return;
    const words = data as string[];
    if (client.transaction !== null && words[0] !== 'EXEC') {
      client.transaction.push(words);
      connection.sendDown('QUEUED');
      return;
    }
    const reply = this.#run(connection, client, words);
    if (this.#clients.has(connection)) connection.sendDown(reply);
  }

  /** All links of clients; a reset of some is one of the faults. */
  get connections(): readonly Connection[] {
    return [...this.#clients.keys()];
  }

  info(): string {
    const world = this.#world;
    const lines = [
      '# Server',
      'redis_version:7.2.4',
      'redis_mode:standalone',
      `run_id:${this.#runId}`,
      `tcp_port:${this.port}`,
      '',
      '# Replication',
    ];
    const replicas = this.#replicas();
    if (this.role === 'master' || this.master === null) {
      lines.push('role:master');
    } else {
      const down = this.#linkDownSince === null ? -1 : Math.floor((world.now - this.#linkDownSince) / 1000);
      lines.push(
        'role:slave',
        `master_host:${this.master.ip}`,
        `master_port:${this.master.port}`,
        `master_link_status:${this.linkUp ? 'up' : 'down'}`,
        `master_last_io_seconds_ago:${this.linkUp ? Math.floor((world.now - this.#lastIo) / 1000) : -1}`,
        `master_sync_in_progress:${this.#syncedAt > 0 ? 1 : 0}`,
        `slave_read_repl_offset:${this.offset}`,
        `slave_repl_offset:${this.offset}`,
      );
      if (!this.linkUp) lines.push(`master_link_down_since_seconds:${down}`);
      lines.push(`slave_priority:${this.priority}`, 'slave_read_only:1', 'replica_announced:1');
    }
    lines.push(`connected_slaves:${replicas.length}`);
    replicas.forEach((one, i) => {
      lines.push(`slave${i}:ip=${one.host.ip},port=${one.port},state=online,offset=${one.offset},lag=0`);
    });
    lines.push(
      `master_failover_state:${this.#failover === null ? 'no-failover' : 'waiting-for-sync'}`,
      `master_replid:${this.replId}`,
      `master_replid2:${this.#replId2}`,
      `master_repl_offset:${this.offset}`,
      `second_repl_offset:${this.#secondOffset}`,
      '',
    );
    return lines.join('\r\n');
  }

  #run(connection: Connection, client: Client, words: string[]): unknown {
    const world = this.#world;
    const name = words[0]!.toUpperCase();
    if (name === 'AUTH' || name === 'CLIENT')
      return name === 'CLIENT' ? this.#client(connection, words) : 'OK';
    if (this.busyUntil > world.now) {
      if (name !== 'SCRIPT') {
        return new Error(
          'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
        );
      }
      if (this.busyWithWrites)
        return new Error('UNKILLABLE Sorry the script already executed write commands.');
      this.busyUntil = 0;
      return 'OK';
    }
    switch (name) {
      case 'PING':
        return this.loadingUntil > world.now ? loading() : 'PONG';
      case 'INFO':
        return Buffer.from(this.info(), 'latin1');
      case 'PUBLISH':
        return this.loadingUntil > world.now ? loading() : this.#publish(words[1]!, words[2]!);
      case 'SUBSCRIBE':
        client.subscribed = true;
        return ['subscribe', words[1]!, 1];
      case 'MULTI':
        client.transaction = [];
        return 'OK';
      case 'EXEC': {
        const queued = client.transaction ?? [];
        client.transaction = null;
        return queued.map((one) => this.#run(connection, client, one));
      }
      case 'SLAVEOF':
      case 'REPLICAOF':
        if (this.loadingUntil > world.now) return loading();
        if (this.#failover !== null) return new Error('ERR REPLICAOF not allowed while failing over.');
        this.#tell(`${words.join(' ')}`);
        this.replicaOf(words[1]!.toUpperCase() === 'NO' ? null : { ip: words[1]!, port: Number(words[2]) });
        return 'OK';
      case 'CONFIG':
        if (!this.rewritable) return new Error('ERR Rewriting config file: Read-only file system');
        this.#durableMaster = this.master;
        return 'OK';
      case 'SCRIPT':
        return new Error('NOTBUSY No scripts in execution right now.');
      case 'FAILOVER':
        return this.#startFailover(words);
      default:
        return new Error(`ERR unknown command '${words[0]}'`);
    }
  }

  #client(connection: Connection, words: string[]): unknown {
    if (words[1]?.toUpperCase() !== 'KILL') return 'OK';
    const pubsub = words[3]?.toLowerCase() === 'pubsub';
    let killed = 0;
    for (const [other, client] of [...this.#clients]) {
      if (other === connection || client.subscribed !== pubsub) continue;
      this.#clients.delete(other);
      other.closeServer();
      killed++;
    }
    return killed;
  }

  #publish(channel: string, payload: string): number {
    const world = this.#world;
    const receivers = this.#deliver(channel, payload);
    if (this.propagatesPublish && this.role === 'master') {
      for (const replica of this.#replicas()) {
        world.after(this.#network.delay(this.host, replica.host), () => {
          if (replica.awake) replica.#deliver(channel, payload);
        });
      }
    }
    if (this.duplicates && world.oneIn(20)) {
      world.after(world.between(0, 8000), () => {
        if (this.awake) this.#deliver(channel, payload);
      });
    }
    return receivers;
  }

  #deliver(channel: string, payload: string): number {
    let receivers = 0;
    const message = new Message(channel, payload);
    for (const [connection, client] of this.#clients) {
      if (!client.subscribed) continue;
      connection.sendDown(message);
      receivers++;
    }
    return receivers;
  }

  /** FAILOVER TO host port TIMEOUT ms: the replica takes over when it has everything. */
  #startFailover(words: string[]): unknown {
    if (words[1]?.toUpperCase() === 'ABORT') {
      this.#failover = null;
      return 'OK';
    }
    const world = this.#world;
    const target = this.#network.at(words[2] ?? '', Number(words[3]));
    if (this.role !== 'master') return new Error('ERR FAILOVER is not valid when server is a replica.');
    if (!(target instanceof RedisNode) || !this.#replicas().includes(target)) {
      return new Error('ERR FAILOVER target HOST and PORT is not a replica.');
    }
    const timeout = Number(words[words.findIndex((word) => word.toUpperCase() === 'TIMEOUT') + 1]);
    this.#failover = { target, until: world.now + (Number.isFinite(timeout) ? timeout : 60_000) };
    const life = this.#lifes;
    world.after(world.between(50, 1500), () => {
      const under = this.#failover;
      if (under === null || life !== this.#lifes || !this.awake) return;
      this.#failover = null;
      if (!target.awake || !target.linkUp || world.now > under.until) return;
      if (!this.#network.reachable(this.host, target.host)) return;
      target.offset = this.offset;
      target.replicaOf(null);
      this.replicaOf({ ip: target.host.ip, port: target.port });
      this.#tell(`handed over to ${target.name}`);
    });
    return 'OK';
  }

  #replicas(): RedisNode[] {
    const found: RedisNode[] = [];
    for (const one of this.#peers) if (one.#follows(this)) found.push(one);
    return found;
  }

  #peers: readonly RedisNode[] = [];

  /** The others that may replicate from this one. */
  meet(others: readonly RedisNode[]): void {
    this.#peers = others.filter((one) => one !== this);
  }

  #follows(master: RedisNode): boolean {
    return (
      this.running && this.linkUp && this.master?.port === master.port && this.master.ip === master.host.ip
    );
  }

  #replicate(): void {
    const world = this.#world;
    if (this.loadingUntil > world.now || this.busyUntil > world.now) return;
    if (this.#failover !== null && world.now > this.#failover.until) this.#failover = null;
    if (this.master === null) {
      this.offset += world.below(2000);
      return;
    }
    const found = this.#network.at(this.master.ip, this.master.port);
    const master = found instanceof RedisNode && found !== this ? found : null;
    const wayOpen = master !== null && this.#network.reachable(this.host, master.host);
    const serves =
      wayOpen && master.awake && master.loadingUntil <= world.now && master.busyUntil <= world.now;
    if (this.linkUp) {
      if (serves && master.#session === this.#masterSession) {
        this.#lastIo = world.now;
        this.offset = Math.max(this.offset, master.offset - world.below(300));
      } else if (
        master === null ||
        (wayOpen && (!master.running || master.#session !== this.#masterSession)) ||
        world.now - this.#lastIo > REPL_TIMEOUT_MS
      ) {
        this.linkUp = false;
        this.#linkDownSince = world.now;
        this.#session++;
      }
      return;
    }
    if (!serves || (master.role !== 'master' && !master.linkUp)) {
      this.#syncedAt = 0;
      return;
    }
    if (this.#syncedAt === 0 || this.#masterSession !== master.#session) {
      const continues =
        this.replId === master.replId
          ? this.offset <= master.offset
          : this.replId === master.#replId2 && this.offset <= master.#secondOffset;
      this.#syncedAt = world.now + (continues ? 0 : world.between(100, 6000));
      this.#masterSession = master.#session;
    }
    if (world.now < this.#syncedAt) return;
    this.#syncedAt = 0;
    this.linkUp = true;
    this.#linkDownSince = null;
    this.#lastIo = world.now;
    this.replId = master.replId;
    this.#replId2 = master.#replId2;
    this.#secondOffset = master.#secondOffset;
    this.offset = master.offset;
  }

  #tell(text: string): void {
    if (this.#world.trace !== null) this.#world.tell(`${this.name} ${text}`);
  }
}

function loading(): Error {
  return new Error('LOADING Redis is loading the dataset in memory');
}

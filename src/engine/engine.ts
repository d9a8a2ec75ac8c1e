/**
 * The engine: takes bytes of a client, finds the commands in them, checks whether they may run, runs them, and
 * keeps count. It knows no socket, no disk and no clock but the ones it is given.
 *
 *   Link.onRead → serve() → RequestParser → execute() → [admit()] → call() → handler → ReplyWriter → Link.send
 *
 * Hot path. One read of a socket is one batch: the time is read when it starts and when it ends. Commands that
 * are marked BATCHED (constant time, well under a microsecond) are not timed one by one: reading the clock costs
 * a quarter of such a command. They share the batch's time by count. Everything else is timed exactly. When
 * somebody wants to know exactly (slowlog-log-slower-than below a millisecond, latency-monitor-threshold set),
 * `timeEach` times every command.
 *
 * All rare states (authentication, MULTI, CLIENT REPLY OFF, MONITOR, maxmemory, loading, pause ...) are bits of
 * `client.gates` and `engine.gates`: a command in the common state passes with one comparison.
 */
import type { ServerConfig } from '../config/config.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Logger } from '../logging/logger.ts';
import { Restorer } from '../rdb/load/restore.ts';
import type { Args } from '../resp/args.ts';
import { ReplyError } from '../resp/reply-error.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import { COMMAND, INCOMPLETE, PROTOCOL_ERROR, RequestParser } from '../resp/request-parser.ts';
import { ArenaFull } from '../structures/arena.ts';
import { type Clock, MicrosecondWallClock, type Timers } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import { Acl } from './acl/acl.ts';
import { admit, protectedRefusal } from './admission.ts';
import { Blocking } from './blocking.ts';
import type { Client, Link } from './client.ts';
import { ClientCron } from './clients/client-cron.ts';
import { clientLine } from './clients/client-line.ts';
import { ClientRegistry } from './clients/client-registry.ts';
import { ADMIN, ALWAYS_TOUCHES, BATCHED, READONLY, SKIP_MONITOR } from './command-spec.ts';
import type { Command, CommandTable } from './command-table.ts';
import { wireConfig } from './config-wiring.ts';
import type { CronJob } from './cron-job.ts';
import { newDebugSwitches } from './debug-switches.ts';
import { Propagation } from './effects/propagation.ts';
import * as errors from './errors.ts';
import { InfoRegistry } from './figures/info.ts';
import { LatencyMonitor } from './figures/latency-monitor.ts';
import { Metrics } from './figures/metrics.ts';
import { Monitors } from './figures/monitors.ts';
import { SlowLog } from './figures/slowlog.ts';
import { Stats } from './figures/stats.ts';
import {
  GATE_NO_TOUCH,
  GATE_REPLICA,
  GATE_REPLY_OFF,
  GATE_REPLY_SKIP,
  GATE_REPLY_SKIP_NEXT,
  GATE_TRACKING,
  GATE_UNAUTHENTICATED,
  SERVER_MONITORED,
  STOP_BLOCKED,
  STOP_CLOSING,
} from './gates.ts';
import { HeldKeys } from './held-keys.ts';
import type { Host, NodeMode } from './host.ts';
import { Upkeep } from './memory/upkeep.ts';
import { Notifications } from './messages/notifications.ts';
import { PubSub } from './messages/pubsub.ts';
import { Pushes } from './messages/pushes.ts';
import { Signals } from './messages/signals.ts';
import { Tracking } from './messages/tracking.ts';
import { disobeyed } from './obedience.ts';
import { type Connector, LinkCache } from './outgoing.ts';
import { OutputGate } from './output-gate.ts';
import { Pause } from './pause.ts';
import type { Persistence } from './persistence.ts';
import type { Replication } from './replication.ts';
import { isQuiet, Transactions } from './transactions.ts';
import type { WriteGate } from './write-gate.ts';

export * from './gates.ts';

/** Attacks come in swarms; the log is told once in a while. */
const ABORT_LOG_PERIOD_MS = 60_000;

/** Readings of the clock that take a millisecond or two. */
const ANCHOR_READINGS = 4000;

export interface EngineParts {
  config: ServerConfig;
  keyspace: Keyspace;
  commands: CommandTable;
  clock: Clock;
  timers: Timers;
  random: Random;
  log: Logger;
  /** By default 'standalone'. */
  mode?: NodeMode;
}

export class Engine {
  readonly config: ServerConfig;
  readonly keyspace: Keyspace;
  readonly commands: CommandTable;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** What HELLO and INFO call this server; a cluster is a matter of the configuration. */
  readonly mode: NodeMode;
  readonly stats: Stats;
  readonly clients: ClientRegistry;
  /** Users and what they may do. */
  readonly acl: Acl;
  readonly parser = new RequestParser();
  /** The writer of whatever client is being served. */
  readonly writer: ReplyWriter;
  /** The client being served, null between batches. */
  current: Client | null = null;
  gates = 0;
  /** Time every command by itself. */
  timeEach = false;
  /** Parts that features add: each knows itself by its own type (slowlog, latency, monitors, ...). */
  readonly pause: Pause;
  readonly monitors: Monitors;
  /** Who is told of changes in the keyspace. */
  readonly signals: Signals;
  /** Clients that wait for keys. */
  readonly blocking: Blocking;
  /** What clients are told without having asked. */
  readonly pushes: Pushes;
  readonly pubsub: PubSub;
  readonly notifications: Notifications;
  /** Client-side caching. */
  readonly tracking: Tracking;
  /** MULTI, EXEC, WATCH. */
  readonly transactions: Transactions;
  /** What the append-only file and replicas are told. */
  readonly propagation: Propagation;
  /** Where replies wait until what they tell of is in the append-only file, or synced (`appendfsync always`). */
  readonly outputGate: OutputGate;
  /** Keys that must not be changed for a while. */
  readonly heldKeys: HeldKeys;
  /** Reads the payloads of RESTORE. */
  readonly restorer: Restorer;
  /** The snapshot that is being taken, if writers may have to wait for it. */
  writeGate: WriteGate | null = null;
  /** Opens links to other servers; null where there is no network. */
  outgoing: Connector | null = null;
  /** Links to other servers that are kept for a while. */
  readonly links = new LinkCache();
  /** The process around the engine; null where there is none. */
  host: Host | null = null;
  /** The data files; null where there are none. */
  persistence: Persistence | null = null;
  /** Masters and replicas; null where there is none. */
  replication: Replication | null = null;
  /** Run `hz` times a second, in this order. */
  readonly cron: CronJob[] = [];
  /** What features add to INFO. */
  readonly info = new InfoRegistry();
  /** Called by CONFIG RESETSTAT. */
  readonly onResetStat: (() => void)[] = [];
  /** Expiry, eviction, lazy free and the measuring of memory. */
  readonly upkeep: Upkeep;
  readonly slowlog = new SlowLog();
  readonly latency = new LatencyMonitor();
  readonly metrics: Metrics;
  /** Where the replication stream was when the batch that is being served began; kept while replicas are fed. */
  batchOffset = 0;
  readonly debug = newDebugSwitches();
  /** Wall clock in µs (TIME, ids). */
  readonly wallClock: MicrosecondWallClock;

  /** Wall clock minus monotonic clock, in ms; set anew by `syncClock`. */
  #wallOffset = Number.NEGATIVE_INFINITY;
  #abortLoggedMs = Number.NEGATIVE_INFINITY;
  /** Up to when time has been charged to commands, in µs. */
  chargedUs = 0;
  /** The kinds of batched commands served since the clock was read, and how many commands. */
  readonly #batch: Command[] = [];
  #batchKinds = 0;
  #batchSize = 0;

  constructor(parts: EngineParts) {
    this.config = parts.config;
    this.keyspace = parts.keyspace;
    this.commands = parts.commands;
    this.clock = parts.clock;
    this.timers = parts.timers;
    this.random = parts.random;
    this.log = parts.log;
    this.mode = parts.mode ?? 'standalone';
    this.stats = new Stats();
    this.clients = new ClientRegistry(this);
    this.acl = new Acl(this);
    this.writer = new ReplyWriter(NOWHERE);
    this.metrics = new Metrics(this);
    this.wallClock = new MicrosecondWallClock(parts.clock);
    // For a millisecond, in which the wall clock steps: `SET k v PXAT now+10` must not see 11 ms to come.
    for (let i = 0; i < ANCHOR_READINGS; i++) this.syncClock();
    this.readTime();
    this.propagation = new Propagation(parts.keyspace);
    this.outputGate = new OutputGate(this.propagation);
    this.signals = new Signals(parts.keyspace, this.propagation);
    this.blocking = new Blocking(this);
    this.pushes = new Pushes(this);
    this.pubsub = new PubSub(this);
    this.notifications = new Notifications(this);
    this.tracking = new Tracking(this);
    this.transactions = new Transactions(this);
    this.heldKeys = new HeldKeys(this);
    this.restorer = new Restorer(parts.keyspace, parts.config.values);
    this.pause = new Pause(this);
    this.monitors = new Monitors(this);
    this.cron.push(new ClientCron(this));
    wireConfig(this);
    this.upkeep = new Upkeep(this);
    this.cron.push(this.upkeep);
    this.cron.push(this.metrics);
    this.cron.push(this.blocking);
    this.cron.push(this.tracking);
    this.cron.push(this.links);
  }

  /**
   * Anchors the wall clock to the monotonic one; the cron calls it. The wall clock has whole milliseconds only, so
   * one reading is up to 1 ms behind: the reading that is least so stays, until the wall clock has been set anew.
   */
  syncClock(): void {
    const offset = this.clock.wallMs() - this.clock.monoMs();
    if (offset > this.#wallOffset || offset < this.#wallOffset - 1) this.#wallOffset = offset;
  }

  /** Reads the clock; sets the time that the next commands see. Returns µs of the monotonic clock. */
  readTime(): number {
    const us = this.tick();
    this.chargedUs = us;
    return us;
  }

  /** The same, and charges nobody for what has passed. */
  tick(): number {
    const us = this.clock.monoUs();
    this.keyspace.tick(Math.floor(us / 1000 + this.#wallOffset));
    return us;
  }

  /** Wall clock of the command being served, in ms. */
  get nowMs(): number {
    return this.keyspace.now;
  }

  /**
   * Serves the requests in buf[from, end). Returns the position behind the last one that was served; what lies
   * behind it is incomplete, or held back because `client.stopped`. After a protocol error or QUIT it is `end`.
   */
  serve(client: Client, buf: Uint8Array, from: number, end: number): number {
    const { parser, writer } = this;
    let at = from;
    client.lastInteractionMs = this.readTime() / 1000;
    this.current = client;
    writer.sink = client.link;
    writer.resp = client.resp;
    if (client.outbox.length !== 0) this.pushes.flushTo(client);
    if (this.propagation.feedsReplicas) this.batchOffset = this.#streamEnd;
    while (at < end && client.stopped === 0) {
      const status = parser.parse(buf, at, end, (client.gates & GATE_UNAUTHENTICATED) === 0);
      if (status === COMMAND) {
        at = parser.next;
        this.execute(client, parser.args);
      } else if (status === INCOMPLETE) break;
      else if (status === PROTOCOL_ERROR) {
        this.#refuseProtocol(client, parser.error);
        at = end;
      } else at = parser.next;
    }
    this.settle();
    if (this.propagation.lends) this.propagation.flush();
    if (this.propagation.feedsReplicas) this.#noteWrites(client);
    if (client.outbox.length !== 0 && !client.midReply) this.pushes.flushOwn(client);
    writer.flush();
    this.current = null;
    if ((client.stopped & STOP_CLOSING) !== 0) {
      // Its last request may be incomplete: the parser must not take the next client's bytes for the rest.
      parser.reset();
      client.link.end();
      return end;
    }
    return at;
  }

  /** Runs one request of a client: finds the command, checks it, calls it. */
  execute(client: Client, args: Args): void {
    let command = this.commands.lookup(args);
    if (command === null) {
      client.lastCommand = null;
      if (isCrossProtocol(args)) this.#abort(client);
      else this.refuse(client, null, this.#unknown(args));
      return;
    }
    if (command.subcommands !== null) {
      const resolved = this.commands.resolve(command, args);
      if (resolved === null) {
        client.lastCommand = null;
        this.refuse(client, null, errors.unknownSubcommand(args.text(1), command.name));
        return;
      }
      command = resolved;
    }
    client.lastCommand = command;
    const arity = command.guardedArity;
    if (arity > 0 ? args.count !== arity : args.count < -arity) {
      const refusal = wrongArity(command, args) ?? protectedRefusal(client, command);
      if (refusal !== null) {
        this.refuse(client, command, refusal);
        return;
      }
    }
    if ((client.gates | this.gates) !== 0) this.#guarded(client, command, args);
    else this.call(client, command, args);
  }

  /** The way of a command while any gate is closed. */
  #guarded(client: Client, command: Command, args: Args): void {
    if ((client.gates & GATE_REPLY_SKIP_NEXT) !== 0) {
      client.gates = (client.gates & ~GATE_REPLY_SKIP_NEXT) | GATE_REPLY_SKIP;
    }
    const quiet = client.gates & (GATE_REPLY_OFF | GATE_REPLY_SKIP);
    this.pushes.commandBegins();
    if ((client.gates & GATE_TRACKING) !== 0) this.tracking.limitTable();
    const isReplica = (client.gates & GATE_REPLICA) !== 0;
    const { pos } = this.writer;
    const mute = quiet !== 0 ? this.#mute() : null;
    if (admit(this, client, command, args)) this.#callGuarded(client, command, args);
    if (this.blocking.hasReady) this.blocking.serveReady();
    if (mute !== null) {
      this.#unmute(mute, (client.gates & quiet) !== 0);
      // A command that is put off is served later, and takes its silence with it.
      if ((client.stopped & STOP_BLOCKED) === 0) client.gates &= ~GATE_REPLY_SKIP;
    }
    if ((client.gates & GATE_TRACKING) !== 0) this.tracking.commandEnds(client, command);
    if (isReplica && this.writer.pos !== pos) {
      this.writer.pos = Math.min(pos, this.writer.pos);
      this.#replicaReplied(client, command);
    }
    if (client.outbox.length !== 0 && !client.midReply) this.pushes.flushOwn(client);
  }

  /** A reply would stand amid the stream, and be taken for a command: such a replica is of no use. */
  #replicaReplied(client: Client, command: Command | null): void {
    const name = command?.fullName ?? '<unknown>';
    this.log.warning(
      `Replica generated a reply to command '${name}', disconnecting it: ${clientLine(client)}`,
    );
    client.stopped |= STOP_CLOSING;
    client.link.destroy();
  }

  #callGuarded(client: Client, command: Command, args: Args): void {
    const { keyspace } = this;
    keyspace.noTouch = (client.gates & GATE_NO_TOUCH) !== 0 && (command.flags & ALWAYS_TOUCHES) === 0;
    const { pushes } = this;
    const wasCalling = pushes.calling;
    pushes.calling = true;
    this.call(client, command, args);
    pushes.calling = wasCalling;
    keyspace.noTouch = false;
    if ((client.gates & GATE_TRACKING) !== 0 && (command.flags & READONLY) !== 0) {
      this.tracking.remember(client, command, args);
    }
    if ((this.gates & SERVER_MONITORED) !== 0 && (command.flags & (SKIP_MONITOR | ADMIN)) === 0) {
      this.monitors.feed(client, command, args);
    }
  }

  /** Runs a command that EXEC has taken from the queue. It passed the gates when it was queued. */
  callQueued(client: Client, command: Command, args: Args): void {
    const { writer } = this;
    if (isQuiet(client)) {
      const mute = this.#mute();
      this.#callGuarded(client, command, args);
      this.#unmute(mute, isQuiet(client));
      return;
    }
    // EXEC itself may have been mute.
    const { unwantedFrom } = writer;
    writer.unwantedFrom = -1;
    this.#callGuarded(client, command, args);
    writer.unwantedFrom = unwantedFrom;
  }

  /** What is written from here on is perhaps not wanted, and takes no memory. */
  #mute(): Mute {
    const { writer } = this;
    const mute = { start: writer.pos, holding: writer.hold, unwantedFrom: writer.unwantedFrom };
    writer.hold = true;
    writer.unwantedFrom = writer.pos;
    return mute;
  }

  /** `stays`: it was not wanted indeed. */
  #unmute(mute: Mute, stays: boolean): void {
    const { writer } = this;
    if (stays) writer.pos = mute.start;
    writer.hold = mute.holding;
    writer.unwantedFrom = mute.unwantedFrom;
  }

  /** Serves a request that has been kept, as if it had just come; then what the client has sent since. */
  serveKept(client: Client, args: Args): void {
    const { writer } = this;
    if (client.link.serveKept !== undefined) {
      client.link.serveKept(args);
      return;
    }
    client.lastInteractionMs = this.readTime() / 1000;
    this.current = client;
    writer.sink = client.link;
    writer.resp = client.resp;
    if (client.outbox.length !== 0) this.pushes.flushTo(client);
    if (this.propagation.feedsReplicas) this.batchOffset = this.#streamEnd;
    this.execute(client, args);
    this.settle();
    if (this.propagation.lends) this.propagation.flush();
    if (this.propagation.feedsReplicas) this.#noteWrites(client);
    if (client.outbox.length !== 0 && !client.midReply) this.pushes.flushOwn(client);
    writer.flush();
    this.current = null;
    if ((client.stopped & STOP_CLOSING) !== 0) client.link.end();
    else client.link.resume();
  }

  /** Who listens need not be replication (a test may). */
  get #streamEnd(): number {
    return this.replication === null ? 0 : this.replication.offset;
  }

  /** The stream has grown while the client was served: that is what its WAIT waits for. */
  #noteWrites(client: Client): void {
    const end = this.#streamEnd;
    if (end !== this.batchOffset) client.writeOffset = end;
  }

  /** Calls the handler, catches its refusal, keeps count. */
  call(client: Client, command: Command, args: Args): void {
    const stats = this.stats;
    stats.commandsProcessed++;
    if ((command.flags & BATCHED) !== 0 && !this.timeEach) {
      try {
        if (this.propagation.active) this.propagation.run(client, command, args);
        else command.run(client, args);
      } catch (thrown) {
        this.failed(client, command, thrown);
      }
      if (command.batchCalls++ === 0) this.#batch[this.#batchKinds++] = command;
      this.#batchSize++;
      return;
    }
    if (this.#batchSize !== 0) this.settle();
    const startUs = this.chargedUs;
    try {
      if (this.propagation.active) this.propagation.run(client, command, args);
      else command.run(client, args);
    } catch (thrown) {
      this.failed(client, command, thrown);
    }
    this.chargedUs = this.clock.monoUs();
    const us = Math.max(0, Math.round(this.chargedUs - startUs));
    stats.record(command, us, 1);
    stats.timed(client, command, args, us);
  }

  /** Charges the time since the last reading of the clock to the batched commands served since. */
  settle(): void {
    if (this.#batchSize === 0) return;
    const us = this.clock.monoUs();
    const each = (us - this.chargedUs) / this.#batchSize;
    this.chargedUs = us;
    for (let i = 0; i < this.#batchKinds; i++) {
      const command = this.#batch[i]!;
      this.stats.record(command, each, command.batchCalls);
      command.batchCalls = 0;
    }
    this.#batchKinds = 0;
    this.#batchSize = 0;
  }

  /** Replies with an error before the command could run; CLIENT REPLY OFF and SKIP silence it, too. */
  refuse(client: Client, command: Command | null, error: ReplyError): void {
    if (command !== null) command.rejectedCalls++;
    const told = this.transactions.refused(client, command, error);
    this.stats.countError(told);
    if (client.mustObey) disobeyed(client, command?.fullName ?? '<unknown>', told);
    if ((client.gates & GATE_REPLICA) !== 0) {
      this.#replicaReplied(client, command);
      disobeyed(client, command?.fullName ?? '<unknown>', told);
    } else if ((client.gates & (GATE_REPLY_OFF | GATE_REPLY_SKIP | GATE_REPLY_SKIP_NEXT)) === 0) {
      this.writer.error(told);
    }
    client.gates &= ~(GATE_REPLY_SKIP | GATE_REPLY_SKIP_NEXT);
  }

  /** A handler has thrown: its client is told and it is counted, unless it is a mistake of ours. */
  failed(client: Client, command: Command, thrown: unknown): void {
    let error = thrown;
    if (thrown instanceof ArenaFull) {
      // The old value may be out already (SET GET): what follows would answer the wrong request, so nothing does.
      error = errors.OOM;
      client.closeAfterReply();
    }
    if (!(error instanceof ReplyError)) throw error;
    command.failedCalls++;
    this.stats.countError(error);
    if (client.mustObey || client.replica !== null) disobeyed(client, command.fullName, error);
    client.out.error(error);
  }

  #unknown(args: Args): ReplyError {
    const texts: string[] = [];
    for (let i = 1, size = 0; i < args.count && size < 128; i++) {
      texts.push(args.text(i));
      size += args.len[i]! + 3;
    }
    return errors.unknownCommand(args.text(0), texts);
  }

  /** Somebody has a browser send requests here: nothing is answered, and the rest not even looked at. */
  #abort(client: Client): void {
    const nowMs = this.clock.monoMs();
    if (nowMs - this.#abortLoggedMs > ABORT_LOG_PERIOD_MS) {
      this.#abortLoggedMs = nowMs;
      this.log.warning(
        'Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. ' +
          'This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis ' +
          `instance. Connection from ${client.link.peer} aborted.`,
      );
    }
    this.writer.pos = 0;
    client.stopped |= STOP_CLOSING;
    client.link.destroy();
  }

  #refuseProtocol(client: Client, text: string): void {
    this.refuse(client, null, errors.protocolError(text));
    client.stopped |= STOP_CLOSING;
    this.log.verbose(`Protocol error (${text}) from client: id=${client.id} addr=${client.link.peer}`);
  }

  /**
   * Writes to a client outside of its own requests (push messages, MONITOR lines, answers to blocked clients).
   * When it is the client being served, the bytes take their place in its reply.
   */
  deliver(client: Client, write: (out: ReplyWriter) => void): void {
    if (client === this.current || (client.stopped & STOP_CLOSING) !== 0) {
      if (client === this.current) write(this.writer);
      return;
    }
    this.pushes.flushTo(client);
    const side = new ReplyWriter(client.link, 1024);
    side.resp = client.resp;
    const usual = client.out;
    client.out = side;
    write(side);
    client.out = usual;
    side.flush();
  }

  /** Accepts a client. */
  connect(link: Link): Client {
    return this.clients.add(link);
  }
}

/** The writer as it was before a command whose reply is not wanted. */
interface Mute {
  readonly start: number;
  readonly holding: boolean;
  readonly unwantedFrom: number;
}

const NOWHERE = { send: (): boolean => true };

/** The words by which an HTTP request gives itself away: its method, or a header line. */
function isCrossProtocol(args: Args): boolean {
  return args.is(0, 'post') || args.is(0, 'host:');
}

function wrongArity(command: Command, args: Args): ReplyError | null {
  const { arity } = command;
  const wrong = arity > 0 ? args.count !== arity : args.count < -arity;
  return wrong ? errors.wrongArity(command.fullName) : null;
}

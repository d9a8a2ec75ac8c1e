/**
 * A sentinel: the core of src/sentinel, and around it what src/sentinel/shell and the server are to it in production:
 * its connections, its clock, its configuration file, the clients that ask it for votes.
 *
 * The file is a list of lines that the real code writes and reads. A crash may come between any two actions, and
 * before or after the file is replaced.
 */
import { seededRandom } from '../../src/util/random.ts';
import type { Action, CoreModule, Event, Instance, SentinelCore, Tag, Turn } from './core-module.ts';
import type { Judge } from './judge.ts';
import type { Connection, End, Host, Listener, Network } from './network.ts';
import { Message } from './redis-node.ts';
import type { World } from './world.ts';

const HELLO = '__sentinel__:hello';

/** As in src/sentinel/shell/shell.ts. */
const SAVE_AGAIN_MS = 1000;

export interface Outgoing {
  readonly link: number;
  readonly generation: number;
  readonly channel: 'command' | 'pubsub';
  readonly address: string;
  readonly connection: Connection;
  readonly tags: Tag[];
}

export class SentinelNode implements Listener {
  readonly name: string;
  readonly host: Host;
  readonly port: number;
  running = false;
  paused = false;
  /** What an operator gave it: the file of a fresh start. */
  readonly template: readonly string[];
  /** The file. */
  file: readonly string[];
  /** The disk takes what is written. */
  diskWorks = true;
  /** The process dies after so many actions; -1: it does not. */
  dieAfter = -1;
  /** The process dies at its next save: before the file is replaced, or after. */
  dieAtSave: 'no' | 'before' | 'after' = 'no';
  /** What the wall clock shows beyond virtual time. */
  wallOffset = 0;
  /** How often the process died or was killed. */
  lifes = 0;
  /** Its file was lost in this world: what it has voted is forgotten. */
  forgetful = false;
  core: SentinelCore | null = null;
  /** Called when it has died of itself. */
  onDeath: () => void = () => {};
  readonly #world: World;
  readonly #network: Network;
  readonly #module: CoreModule;
  readonly #judge: Judge;
  #monoOffset = 0;
  readonly #outgoing = new Map<number, Outgoing>();
  readonly #byConnection = new Map<Connection, Outgoing>();
  readonly #incoming = new Set<Connection>();
  /** What came while the process stood still, and what the core is to hear when its turn is over. */
  #inbox: Event[] = [];
  /** As in the shell: what relies on the file waits until it could be written. */
  isSaved = true;
  #savedAt = 0;
  #busy = false;
  #tickIsLate = false;
  #ticks = 0;
  readonly #client: End<unknown>;
  readonly #server: End<unknown>;

  constructor(parts: {
    world: World;
    network: Network;
    module: CoreModule;
    judge: Judge;
    name: string;
    host: Host;
    port: number;
    template: readonly string[];
  }) {
    this.#world = parts.world;
    this.#network = parts.network;
    this.#module = parts.module;
    this.#judge = parts.judge;
    this.name = parts.name;
    this.host = parts.host;
    this.port = parts.port;
    this.template = parts.template;
    this.file = parts.template;
    parts.network.listen(parts.host.ip, parts.port, this);
    const node = this;
    this.#client = {
      get awake() {
        return node.awake;
      },
      opened: (connection) => this.#opened(connection),
      receive: (connection, data) => this.#receive(connection, data),
      closed: (connection, reason) => this.#closed(connection, reason),
    };
    this.#server = {
      get awake() {
        return node.awake;
      },
      receive: (connection, data) => this.#request(connection, data as string[]),
      closed: (connection) => this.#incoming.delete(connection),
    };
  }

  get awake(): boolean {
    return this.running && !this.paused;
  }

  get address(): string {
    return `${this.host.ip}:${this.port}`;
  }

  /** The core's time: whole ms from a start that tells nothing. */
  get now(): number {
    return Math.floor(this.#monoOffset + this.#world.now);
  }

  start(): void {
    const world = this.#world;
    this.running = true;
    this.paused = false;
    this.lifes++;
    this.#monoOffset = 1e12 + world.below(1e9);
    this.#inbox = [];
    this.#tickIsLate = false;
    this.isSaved = true;
    this.dieAfter = -1;
    this.dieAtSave = 'no';
    const state = this.#module.load(this.file, this.now);
    state.port = this.port;
    this.core = new this.#module.SentinelCore(state, seededRandom(world.random.uint32()));
    this.#judge.started(this);
    this.#perform(this.core.start(this.now));
  }

  /** The process ends; `silently`: with its machine. */
  stop(silently: boolean): void {
    if (!this.running) return;
    this.running = false;
    this.paused = false;
    this.core = null;
    for (const { connection } of this.#outgoing.values()) {
      if (silently) connection.vanish('client');
      else connection.closeClient();
    }
    for (const connection of this.#incoming) {
      if (silently) connection.vanish('server');
      else connection.closeServer();
    }
    this.#outgoing.clear();
    this.#byConnection.clear();
    this.#incoming.clear();
    this.#inbox = [];
  }

  /** SIGCONT: timers run first, then what lies in the sockets is read. */
  resume(): void {
    if (!this.running || !this.paused) return;
    this.paused = false;
    if (this.#tickIsLate) {
      this.#tickIsLate = false;
      this.#tick();
    }
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const event of inbox) this.#handle(event);
    this.#network.retry();
  }

  /** Runs a request of an operator or of another sentinel; null: it has died meanwhile. */
  act<T>(run: (turn: Turn) => T): { readonly value: T; readonly saved: boolean } | null {
    if (this.core === null || !this.awake) return null;
    const life = this.lifes;
    const { actions, value } = this.core.act(this.now, run);
    const saved = this.#perform(actions);
    return this.running && life === this.lifes ? { value, saved } : null;
  }

  /** SENTINEL FAILOVER. */
  order(master: Instance, coordinated: boolean): string {
    const answer = this.act((turn) => this.#module.requestFailover(turn, master, { coordinated }));
    return answer === null ? 'nobody is there' : answer.value;
  }

  get connections(): readonly Connection[] {
    return [...this.#byConnection.keys()];
  }

  accept(connection: Connection): void {
    this.#incoming.add(connection);
    connection.serve(this.#server);
  }

  #tick(): void {
    if (!this.isSaved && this.now - this.#savedAt >= SAVE_AGAIN_MS) this.#save();
    if (!this.running) return;
    const wallMs = Math.floor(1_800_000_000_000 + this.wallOffset + this.#world.now);
    this.#handle({ type: 'tick', wallMs });
  }

  #handle(event: Event): void {
    if (this.core === null) return;
    if (this.paused || this.#busy) {
      this.#inbox.push(event);
      return;
    }
    this.#perform(this.core.handle(event, this.now));
  }

  /** False: the state could not be saved. */
  #perform(actions: readonly Action[]): boolean {
    this.#busy = true;
    this.#judge.turn(this);
    for (const action of actions) {
      if (this.dieAfter >= 0 && this.dieAfter-- === 0) this.#die('in the middle of its work');
      if (!this.running) break;
      this.#judge.acts(this, action, this.#outgoing);
      if (action.type === 'save') this.#save();
      else if (action.type === 'send' && action.durable === true && !this.isSaved) this.#unsent(action);
      else this.#carryOut(action);
    }
    this.#busy = false;
    const saved = this.isSaved;
    while (this.running && !this.paused && this.#inbox.length > 0) this.#handle(this.#inbox.shift()!);
    return saved;
  }

  #save(): void {
    if (this.dieAtSave === 'before') this.#die('before its file was replaced');
    if (!this.running) return;
    this.isSaved = this.diskWorks;
    this.#savedAt = this.now;
    if (!this.isSaved) return;
    this.file = this.#module.lines(this.core!.state);
    this.#judge.saved(this);
    if (this.dieAtSave === 'after') this.#die('when its file had been replaced');
  }

  #unsent(action: Extract<Action, { type: 'send' }>): void {
    const { link, generation, tag } = action;
    this.#inbox.push({ type: 'reply', link, generation, tag, reply: new Error('ERR not saved') });
  }

  #carryOut(action: Action): void {
    switch (action.type) {
      case 'tick': {
        const { lifes } = this;
        const count = ++this.#ticks;
        this.#world.after(action.afterMs, () => {
          if (lifes !== this.lifes || count !== this.#ticks || !this.running) return;
          if (this.paused) this.#tickIsLate = true;
          else this.#tick();
        });
        break;
      }
      case 'connect': {
        const { link, generation, channel, host, port } = action;
        const connection = this.#network.connect(this.host, host, port, this.#client);
        const outgoing = {
          link,
          generation,
          channel,
          address: `${host}:${port}`,
          connection,
          tags: [],
        };
        this.#outgoing.set(generation, outgoing);
        this.#byConnection.set(connection, outgoing);
        break;
      }
      case 'disconnect': {
        const outgoing = this.#outgoing.get(action.generation);
        if (outgoing === undefined) break;
        this.#forget(outgoing);
        outgoing.connection.closeClient();
        this.#judge.disconnected(this, outgoing.address);
        break;
      }
      case 'send': {
        const outgoing = this.#outgoing.get(action.generation);
        if (outgoing === undefined) break;
        outgoing.tags.push(action.tag);
        outgoing.connection.sendUp(action.words);
        break;
      }
      case 'event':
      case 'log':
        this.#tell(
          action.type === 'event' ? `${action.name} ${action.text}` : `# ${action.text}`,
          action.level,
        );
        break;
      case 'crash':
        this.#die('as SIMULATE-FAILURE wanted');
        break;
      case 'resolve':
      case 'runScript':
      case 'save':
        break;
    }
  }

  #opened(connection: Connection): void {
    const outgoing = this.#byConnection.get(connection);
    if (outgoing === undefined || outgoing.channel !== 'command') return;
    const { link, generation } = outgoing;
    this.#handle({ type: 'linkUp', link, generation, localIp: this.host.ip });
  }

  #receive(connection: Connection, data: unknown): void {
    const outgoing = this.#byConnection.get(connection);
    if (outgoing === undefined) return;
    const { link, generation, channel } = outgoing;
    if (data instanceof Message) {
      this.#handle({ type: 'message', link, generation, channel: data.channel, payload: data.payload });
      return;
    }
    const tag = outgoing.tags.shift();
    if (tag === undefined) return;
    const reply = data as Extract<Event, { type: 'reply' }>['reply'];
    if (channel === 'pubsub' && !(reply instanceof Error)) {
      this.#handle({ type: 'message', link, generation, channel: '', payload: null });
      return;
    }
    this.#judge.replied(this, outgoing.address, tag, reply);
    this.#handle({ type: 'reply', link, generation, tag, reply });
  }

  #closed(connection: Connection, reason: string): void {
    const outgoing = this.#byConnection.get(connection);
    if (outgoing === undefined) return;
    this.#forget(outgoing);
    this.#judge.disconnected(this, outgoing.address);
    this.#handle({ type: 'linkDown', link: outgoing.link, generation: outgoing.generation, reason });
  }

  #forget(outgoing: Outgoing): void {
    this.#outgoing.delete(outgoing.generation);
    this.#byConnection.delete(outgoing.connection);
  }

  #request(connection: Connection, words: string[]): void {
    const name = words[0]!.toUpperCase();
    if (name === 'PING') connection.sendDown('PONG');
    else if (name === 'PUBLISH' && words[1] === HELLO) {
      this.#handle({ type: 'hello', payload: words[2]! });
      if (this.running) connection.sendDown(1);
    } else if (name === 'SENTINEL' && words[1]?.toLowerCase() === 'is-master-down-by-addr') {
      const [, , host = '', port, epoch, runId = '*'] = words;
      const asked = { host, port: Number(port), epoch: Number(epoch), runId };
      const answer = this.act((turn) => this.#module.answerIsMasterDown(turn, asked));
      if (answer === null) return;
      // As src/sentinel/commands has it: a vote that is not on disk is none.
      const { down, leader, leaderEpoch } = answer.value;
      const told = answer.saved ? leader : '*';
      this.#judge.voteTold(this, asked, told, leaderEpoch);
      connection.sendDown([down ? 1 : 0, Buffer.from(told, 'latin1'), leaderEpoch]);
    } else if (name === 'AUTH' || name === 'CLIENT') connection.sendDown('OK');
    else connection.sendDown(new Error(`ERR unknown command '${words[0]}'`));
  }

  #die(how: string): void {
    if (!this.running) return;
    this.#world.tell(`${this.name} dies ${how}`);
    this.stop(false);
    this.onDeath();
  }

  #tell(text: string, level: string): void {
    if (this.#world.trace !== null && level !== 'debug') this.#world.tell(`${this.name} ${text}`);
  }
}

/**
 * One sentinel's core without a shell: what it sends is written down, and the test answers. By itself the rig only
 * makes connections, answers PING for who is up, and INFO for data nodes, from what the test says of them.
 */

import type { Turn } from '../../../src/sentinel/core/context.ts';
import { SentinelCore } from '../../../src/sentinel/core/core.ts';
import type { Instance } from '../../../src/sentinel/core/instance.ts';
import type { Action, Event, Reply, Tag } from '../../../src/sentinel/core/protocol.ts';
import { createMaster, createReplica, createSentinel } from '../../../src/sentinel/core/registry.ts';
import { newState, type SentinelState } from '../../../src/sentinel/core/state.ts';
import { seededRandom } from '../../../src/util/random.ts';

export const MASTER_PORT = 7000;
export const OUR_ID = 'a'.repeat(40);
const HOST = '127.0.0.1';
const WALL_OFFSET = 1_600_000_000_000;
const TICK_MS = 50;

/** A data node as the test wants it to look. */
export interface Node {
  up: boolean;
  role: 'master' | 'slave';
  masterPort: number;
  linkUp: boolean;
  linkDownSeconds: number;
  offset: number;
  priority: number;
  replId: string;
  /** Does what SLAVEOF says. */
  obedient: boolean;
  failoverState: string;
  /** More lines of INFO. */
  more: readonly string[];
}

export interface Sent {
  readonly to: string;
  readonly port: number;
  readonly words: readonly string[];
  readonly tag: Tag;
  readonly durable: boolean;
  /** Delivers the reply. */
  answer(reply: Reply): void;
}

export interface RigOptions {
  replicas?: number;
  sentinels?: number;
  quorum?: number;
  seed?: number;
  /** More to be set before it starts. */
  prepare?: (state: SentinelState, master: Instance) => void;
}

export class Rig {
  readonly state: SentinelState;
  readonly core: SentinelCore;
  readonly nodes = new Map<number, Node>();
  /** "name text" of every event, and of log lines. */
  readonly events: string[] = [];
  /** All commands but PING, INFO, PUBLISH, AUTH and CLIENT SETNAME. */
  readonly sent: Sent[] = [];
  readonly actions: Action[] = [];
  readonly scripts: (readonly string[])[] = [];
  now = 1000;
  /** How sentinels answer what they are asked; null: not at all. */
  onAsk: (sent: Sent) => Reply | null = () => [0, Buffer.from('*'), 0];
  readonly #queue: Event[] = [];
  readonly #ports = new Map<number, number>();

  constructor(options: RigOptions = {}) {
    const random = seededRandom(options.seed ?? 1);
    this.state = newState();
    this.state.myId = OUR_ID;
    const master = createMaster(this.state, this.now, {
      name: 'mymaster',
      host: HOST,
      port: MASTER_PORT,
      quorum: options.quorum ?? 2,
    });
    master.downAfterMs = 1000;
    this.core = new SentinelCore(this.state, random);
    this.nodes.set(MASTER_PORT, node('master'));
    this.core.act(this.now, (turn) => {
      for (let i = 1; i <= (options.replicas ?? 2); i++) {
        createReplica(turn, master, HOST, MASTER_PORT + i);
        this.nodes.set(MASTER_PORT + i, node('slave'));
      }
      for (let i = 1; i <= (options.sentinels ?? 2); i++) {
        createSentinel(turn, master, { runId: String(i).repeat(40), host: HOST, port: 9000 + i });
      }
    });
    options.prepare?.(this.state, master);
    this.#take(this.core.start(this.now));
    this.pass(1500);
  }

  get master(): Instance {
    const master = this.state.masters.get('mymaster');
    if (master === undefined) throw new Error('no master');
    return master;
  }

  replica(i: number): Instance {
    const replica = this.master.replicas.get(`${HOST}:${MASTER_PORT + i}`);
    if (replica === undefined) throw new Error(`no replica ${i}`);
    return replica;
  }

  node(i: number): Node {
    const found = this.nodes.get(MASTER_PORT + i);
    if (found === undefined) throw new Error(`no node ${i}`);
    return found;
  }

  /** Lets time pass, tick by tick. */
  pass(ms: number): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += TICK_MS;
      this.handle({ type: 'tick', wallMs: WALL_OFFSET + this.now });
    }
  }

  /** Lets time pass until something is so; throws after `withinMs`. */
  until(what: () => boolean, withinMs: number): void {
    const end = this.now + withinMs;
    while (!what()) {
      if (this.now > end) throw new Error(`not within ${withinMs} ms; events:\n${this.events.join('\n')}`);
      this.pass(TICK_MS);
    }
  }

  handle(event: Event): void {
    this.#take(this.core.handle(event, this.now));
    this.#drain();
  }

  act<T>(run: (turn: Turn) => T): T {
    const { actions, value } = this.core.act(this.now, run);
    this.#take(actions);
    this.#drain();
    return value;
  }

  /** The node dies: its connections break. */
  kill(port: number): void {
    const found = this.nodes.get(port);
    if (found !== undefined) found.up = false;
    for (const link of this.state.links.values()) {
      for (const generation of [link.command, link.pubsub]) {
        if (generation === 0 || this.#ports.get(generation) !== port) continue;
        this.handle({ type: 'linkDown', link: link.id, generation, reason: 'gone' });
      }
    }
  }

  /** Names of the events since `from`, without +sdown and the like of single instances if `only` says so. */
  names(from = 0): string[] {
    return this.events.slice(from).map((line) => line.split(' ')[0] ?? '');
  }

  #drain(): void {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      this.#take(this.core.handle(event, this.now));
    }
  }

  #take(actions: readonly Action[]): void {
    for (const action of actions) {
      this.actions.push(action);
      if (action.type === 'event' && action.level !== 'debug')
        this.events.push(`${action.name} ${action.text}`);
      else if (action.type === 'log') this.events.push(action.text);
      else if (action.type === 'runScript') this.scripts.push(action.words);
      else if (action.type === 'connect') this.#connect(action);
      else if (action.type === 'send') this.#send(action);
    }
  }

  #connect({ link, generation, channel, port }: Extract<Action, { type: 'connect' }>): void {
    this.#ports.set(generation, port);
    const up = this.nodes.get(port)?.up ?? true;
    if (!up) this.#queue.push({ type: 'linkDown', link, generation, reason: 'refused' });
    else if (channel === 'command') this.#queue.push({ type: 'linkUp', link, generation, localIp: HOST });
  }

  #send({ link, generation, words, tag, durable }: Extract<Action, { type: 'send' }>): void {
    const port = this.#ports.get(generation) ?? 0;
    if (this.nodes.get(port)?.up === false) return;
    const answer = (reply: Reply): void => {
      this.#queue.push({ type: 'reply', link, generation, tag, reply });
    };
    const [name = ''] = words;
    const to = this.state.instances.get(tag.instance)?.name ?? '?';
    const record: Sent = {
      to,
      port,
      words,
      tag,
      durable: durable === true,
      answer: (reply) => {
        answer(reply);
        this.#drain();
      },
    };
    const data = this.nodes.get(port);
    if (name === 'PING') answer('PONG');
    else if (name === 'INFO') answer(Buffer.from(infoOf(port, data ?? node('master'), this.nodes)));
    else if (name === 'SUBSCRIBE') return;
    else if (name === 'PUBLISH' || name === 'AUTH' || (name === 'CLIENT' && words[1] === 'SETNAME'))
      answer('OK');
    else {
      this.sent.push(record);
      if (name === 'SENTINEL') {
        const reply = this.onAsk(record);
        if (reply !== null) answer(reply);
      } else if (data !== undefined) {
        if (name === 'SLAVEOF' && data.obedient) obey(data, words);
        if (name !== 'FAILOVER') answer('OK');
      }
    }
  }
}

function node(role: 'master' | 'slave'): Node {
  return {
    up: true,
    role,
    masterPort: MASTER_PORT,
    linkUp: true,
    linkDownSeconds: 0,
    offset: 100,
    priority: 100,
    replId: 'c'.repeat(40),
    obedient: true,
    failoverState: 'no-failover',
    more: [],
  };
}

function obey(data: Node, [, host, port]: readonly string[]): void {
  data.role = host === 'NO' ? 'master' : 'slave';
  if (host !== 'NO') data.masterPort = Number(port);
}

function infoOf(port: number, data: Node, nodes: ReadonlyMap<number, Node>): string {
  const lines = [`run_id:${String(port).padStart(40, '0')}`, `role:${data.role}`];
  if (data.role === 'slave') {
    lines.push(`master_host:${HOST}`, `master_port:${data.masterPort}`);
    lines.push(`master_link_status:${data.linkUp ? 'up' : 'down'}`);
    if (data.linkDownSeconds > 0) lines.push(`master_link_down_since_seconds:${data.linkDownSeconds}`);
    lines.push(`slave_repl_offset:${data.offset}`, `slave_priority:${data.priority}`, 'replica_announced:1');
  } else {
    const followers = [...nodes].filter(
      ([, one]) => one.up && one.role === 'slave' && one.masterPort === port,
    );
    followers.forEach(([at], i) => {
      lines.push(`slave${i}:ip=${HOST},port=${at},state=online,offset=${data.offset},lag=0`);
    });
  }
  lines.push(`master_failover_state:${data.failoverState}`, `master_replid:${data.replId}`);
  lines.push(
    `master_replid2:${'0'.repeat(40)}`,
    `master_repl_offset:${data.offset}`,
    'second_repl_offset:-1',
  );
  lines.push(...data.more);
  return `# Replication\r\n${lines.join('\r\n')}\r\n`;
}

/** A sentinel's answer to IS-MASTER-DOWN-BY-ADDR. */
export function voteReply(down: boolean, leader = '*', epoch = 0): Reply {
  return [down ? 1 : 0, Buffer.from(leader), epoch];
}

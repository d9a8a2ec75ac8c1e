/** A core, and nothing that answers it by itself (rig.ts does): all that comes, and the time, is what the test says. */
import type { Turn } from '../../../src/sentinel/core/context.ts';
import { SentinelCore } from '../../../src/sentinel/core/core.ts';
import type { Instance, Link } from '../../../src/sentinel/core/instance.ts';
import type { Action, Event, Reply, Tag } from '../../../src/sentinel/core/protocol.ts';
import { createMaster, createReplica, createSentinel } from '../../../src/sentinel/core/registry.ts';
import { newState, type SentinelState } from '../../../src/sentinel/core/state.ts';
import { seededRandom } from '../../../src/util/random.ts';

export const START = 1_000_000;
/** The wall clock stands elsewhere than the monotonic one. */
const WALL_AHEAD = 1_700_000_000_000;
export const MASTER_ID = 'a1'.repeat(20);
export const OTHER_ID = 'b2'.repeat(20);
export const THIRD_ID = 'c3'.repeat(20);

type Sent = Extract<Action, { type: 'send' }>;

export class BareCore {
  readonly state: SentinelState = newState();
  readonly core: SentinelCore;
  readonly master: Instance;
  now = START;
  wallAhead = WALL_AHEAD;
  actions: Action[] = [];

  constructor() {
    this.core = new SentinelCore(this.state, seededRandom(1));
    this.state.port = 26379;
    this.master = this.addMaster('mymaster', 6379);
    this.#take(this.core.start(this.now));
    this.actions = [];
  }

  addMaster(name: string, port: number): Instance {
    const master = createMaster(this.state, this.now, { name, host: '10.0.0.1', port, quorum: 2 });
    master.downAfterMs = 5000;
    return master;
  }

  addReplica(host: string, port: number): Instance {
    return this.act((turn) => createReplica(turn, this.master, host, port));
  }

  addSentinel(runId: string, host: string, port: number, master = this.master): Instance {
    return this.act((turn) => createSentinel(turn, master, { runId, host, port }));
  }

  act<T>(run: (turn: Turn) => T): T {
    const { actions, value } = this.core.act(this.now, run);
    this.#take(actions);
    return value;
  }

  handle(event: Event): void {
    this.#take(this.core.handle(event, this.now));
  }

  tick(afterMs = 100): void {
    this.now += afterMs;
    this.handle({ type: 'tick', wallMs: this.now + this.wallAhead });
  }

  /** Ticks until so much time has passed. */
  pass(ms: number, each: () => void = () => {}): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.tick();
      each();
    }
  }

  /** Time passes as if the clockwork had gone on; it says nothing. */
  skip(ms: number): void {
    this.now += ms;
    this.state.lastTickMono = this.now;
    this.state.lastTickWall = this.now + this.wallAhead;
  }

  up(link: Link, localIp = '10.0.0.9'): void {
    this.handle({ type: 'linkUp', link: link.id, generation: link.command, localIp });
  }

  reply(instance: Instance, purpose: Tag['purpose'], reply: Reply): void {
    const { link } = instance;
    const tag = { instance: instance.id, purpose };
    this.handle({ type: 'reply', link: link.id, generation: link.command, tag, reply });
  }

  info(instance: Instance, lines: Record<string, string | number>): void {
    const text = Object.entries(lines).map(([name, value]) => `${name}:${value}\r\n`);
    this.reply(instance, 'info', Buffer.from(`# Server\r\n${text.join('')}`));
  }

  /** Everything that waits for a reply to PING or PUBLISH gets one. */
  answerAll(except: Instance | null = null): void {
    for (const action of this.sent()) {
      const instance = this.state.instances.get(action.tag.instance);
      if (instance === undefined || instance === except || action.generation !== instance.link.command)
        continue;
      if (action.words[0] === 'PING') this.reply(instance, 'ping', Buffer.from('PONG'));
      if (action.words[0] === 'PUBLISH') this.reply(instance, 'publish', 1);
      if (action.words[0] === 'SUBSCRIBE') this.message(instance, null);
    }
    this.actions = this.actions.filter((action) => action.type !== 'send');
  }

  message(instance: Instance, payload: string | null): void {
    const { link } = instance;
    const channel = '__sentinel__:hello';
    this.handle({ type: 'message', link: link.id, generation: link.pubsub, channel, payload });
  }

  /** What was sent, of one instance, since the last `clear`. */
  sent(to: Instance | null = null): Sent[] {
    const sends = this.actions.filter((action): action is Sent => action.type === 'send');
    return to === null ? sends : sends.filter((action) => action.tag.instance === to.id);
  }

  words(to: Instance): string[] {
    return this.sent(to).map((action) => action.words.join(' '));
  }

  /** "+sdown master mymaster ..." */
  events(): string[] {
    return this.actions.flatMap((action) =>
      action.type === 'event' ? [`${action.name} ${action.text}`] : [],
    );
  }

  logs(): string[] {
    return this.actions.flatMap((action) => (action.type === 'log' ? [action.text] : []));
  }

  saves(): number {
    return this.actions.filter((action) => action.type === 'save').length;
  }

  clear(): void {
    this.actions = [];
  }

  #take(actions: readonly Action[]): void {
    this.actions.push(...actions);
  }
}

export interface HelloParts {
  ip?: string;
  port?: number | string;
  runId?: string;
  epoch?: number | string;
  name?: string;
  host?: string;
  masterPort?: number | string;
  configEpoch?: number | string;
}

export function hello(parts: HelloParts = {}): string {
  const { ip = '10.0.0.2', port = 26379, runId = OTHER_ID, epoch = 0 } = parts;
  const { name = 'mymaster', host = '10.0.0.1', masterPort = 6379, configEpoch = 0 } = parts;
  return [ip, port, runId, epoch, name, host, masterPort, configEpoch].join(',');
}

/**
 * One turn of the core: an event is being handled. Everything in core/ takes it; what is to be done is collected in
 * `actions`.
 */
import type { Random } from '../../util/random.ts';
import { announced } from './address.ts';
import type { Instance } from './instance.ts';
import type { Action, LogLevel, Tag } from './protocol.ts';
import type { SentinelState } from './state.ts';

export class Turn {
  readonly state: SentinelState;
  readonly random: Random;
  /** Monotonic ms, greater than 0. */
  readonly now: number;
  readonly actions: Action[] = [];
  #isSaved = false;
  #isSavedSoon = false;

  constructor(state: SentinelState, random: Random, now: number) {
    this.state = state;
    this.random = random;
    this.now = now;
  }

  /** An event about an instance: "<kind> <name> <ip> <port> @ <master> <ip> <port>", and more words behind it. */
  event(level: LogLevel, name: string, instance: Instance, more = ''): void {
    const text = describe(this.state, instance);
    this.actions.push({
      type: 'event',
      level,
      name,
      text: more === '' ? text : `${text} ${more}`,
      script: (instance.master ?? instance).notificationScript,
    });
  }

  /** An event with a text of its own. */
  say(level: LogLevel, name: string, text: string, about: Instance | null = null): void {
    const script = about === null ? '' : (about.master ?? about).notificationScript;
    this.actions.push({ type: 'event', level, name, text, script });
  }

  log(level: LogLevel, text: string): void {
    this.actions.push({ type: 'log', level, text });
  }

  /**
   * From here on, what is done may rely on the state being on disk. What a turn does to the state is done before its
   * actions are: its first save has all of it.
   */
  save(): void {
    if (this.#isSaved) return;
    this.#isSaved = true;
    this.actions.push({ type: 'save' });
  }

  /**
   * What nobody was promised is on disk a moment later: whom we have found. Where there are many masters all is found
   * at once, and to wait for the disk for each would be to stand still for seconds.
   */
  saveSoon(): void {
    if (this.#isSaved || this.#isSavedSoon) return;
    this.#isSavedSoon = true;
    this.actions.push({ type: 'save', soon: true });
  }

  /**
   * Sends a command; false if there is no connection. `words[0]` may be renamed at that instance. It counts as
   * pending until its reply comes.
   */
  send(
    instance: Instance,
    words: readonly string[],
    purpose: Tag['purpose'],
    options: { durable?: true } = {},
  ): boolean {
    const { link } = instance;
    if (link.command === 0) return false;
    const [name = '', ...rest] = words;
    const called = (instance.master ?? instance).renamedCommands.get(name.toLowerCase()) ?? name;
    this.actions.push({
      type: 'send',
      link: link.id,
      generation: link.command,
      words: [called, ...rest],
      tag: { instance: instance.id, purpose },
      ...options,
    });
    link.pendingCommands++;
    return true;
  }
}

/** "%@" of redis-sentinel's events. */
export function describe(state: SentinelState, instance: Instance): string {
  const { master } = instance;
  const kind = instance.kind === 'replica' ? 'slave' : instance.kind;
  const host = announced(instance.address, state.announceHostnames);
  const own = `${kind} ${instance.name} ${host} ${instance.address.port}`;
  if (master === null) return own;
  return `${own} @ ${master.name} ${announced(master.address, state.announceHostnames)} ${master.address.port}`;
}

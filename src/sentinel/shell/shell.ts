/**
 * Carries out what the core says, in its order, and tells the core what happens: the only place where a sentinel's
 * decisions meet sockets, timers, files and processes.
 *
 *     timer, socket, resolver ──event──> queue ──> core.handle ──actions──> here
 *
 * Events that come while actions are carried out wait until these are done, so the core never runs within itself.
 */
import type { Logger } from '../../logging/logger.ts';
import type { Clock, TimerHandle, Timers } from '../../util/clock.ts';
import { Fifo } from '../../util/fifo.ts';
import type { Turn } from '../core/context.ts';
import type { SentinelCore } from '../core/core.ts';
import type { Action, Event, LogLevel } from '../core/protocol.ts';
import type { PendingScript } from '../parts.ts';
import { Links } from './links.ts';
import { type Lookup, Names } from './names.ts';
import { type RunScript, Scripts } from './scripts.ts';

/** The core's clock starts so late that whatever has never happened is long past. */
const START_MS = 1_000_000_000_000;

/** The core's time: whole monotonic ms, always greater than 0. */
export function coreTime(clock: Clock): () => number {
  const startMs = START_MS - Math.floor(clock.monoMs());
  return () => startMs + Math.floor(clock.monoMs());
}

/** What a command gets that was not sent because the state could not be saved before. */
const NOT_SAVED = 'ERR the state that this relies on could not be saved';

/** A tick that is so late is put off once more, until sockets were read and connections that were being made are. */
const LATE_MS = 200;
const BREATH_MS = 50;

/** A file that could not be written is tried again so often. */
const SAVE_AGAIN_MS = 1000;

export interface ShellOptions {
  readonly core: SentinelCore;
  /** The core's time, as `coreTime` has it. */
  readonly now: () => number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** bind-source-addr. */
  readonly localAddress: () => string;
  /** Writes the state to the configuration file, durably; false: it could not. The log has been told. */
  readonly save: () => boolean;
  /** Tells the clients that have subscribed. */
  readonly publish: (channel: string, message: string) => void;
  /** Ends the process at once. */
  readonly crash: () => void;
  readonly lookup?: Lookup;
  readonly runScript?: RunScript;
}

export class Shell {
  readonly #options: ShellOptions;
  readonly #core: SentinelCore;
  readonly #links: Links;
  readonly #names: Names;
  readonly #scripts: Scripts;
  readonly #events = new Fifo<Event>();
  #isBusy = false;
  #isClosed = false;
  /** The file has what the core knows. What relies on that waits as long as it has not: also a vote given earlier. */
  #isSaved = true;
  #savedAt = 0;
  /** What nobody waits for is still to be saved. */
  #isSaveAsked = false;
  /** Look-ups that have failed, and the log knows it. */
  readonly #toldOf = new WeakSet<Promise<string>>();
  #timer: TimerHandle | null = null;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#core = options.core;
    this.#links = new Links({
      localAddress: options.localAddress,
      onEvent: (event) => this.#dispatch(event),
    });
    this.#names = new Names(options.lookup);
    this.#scripts = new Scripts({
      intervals: options.core.state.intervals,
      now: options.now,
      event: (level, name, text) => this.#tell(level, name, text),
      ...(options.runScript && { run: options.runScript }),
    });
  }

  get pendingScripts(): readonly PendingScript[] {
    return this.#scripts.pending;
  }

  get runningScripts(): number {
    return this.#scripts.running;
  }

  /** Connections that are open or being made. */
  get connections(): number {
    return this.#links.count;
  }

  /** False: the state could not be saved. */
  start(): boolean {
    const isSaved = this.#perform(this.#core.start(this.#options.now()));
    // The first tick is now: links begin, and from here on the core knows how long it stood still.
    this.#tick();
    return isSaved;
  }

  act<T>(run: (turn: Turn) => T): { value: T; saved: boolean } {
    const { actions, value } = this.#core.act(this.#options.now(), run);
    return { value, saved: this.#perform(actions) };
  }

  /** A hello that a client has published here. */
  hello(payload: string): void {
    this.#dispatch({ type: 'hello', payload });
  }

  close(): void {
    if (this.#isSaveAsked) this.#save();
    this.#isClosed = true;
    if (this.#timer !== null) this.#options.timers.clearTimeout(this.#timer);
    this.#timer = null;
    this.#links.closeAll();
    this.#scripts.close();
  }

  #dispatch(event: Event): void {
    if (this.#isClosed) return;
    this.#events.push(event);
    this.#drain();
  }

  #drain(): void {
    if (this.#isBusy) return;
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
      if (this.#isClosed) return;
      this.#perform(this.#core.handle(event, this.#options.now()));
    }
  }

  #perform(actions: readonly Action[]): boolean {
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    try {
      for (const action of actions) {
        if (this.#isClosed) break;
        if (action.type === 'save' && action.soon === true) this.#saveSoon();
        else if (action.type === 'save') this.#save();
        else if (action.type !== 'send') this.#carryOut(action);
        else if (this.#isSaved || action.durable !== true) this.#send(action);
        else this.#answerUnsent(action);
      }
    } finally {
      this.#isBusy = wasBusy;
    }
    const isSaved = this.#isSaved;
    this.#drain();
    return isSaved;
  }

  /** When what lies in all sockets was read. */
  #saveSoon(): void {
    if (this.#isSaveAsked) return;
    this.#isSaveAsked = true;
    setImmediate(() => {
      if (this.#isSaveAsked) this.#save();
    });
  }

  #save(): void {
    this.#isSaveAsked = false;
    this.#isSaved = this.#options.save();
    this.#savedAt = this.#options.now();
  }

  #carryOut(action: Exclude<Action, { readonly type: 'save' | 'send' }>): void {
    switch (action.type) {
      case 'tick':
        this.#tickAfter(action.afterMs);
        break;
      case 'connect':
        this.#connect(action);
        break;
      case 'disconnect':
        this.#links.close(action.generation);
        break;
      case 'event':
        this.#tell(action.level, action.name, action.text);
        if (action.level === 'warning' && action.script !== '') {
          this.#scripts.schedule([action.script, action.name, action.text]);
        }
        break;
      case 'log':
        this.#options.log[action.level](action.text);
        break;
      case 'runScript':
        this.#scripts.schedule(action.words);
        break;
      case 'resolve':
        void this.#resolve(action.host, this.#names.lookUp(action.host));
        break;
      case 'crash':
        this.#options.crash();
        break;
    }
  }

  #tickAfter(delayMs: number): void {
    const { now, timers } = this.#options;
    if (this.#timer !== null) timers.clearTimeout(this.#timer);
    const due = now() + delayMs;
    this.#timer = timers.setTimeout(() => {
      if (now() - due <= LATE_MS) this.#tick();
      // Node runs timers before it reads sockets: what came while we stood still counts first.
      else this.#timer = timers.setTimeout(() => this.#tick(), BREATH_MS);
    }, delayMs);
  }

  #tick(): void {
    this.#timer = null;
    const { clock, now } = this.#options;
    if (!this.#isSaved && now() - this.#savedAt >= SAVE_AGAIN_MS) this.#save();
    this.#dispatch({ type: 'tick', wallMs: clock.wallMs() });
    if (!this.#isClosed) this.#scripts.tick();
  }

  #connect(action: Extract<Action, { readonly type: 'connect' }>): void {
    const { link, generation, channel, host, port } = action;
    const address = this.#names.addressOf(host);
    if (typeof address !== 'string') void this.#resolve(host, address);
    // While a name does not resolve, its last address is tried, as Redis does: resolvers fail more often than servers.
    const last = this.#core.state.names.get(host);
    const place = typeof address === 'string' || last === undefined ? address : address.catch(() => last);
    this.#links.open({ link, generation, channel }, place, port);
  }

  #resolve(host: string, address: Promise<string>): Promise<void> {
    return address.then(
      (ip) => this.#dispatch({ type: 'resolved', host, ip }),
      () => {
        // Both connections of a link ask for it.
        if (!this.#toldOf.has(address)) this.#options.log.warning(`Failed to resolve hostname '${host}'`);
        this.#toldOf.add(address);
        this.#dispatch({ type: 'resolved', host, ip: null });
      },
    );
  }

  #send(action: Extract<Action, { readonly type: 'send' }>): void {
    this.#links.send(action.generation, action.words, action.tag);
  }

  /** The core counts it as sent, and waits for a reply. */
  #answerUnsent({ link, generation, tag }: Extract<Action, { readonly type: 'send' }>): void {
    this.#events.push({ type: 'reply', link, generation, tag, reply: new Error(NOT_SAVED) });
  }

  /** An event as people and scripts see it. */
  #tell(level: LogLevel, name: string, text: string): void {
    const { log, publish } = this.#options;
    if (log.enabled(level)) log[level](`${name} ${text}`);
    if (level !== 'debug') publish(name, text);
  }
}

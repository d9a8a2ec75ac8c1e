/**
 * A sentinel: its state, the core that decides, and the shell that carries out. server/sentinel-node.ts puts it into a
 * node; what commands may ask of it is in parts.ts.
 *
 * It is made before the node, whose table of commands refers to it, and gets what the node has by `attach`.
 */
import type { Engine } from '../engine/engine.ts';
import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import type { Turn } from './core/context.ts';
import { SentinelCore } from './core/core.ts';
import type { SentinelState } from './core/state.ts';
import type { PendingScript, Sentinel } from './parts.ts';
import type { Lookup } from './shell/names.ts';
import type { RunScript } from './shell/scripts.ts';
import { coreTime, Shell } from './shell/shell.ts';

export interface SentinelOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Reads the configuration; `now` is the core's time. */
  readonly load: (now: number) => SentinelState;
  /** By default the system's resolver. */
  readonly lookup?: Lookup;
  /** By default a process is started. */
  readonly runScript?: RunScript;
}

/** What the node around it does for a sentinel. */
export interface Surroundings {
  readonly engine: Engine;
  /** Writes the state to the configuration file, durably; false: it could not. The log has been told. */
  readonly save: (state: SentinelState) => boolean;
  /** Ends the process at once: SENTINEL SIMULATE-FAILURE. */
  readonly crash: () => void;
}

export class RunningSentinel implements Sentinel {
  readonly state: SentinelState;
  readonly #options: SentinelOptions;
  readonly #core: SentinelCore;
  readonly #now: () => number;
  #shell: Shell | null = null;

  constructor(options: SentinelOptions) {
    this.#options = options;
    this.#now = coreTime(options.clock);
    this.state = options.load(this.#now());
    this.#core = new SentinelCore(this.state, options.random);
  }

  attach({ engine, save, crash }: Surroundings): void {
    const { clock, lookup, runScript } = this.#options;
    const { values } = engine.config;
    this.#shell = new Shell({
      core: this.#core,
      now: this.#now,
      clock,
      timers: engine.timers,
      log: engine.log,
      localAddress: () => values['bind-source-addr'],
      save: () => save(this.state),
      publish: (channel, message) => publish(engine, channel, message),
      crash,
      ...(lookup && { lookup }),
      ...(runScript && { runScript }),
    });
  }

  /** Begins to watch. False: the state could not be saved. */
  start(): boolean {
    return this.#shell!.start();
  }

  close(): void {
    this.#shell?.close();
  }

  get now(): number {
    return this.#now();
  }

  act<T>(run: (turn: Turn) => T): { readonly value: T; readonly saved: boolean } {
    return this.#shell!.act(run);
  }

  hello(payload: string): void {
    this.#shell!.hello(payload);
  }

  pendingScripts(): readonly PendingScript[] {
    return this.#shell?.pendingScripts ?? [];
  }

  get runningScripts(): number {
    return this.#shell?.runningScripts ?? 0;
  }

  /** Connections to others that are open or being made. */
  get connections(): number {
    return this.#shell?.connections ?? 0;
  }
}

/** Tells clients of an event. Nothing is made of it when nobody has subscribed. */
function publish(engine: Engine, channel: string, message: string): void {
  const { pubsub } = engine;
  if (pubsub.channels.byName.size === 0 && pubsub.patterns.byName.size === 0) return;
  const name = Buffer.from(channel, 'latin1');
  const text = Buffer.from(message, 'latin1');
  pubsub.publish(name, 0, name.length, text, 0, text.length);
}

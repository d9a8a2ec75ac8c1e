/**
 * A sentinel node: a Node (node.ts) whose commands ask a sentinel (sentinel/). It keeps no data: its keyspace stays
 * empty, and what it must not forget is in its configuration file.
 */
import { userLines } from '../commands/server/config.ts';
import { sentinelCommands } from '../sentinel/commands/commands.ts';
import { loadSentinel } from '../sentinel/config/load.ts';
import { ConfigSaver } from '../sentinel/config/save.ts';
import { RunningSentinel } from '../sentinel/sentinel.ts';
import type { Lookup } from '../sentinel/shell/names.ts';
import type { RunScript } from '../sentinel/shell/scripts.ts';
import { systemClock } from '../util/clock.ts';
import { systemRandom } from '../util/random.ts';
import { Node, type NodeOptions } from './node.ts';

/** The configuration must have been made for a sentinel (ServerConfigOptions.sentinel), and be correct. */
export interface SentinelNodeOptions extends NodeOptions {
  /** By default the system's resolver. */
  readonly lookup?: Lookup;
  /** By default a process is started. */
  readonly runScript?: RunScript;
}

/** The status of a process that SENTINEL SIMULATE-FAILURE has ended. */
const SIMULATED_CRASH_STATUS = 99;

export class SentinelNode extends Node {
  readonly sentinel: RunningSentinel;

  constructor(options: SentinelNodeOptions) {
    const { config, lookup, runScript } = options;
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom();
    const sentinel = new RunningSentinel({
      clock,
      random,
      load: (now) => loadSentinel(config, now, random),
      ...(lookup && { lookup }),
      ...(runScript && { runScript }),
    });
    super(
      { ...options, clock, random },
      {
        mode: 'sentinel',
        commands: sentinelCommands(sentinel),
        databases: 1,
        roles: ['X', 'X'],
        name: 'Sentinel',
      },
    );
    this.sentinel = sentinel;
    const saver = new ConfigSaver({
      config,
      log: (level, text) => this.log[level](text),
      userLines: () => userLines(this.engine),
    });
    sentinel.attach({
      engine: this.engine,
      save: (state) => saver.save(state),
      crash: () => {
        this.log.warning('Sentinel CRASH because of SENTINEL simulate-failure');
        this.fatal(SIMULATED_CRASH_STATUS);
      },
    });
  }

  get shutdownInMs(): number {
    return 0;
  }

  get isLoading(): boolean {
    return false;
  }

  protected async getReady(): Promise<boolean> {
    this.onListening?.();
    this.sentinel.start();
    return true;
  }

  protected release(): void {
    this.sentinel.close();
  }

  protected resumeService(): void {}
}

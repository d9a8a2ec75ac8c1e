/**
 * The subcommands of SENTINEL that change something. Each is one turn of the core, which is carried out before the
 * reply: what a client is told stands in the configuration file.
 */
import { int32Arg, longArg } from '../../commands/keys/arguments.ts';
import type { Client } from '../../engine/client.ts';
import type { Engine } from '../../engine/engine.ts';
import { err, SYNTAX } from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { globMatch } from '../../util/glob.ts';
import { isExecutable } from '../config/directives.ts';
import type { Turn } from '../core/context.ts';
import { answerIsMasterDown } from '../core/failover/election.ts';
import { requestFailover } from '../core/failover/failover.ts';
import {
  getConfig,
  type LogLevelHost,
  monitorMaster,
  removeMonitored,
  setConfig,
  setOptions,
} from '../core/options.ts';
import { resetMaster } from '../core/registry.ts';
import { HELLO_CHANNEL } from '../core/watch/links.ts';
import type { Sentinel } from '../parts.ts';
import * as errors from './errors.ts';
import { masterAt } from './masters.ts';

/** Run ids have 40 digits. Who sends a longer text gets no vote: it would be kept. */
const RUN_ID_MAX = 256;

/** Carries out what replies OK, or says why not (an error text without its code). */
function attempt(sentinel: Sentinel, { out }: Client, run: (turn: Turn) => string | null): void {
  const { value: refusal, saved } = sentinel.act(run);
  if (refusal !== null) throw err(refusal);
  if (!saved) throw errors.NOT_SAVED;
  out.ok();
}

function wordsFrom(args: Args, from: number): string[] {
  const words: string[] = [];
  for (let i = from; i < args.count; i++) words.push(args.text(i));
  return words;
}

export function flushConfig(sentinel: Sentinel, client: Client): void {
  attempt(sentinel, client, (turn) => {
    turn.save();
    return null;
  });
}

export function monitor(sentinel: Sentinel, client: Client, args: Args): void {
  const quorum = int32Arg(args, 5, errors.INVALID_QUORUM);
  const port = longArg(args, 4, errors.INVALID_PORT);
  if (quorum <= 0) throw errors.QUORUM_TOO_SMALL;
  const wanted = { name: args.text(2), host: args.text(3), port, quorum };
  attempt(sentinel, client, (turn) => monitorMaster(turn, wanted));
}

export function remove(sentinel: Sentinel, client: Client, args: Args): void {
  const { name } = masterAt(sentinel, args);
  attempt(sentinel, client, (turn) => {
    removeMonitored(turn, name);
    return null;
  });
}

/** Replies how many masters have a name that fits. */
export function reset(sentinel: Sentinel, client: Client, args: Args): void {
  const pattern = args.text(2);
  const { value: count } = sentinel.act((turn) => {
    const found = [...turn.state.masters.values()].filter(({ name }) => globMatch(pattern, name));
    for (const master of found) resetMaster(turn, master);
    if (found.length > 0) turn.save();
    return found.length;
  });
  client.out.int(count);
}

export function set(sentinel: Sentinel, client: Client, args: Args): void {
  const master = masterAt(sentinel, args);
  attempt(sentinel, client, (turn) =>
    setOptions(turn, master, wordsFrom(args, 3), { canExecute: isExecutable }),
  );
}

/** As in 7.2 with several parameters at once, and GET with patterns. */
export function config(sentinel: Sentinel, client: Client, args: Args): void {
  const levels = logLevel(client.engine);
  if (args.is(2, 'set') && args.count >= 5) {
    attempt(sentinel, client, (turn) => setConfig(turn, wordsFrom(args, 3), levels));
    return;
  }
  if (!args.is(2, 'get') || args.count < 4) throw errors.CONFIG_USAGE;
  const found = getConfig(sentinel.state, wordsFrom(args, 3), levels);
  client.out.map(found.length);
  for (const [name, value] of found) {
    client.out.bulkText(name);
    client.out.bulkText(value);
  }
}

function logLevel({ config }: Engine): LogLevelHost {
  return {
    get: () => config.values.loglevel,
    set: (level) => void config.set([['loglevel', level]], { allowProtected: true }),
  };
}

export function failover(sentinel: Sentinel, { out }: Client, args: Args): void {
  const coordinated = args.count === 4 && args.is(3, 'coordinated');
  if (args.count > 3 && !coordinated) throw SYNTAX;
  const master = masterAt(sentinel, args);
  const { value } = sentinel.act((turn) => requestFailover(turn, master, { coordinated }));
  if (value === 'inprog') throw errors.IN_PROGRESS;
  if (value === 'noslave') throw errors.NO_GOOD_REPLICA;
  if (value === 'masterdown') throw errors.MASTER_NOT_WELL;
  if (value === 'unsupported') throw errors.NO_COORDINATION;
  out.ok();
}

/**
 * What another sentinel asks: is that master down for you, and (with a run id other than *) do I get your vote for a
 * failover in this epoch? A vote that could not be saved is not given.
 */
export function isMasterDown(sentinel: Sentinel, { out }: Client, args: Args): void {
  const port = longArg(args, 3);
  const epoch = longArg(args, 4);
  const runId = args.len[5]! > RUN_ID_MAX ? '*' : args.text(5);
  const asked = { host: args.text(2), port, epoch, runId };
  const { value, saved } = sentinel.act((turn) => answerIsMasterDown(turn, asked));
  out.array(3);
  out.int(value.down ? 1 : 0);
  out.bulkText(saved ? value.leader : '*');
  out.int(saved ? value.leaderEpoch : 0);
}

/** A sentinel publishes nothing for others: hellos are taken, as if they had come from a watched instance. */
export function publish(sentinel: Sentinel, { out }: Client, args: Args): void {
  if (args.text(1) !== HELLO_CHANNEL) throw errors.ONLY_HELLOS;
  sentinel.hello(args.text(2));
  out.int(1);
}

/** What is set when an unknown word comes stays set, as in Redis. */
export function simulateFailure(sentinel: Sentinel, { out }: Client, args: Args): void {
  const { state } = sentinel;
  state.crashAfterElection = false;
  state.crashAfterPromotion = false;
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'help')) {
      out.array(2);
      out.bulkText('crash-after-election');
      out.bulkText('crash-after-promotion');
      return;
    }
    if (args.is(i, 'crash-after-election')) {
      state.crashAfterElection = true;
      warn(sentinel, 'after being successfully elected as failover leader');
    } else if (args.is(i, 'crash-after-promotion')) {
      state.crashAfterPromotion = true;
      warn(sentinel, 'after promoting the selected replica to master');
    } else throw errors.UNKNOWN_SIMULATION;
  }
  out.ok();
}

function warn(sentinel: Sentinel, when: string): void {
  sentinel.act((turn) => turn.log('warning', `Failure simulation: this Sentinel will crash ${when}`));
}

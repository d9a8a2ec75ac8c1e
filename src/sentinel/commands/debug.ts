/** SENTINEL DEBUG: the periods by which a sentinel works, shown and changed. */

import { longArg } from '../../commands/keys/arguments.ts';
import type { Client } from '../../engine/client.ts';
import type { Args } from '../../resp/args.ts';
import type { Intervals } from '../core/intervals.ts';
import { INT_MAX } from '../core/options.ts';
import type { Sentinel } from '../parts.ts';
import * as errors from './errors.ts';

const NAMES: readonly (readonly [string, keyof Intervals])[] = [
  ['INFO-PERIOD', 'infoPeriod'],
  ['PING-PERIOD', 'pingPeriod'],
  ['ASK-PERIOD', 'askPeriod'],
  ['PUBLISH-PERIOD', 'publishPeriod'],
  ['DEFAULT-DOWN-AFTER', 'defaultDownAfter'],
  ['DEFAULT-FAILOVER-TIMEOUT', 'defaultFailoverTimeout'],
  ['TILT-TRIGGER', 'tiltTrigger'],
  ['TILT-PERIOD', 'tiltPeriod'],
  ['SLAVE-RECONF-TIMEOUT', 'replicaReconfTimeout'],
  ['MIN-LINK-RECONNECT-PERIOD', 'minLinkReconnectPeriod'],
  ['ELECTION-TIMEOUT', 'electionTimeout'],
  ['SCRIPT-MAX-RUNTIME', 'scriptMaxRuntime'],
  ['SCRIPT-RETRY-DELAY', 'scriptRetryDelay'],
];

/** Pairs before one that is refused have taken effect, as in Redis. */
export function debug({ state }: Sentinel, { out }: Client, args: Args): void {
  const { intervals } = state;
  if (args.count === 2) {
    out.map(NAMES.length);
    for (const [name, key] of NAMES) {
      out.bulkText(name);
      out.bulkInt(intervals[key]);
    }
    return;
  }
  for (let i = 2; i < args.count; i += 2) {
    const found = NAMES.find(([name]) => args.is(i, name.toLowerCase()));
    if (found === undefined || i + 1 === args.count) throw errors.unknownDebugOption(args.text(i));
    const refusal = errors.invalidDebugArgument(args.text(i + 1), args.text(i));
    const value = longArg(args, i + 1, refusal);
    // Two of them are written into the file for masters that are added from now on.
    if (value <= 0 || value > INT_MAX) throw refusal;
    intervals[found[1]] = value;
  }
  out.ok();
}

/** What the subcommands share: the master that an argument names. */
import type { Args } from '../../resp/args.ts';
import type { Instance } from '../core/instance.ts';
import type { Sentinel } from '../parts.ts';
import * as errors from './errors.ts';

/** @throws ReplyError if there is none of that name. */
export function masterAt(sentinel: Sentinel, args: Args, index = 2): Instance {
  const master = sentinel.state.masters.get(args.text(index));
  if (master === undefined) throw errors.NO_SUCH_MASTER;
  return master;
}

/** Refusals of SENTINEL's subcommands and of a sentinel's PUBLISH, with redis-sentinel's texts. */
import { err, shown } from '../../engine/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import * as texts from '../core/errors.ts';

export const NO_SUCH_MASTER = err(texts.NO_SUCH_MASTER);
export const INVALID_PORT = err('Invalid port');
export const INVALID_QUORUM = err('Invalid quorum');
export const QUORUM_TOO_SMALL = err(texts.BAD_QUORUM);
export const NOT_SAVED = err('Failed to save config file. Check server logs.');
export const UNKNOWN_SIMULATION = err('Unknown failure simulation specified');
export const ONLY_HELLOS = err('Only HELLO messages are accepted by Sentinel instances.');
export const CONFIG_USAGE = err(
  'Only SENTINEL CONFIG GET <param> [<param> <param> ...] / SET <param> <value> [<param> <value> ...] are supported.',
);
export const IN_PROGRESS = new ReplyError('INPROG Failover already in progress');
export const NO_GOOD_REPLICA = new ReplyError('NOGOODSLAVE No suitable replica to promote');
/** COORDINATED, with Valkey's code: the master itself has to hand over. */
export const MASTER_NOT_WELL = new ReplyError(
  'NOGOODPRIMARY The master is down or calls itself a replica: it cannot hand over',
);
export const NO_COORDINATION = new ReplyError(
  'NOGOODPRIMARY The master does not know FAILOVER (it came with Redis 6.2): it cannot hand over',
);

export function noQuorum(usable: number, reasons: readonly string[]): ReplyError {
  return new ReplyError(`NOQUORUM ${usable} usable Sentinels. ${reasons.join('. ')}`);
}

export function unknownDebugOption(option: string): ReplyError {
  return err(`Unknown option or number of arguments for SENTINEL DEBUG '${shown(option, Infinity)}'`);
}

export function invalidDebugArgument(value: string, option: string): ReplyError {
  return err(`Invalid argument '${shown(value, Infinity)}' for SENTINEL DEBUG '${shown(option, Infinity)}'`);
}

/**
 * Whether a replica may go on where it was: its history must be ours up to there, and what came since must be kept.
 */
import type { Shared } from '../parts.ts';

/** PSYNC: the history, and the byte that is asked for. */
export interface Wanted {
  readonly id: string;
  readonly offset: number;
}

/** Says in the log why not. `name`: the replica's. */
export function mayContinue({ engine, history, stream }: Shared, name: string, wanted: Wanted): boolean {
  const { log } = engine;
  const { offset } = wanted;
  const id = wanted.id.toLowerCase();
  if (!history.shares(id, offset)) {
    if (id === '?') log.notice(`Full resync requested by replica ${name}`);
    else if (id !== history.id && id !== history.id2) {
      log.notice(
        `Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '${wanted.id}', ` +
          `my replication IDs are '${history.id}' and '${history.id2}')`,
      );
    } else {
      log.notice(
        `Partial resynchronization not accepted: Requested offset for second ID was ${offset}, ` +
          `but I can reply up to ${history.secondOffset}`,
      );
    }
    return false;
  }
  if (stream.has(offset)) return true;
  log.notice(
    `Unable to partial resync with replica ${name} for lack of backlog (Replica request was: ${offset}).`,
  );
  if (offset > stream.end) {
    log.warning(
      `Warning: replica ${name} tried to PSYNC with an offset that is greater than the master replication offset.`,
    );
  }
  return false;
}

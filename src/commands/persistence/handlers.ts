/**
 * SAVE, BGSAVE, LASTSAVE and BGREWRITEAOF: what they say. src/persistence/ does it.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Persistence } from '../../engine/persistence.ts';
import type { Args } from '../../resp/args.ts';

const NO_FILES = errors.err('This server has no data files.');

function files(client: Client): Persistence {
  const { persistence } = client.engine;
  if (persistence === null) throw NO_FILES;
  return persistence;
}

export function save(client: Client): void {
  if (!files(client).save()) throw errors.NOT_SAVED;
  client.out.ok();
}

export function bgsave(client: Client, args: Args): void {
  const schedule = args.count > 1;
  if (schedule && !(args.count === 2 && args.is(1, 'schedule'))) throw errors.SYNTAX;
  client.out.simple(
    files(client).backgroundSave(schedule) === 'started'
      ? 'Background saving started'
      : 'Background saving scheduled',
  );
}

/** In seconds. */
export function lastsave(client: Client): void {
  client.out.int(Math.floor(files(client).lastSaveMs / 1000));
}

export function bgrewriteaof(client: Client): void {
  client.out.simple(
    files(client).rewriteAof() === 'started'
      ? 'Background append only file rewriting started'
      : 'Background append only file rewriting scheduled',
  );
}

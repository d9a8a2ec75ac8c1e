/**
 * DEBUG's subcommands about saving, loading and replicating. An engine without data files has nothing to reload from.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Persistence } from '../../engine/persistence.ts';
import type { Args } from '../../resp/args.ts';

const BAD_RELOAD = errors.err('DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
const NO_PERSISTENCE = errors.err('This server has no persistence to reload from');

export function reload(client: Client, args: Args): void {
  const options = { save: true, flush: true, merge: false };
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'merge')) options.merge = true;
    else if (args.is(i, 'noflush')) options.flush = false;
    else if (args.is(i, 'nosave')) options.save = false;
    else throw BAD_RELOAD;
  }
  dataFiles(client).reload(options);
  client.out.ok();
}

export function loadAof(client: Client): void {
  dataFiles(client).loadAof();
  client.out.ok();
}

function dataFiles(client: Client): Persistence {
  const { persistence } = client.engine;
  if (persistence === null) throw NO_PERSISTENCE;
  return persistence;
}

export function changeReplicationId(client: Client): void {
  const { engine } = client;
  engine.log.warning('Changing replication IDs after receiving DEBUG change-repl-id');
  engine.replication?.changeId();
  client.out.ok();
}

/** A command for the stream, which is not run here. */
export function replicate(client: Client, args: Args): void {
  const words: Uint8Array[] = [];
  for (let i = 2; i < args.count; i++) words.push(args.bytes(i));
  client.engine.replication?.replicate(words);
  client.out.ok();
}

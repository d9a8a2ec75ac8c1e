/** DEBUG's subcommands about the process: ways to end it badly, and a look at its heap. */
import type { Client } from '../../engine/client.ts';
import type { Engine } from '../../engine/engine.ts';
import * as errors from '../../engine/errors.ts';
import type { Host } from '../../engine/host.ts';
import { heapReport } from '../../util/process-stats.ts';

const NO_PROCESS = errors.err('This server has no process of its own');

/** An embedded server must not take the program around it down. */
function ownProcess(engine: Engine): Host {
  if (engine.host === null) throw NO_PROCESS;
  return engine.host;
}

/** As if it had accessed memory that isn't there. */
export function crash(client: Client): void {
  const host = ownProcess(client.engine);
  if (host.crash === null) throw NO_PROCESS;
  host.crash('SIGSEGV');
}

/** An error that nobody catches: the report goes to the log and the process ends. */
export function panic(client: Client): void {
  ownProcess(client.engine);
  throw new Error('called by the user: DEBUG PANIC');
}

export function oom(client: Client): void {
  ownProcess(client.engine);
  throw new RangeError('called by the user: DEBUG OOM');
}

/** A process that starts itself anew would leave its supervisor behind. */
export function refuseRestart(client: Client): void {
  client.engine.log.warning('DEBUG RESTART refused: let a supervisor start the server again');
  throw errors.err('failed to restart the server. Check server logs.');
}

/** What is on the V8 heap; the data of keys is outside of it. */
export function heapMap(client: Client): void {
  client.out.verbatim(heapReport());
}

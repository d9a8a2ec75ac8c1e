/**
 * SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. The process ends it (src/engine/host.ts); here are the options, and
 * the client that waits. A client whose shutdown succeeds gets no reply: its connection ends with the server.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { ShutdownOptions } from '../../engine/host.ts';
import { replyLater } from '../../engine/later.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';

const NO_SHUTDOWN = errors.err('No shutdown in progress.');
const NO_PROCESS = errors.err('This server has no process to shut down.');

export function shutdown(client: Client, args: Args): void {
  const { host } = client.engine;
  const options = readOptions(args);
  if (host === null) throw NO_PROCESS;
  if (options === 'abort') {
    if (!host.abortShutdown()) throw NO_SHUTDOWN;
    client.out.ok();
    return;
  }
  const reply = (out: ReplyWriter, problem: string | null): void => {
    if (problem === null) return;
    const error = new ReplyError(`ERR ${problem}`);
    client.engine.stats.countError(error);
    out.error(error);
  };
  replyLater(client, host.shutdown(options), reply, 'shutdown');
}

function readOptions(args: Args): ShutdownOptions | 'abort' {
  let save: ShutdownOptions['save'] = 'default';
  let now = false;
  let force = false;
  let abort = false;
  for (let i = 1; i < args.count; i++) {
    const word = args.lower(i);
    if (word === 'save' || word === 'nosave') {
      if (save !== 'default' && save !== word) throw errors.SYNTAX;
      save = word;
    } else if (word === 'now') now = true;
    else if (word === 'force') force = true;
    else if (word === 'abort') abort = true;
    else throw errors.SYNTAX;
  }
  if (!abort) return { save, now, force };
  if (save !== 'default' || now || force) throw errors.SYNTAX;
  return 'abort';
}

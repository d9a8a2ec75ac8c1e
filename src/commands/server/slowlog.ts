/**
 * SLOWLOG: the log itself is src/engine/slowlog.ts.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import type { Args } from '../../resp/args.ts';
import { parseSafeInt } from '../../util/number-text.ts';

const DEFAULT_COUNT = 10;
const BAD_COUNT = errors.err('count should be greater than or equal to -1');

export function slowlogGet(client: Client, args: Args): void {
  if (args.count > 3) throw errors.subcommandSyntax(args.text(1), 'slowlog');
  const { out } = client;
  const { entries } = client.engine.slowlog;
  let count = DEFAULT_COUNT;
  if (args.count === 3) {
    count = parseSafeInt(args.buf, args.off[2]!, args.len[2]!);
    if (!(count >= -1)) throw BAD_COUNT;
    if (count === -1) count = entries.length;
  }
  count = Math.min(count, entries.length);
  out.array(count);
  for (const entry of entries.slice(0, count)) {
    out.array(6);
    out.int(entry.id);
    out.int(entry.atSeconds);
    out.int(entry.us);
    out.array(entry.args.length);
    for (const arg of entry.args) out.bulkText(arg);
    out.bulkText(entry.peer);
    out.bulkText(entry.clientName);
  }
}

export function slowlogLen(client: Client): void {
  client.out.int(client.engine.slowlog.entries.length);
}

export function slowlogReset(client: Client): void {
  client.engine.slowlog.reset();
  client.out.ok();
}

export function slowlogHelp(client: Client): void {
  replyHelp(client, 'SLOWLOG', [
    'GET [<count>]',
    '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
    '    Entries are made of:',
    '    id, timestamp, time in microseconds, arguments array, client IP and port,',
    '    client name',
    'LEN',
    '    Return the length of the slowlog.',
    'RESET',
    '    Reset the slowlog.',
  ]);
}

/**
 * CLIENT's switches of the connection itself (REPLY, NO-EVICT, NO-TOUCH), PAUSE, and its help.
 */
import {
  type Client,
  GATE_NO_TOUCH,
  GATE_REPLY_OFF,
  GATE_REPLY_SKIP,
  GATE_REPLY_SKIP_NEXT,
} from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big } from '../../util/number-text.ts';

const INT64_MAX = 2n ** 63n - 1n;

const HELP = [
  'CACHING (YES|NO)',
  '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'GETREDIR',
  '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made from the specified address',
  '    * LADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections authenticated by <username>.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  'LIST [options ...]',
  '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are:',
  '    * LIB-NAME: the client lib name.',
  '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
  '         [OPTIN] [OPTOUT] [NOLOOP]',
  '    Control server assisted client side caching.',
  'TRACKINGINFO',
  '    Report tracking status for the current connection.',
  'NO-EVICT (ON|OFF)',
  '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Will not touch LRU/LFU stats when this mode is on.',
];

export function clientHelp(client: Client): void {
  replyHelp(client, 'CLIENT', HELP);
}

export function clientReply(client: Client, args: Args): void {
  if (args.is(2, 'on')) {
    client.gates &= ~(GATE_REPLY_OFF | GATE_REPLY_SKIP | GATE_REPLY_SKIP_NEXT);
    client.out.ok();
  } else if (args.is(2, 'off')) client.gates |= GATE_REPLY_OFF;
  else if (args.is(2, 'skip')) {
    if ((client.gates & GATE_REPLY_OFF) === 0) client.gates |= GATE_REPLY_SKIP_NEXT;
  } else throw errors.SYNTAX;
}

export function clientNoEvict(client: Client, args: Args): void {
  client.noEvict = parseOnOff(args, 2);
  client.out.ok();
  if (!client.noEvict) client.engine.clients.limits.grew(client);
}

export function clientNoTouch(client: Client, args: Args): void {
  if (parseOnOff(args, 2)) client.gates |= GATE_NO_TOUCH;
  else client.gates &= ~GATE_NO_TOUCH;
  client.out.ok();
}

function parseOnOff(args: Args, i: number): boolean {
  if (args.is(i, 'on')) return true;
  if (args.is(i, 'off')) return false;
  throw errors.SYNTAX;
}

export function clientPause(client: Client, args: Args): void {
  if (args.count > 4) throw errors.subcommandSyntax(args.text(1), 'client');
  let all = true;
  if (args.count === 4) {
    if (args.is(3, 'write')) all = false;
    else if (!args.is(3, 'all')) throw errors.err('CLIENT PAUSE mode must be WRITE or ALL');
  }
  const ms = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
  if (ms === null) throw errors.err('timeout is not an integer or out of range');
  if (ms < 0n) throw errors.err('timeout is negative');
  if (ms > INT64_MAX - BigInt(client.engine.nowMs)) throw errors.err('timeout is out of range');
  client.engine.pause.pause('client', Number(ms), all);
  client.out.ok();
}

export function clientUnpause(client: Client): void {
  client.engine.pause.unpause('client');
  client.out.ok();
}

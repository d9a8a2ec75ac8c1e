/**
 * CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO; what they do is in engine/tracking.ts.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { TrackingOptions } from '../../engine/messages/tracking.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { parseInt64Big } from '../../util/number-text.ts';

export function clientTracking(client: Client, args: Args): void {
  const { tracking } = client.engine;
  const options = parseOptions(client, args);
  if (args.is(2, 'on')) {
    checkOptions(client, options);
    tracking.enable(client, options);
  } else if (args.is(2, 'off')) tracking.disable(client);
  else throw errors.SYNTAX;
  client.out.ok();
}

function parseOptions(client: Client, args: Args): TrackingOptions {
  let redirect = 0;
  let bcast = false;
  let optIn = false;
  let optOut = false;
  let noLoop = false;
  const prefixes: string[] = [];
  for (let i = 3; i < args.count; i++) {
    const more = i + 1 < args.count;
    if (args.is(i, 'redirect') && more) {
      if (redirect !== 0) throw errors.err('A client can only redirect to a single other client');
      redirect = parseRedirect(client, args, ++i);
    } else if (args.is(i, 'bcast')) bcast = true;
    else if (args.is(i, 'optin')) optIn = true;
    else if (args.is(i, 'optout')) optOut = true;
    else if (args.is(i, 'noloop')) noLoop = true;
    else if (args.is(i, 'prefix') && more) prefixes.push(args.text(++i));
    else throw errors.SYNTAX;
  }
  return { redirect, bcast, optIn, optOut, noLoop, prefixes };
}

function parseRedirect(client: Client, args: Args, i: number): number {
  const id = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (id === null) throw errors.NOT_INTEGER;
  if (client.engine.clients.get(Number(id)) === undefined) {
    throw errors.err('The client ID you want redirect to does not exist');
  }
  return Number(id);
}

/** Whether the options go together, and with those that the client tracks with already. */
function checkOptions(client: Client, options: TrackingOptions): void {
  const { bcast, optIn, optOut, prefixes } = options;
  const now = client.tracking;
  if (!bcast && prefixes.length > 0) throw errors.err('PREFIX option requires BCAST mode to be enabled');
  if (now !== null && now.bcast !== bcast) throw errors.err(`You can't switch BCAST mode on/off ${SWITCH}`);
  if (bcast && (optIn || optOut)) throw errors.err('OPTIN and OPTOUT are not compatible with BCAST');
  if (optIn && optOut) throw errors.err("You can't specify both OPTIN mode and OPTOUT mode");
  if (now !== null && ((optIn && now.optOut) || (optOut && now.optIn))) {
    throw errors.err(`You can't switch OPTIN/OPTOUT mode ${SWITCH}`);
  }
  checkPrefixes(prefixes, now === null ? [] : [...now.prefixes].sort());
}

const SWITCH = 'before disabling tracking for this client, and then re-enabling it with a different mode.';

function checkPrefixes(prefixes: readonly string[], existing: readonly string[]): void {
  for (const [i, prefix] of prefixes.entries()) {
    for (const other of existing)
      if (overlap(prefix, other)) throw overlapError(prefix, 'an existing', other);
    for (const other of prefixes.slice(i + 1)) {
      if (overlap(prefix, other)) throw overlapError(prefix, 'another provided', other);
    }
  }
}

function overlap(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

function overlapError(prefix: string, which: string, other: string): ReplyError {
  return errors.err(
    `Prefix '${errors.shown(prefix, Infinity)}' overlaps with ${which} prefix '${errors.shown(other, Infinity)}'. ` +
      'Prefixes for a single client must not overlap.',
  );
}

export function clientCaching(client: Client, args: Args): void {
  const state = client.tracking;
  if (state === null) {
    throw errors.err(
      'CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    );
  }
  if (args.is(2, 'yes')) {
    if (!state.optIn) {
      throw errors.err('CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
    }
  } else if (args.is(2, 'no')) {
    if (!state.optOut) {
      throw errors.err('CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
    }
  } else throw errors.SYNTAX;
  state.caching = true;
  client.out.ok();
}

export function clientGetredir(client: Client): void {
  client.out.int(client.tracking === null ? -1 : client.tracking.redirect);
}

export function clientTrackinginfo(client: Client): void {
  const { out, tracking: state } = client;
  const flags: string[] = [state === null ? 'off' : 'on'];
  if (state !== null) {
    if (state.bcast) flags.push('bcast');
    if (state.optIn) flags.push('optin');
    if (state.optIn && state.caching) flags.push('caching-yes');
    if (state.optOut) flags.push('optout');
    if (state.optOut && state.caching) flags.push('caching-no');
    if (state.noLoop) flags.push('noloop');
    if (state.broken) flags.push('broken_redirect');
  }
  const prefixes = state === null ? [] : [...state.prefixes].sort();
  out.map(3);
  out.bulkText('flags');
  out.set(flags.length);
  for (const flag of flags) out.bulkText(flag);
  out.bulkText('redirect');
  out.int(state === null ? -1 : state.redirect);
  out.bulkText('prefixes');
  out.array(prefixes.length);
  for (const prefix of prefixes) out.bulkText(prefix);
}

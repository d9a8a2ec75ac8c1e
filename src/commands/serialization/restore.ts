/**
 * RESTORE: a key from the payload that DUMP made of one, here or on a real server.
 *
 *     parse → is the name free? → verify the checksum → read the value → the old key goes, the new one stands
 *
 * Nothing is changed before the value is there as a whole.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { type Deadline, setDeadline, toDeadline } from '../../keyspace/deadline.ts';
import { EVENT_GENERIC, EVENT_NEW, EXPIRE_DELETES, EXPIRE_IGNORED } from '../../keyspace/keyspace.ts';
import type { LoadedValue } from '../../rdb/load/loaded-value.ts';
import { loadedAccess } from '../../rdb/load/loader.ts';
import { CorruptRdb } from '../../rdb/load/reader.ts';
import { verifyPayload } from '../../rdb/save/dump.ts';
import type { Args } from '../../resp/args.ts';
import { int64Arg } from '../keys/arguments.ts';

interface Options {
  replace: boolean;
  absolute: boolean;
  /** Seconds; -1: not told. */
  idle: number;
  /** -1: not told. */
  frequency: number;
}

export function restore(client: Client, args: Args): void {
  const { engine, db } = client;
  const { keyspace, propagation, restorer } = engine;
  const { buf } = args;
  const off = args.off[1]!;
  const len = args.len[1]!;
  const options = parseOptions(args);
  if (!options.replace && keyspace.lookupWrite(db, buf, off, len) !== 0) throw errors.BUSY_KEY;
  const ttl = int64Arg(args, 2);
  if (ttl < 0) throw errors.INVALID_TTL;
  const skipChecksum = engine.debug.skipChecksums;
  if (!verifyPayload(buf, args.off[3]!, args.len[3]!, skipChecksum)) throw errors.BAD_PAYLOAD;
  const value = readValue(client, args);
  try {
    const when = ttl === 0 || options.absolute ? ttl : moment(ttl, keyspace.now);
    const old = options.replace ? keyspace.lookupReplace(db, buf, off, len) : db.find(buf, off, len);
    if (ttl !== 0 && when <= keyspace.now && keyspace.expireMode === EXPIRE_DELETES) {
      value.drop();
      if (old === 0) propagation.nothing(client);
      else {
        const lazily = keyspace.lazyFree.serverDel;
        keyspace.removeLazily(db, old, lazily);
        keyspace.dirty++;
        keyspace.touched(db, buf, off, len);
        keyspace.event(EVENT_GENERIC, 'del', db, buf, off, len);
        propagation.insteadRemoval(client, args, lazily);
      }
      client.out.ok();
      return;
    }
    const access = loadedAccess(keyspace, options.idle, options.frequency);
    const ref = value.store(db, old, buf, off, len, access);
    if (ttl !== 0) setDeadline(db, ref, when < 0 ? 0 : when);
    keyspace.dirty++;
    keyspace.event(EVENT_NEW, 'new', db, buf, off, len);
    keyspace.touched(db, buf, off, len);
    keyspace.event(EVENT_GENERIC, 'restore', db, buf, off, len);
    if (propagation.active && ttl !== 0 && !options.absolute) {
      const effect = propagation.replace(client, args.count + 1);
      effect.argsOf(args, 0, 2);
      effect.word(when);
      effect.argsOf(args, 3, args.count);
      effect.text('ABSTTL');
    }
    client.out.ok();
  } finally {
    restorer.done();
  }
}

function parseOptions(args: Args): Options {
  const options: Options = { replace: false, absolute: false, idle: -1, frequency: -1 };
  for (let i = 4; i < args.count; i++) {
    const more = i + 1 < args.count;
    if (args.is(i, 'replace')) options.replace = true;
    else if (args.is(i, 'absttl')) options.absolute = true;
    else if (args.is(i, 'idletime') && more && options.frequency === -1) {
      const idle = int64Arg(args, ++i);
      if (idle < 0) throw errors.INVALID_IDLETIME;
      options.idle = Number(idle);
    } else if (args.is(i, 'freq') && more && options.idle === -1) {
      const frequency = int64Arg(args, ++i);
      if (frequency < 0 || frequency > 255) throw errors.INVALID_FREQ;
      options.frequency = Number(frequency);
    } else throw errors.SYNTAX;
  }
  return options;
}

/** When a time to live is over; beyond 64 bits it wraps around, as Redis's does. */
function moment(ttl: number | bigint, now: number): Deadline {
  const when = BigInt(ttl) + BigInt(now);
  return toDeadline(when) ?? BigInt.asIntN(64, when);
}

function readValue(client: Client, args: Args): LoadedValue {
  const { config, keyspace, restorer, log } = client.engine;
  // With `clients`, an append-only file that is being loaded is believed.
  const sanitize = config.values['sanitize-dump-payload'];
  const deep = sanitize === 'yes' || (sanitize === 'clients' && keyspace.expireMode !== EXPIRE_IGNORED);
  try {
    const value = restorer.read(args.buf, args.off[3]!, args.len[3]!, deep);
    if (!value.empty) return value;
  } catch (thrown) {
    if (!(thrown instanceof CorruptRdb)) throw thrown;
    if (thrown.fault !== 'short') {
      log.verbose(`Internal error in RDB reading offset ${thrown.offset} -> ${thrown.message}`);
      // Who is told finds the reason in the log at once.
      if (log.enabled('verbose')) log.flush();
    }
  }
  restorer.done();
  throw errors.BAD_DUMP;
}

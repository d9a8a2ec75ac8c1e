/**
 * KEYS, SCAN and RANDOMKEY: commands that walk the table.
 *
 * A cursor is the hash where the walk goes on (structures/dictionary.ts): it stays good while the table grows and
 * shrinks, so what is there from the first call to the last is returned exactly once. COUNT is the number of
 * entries looked at; entries that share a hash are never split between calls.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import { TYPE_NAMES } from '../../keyspace/entry.ts';
import { EXPIRE_DELETES, type Keyspace } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { cursorArg, int64Arg } from './arguments.ts';

const DEFAULT_COUNT = 10;
const STAR = 0x2a;
/** Draws after which RANDOMKEY gives a key that has expired but may not be removed here. */
const RANDOM_TRIES = 100;

export function keys(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const matches = matcher(args, 1);
  const found = new RefList();
  db.dict.scan(0, (ref) => {
    if ((matches === null || matches(db, ref)) && !isHidden(keyspace, db, ref)) found.push(ref, 0);
    return true;
  });
  replyKeys(client, db, found);
}

/** True for keys whose time is up; they stay where they are. */
function isHidden(keyspace: Keyspace, db: Database, ref: number): boolean {
  const when = db.expireAt(ref);
  return when >= 0 && keyspace.isPast(when);
}

export interface ScanOptions {
  count: number;
  /** Index of the pattern's argument; 0 for none, or one that matches all. */
  match: number;
  /** Lower-case name of a type; null for any. */
  type: string | null;
}

/** MATCH, COUNT and (with `allowType`) TYPE, from argument `from` on. */
export function scanOptions(args: Args, from: number, allowType: boolean): ScanOptions {
  const options: ScanOptions = { count: DEFAULT_COUNT, match: 0, type: null };
  for (let i = from; i < args.count; i += 2) {
    const hasValue = i + 1 < args.count;
    if (hasValue && args.is(i, 'count')) {
      options.count = Number(int64Arg(args, i + 1));
      if (options.count < 1) throw errors.SYNTAX;
    } else if (hasValue && args.is(i, 'match')) {
      // A lone star is no pattern: as one it would not match what is empty.
      options.match = isStar(args, i + 1) ? 0 : i + 1;
    } else if (hasValue && allowType && args.is(i, 'type')) options.type = args.lower(i + 1);
    else throw errors.SYNTAX;
  }
  return options;
}

export function scan(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const cursor = cursorArg(args, 1);
  const { count, match, type } = scanOptions(args, 2, true);
  const wanted = type === null ? -1 : (TYPE_NAMES as readonly string[]).indexOf(type);
  const matches = match === 0 ? null : matcher(args, match);
  const found = new RefList();
  let seen = 0;
  const next = db.dict.scan(cursor, (ref, hash) => {
    const passes = (type === null || db.type(ref) === wanted) && (matches === null || matches(db, ref));
    if (passes) found.push(ref, hash);
    return ++seen < count;
  });
  dropExpired(keyspace, db, found);
  client.out.array(2);
  client.out.bulkText(String(next));
  replyKeys(client, db, found);
}

/** Removes keys whose time is up from the list, and from the database. */
function dropExpired(keyspace: Keyspace, db: Database, found: RefList): void {
  let kept = 0;
  for (let i = 0; i < found.count; i++) {
    const ref = found.refs[i]!;
    if (db.expireAt(ref) >= 0) {
      db.select(ref, found.hashes[i]!);
      if (keyspace.expireIfDue(db, ref)) continue;
    }
    found.refs[kept++] = ref;
  }
  found.count = kept;
}

function replyKeys(client: Client, db: Database, found: RefList): void {
  const { out } = client;
  out.array(found.count);
  for (let i = 0; i < found.count; i++) {
    const ref = found.refs[i]!;
    out.bulk(db.page(ref), db.keyOffset(ref), db.keyLength(ref));
  }
}

function isStar(args: Args, i: number): boolean {
  return args.len[i] === 1 && args.buf[args.off[i]!] === STAR;
}

/** Tells whether the key of an entry matches the pattern in argument i; null when all do. */
function matcher(args: Args, i: number): ((db: Database, ref: number) => boolean) | null {
  if (isStar(args, i)) return null;
  const { buf } = args;
  const off = args.off[i]!;
  const len = args.len[i]!;
  return (db, ref) =>
    globMatchBytes(buf, off, len, db.page(ref), db.keyOffset(ref), db.keyLength(ref), false);
}

export function randomkey(client: Client): void {
  const { keyspace, random } = client.engine;
  const { db } = client;
  const { dict } = db;
  for (let tries = 1; ; tries++) {
    const ref = dict.uniform(random);
    if (ref === 0) {
      client.out.null();
      return;
    }
    if (db.expireAt(ref) >= 0) {
      db.select(ref, dict.hash);
      const gone = keyspace.expireIfDue(db, ref);
      if (gone && (keyspace.expireMode === EXPIRE_DELETES || tries < RANDOM_TRIES)) continue;
    }
    client.out.bulk(db.page(ref), db.keyOffset(ref), db.keyLength(ref));
    return;
  }
}

/** Refs, with their hashes, as many as there are. */
class RefList {
  refs = new Int32Array(64);
  hashes = new Int32Array(64);
  count = 0;

  push(ref: number, hash: number): void {
    if (this.count === this.refs.length) {
      this.refs = grown(this.refs);
      this.hashes = grown(this.hashes);
    }
    this.refs[this.count] = ref;
    this.hashes[this.count++] = hash;
  }
}

function grown(list: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(list.length * 2);
  longer.set(list);
  return longer;
}

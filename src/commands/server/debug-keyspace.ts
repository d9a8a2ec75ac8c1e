/** DEBUG's subcommands about keys and databases. */

import { MemberTable } from '../../datatypes/member-table.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import { encodingName, isSharedInteger, SHARED_REFCOUNT } from '../../keyspace/encoding.ts';
import { EXTERNAL, STRING_AUTO, TYPE_LIST, TYPE_MASK, TYPE_STRING } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import type { Dictionary } from '../../structures/dictionary.ts';
import { LP_EMPTY_BYTES, lpEncodedSize, lpLength } from '../../structures/listpack.ts';
import { isCanonicalInt64, parseSafeInt } from '../../util/number-text.ts';
import { listEach, listIsPacked, listLength, listNodes } from '../../values/list.ts';
import { datasetDigest, NO_DIGEST, valueDigest } from './digest.ts';

const SERIALIZED_SAMPLES = 100;

/** Finds the key in argument 2, leaving its clock alone; also one whose time is up, as long as it is there. */
function find(client: Client, args: Args): number {
  const ref = client.db.find(args.buf, args.off[2]!, args.len[2]!);
  if (ref === 0) throw errors.NO_SUCH_KEY;
  return ref;
}

export function object(client: Client, args: Args): void {
  const ref = find(client, args);
  const { db } = client;
  const { keyspace } = client.engine;
  const access = db.access(ref);
  const refcount = isSharedInteger(db, ref) ? SHARED_REFCOUNT : 1;
  const place = (ref >>> 0).toString(16).padStart(8, '0');
  client.out.simple(
    `Value at:0x${place} refcount:${refcount} encoding:${encodingName(db, ref)} ` +
      `serializedlength:${serializedLength(client, ref)} lru:${access} ` +
      `lru_seconds_idle:${keyspace.lfu ? 0 : keyspace.idleSeconds(access)}` +
      (db.type(ref) === TYPE_LIST ? nodeReport(client, ref) : ''),
  );
}

/** What is told of a list's nodes; as many bytes as Redis would take. */
function nodeReport(client: Client, ref: number): string {
  const { db } = client;
  const { values } = client.engine.config;
  const nodes = listIsPacked(db, ref) ? 1 : listNodes(db, ref).nodes;
  let bytes = nodes * LP_EMPTY_BYTES;
  listEach(db, ref, (element) => {
    bytes += lpEncodedSize(element.bytes, element.off, element.len);
    return true;
  });
  return (
    ` ql_nodes:${nodes} ql_avg_node:${(listLength(db, ref) / nodes).toFixed(2)}` +
    ` ql_listpack_max:${values['list-max-listpack-size']}` +
    ` ql_compressed:${values['list-compress-depth'] === 0 ? 0 : 1} ql_uncompressed_size:${bytes}`
  );
}

/** Bytes of a value in a snapshot, without compression; of a grown collection about. */
function serializedLength(client: Client, ref: number): number {
  const { db } = client;
  if ((db.meta(ref) & EXTERNAL) !== 0) {
    const collection = db.memory.externals.collectionOrNull(db.externalId(ref));
    if (collection !== null) return collection.measure(SERIALIZED_SAMPLES);
  }
  const view = new ValueView();
  db.locateValue(ref, view);
  // Integers up to 32 bits have a form of their own: a byte of type and as many bytes as they need.
  if (db.type(ref) === TYPE_STRING && view.len <= 11 && isCanonicalInt64(view.bytes, view.off, view.len)) {
    const n = parseSafeInt(view.bytes, view.off, view.len);
    if (n >= -128 && n <= 127) return 2;
    if (n >= -32768 && n <= 32767) return 3;
    if (n >= -2147483648 && n <= 2147483647) return 5;
  }
  const prefix = view.len < 64 ? 1 : view.len < 16384 ? 2 : 5;
  return prefix + view.len;
}

export function sdsLength(client: Client, args: Args): void {
  const ref = find(client, args);
  const { db } = client;
  if ((db.meta(ref) & TYPE_MASK) !== TYPE_STRING || encodingName(db, ref) === 'int') {
    throw errors.err('Not an sds encoded string.');
  }
  const keyLength = args.len[2]!;
  const length = db.valueLength(ref);
  client.out.simple(
    `key_sds_len:${keyLength}, key_sds_avail:0, key_zmalloc: ${keyLength}, ` +
      `val_sds_len:${length}, val_sds_avail:0, val_zmalloc: ${length}`,
  );
}

export function hashTables(client: Client, args: Args): void {
  const index = parseSafeInt(args.buf, args.off[2]!, args.len[2]!);
  if (Number.isNaN(index)) throw errors.NOT_INTEGER;
  const db = client.engine.keyspace.databases[index];
  if (db === undefined) throw errors.err('Out of range database');
  client.out.verbatim(`[Dictionary HT]\n${tableReport(db.dict)}[Expires HT]\n${tableReport(db.expires)}`);
}

/** A chain of Redis is here what has the same home slot. */
function tableReport(table: Dictionary): string {
  const title = 'Hash table 0 stats (main hash table):\n';
  if (table.count === 0) return `${title}No stats available for empty dictionaries\n`;
  const counts = table.homeCounts();
  const size = table.slotCount;
  const used = size - counts[0]!;
  const average = (table.count / used).toFixed(2);
  const lines = [
    ` table size: ${size}`,
    ` number of elements: ${table.count}`,
    ` different slots: ${used}`,
    ` max chain length: ${counts.length - 1}`,
    ` avg chain length (counted): ${average}`,
    ` avg chain length (computed): ${average}`,
    ' Chain length distribution:',
  ];
  counts.forEach((homes, length) => {
    if (homes > 0) lines.push(`   ${length}: ${homes} (${((homes * 100) / size).toFixed(2)}%)`);
  });
  return `${title}${lines.join('\n')}\n`;
}

/** The table of a grown hash, set or sorted set. */
export function hashTableOfKey(client: Client, args: Args): void {
  const ref = find(client, args);
  const { db } = client;
  const id = (db.meta(ref) & EXTERNAL) === 0 ? -1 : db.externalId(ref);
  const collection = id < 0 ? null : db.memory.externals.collectionOrNull(id);
  if (collection === null || !('table' in collection) || !(collection.table instanceof MemberTable)) {
    throw errors.err('The value stored at the specified key is not represented using an hash table');
  }
  client.out.verbatim(tableReport(collection.table.dict));
}

export function listpack(client: Client, args: Args): void {
  const ref = find(client, args);
  if (encodingName(client.db, ref) !== 'listpack') throw errors.err('Not a listpack encoded object.');
  const view = new ValueView();
  client.db.locateValue(ref, view);
  const length = lpLength(view.bytes, view.off);
  client.engine.log.notice(`listpack of ${view.len} bytes and ${length} elements`);
  client.out.simple('Listpack structure printed on stdout');
}

export function quicklist(client: Client, args: Args): void {
  const ref = find(client, args);
  if (client.db.type(ref) !== TYPE_LIST) throw errors.err('Not a quicklist encoded object.');
  client.out.simple('Quicklist structure printed on stdout');
}

/** DEBUG POPULATE count [prefix] [size]: keys `prefix:0` and on, those that are there stay as they are. */
export function populate(client: Client, args: Args): void {
  const count = positive(args, 2);
  const prefix = args.count > 3 ? args.text(3) : 'key';
  const size = args.count > 4 ? positive(args, 4) : 0;
  const { db } = client;
  const { keyspace } = client.engine;
  const meta = TYPE_STRING | STRING_AUTO;
  if (size > client.engine.parser.bulkMax) throw errors.STRING_TOO_LONG;
  for (let i = 0; i < count; i++) {
    const key = Buffer.from(`${prefix}:${i}`, 'latin1');
    if (keyspace.peek(db, key, 0, key.length) !== 0) continue;
    const value = populatedValue(i, size);
    db.storeValue(0, key, 0, key.length, value, 0, value.length, meta, keyspace.newAccess(), false);
    keyspace.touched(db, key, 0, key.length);
  }
  client.out.ok();
}

/** `value:N`, cut or filled up with zeros to `size`, unless that is 0. */
function populatedValue(i: number, size: number): Uint8Array {
  const text = Buffer.from(`value:${i}`, 'latin1');
  if (size === 0) return text;
  const value = new Uint8Array(size);
  value.set(text.subarray(0, size));
  return value;
}

function positive(args: Args, i: number): number {
  const n = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (!(n >= 0)) throw errors.NOT_POSITIVE;
  return n;
}

export function digest(client: Client): void {
  client.out.simple(hex(datasetDigest(client.engine.keyspace)));
}

export function digestValues(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  client.out.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const ref = keyspace.peek(client.db, args.buf, args.off[i]!, args.len[i]!);
    client.out.simple(hex(ref === 0 ? NO_DIGEST : valueDigest(client.db, ref)));
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

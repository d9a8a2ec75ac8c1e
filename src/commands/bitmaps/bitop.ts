/**
 * BITOP. The result of long strings is made in memory of its own, which becomes the value; or in the memory of the
 * string it replaces, where that has the right size: nothing is slower here than memory that was never touched.
 */
import { AND, combine, isAligned, NOT, OR, XOR } from '../../datatypes/bits/bit-operations.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import { EXTERNAL, INLINE_VALUE_MAX, STRING_RAW, TYPE_MASK, TYPE_STRING } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_NEW, EVENT_STRING } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';

export function bitop(client: Client, args: Args): void {
  const operation = operationAt(args, 1);
  if (operation === NOT && args.count !== 4) throw errors.BITOP_NOT_SINGLE;
  const sources = sourcesOf(client, args);
  let length = 0;
  for (const source of sources) length = Math.max(length, source.length);
  if (length === 0) removeTarget(client, args);
  else store(client, args, operation, sources, length);
  client.out.int(length);
}

function operationAt(args: Args, i: number): number {
  if (args.is(i, 'and')) return AND;
  if (args.is(i, 'or')) return OR;
  if (args.is(i, 'xor')) return XOR;
  if (args.is(i, 'not')) return NOT;
  throw errors.SYNTAX;
}

/** The strings named by the arguments from 3 on, where they lie; empty ones for keys that are missing. */
function sourcesOf(client: Client, args: Args): Uint8Array[] {
  const { db } = client;
  const sources: Uint8Array[] = [];
  const view = new ValueView();
  for (let i = 3; i < args.count; i++) {
    const ref = client.engine.keyspace.lookupRead(db, args.buf, args.off[i]!, args.len[i]!);
    if (ref === 0) {
      sources.push(new Uint8Array(0));
      continue;
    }
    if (db.type(ref) !== TYPE_STRING) throw errors.WRONG_TYPE;
    db.locateValue(ref, view);
    sources.push(view.bytes.subarray(view.off, view.off + view.len));
  }
  return sources;
}

function removeTarget(client: Client, args: Args): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[2]!;
  const keyLen = args.len[2]!;
  const ref = keyspace.lookupReplace(db, buf, keyOff, keyLen);
  if (ref === 0) return;
  db.remove(ref);
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(db, buf, keyOff, keyLen);
  if (keyspace.eventMask !== 0) keyspace.event(EVENT_GENERIC, 'del', db, buf, keyOff, keyLen);
}

function store(client: Client, args: Args, operation: number, sources: Uint8Array[], length: number): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[2]!;
  const keyLen = args.len[2]!;
  const ref = keyspace.lookupReplace(db, buf, keyOff, keyLen);
  const access = keyspace.replacedAccess(db, ref);
  const meta = TYPE_STRING | STRING_RAW;
  const result = (ref === 0 ? null : reusable(client, ref, sources, length)) ?? freshBytes(length);
  combine(operation, sources, result);
  if (length > INLINE_VALUE_MAX) db.storeExternal(ref, buf, keyOff, keyLen, result, meta, access, false);
  else db.storeValue(ref, buf, keyOff, keyLen, result, 0, length, meta, access, false);
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(db, buf, keyOff, keyLen);
  if (keyspace.eventMask !== 0) {
    if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, keyOff, keyLen);
    keyspace.event(EVENT_STRING, 'set', db, buf, keyOff, keyLen);
  }
}

/** Memory that need not be zero, since all of it will be written. */
function freshBytes(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer, 0, length);
}

/**
 * The memory of the value to be replaced, if the result may take it over. Where that value is a source, too, it is
 * made the first one, the only one that the result may lie upon.
 */
function reusable(client: Client, ref: number, sources: Uint8Array[], length: number): Uint8Array | null {
  const { db } = client;
  if (length <= INLINE_VALUE_MAX || (db.meta(ref) & (TYPE_MASK | EXTERNAL)) !== (TYPE_STRING | EXTERNAL)) {
    return null;
  }
  const view = new ValueView();
  db.locateValue(ref, view);
  const { bytes } = view;
  if (bytes.length < length || length * 8 < bytes.length * 7 || !isAligned(bytes)) return null;
  let lies = -1;
  for (let i = 0; i < sources.length; i++) {
    if (sources[i]!.buffer !== bytes.buffer) continue;
    if (lies >= 0) return null;
    lies = i;
  }
  if (lies > 0) {
    const first = sources[0]!;
    sources[0] = sources[lies]!;
    sources[lies] = first;
  }
  return bytes.length === length ? bytes : bytes.subarray(0, length);
}

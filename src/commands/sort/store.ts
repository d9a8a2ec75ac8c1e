/**
 * SORT ... STORE: a list made as a whole, put in the place of whatever the key held.
 */
import { GrownList } from '../../datatypes/list/grown-list.ts';
import { releaseWhole } from '../../datatypes/memory.ts';
import type { Client } from '../../engine/client.ts';
import { LIST_NODES, LIST_PACKED, TYPE_LIST } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_LIST, EVENT_NEW } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { LP_EMPTY_BYTES, lpEncodedSize, lpEnd, lpInit, lpInsert } from '../../structures/listpack.ts';
import type { ByteList } from './byte-list.ts';

/** Stores the items under argument `k`; without any, the key is removed. */
export function storeList(client: Client, args: Args, k: number, items: ByteList): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const off = args.off[k]!;
  const len = args.len[k]!;
  if (items.count === 0) {
    const ref = keyspace.lookupWrite(db, buf, off, len);
    if (ref === 0) return;
    db.remove(ref);
    keyspace.dirty++;
    if (keyspace.watched) keyspace.touched(db, buf, off, len);
    if (keyspace.eventMask !== 0) keyspace.event(EVENT_GENERIC, 'del', db, buf, off, len);
    return;
  }
  const ref = keyspace.lookupReplace(db, buf, off, len);
  const access = keyspace.replacedAccess(db, ref);
  const packed = packedBytes(client, items);
  if (packed > 0) {
    const bytes = pack(items, packed);
    db.storeValue(ref, buf, off, len, bytes, 0, packed, TYPE_LIST | LIST_PACKED, access, false);
  } else {
    const list = new GrownList(db.memory);
    try {
      for (let i = 0; i < items.count; i++) list.pushBack(items.bytes, items.start(i), items.length(i));
      db.storeCollection(ref, buf, off, len, list, TYPE_LIST | LIST_NODES, access, false);
    } catch (error) {
      releaseWhole(list);
      throw error;
    }
  }
  keyspace.dirty += items.count;
  if (keyspace.watched) keyspace.touched(db, buf, off, len);
  if (keyspace.eventMask !== 0) {
    if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, off, len);
    keyspace.event(EVENT_LIST, 'sortstore', db, buf, off, len);
  }
}

/** Bytes of a packed list of the items; 0 if it would be too big. */
function packedBytes(client: Client, items: ByteList): number {
  const { packedBytes, nodeEntries } = client.db.memory.listLimits;
  if (items.count > nodeEntries) return 0;
  let bytes = LP_EMPTY_BYTES;
  for (let i = 0; i < items.count && bytes <= packedBytes; i++) {
    bytes += lpEncodedSize(items.bytes, items.start(i), items.length(i));
  }
  return bytes > packedBytes ? 0 : bytes;
}

function pack(items: ByteList, bytes: number): Uint8Array {
  const packed = new Uint8Array(bytes);
  lpInit(packed, 0);
  for (let i = 0; i < items.count; i++) {
    lpInsert(packed, 0, lpEnd(packed, 0), items.bytes, items.start(i), items.length(i));
  }
  return packed;
}

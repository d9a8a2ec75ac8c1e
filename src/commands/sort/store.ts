/**
 * SORT ... STORE: a list made as a whole, put in the place of whatever the key held.
 */
import { GrownList } from '../../datatypes/list/grown-list.ts';
import { releaseWhole } from '../../datatypes/memory.ts';
import type { Client } from '../../engine/client.ts';
import { LIST_NODES, LIST_PACKED, TYPE_LIST } from '../../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_LIST, EVENT_NEW } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { LP_EMPTY_BYTES, lpClose, lpEncodedSize, lpWriteSized } from '../../structures/listpack.ts';
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
  const packed = pack(client, items);
  if (packed > 0) {
    db.storeValue(ref, buf, off, len, packedList, 0, packed, TYPE_LIST | LIST_PACKED, access, false);
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

/** A packed list of what is stored. */
let packedList = new Uint8Array(1024);

/** Makes a packed list of the items; its bytes, or 0 if it would be too big. */
function pack(client: Client, items: ByteList): number {
  const { packedBytes, nodeEntries } = client.db.memory.listLimits;
  const { count } = items;
  if (count > nodeEntries) return 0;
  let p = LP_EMPTY_BYTES - 1;
  for (let i = 0; i < count; i++) {
    const off = items.start(i);
    const end = p + lpEncodedSize(items.bytes, off, items.length(i));
    if (end + 1 > packedBytes) return 0;
    if (end + 1 > packedList.length) {
      const grown = new Uint8Array(end * 2);
      grown.set(packedList);
      packedList = grown;
    }
    p = lpWriteSized(packedList, p, items.bytes, off);
  }
  lpClose(packedList, 0, p, count);
  return p + 1;
}

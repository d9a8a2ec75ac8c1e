/**
 * How many nodes the radix tree has that Redis keeps a stream's nodes in: XINFO STREAM shows it, and nothing else
 * needs the tree.
 */
import { StreamId } from './id.ts';
import type { IdIndex } from './id-index.ts';

/** The last of a key's sixteen bytes. */
const LAST_BYTE = 15;

/**
 * The keys are the ids, big-endian, sorted. A tree over them has a leaf for each, a node for each place where keys
 * part, and a (compressed) node for each run of bytes that lies between two of these and doesn't belong to a parting
 * itself.
 */
export function radixTreeNodes(index: IdIndex): number {
  if (index.count < 2) return index.count + 1;
  // Depths of the partings on the way to the key visited last; a key parts from the next one at one depth.
  const open: number[] = [];
  let nodes = index.count;
  let previousDepth = -1;
  const previous = new StreamId();
  const id = new StreamId();
  index.first();
  index.id(previous);
  for (let more = index.next(); more; more = index.next()) {
    const depth = partingDepth(index.id(id), previous);
    // The leaf of the previous key hangs on the deeper of the partings on its two sides.
    if (Math.max(depth, previousDepth) < LAST_BYTE) nodes++;
    while (open.length > 0 && open.at(-1)! > depth) {
      const parting = open.pop()!;
      if (parting - Math.max(depth, open.at(-1) ?? -1) > 1) nodes++;
    }
    if (open.at(-1) !== depth) {
      open.push(depth);
      nodes++;
    }
    previous.copy(id);
    previousDepth = depth;
  }
  if (previousDepth < LAST_BYTE) nodes++;
  while (open.length > 0) {
    const parting = open.pop()!;
    if (parting - (open.at(-1) ?? -1) > 1) nodes++;
  }
  return nodes;
}

/** The first byte in which two ids differ. */
function partingDepth(a: StreamId, b: StreamId): number {
  if (a.mh !== b.mh) return Math.clz32(a.mh ^ b.mh) >> 3;
  if (a.ml !== b.ml) return 4 + (Math.clz32(a.ml ^ b.ml) >> 3);
  if (a.sh !== b.sh) return 8 + (Math.clz32(a.sh ^ b.sh) >> 3);
  return 12 + (Math.clz32(a.sl ^ b.sl) >> 3);
}

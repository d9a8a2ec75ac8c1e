/**
 * How many nodes the radix tree has that Redis keeps a stream's nodes in: XINFO STREAM shows it, and nothing else
 * needs the tree.
 */
import { StreamId } from './id.ts';
import type { IdIndex } from './id-index.ts';

const scratch = new StreamId();

/**
 * The keys are 16 bytes, big-endian, sorted. A tree over them has a leaf for each, a node for each place where keys part, and a
 * (compressed) node for each run of bytes that lies between two of these and doesn't belong to a parting itself.
 */
export function radixTreeNodes(index: IdIndex): number {
  if (index.count === 0) return 1;
  if (index.count === 1) return 2;
  // Depths of the partings on the way to the key visited last; a key parts from the next one at one depth.
  const open: number[] = [];
  let nodes = index.count;
  const previous = new Uint8Array(16);
  const bytes = new Uint8Array(16);
  let previousDepth = -1;
  readKey(index, previous);
  let more = index.first();
  if (more) readKey(index, previous);
  for (more = index.next(); more; more = index.next()) {
    readKey(index, bytes);
    let depth = 0;
    while (bytes[depth] === previous[depth]) depth++;
    // The leaf of the previous key hangs on the deeper of the partings on its two sides.
    if (Math.max(depth, previousDepth) < 15) nodes++;
    while (open.length > 0 && open.at(-1)! > depth) {
      const parting = open.pop()!;
      const above = Math.max(depth, open.at(-1) ?? -1);
      if (parting - above > 1) nodes++;
    }
    if (open.at(-1) !== depth) {
      open.push(depth);
      nodes++;
    }
    previous.set(bytes);
    previousDepth = depth;
  }
  if (previousDepth < 15) nodes++;
  while (open.length > 0) {
    const parting = open.pop()!;
    if (parting - (open.at(-1) ?? -1) > 1) nodes++;
  }
  return nodes;
}

function readKey(index: IdIndex, into: Uint8Array): void {
  index.id(scratch);
  for (let i = 0; i < 4; i++) {
    const word = i === 0 ? scratch.mh : i === 1 ? scratch.ml : i === 2 ? scratch.sh : scratch.sl;
    for (let k = 0; k < 4; k++) into[i * 4 + k] = (word >>> (24 - k * 8)) & 255;
  }
}

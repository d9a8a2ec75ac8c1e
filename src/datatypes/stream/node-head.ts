/**
 * The words that a node of a stream begins with, raw (node.ts) and sealed (sealed-node.ts).
 *
 *   word 0      bytes in use, from the start of the node; negative: the node is sealed
 *   word 1, 2   entries that live, entries marked as deleted
 *   word 3      bytes of the listpack without the two numbers above (they grow as they count)
 *   word 4      number of master fields: those of the first entry, which entries with the same fields don't repeat
 *   word 5      where the entries begin (in the raw node)
 *   words 6-9   id of the last entry (deleted or not)
 *   words 10-13 master id: that of the first entry the node had
 */

export const NODE_HEAD_BYTES = 56;
export const W_USED = 0;
export const W_COUNT = 1;
export const W_DELETED = 2;
export const W_LISTPACK = 3;
export const W_FIELDS = 4;
export const W_ENTRIES = 5;
export const W_LAST = 6;
export const W_MASTER = 10;

/** Node sizes, as list-max-listpack-size and list-compress-depth say; filled by engine/config-wiring.ts. */

/** Bytes of a node by list-max-listpack-size -1 ... -5. */
const NODE_BYTES = [4096, 8192, 16384, 32768, 65536] as const;
/** Nodes limited by elements don't become larger than this, either. */
const COUNTED_NODE_BYTES = 8192;
/** Lists are packed up to this many bytes at most: every push to their front moves them. */
const PACKED_BYTES_MAX = 8192;

export class ListLimits {
  /** Bytes of a node, its header included. */
  nodeBytes = 8192;
  /** Elements of a node. */
  nodeEntries = 0x7fffffff;
  /** Bytes of a packed list. */
  packedBytes = 8192;
  /** Nodes at each end that are not compressed; 0: none is. */
  compressDepth = 0;

  /** Takes over list-max-listpack-size. */
  setFill(fill: number): void {
    if (fill < 0) {
      this.nodeBytes = NODE_BYTES[Math.min(-fill, 5) - 1]!;
      this.nodeEntries = 0x7fffffff;
    } else {
      this.nodeBytes = COUNTED_NODE_BYTES;
      this.nodeEntries = Math.min(Math.max(fill, 1), 32767);
    }
    this.packedBytes = Math.min(this.nodeBytes, PACKED_BYTES_MAX);
  }
}

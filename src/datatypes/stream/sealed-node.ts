/**
 * Sealed nodes: a node that is full, with as few bits for each byte as its alphabet allows.
 *
 * Entries only come to the last node; the ones before it are read, and seldom changed. Such a node keeps the words of
 * its head, which tell all that can be told without looking at entries, and then has
 *
 *   word 0      minus the bytes in use
 *   word 14     bytes of the raw node
 *   word 15     lower half of the serial number
 *   word 16     upper half (8-31), bits of a byte (0-7)
 *   then        all behind the raw node's head, packed (byte-packing.ts)
 *
 * Three quarters of the bytes for values of letters and digits. Reading unpacks the node into a buffer (Unsealed); a
 * node that is to change becomes a raw one again first, and stays it: who deletes entries goes on deleting.
 *
 * The serial number is never given to another node with other contents, and the contents of a sealed node never
 * change. So a buffer knows by it whether it has the node already, and whatever is freed, moved or flushed, it need
 * not be told.
 */
import { Arena, OFFSET_MASK, PAGE_BITS, SLOT_MAX } from '../../structures/arena.ts';
import {
  ALPHABET_BYTES,
  packBytes,
  packedBytes,
  planPacking,
  UNPACKED_BITS,
  unpackBytes,
} from '../../structures/byte-packing.ts';
import { NODE_HEAD_BYTES, W_USED } from './node-head.ts';

const W_RAW_BYTES = 14;
const W_SERIAL = 15;
const W_FORM = 16;
const SEALED_HEAD_BYTES = NODE_HEAD_BYTES + 12;
const FORM_BITS_MASK = 255;
/** The slot must become smaller at least by so much. */
const WORTH = 0.9;
/** No smaller node can be worth it, and a larger one would take long to read. */
const RAW_BYTES_MIN = SEALED_HEAD_BYTES + 2 * ALPHABET_BYTES;
const RAW_BYTES_MAX = SLOT_MAX;
/** Nodes of which the unpacked bytes are kept: a range touches two that it leaves entries of, twice each. */
const KEPT = 4;

/** The serial number given last; the upper half has 24 bits. */
let serialLow = 0;
let serialHigh = 0;

export function isSealed(words: Int32Array, at: number): boolean {
  return words[at + W_USED]! < 0;
}

/** Bytes of the slot that a node uses. */
export function storedBytes(words: Int32Array, at: number): number {
  return Math.abs(words[at + W_USED]!);
}

/** Bytes of a node when it is raw. */
export function rawBytes(words: Int32Array, at: number): number {
  const used = words[at + W_USED]!;
  return used < 0 ? words[at + W_RAW_BYTES]! : used;
}

/** Makes a sealed twin of a raw node. Returns its ref, or 0 if it isn't worth it. */
export function sealNode(arena: Arena, ref: number): number {
  const words = arena.words[ref >>> PAGE_BITS]!;
  const page = arena.pages[ref >>> PAGE_BITS]!;
  const at = (ref & OFFSET_MASK) << 1;
  const raw = words[at + W_USED]!;
  if (raw < RAW_BYTES_MIN || raw > RAW_BYTES_MAX) return 0;
  const from = at * 4 + NODE_HEAD_BYTES;
  const end = at * 4 + raw;
  const bits = planPacking(page, words, from, end);
  if (bits === UNPACKED_BITS) return 0;
  const used = SEALED_HEAD_BYTES + packedBytes(raw - NODE_HEAD_BYTES, bits);
  if (Arena.slotBytes(used) > Arena.slotBytes(raw) * WORTH) return 0;
  const sealed = arena.alloc(used);
  const to = arena.words[sealed >>> PAGE_BITS]!;
  const toAt = (sealed & OFFSET_MASK) << 1;
  for (let i = 1; i < W_RAW_BYTES; i++) to[toAt + i] = words[at + i]!;
  to[toAt + W_USED] = -used;
  to[toAt + W_RAW_BYTES] = raw;
  serialLow = (serialLow + 1) | 0;
  if (serialLow === 0) serialHigh++;
  to[toAt + W_SERIAL] = serialLow;
  to[toAt + W_FORM] = (serialHigh << 8) | bits;
  const toPage = arena.pages[sealed >>> PAGE_BITS]!;
  packBytes(page, words, from, end, bits, toPage, to, toAt * 4 + SEALED_HEAD_BYTES);
  return sealed;
}

/** Makes a raw twin of a sealed node, in a slot with room for `room` bytes more. Returns its ref. */
export function unsealNode(arena: Arena, ref: number, room: number): number {
  const node = unsealed(
    arena.pages[ref >>> PAGE_BITS]!,
    arena.words[ref >>> PAGE_BITS]!,
    (ref & OFFSET_MASK) << 1,
  );
  const raw = node.words[W_USED]!;
  const twin = arena.alloc(raw + room);
  arena.pages[twin >>> PAGE_BITS]!.set(node.bytes.subarray(0, raw), (twin & OFFSET_MASK) << 3);
  return twin;
}

/** A raw node in a buffer, where it begins at 0: what a sealed one is read from. */
export class Unsealed {
  words = new Int32Array(0);
  bytes = new Uint8Array(0);
  #serial = 0;
  #form = 0;

  /** Whether it has the node at word `at`. */
  has(words: Int32Array, at: number): boolean {
    return this.#serial === words[at + W_SERIAL] && this.#form === words[at + W_FORM];
  }

  load(page: Uint8Array, words: Int32Array, at: number): void {
    const raw = words[at + W_RAW_BYTES]!;
    if (this.bytes.length < raw) {
      this.words = new Int32Array(Math.max(1024, Math.ceil(raw / 2)));
      this.bytes = new Uint8Array(this.words.buffer);
    }
    const form = words[at + W_FORM]!;
    this.#serial = words[at + W_SERIAL]!;
    this.#form = form;
    for (let i = 1; i < W_RAW_BYTES; i++) this.words[i] = words[at + i]!;
    this.words[W_USED] = raw;
    const bits = form & FORM_BITS_MASK;
    const from = at * 4 + SEALED_HEAD_BYTES;
    const length = raw - NODE_HEAD_BYTES;
    unpackBytes(page, words, from, bits, length, this.bytes, this.words, NODE_HEAD_BYTES);
  }
}

const kept = Array.from({ length: KEPT }, () => new Unsealed());
let oldest = 0;

/** The node at word `at`, which is sealed, as a raw one: only lent, until some other nodes have been read. */
export function unsealed(page: Uint8Array, words: Int32Array, at: number): Unsealed {
  for (let i = 0; i < KEPT; i++) {
    const node = kept[i]!;
    if (node.has(words, at)) return node;
  }
  const node = kept[oldest]!;
  oldest = (oldest + 1) % KEPT;
  node.load(page, words, at);
  return node;
}

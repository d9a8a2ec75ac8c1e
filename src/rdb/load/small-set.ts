/**
 * Collects the members of a small set as a listpack, and notices what comes twice. Looking through the listpack for
 * each member would take most of the time of loading, so a small table of chains knows them by a hash of their ends.
 */
import { PACKED_MEMBERS_MAX } from '../../datatypes/set/limits.ts';
import { LpElement, lpGet } from '../../structures/listpack.ts';
import { PackedBuilder } from './loaded-value.ts';

const CHAINS = 256;
const CHAIN_SHIFT = 24;
const HASH_FACTOR = 0x9e3779b1;
/** Texts shorter than this have a length of one byte, in RDBs and in listpacks (there with LP_TEXT). */
const SHORT = 64;
const LP_TEXT = 0x80;
/** Bytes that such a text takes in a listpack, and its end. */
const TEXT_ENTRY_MAX = SHORT + 2;
const DIGIT_9 = 57;

export class SmallSet {
  readonly packed = new PackedBuilder();
  /** How many members `take` has taken. */
  taken = 0;
  /** Number of the first member of each chain, plus one; 0: none. */
  readonly #heads = new Uint8Array(CHAINS);
  /** The same of the one behind each member. */
  readonly #next = new Uint8Array(PACKED_MEMBERS_MAX + 1);
  /** Where each member begins. */
  readonly #places = new Int32Array(PACKED_MEMBERS_MAX + 1);
  readonly #element = new LpElement();

  start(): void {
    this.packed.start();
    this.#heads.fill(0);
  }

  /** Adds a member (of which there must not be more than PACKED_MEMBERS_MAX). False if it is there already. */
  add(bytes: Uint8Array, off: number, len: number): boolean {
    const { packed } = this;
    const chain = chainOf(bytes, off, len);
    const head = this.#heads[chain]!;
    for (let i = head; i !== 0; i = this.#next[i]!) {
      if (this.#is(this.#places[i]!, bytes, off, len)) return false;
    }
    const number = packed.count + 1;
    this.#places[number] = packed.end;
    this.#next[number] = head;
    this.#heads[chain] = number;
    packed.add(bytes, off, len);
    return true;
  }

  /**
   * Takes members as an RDB has them, one after another from `at` on, as long as they are short texts that are whole
   * before `end`: most of all members, without a detour. At most `most`. Returns where the next one begins; `taken`
   * says how many they were. -1: one is there already.
   */
  take(src: Uint8Array, at: number, end: number, most: number): number {
    const { packed } = this;
    const heads = this.#heads;
    const next = this.#next;
    const places = this.#places;
    const to = packed.bytes;
    const room = to.length - TEXT_ENTRY_MAX;
    let e = packed.end;
    let p = at;
    let number = packed.count;
    const last = number + most;
    while (number < last && p < end && e < room) {
      const len = src[p]!;
      const stop = p + 1 + len;
      // Longer ones have other lengths; what ends with a digit and begins like a number may be one.
      if (len >= SHORT || len < 4 || stop > end) break;
      if (src[p + 1]! <= DIGIT_9 && src[stop - 1]! <= DIGIT_9) break;
      const chain = chainOf(src, p + 1, len);
      const head = heads[chain]!;
      for (let i = head; i !== 0; i = next[i]!) {
        let q = places[i]!;
        if (to[q] !== (LP_TEXT | len)) continue;
        let s = p + 1;
        while (s < stop && src[s] === to[++q]) s++;
        if (s === stop) return -1;
      }
      number++;
      places[number] = e;
      next[number] = head;
      heads[chain] = number;
      to[e++] = LP_TEXT | len;
      for (p++; p < stop; ) to[e++] = src[p++]!;
      to[e++] = len + 1;
    }
    this.taken = number - packed.count;
    packed.count = number;
    packed.end = e;
    return p;
  }

  #is(place: number, bytes: Uint8Array, off: number, len: number): boolean {
    const element = lpGet(this.packed.bytes, place, this.#element);
    if (element.len !== len) return false;
    for (let i = 0; i < len; i++) if (element.bytes[element.off + i] !== bytes[off + i]) return false;
    return true;
  }
}

function chainOf(bytes: Uint8Array, off: number, len: number): number {
  if (len < 4) return len === 0 ? 0 : (bytes[off]! * 31 + bytes[off + len - 1]!) & (CHAINS - 1);
  const p = off + len - 4;
  const four = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
  return Math.imul(four + bytes[off]! + len, HASH_FACTOR) >>> CHAIN_SHIFT;
}

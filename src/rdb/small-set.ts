/**
 * Collects the members of a small set as a listpack, and notices what comes twice. Looking through the listpack for
 * each member would take most of the time of loading, so a small table of chains knows them by a hash of their ends.
 */
import { PACKED_MEMBERS_MAX } from '../datatypes/set/limits.ts';
import { LpElement, lpGet } from '../structures/listpack.ts';
import { PackedBuilder } from './loaded-value.ts';

const CHAINS = 256;

export class SmallSet {
  readonly packed = new PackedBuilder();
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

  #is(place: number, bytes: Uint8Array, off: number, len: number): boolean {
    const element = lpGet(this.packed.bytes, place, this.#element);
    if (element.len !== len) return false;
    for (let i = 0; i < len; i++) if (element.bytes[element.off + i] !== bytes[off + i]) return false;
    return true;
  }
}

function chainOf(bytes: Uint8Array, off: number, len: number): number {
  let hash = len;
  for (let i = len > 6 ? len - 6 : 0; i < len; i++) hash = (hash * 31 + bytes[off + i]!) | 0;
  return (hash ^ (hash >>> 8) ^ bytes[off]!) & (CHAINS - 1);
}

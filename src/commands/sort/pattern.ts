/**
 * The patterns of BY and GET: `weight_*`, `object_*->field`, `#`. The first `*` stands for the element; a key made so is
 * looked up as any key that is read. As in C, a NUL byte ends the search for `*` and `->`.
 */
import type { Client } from '../../engine/client.ts';
import { TYPE_HASH, TYPE_STRING } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import { LpElement } from '../../structures/listpack.ts';
import { hashGet } from '../../values/hash.ts';

const STAR = 0x2a;
const HASH_SIGN = 0x23;
const DASH = 0x2d;
const ARROW = 0x3e;
const COPY_BY_HAND = 48;

/** Key to be looked up. */
let key = new Uint8Array(256);

export class SortPattern {
  /** `#`: the element itself. */
  readonly isElement: boolean;
  /** Where the `*` is, from the start of the pattern; -1: it names no key. */
  readonly star: number;
  /** The value found by `find`. */
  readonly value = new LpElement();
  readonly #buf: Uint8Array;
  readonly #off: number;
  /** Bytes between the `*` and the field. */
  readonly #tail: number;
  readonly #fieldOff: number;
  readonly #fieldLen: number;

  constructor(args: Args, i: number) {
    const { buf } = args;
    const off = args.off[i]!;
    const len = args.len[i]!;
    this.#buf = buf;
    this.#off = off;
    this.isElement = len > 0 && buf[off] === HASH_SIGN && (len === 1 || buf[off + 1] === 0);
    let at = 0;
    while (at < len && buf[off + at] !== STAR && buf[off + at] !== 0) at++;
    this.star = at < len && buf[off + at] === STAR ? at : -1;
    let arrow = at + 1;
    while (arrow + 1 < len && buf[off + arrow] !== 0 && !isArrow(buf, off + arrow)) arrow++;
    const hasField = arrow + 2 < len && isArrow(buf, off + arrow) && buf[off + arrow + 2] !== 0;
    this.#fieldOff = off + arrow + 2;
    this.#fieldLen = hasField ? len - arrow - 2 : 0;
    this.#tail = (hasField ? arrow : len) - at - 1;
  }

  /** Looks up what the pattern names for this element; leaves it in `value`. False if there is nothing. */
  find(client: Client, element: Uint8Array, off: number, len: number): boolean {
    const { value, star } = this;
    if (this.isElement) {
      value.bytes = element;
      value.off = off;
      value.len = len;
      return true;
    }
    if (star < 0) return false;
    const { db } = client;
    const tail = this.#tail;
    const length = star + len + tail;
    if (length > key.length) key = new Uint8Array(length * 2);
    const buf = this.#buf;
    const start = this.#off;
    for (let i = 0; i < star; i++) key[i] = buf[start + i]!;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) key[star + i] = element[off + i]!;
    else key.set(element.subarray(off, off + len), star);
    for (let i = 0; i < tail; i++) key[star + len + i] = buf[start + star + 1 + i]!;
    const ref = client.engine.keyspace.lookupRead(db, key, 0, length);
    if (ref === 0) return false;
    if (this.#fieldLen > 0) {
      return db.type(ref) === TYPE_HASH && hashGet(db, ref, buf, this.#fieldOff, this.#fieldLen, value);
    }
    if (db.type(ref) !== TYPE_STRING) return false;
    db.locateValue(ref, value);
    return true;
  }
}

function isArrow(buf: Uint8Array, at: number): boolean {
  return buf[at] === DASH && buf[at + 1] === ARROW;
}

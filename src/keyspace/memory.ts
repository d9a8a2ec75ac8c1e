/**
 * What all databases of one server share: the arena, the table of external values and the key hash.
 */
import { Arena } from '../structures/arena.ts';
import type { KeyHash } from '../util/siphash.ts';

/** A long string in memory of its own. `bytes` may be longer than `length`: room to grow. */
export interface ExternalString {
  bytes: Uint8Array;
  length: number;
}

const NONE: ExternalString = { bytes: new Uint8Array(0), length: 0 };

/** Values that are not in the arena, by number. */
export class Externals {
  readonly #items: ExternalString[] = [];
  readonly #free: number[] = [];
  /** Bytes of all values, room to grow included. */
  bytes = 0;

  get count(): number {
    return this.#items.length - this.#free.length;
  }

  add(bytes: Uint8Array, length: number): number {
    this.bytes += bytes.length;
    const item = { bytes, length };
    const id = this.#free.pop() ?? this.#items.length;
    this.#items[id] = item;
    return id;
  }

  get(id: number): ExternalString {
    return this.#items[id]!;
  }

  /** Gives a value other bytes. */
  replace(id: number, bytes: Uint8Array, length: number): void {
    const item = this.#items[id]!;
    this.bytes += bytes.length - item.bytes.length;
    item.bytes = bytes;
    item.length = length;
  }

  remove(id: number): void {
    this.bytes -= this.#items[id]!.bytes.length;
    this.#items[id] = NONE;
    this.#free.push(id);
  }
}

export class Memory {
  arena = new Arena();
  externals = new Externals();
  readonly keyHash: KeyHash;

  constructor(keyHash: KeyHash) {
    this.keyHash = keyHash;
  }

  /** Forgets everything at once; every database must be emptied with it. */
  reset(): void {
    this.arena = new Arena();
    this.externals = new Externals();
  }
}

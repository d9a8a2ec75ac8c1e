/**
 * A list as an RDB has it: its nodes, each a listpack. Our nodes have Redis's entries but lie in other forms
 * (datatypes/list/node.ts): they get a listpack's header and end here.
 *
 * A long element of its own is a node, too; up to 1 GiB Redis 7.0 has it as a listpack of one element, then as it is.
 */
import type { GrownList } from '../../datatypes/list/grown-list.ts';
import { NodeView } from '../../datatypes/list/node.ts';
import { LP_EMPTY_BYTES, lpClose, lpEncodedSize, lpWriteSized } from '../../structures/listpack.ts';
import { NODE_PACKED, NODE_PLAIN } from '../format.ts';
import type { BigEntry } from '../snapshot-format.ts';
import { LONG_STRING, LongString } from './long-string.ts';
import type { RdbWriter } from './writer.ts';

const KIB = 1024;
const HEADER = LP_EMPTY_BYTES - 1;
/** Longer elements are plain nodes. */
const PACKED_MAX = 1073741824 - 1;
/** Longest listpack whose room is kept. */
const KEPT_MAX = LONG_STRING;

const view = new NodeView();
let scratch = new Uint8Array(16384);

/** Writes grown lists, one after the other. */
export class ListSaver implements BigEntry {
  readonly #out: RdbWriter;
  readonly #long: LongString;
  #list: GrownList | null = null;
  #node = 0;

  constructor(out: RdbWriter) {
    this.#out = out;
    this.#long = new LongString(out);
  }

  start(list: GrownList): void {
    this.#list = list;
    this.#node = 0;
    this.#out.length(list.nodes);
  }

  step(limit: number): boolean {
    if (this.#long.busy && this.#long.step(limit)) return true;
    const list = this.#list!;
    for (let left = limit; left > 0; ) {
      if (this.#node === list.nodes) {
        this.#list = null;
        return false;
      }
      const count = list.viewNode(this.#node++, view);
      const bytes = view.end - view.start;
      if (view.large) this.#saveLarge(bytes);
      else this.#saveNode(bytes, count);
      if (this.#long.busy && this.#long.step(left)) return true;
      left -= Math.max(count, bytes / KIB);
    }
    return true;
  }

  #saveNode(bytes: number, count: number): void {
    const listpack = room(bytes + LP_EMPTY_BYTES);
    const src = view.bytes;
    const { start } = view;
    if (bytes <= 256) for (let i = 0; i < bytes; i++) listpack[HEADER + i] = src[start + i]!;
    else listpack.set(src.subarray(start, start + bytes), HEADER);
    this.#savePacked(listpack, HEADER + bytes, count);
  }

  #saveLarge(bytes: number): void {
    if (bytes > PACKED_MAX) {
      this.#out.byte(NODE_PLAIN);
      this.#string(view.bytes, view.start, bytes);
      return;
    }
    const size = lpEncodedSize(view.bytes, view.start, bytes);
    const listpack = room(size + LP_EMPTY_BYTES);
    lpWriteSized(listpack, HEADER, view.bytes, view.start);
    this.#savePacked(listpack, HEADER + size, 1);
  }

  #savePacked(listpack: Uint8Array, end: number, count: number): void {
    lpClose(listpack, 0, end, count);
    this.#out.byte(NODE_PACKED);
    this.#string(listpack, 0, end + 1);
  }

  #string(src: Uint8Array, off: number, len: number): void {
    if (len > LONG_STRING) this.#long.start(src, off, len);
    else this.#out.string(src, off, len);
  }
}

/** Bytes to build a listpack in; long ones are the caller's own, as they are written in steps. */
function room(bytes: number): Uint8Array {
  if (bytes > KEPT_MAX) return new Uint8Array(bytes);
  if (scratch.length < bytes) scratch = new Uint8Array(Math.min(KEPT_MAX, bytes * 2));
  return scratch;
}

/**
 * Unpacking of LZF (lzf.ts) as a WebAssembly module small enough to be written out: eight bytes at a time, four times
 * as fast as JavaScript, which looks at each byte.
 *
 *   memory   SOURCE   what is to be unpacked, at most SOURCE_MAX bytes
 *            TARGET   what it becomes, at most TARGET_MAX bytes
 *
 * Runs are copied by eights, so some bytes behind each run are written (and read), too: both parts end in a gap. What is
 * nearer than eight bytes repeats itself, and is copied one by one.
 *
 * Opcodes: https://webassembly.github.io/spec/core/appendix/index-instructions.html
 */
const GAP = 64;
const SOURCE = 0;
export const TARGET = 65536;
export const SOURCE_MAX = TARGET - GAP;
const PAGES = 4;
export const TARGET_MAX = PAGES * 65536 - TARGET - GAP;

const I32 = 0x7f;
const NOTHING = 0x40;
const BLOCK = 0x02;
const LOOP = 0x03;
const IF = 0x04;
const ELSE = 0x05;
const END = 0x0b;
const BR = 0x0c;
const BR_IF = 0x0d;
const I32_LOAD8_U = 0x2d;
const I64_LOAD = 0x29;
const I32_STORE8 = 0x3a;
const I64_STORE = 0x37;
const I32_CONST = 0x41;
const I32_EQ = 0x46;
const I32_LT_U = 0x49;
const I32_GT_U = 0x4b;
const I32_GE_U = 0x4f;
const I32_ADD = 0x6a;
const I32_SUB = 0x6b;
const I32_AND = 0x71;
const I32_SHL = 0x74;
const I32_SHR_U = 0x76;

/** LEB128, unsigned. */
function unsigned(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)];
}

/** A number that is not negative on the stack: LEB128, signed. */
function constant(n: number): number[] {
  const bytes = (left: number): number[] => (left < 64 ? [left] : [(left & 127) | 128, ...bytes(left >>> 7)]);
  return [I32_CONST, ...bytes(n)];
}

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const add = (local: number, n: number): number[] => [...get(local), ...constant(n), I32_ADD, ...set(local)];
const byteAt = (local: number): number[] => [...get(local), I32_LOAD8_U, 0, 0];

// Parameters: ends of what is to be unpacked, and of what it must become.
const end = 0;
const limit = 1;
const p = 2;
const out = 3;
const control = 4;
const count = 5;
const from = 6;
const stop = 7;

/** Copies from `from` to `out` up to `stop`, `bytes` at a time. */
function copy(bytes: 1 | 8): number[] {
  const move = bytes === 8 ? [I64_LOAD, 0, 0, I64_STORE, 0, 0] : [I32_LOAD8_U, 0, 0, I32_STORE8, 0, 0];
  return [
    ...[LOOP, NOTHING],
    ...get(out),
    ...get(from),
    ...move,
    ...add(from, bytes),
    ...add(out, bytes),
    ...get(out),
    ...get(stop),
    ...[I32_LT_U, BR_IF, 0, END],
  ];
}

/** (func (param $end i32) (param $limit i32) (result i32)): 1 if all has become what ends at `limit`, else 0. */
function code(): number[] {
  /** Out of the function, to `bad` (so many blocks out), unless `count` more fit before `last`. */
  const fits = (local: number, last: number, bad: number): number[] => [
    ...get(local),
    ...get(count),
    I32_ADD,
    ...get(last),
    ...[I32_GT_U, BR_IF, bad],
  ];
  const ended = (target: number): number[] => [...get(p), ...get(end), I32_GE_U, BR_IF, target];
  return [
    ...[1, 6, I32],
    ...constant(TARGET),
    ...set(out),
    // Blocks, from the inside: 0 the loop, 1 all is unpacked, 2 bad.
    ...[BLOCK, NOTHING, BLOCK, NOTHING, LOOP, NOTHING],
    ...ended(1),
    ...byteAt(p),
    ...set(control),
    ...add(p, 1),
    ...get(control),
    ...[...constant(32), I32_LT_U, IF, NOTHING],
    // So many literals.
    ...get(control),
    ...[...constant(1), I32_ADD],
    ...set(count),
    ...fits(p, end, 3),
    ...fits(out, limit, 3),
    ...get(p),
    ...set(from),
    ...get(out),
    ...[...get(count), I32_ADD],
    ...set(stop),
    ...get(p),
    ...[...get(count), I32_ADD],
    ...set(p),
    ...copy(8),
    ELSE,
    // A match: its length, perhaps with a second byte, and how far back it is.
    ...get(control),
    ...[...constant(5), I32_SHR_U, ...constant(2), I32_ADD],
    ...set(count),
    ...get(count),
    ...[...constant(9), I32_EQ, IF, NOTHING],
    ...ended(4),
    ...get(count),
    ...[...byteAt(p), I32_ADD],
    ...set(count),
    ...add(p, 1),
    END,
    ...ended(3),
    ...get(out),
    ...[...get(control), ...constant(31), I32_AND, ...constant(8), I32_SHL, I32_SUB],
    ...[...byteAt(p), I32_SUB, ...constant(1), I32_SUB],
    ...set(from),
    ...add(p, 1),
    // TARGET is farther from 0 than a match can reach: this does not become negative.
    ...get(from),
    ...[...constant(TARGET), I32_LT_U, BR_IF, 3],
    ...fits(out, limit, 3),
    ...get(out),
    ...[...get(count), I32_ADD],
    ...set(stop),
    ...get(out),
    ...[...get(from), I32_SUB, ...constant(8), I32_LT_U, IF, NOTHING],
    ...copy(1),
    ELSE,
    ...copy(8),
    END,
    END,
    ...get(stop),
    ...set(out),
    ...[BR, 0, END, END],
    ...get(out),
    ...get(limit),
    ...[I32_EQ, 0x0f, END],
    ...[...constant(0), END],
  ];
}

function moduleBytes(): Uint8Array {
  const section = (id: number, content: readonly number[]): number[] => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const body = code();
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, PAGES]),
    // Exports: memory 0 as m, function 0 as u.
    ...section(7, [2, 1, 0x6d, 2, 0, 1, 0x75, 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

/** What is used of WebAssembly, for which the ES library has no types. */
interface WasmApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
  ) => { exports: { m: { buffer: ArrayBuffer }; u: (end: number, limit: number) => number } };
}

export interface LzfModule {
  /** All of its memory: scratch. */
  readonly bytes: Uint8Array;
  /** Unpacks the bytes up to `end` to TARGET, where they must end at `limit`. 0: they are damaged. */
  readonly unpack: (end: number, limit: number) => number;
}

export function makeLzfModule(): LzfModule {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
  const { m, u } = new Instance(new Module(moduleBytes())).exports;
  return { bytes: new Uint8Array(m.buffer, SOURCE), unpack: u };
}

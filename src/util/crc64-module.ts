/**
 * CRC-64 over long runs of bytes, as a WebAssembly module small enough to be written out.
 *
 * Eight bytes at a time (slicing by eight): with x = crc xor the next eight bytes,
 *
 *     crc = T7[x & 255] ^ T6[x >> 8 & 255] ^ ... ^ T0[x >> 56]        Tk[b]: b, followed by k zero bytes
 *
 * Each step waits for the one before it, so a processor could do several at once: a block is cut into four lanes that go
 * side by side. A crc is linear: what the lanes come to is put together by crc = S(crc) ^ next, where S(crc) is crc
 * followed by as many zero bytes as a lane has, again by eight tables.
 *
 *   memory   0      T0 ... T7, 256 numbers of 64 bits each
 *            SHIFT  S, byte by byte: eight tables as well
 *            STATE  the crc
 *            DATA   a block
 *
 * Opcodes: https://webassembly.github.io/spec/core/appendix/index-instructions.html
 */
const TABLE_BYTES = 2048;
const SHIFT = 8 * TABLE_BYTES;
export const STATE = 2 * SHIFT;
export const DATA = STATE + 256;
const LANES = 4;
const LANE_BYTES = 8192;
export const BLOCK_BYTES = LANES * LANE_BYTES;
const PAGES = 2;

const I32 = 0x7f;
const I64 = 0x7e;
const NOTHING = 0x40;
const LOOP = 0x03;
const BLOCK = 0x02;
const END = 0x0b;
const BR = 0x0c;
const BR_IF = 0x0d;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const I64_LOAD = 0x29;
const I64_LOAD8_U = 0x31;
const I64_STORE = 0x37;
const I32_CONST = 0x41;
const I32_GE_U = 0x4f;
const I32_LT_U = 0x49;
const I32_LE_U = 0x4d;
const I32_ADD = 0x6a;
const I32_AND = 0x71;
const I32_SHL = 0x74;
const I64_CONST = 0x42;
const I64_XOR = 0x85;
const I64_SHR_U = 0x88;
const I32_WRAP = 0xa7;
/** Alignment of loads and stores, as an exponent: bytes may lie anywhere, tables do not. */
const UNALIGNED = 0;
const ALIGNED = 3;

/** LEB128, unsigned. */
function unsigned(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)];
}

/** LEB128, signed, of a number that is not negative. */
function constant(n: number): number[] {
  return n < 64 ? [n] : [(n & 127) | 128, ...constant(n >>> 7)];
}

const get = (local: number): number[] => [LOCAL_GET, local];
const set = (local: number): number[] => [LOCAL_SET, local];
const load = (offset: number, align: number): number[] => [I64_LOAD, align, ...unsigned(offset)];

/** Puts the XOR of eight lookups, one for each byte of local `x`, on the stack. `tables[k]`: for its byte k. */
function lookups(x: number, tables: readonly number[]): number[] {
  return tables.flatMap((table, k) => [
    // (x >> 8k & 255) << 3, with one shift: the offset of a number in its table.
    ...get(x),
    ...(k === 0
      ? [I32_WRAP, I32_CONST, 3, I32_SHL]
      : [I64_CONST, ...constant(8 * k - 3), I64_SHR_U, I32_WRAP]),
    I32_CONST,
    ...constant(255 << 3),
    I32_AND,
    ...load(table, ALIGNED),
    ...(k === 0 ? [] : [I64_XOR]),
  ]);
}

const STEP_TABLES = Array.from({ length: 8 }, (_, k) => (7 - k) * TABLE_BYTES);
const SHIFT_TABLES = Array.from({ length: 8 }, (_, k) => SHIFT + k * TABLE_BYTES);

const loadState = [I32_CONST, 0, ...load(STATE, ALIGNED)];
const storeState = (local: number): number[] => [
  ...[I32_CONST, 0],
  ...get(local),
  ...[I64_STORE, ALIGNED, ...unsigned(STATE)],
];
const advance = (p: number, bytes: number): number[] => [
  ...get(p),
  ...[I32_CONST, ...constant(bytes), I32_ADD],
];

/** (func (param $end i32)): takes the bytes from DATA to `end`, eight at a time and then one at a time. */
function runCode(): number[] {
  const end = 0;
  const p = 1;
  const crc = 2;
  const x = 3;
  return [
    ...[2, 1, I32, 2, I64],
    ...[I32_CONST, ...constant(DATA)],
    ...set(p),
    ...loadState,
    ...set(crc),
    ...[BLOCK, NOTHING, LOOP, NOTHING],
    // Fewer than eight are left: out of the loop.
    ...get(end),
    ...advance(p, 8),
    ...[I32_LT_U, BR_IF, 1],
    ...get(crc),
    ...get(p),
    ...[...load(0, UNALIGNED), I64_XOR],
    ...set(x),
    ...lookups(x, STEP_TABLES),
    ...set(crc),
    ...advance(p, 8),
    ...set(p),
    ...[BR, 0, END, END],
    ...[BLOCK, NOTHING, LOOP, NOTHING],
    ...get(p),
    ...get(end),
    ...[I32_GE_U, BR_IF, 1],
    // crc = T0[(crc ^ byte) & 255] ^ crc >> 8
    ...get(crc),
    ...get(p),
    ...[I64_LOAD8_U, 0, 0, I64_XOR, I32_WRAP],
    ...[I32_CONST, ...constant(255), I32_AND, I32_CONST, 3, I32_SHL, ...load(0, ALIGNED)],
    ...get(crc),
    ...[I64_CONST, 8, I64_SHR_U, I64_XOR],
    ...set(crc),
    ...advance(p, 1),
    ...set(p),
    ...[BR, 0, END, END],
    ...storeState(crc),
    END,
  ];
}

/** (func): takes a whole block. */
function blockCode(): number[] {
  const p = 0;
  const x = 1;
  const crcs = Array.from({ length: LANES }, (_, lane) => 2 + lane);
  const first = crcs[0]!;
  return [
    ...[2, 1, I32, 1 + LANES, I64],
    ...[I32_CONST, ...constant(DATA)],
    ...set(p),
    ...loadState,
    ...set(first),
    ...[LOOP, NOTHING],
    ...crcs.flatMap((crc, lane) => [
      ...get(crc),
      ...get(p),
      ...[...load(lane * LANE_BYTES, UNALIGNED), I64_XOR],
      ...set(x),
      ...lookups(x, STEP_TABLES),
      ...set(crc),
    ]),
    ...advance(p, 8),
    ...[LOCAL_TEE, p],
    ...[I32_CONST, ...constant(DATA + LANE_BYTES - 8), I32_LE_U, BR_IF, 0, END],
    ...crcs.slice(1).flatMap((crc) => [...lookups(first, SHIFT_TABLES), ...get(crc), I64_XOR, ...set(first)]),
    ...storeState(first),
    END,
  ];
}

function moduleBytes(): Uint8Array {
  const section = (id: number, content: readonly number[]): number[] => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const codes = [runCode(), blockCode()];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // Types: (i32) -> (), () -> (). Functions: one of each.
    ...section(1, [2, 0x60, 1, I32, 0, 0x60, 0, 0]),
    ...section(3, [2, 0, 1]),
    ...section(5, [1, 0, PAGES]),
    // Exports: memory 0 as m, functions 0 and 1 as r and b.
    ...section(7, [3, 1, 0x6d, 2, 0, 1, 0x72, 0, 0, 1, 0x62, 0, 1]),
    ...section(10, [2, ...codes.flatMap((code) => [...unsigned(code.length), ...code])]),
  ]);
}

/** What is used of WebAssembly, for which the ES library has no types. */
interface WasmApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
  ) => { exports: { m: { buffer: ArrayBuffer }; r: (end: number) => void; b: () => void } };
}

export interface CrcModule {
  /** All of its memory. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Takes the bytes from DATA up to `end` into the crc at STATE (low word, high word). */
  readonly run: (end: number) => void;
  /** Takes the BLOCK_BYTES bytes from DATA. */
  readonly block: () => void;
}

/** `high` and `low`: the words of T0. */
export function makeCrcModule(high: Uint32Array, low: Uint32Array): CrcModule {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
  const { m, r, b } = new Instance(new Module(moduleBytes())).exports;
  const bytes = new Uint8Array(m.buffer);
  const words = new Int32Array(m.buffer);
  const entry = (table: number, i: number): number => table / 4 + i * 2;
  for (let i = 0; i < 256; i++) {
    let l = low[i]!;
    let h = high[i]!;
    for (let k = 0; k < 8; k++) {
      words[entry(k * TABLE_BYTES, i)] = l;
      words[entry(k * TABLE_BYTES, i) + 1] = h;
      const next = l & 255;
      l = ((l >>> 8) | (h << 24)) ^ low[next]!;
      h = (h >>> 8) ^ high[next]!;
    }
  }
  // What each bit comes to behind a lane of zeros; the tables of S are sums of these.
  bytes.fill(0, DATA, DATA + LANE_BYTES);
  for (let bit = 0; bit < 64; bit++) {
    words[STATE / 4] = bit < 32 ? 1 << bit : 0;
    words[STATE / 4 + 1] = bit < 32 ? 0 : 1 << (bit - 32);
    r(DATA + LANE_BYTES);
    const table = SHIFT + (bit >> 3) * TABLE_BYTES;
    const mask = 1 << (bit & 7);
    for (let i = 0; i < 256; i++) {
      if ((i & mask) === 0) continue;
      words[entry(table, i)]! ^= words[STATE / 4]!;
      words[entry(table, i) + 1]! ^= words[STATE / 4 + 1]!;
    }
  }
  return { bytes, words, run: r, block: b };
}

/*
 * CRC-64 with Jones's polynomial (reflected 0x95ac9329ac4bc9b5, starting at 0; "123456789" gives 0xe9c6d914c4b8d9ca),
 * the checksum of RDB files and DUMP payloads.
 *
 * A number holds 53 bits and bigints are a hundred times slower, so in JavaScript the state is two 32-bit halves with a
 * table for each: 280 MB/s, one byte at a time. WebAssembly has 64-bit integers: longer runs are copied into its memory
 * (32 KiB at a time, so that they stay in the processor's cache) and go through a module that crc64-module.ts writes
 * out: several GB/s.
 */
import { BLOCK_BYTES, type CrcModule, DATA, makeCrcModule, STATE } from './crc64-module.ts';

const POLY_HIGH = 0x95ac9329;
const POLY_LOW = 0xac4bc9b5;
/** Shorter runs are not worth the way to the module. */
const MODULE_MIN = 96;

const TABLE_HIGH = new Uint32Array(256);
const TABLE_LOW = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let high = 0;
  let low = i;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry) {
      high ^= POLY_HIGH;
      low ^= POLY_LOW;
    }
  }
  TABLE_HIGH[i] = high;
  TABLE_LOW[i] = low;
}

/** Made when the first long run comes; its memory is scratch. */
let module: CrcModule | null = null;

/** A checksum that grows as the bytes come. */
export class Crc64 {
  /** The upper and lower 32 bits, unsigned. */
  high = 0;
  low = 0;

  update(buf: Uint8Array, off = 0, len = buf.length - off): this {
    if (len >= MODULE_MIN) return this.#updateLong(buf, off, len);
    let high = this.high | 0;
    let low = this.low | 0;
    for (let i = off, end = off + len; i < end; i++) {
      const index = (low ^ buf[i]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ TABLE_LOW[index]!;
      high = (high >>> 8) ^ TABLE_HIGH[index]!;
    }
    this.high = high >>> 0;
    this.low = low >>> 0;
    return this;
  }

  #updateLong(buf: Uint8Array, off: number, len: number): this {
    module ??= makeCrcModule(TABLE_HIGH, TABLE_LOW);
    const { bytes, words, run, block } = module;
    words[STATE >> 2] = this.low;
    words[(STATE >> 2) + 1] = this.high;
    for (let at = off, end = off + len; at < end; at += BLOCK_BYTES) {
      const size = Math.min(BLOCK_BYTES, end - at);
      bytes.set(buf.subarray(at, at + size), DATA);
      if (size === BLOCK_BYTES) block();
      else run(DATA + size);
    }
    this.low = words[STATE >> 2]! >>> 0;
    this.high = words[(STATE >> 2) + 1]! >>> 0;
    return this;
  }

  /** Writes the eight bytes little-endian, as files have them; returns the position after them. */
  write(buf: Uint8Array, pos: number): number {
    for (let i = 0; i < 4; i++) {
      buf[pos + i] = this.low >>> (8 * i);
      buf[pos + 4 + i] = this.high >>> (8 * i);
    }
    return pos + 8;
  }

  /** Whether the eight bytes at `pos` are this checksum. */
  matches(buf: Uint8Array, pos: number): boolean {
    for (let i = 0; i < 4; i++) {
      if (buf[pos + i] !== ((this.low >>> (8 * i)) & 0xff)) return false;
      if (buf[pos + 4 + i] !== ((this.high >>> (8 * i)) & 0xff)) return false;
    }
    return true;
  }

  reset(): void {
    this.high = 0;
    this.low = 0;
  }
}

/** The checksum of `len` bytes from `off`. */
export function crc64(buf: Uint8Array, off = 0, len = buf.length - off): bigint {
  const crc = new Crc64().update(buf, off, len);
  return (BigInt(crc.high) << 32n) | BigInt(crc.low);
}

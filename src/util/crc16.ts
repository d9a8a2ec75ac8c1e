/*
 * CRC-16/XMODEM (polynomial 0x1021, starting at 0, not reflected; "123456789" gives 0x31c3) and the key slots that
 * Redis Cluster makes of it. Only the part of a key between the first `{` and the next `}` counts, if it is not
 * empty, so that users can place keys together.
 */

export const SLOT_COUNT = 16384;

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const TABLE = new Uint16Array(256);
for (let i = 0; i < 256; i++) {
  let crc = i << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  TABLE[i] = crc;
}

export function crc16(buf: Uint8Array, off: number, len: number): number {
  let crc = 0;
  for (let i = off, end = off + len; i < end; i++) {
    crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ buf[i]!]!;
  }
  return crc;
}

/** The cluster slot of a key. */
export function keyHashSlot(buf: Uint8Array, off: number, len: number): number {
  const end = off + len;
  let open = off;
  while (open < end && buf[open] !== OPEN_BRACE) open++;
  if (open < end) {
    let close = open + 1;
    while (close < end && buf[close] !== CLOSE_BRACE) close++;
    if (close < end && close > open + 1) {
      return crc16(buf, open + 1, close - open - 1) & (SLOT_COUNT - 1);
    }
  }
  return crc16(buf, off, len) & (SLOT_COUNT - 1);
}

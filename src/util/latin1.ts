/**
 * Bytes as text and text as bytes, one character for each byte.
 *
 * Redis strings are bytes, not characters, so the only faithful JavaScript text for them is latin1: it goes
 * there and back without loss. UTF-8 is the terminal's business. Everything here is for cold code (errors, INFO,
 * configuration, logs); commands work on the bytes themselves.
 */

const HEX = '0123456789abcdef';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Bytes that are shown as a backslash and a letter. */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x0a, 0x6e],
  [0x0d, 0x72],
  [0x09, 0x74],
  [0x07, 0x61],
  [0x08, 0x62],
]);

/** The bytes of a latin1 string; characters above U+00FF lose their high half, as Buffer's latin1 does. */
export function bytesOf(text: string): Uint8Array {
  // Not Buffer.from: that cuts from a shared pool, which keeps 8 kB alive for whoever stores the result.
  const length = text.length;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The latin1 string of `len` bytes of `buf` from `off`; by default all of it. */
export function latin1Of(buf: Uint8Array, off = 0, len = buf.length - off): string {
  if (len < 24) {
    // Short texts (names, options) are made faster here than through the binding.
    let text = '';
    for (let i = off, end = off + len; i < end; i++) text += String.fromCharCode(buf[i]!);
    return text;
  }
  return Buffer.prototype.latin1Slice.call(buf, off, off + len);
}

/** A count of bytes as INFO's `_human` fields show it: `1.23M`, and `512B` below a kilobyte. */
export function bytesToHuman(n: number): string {
  if (n < 1024) return `${n}B`;
  let unit = 0;
  let value = n / 1024;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit++;
  }
  if (value >= 1024) return `${n}B`;
  return `${value.toFixed(2)}${'KMGTP'[unit]}`;
}

/**
 * The bytes as a quoted literal that redis-cli and the configuration file read back: `"a\n\x00\""`.
 * MONITOR, SLOWLOG, error replies and CONFIG REWRITE show arguments this way.
 */
export function reprQuoted(buf: Uint8Array, off = 0, len = buf.length - off): string {
  // Collected as bytes: a text that grows by single characters takes 32 bytes for each of them until it is read.
  const quoted = Buffer.allocUnsafe(len * 4 + 2);
  let at = 0;
  quoted[at++] = QUOTE;
  for (let i = off, end = off + len; i < end; i++) {
    const byte = buf[i]!;
    if (byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH) {
      quoted[at++] = byte;
      continue;
    }
    quoted[at++] = BACKSLASH;
    const letter = ESCAPES.get(byte);
    if (letter !== undefined) quoted[at++] = letter;
    else {
      quoted[at++] = 0x78;
      quoted[at++] = HEX.charCodeAt(byte >> 4);
      quoted[at++] = HEX.charCodeAt(byte & 15);
    }
  }
  quoted[at++] = QUOTE;
  return quoted.toString('latin1', 0, at);
}

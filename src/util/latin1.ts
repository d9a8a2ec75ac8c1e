/**
 * Bytes as text and text as bytes, one character for each byte.
 *
 * Redis strings are bytes, not characters, so the only faithful JavaScript text for them is latin1: it goes
 * there and back without loss. UTF-8 is the terminal's business. Everything here is for cold code (errors, INFO,
 * configuration, logs); commands work on the bytes themselves.
 */

const HEX = '0123456789abcdef';

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
  let text = '"';
  for (let i = off, end = off + len; i < end; i++) {
    const byte = buf[i]!;
    switch (byte) {
      case 0x22:
        text += '\\"';
        break;
      case 0x5c:
        text += '\\\\';
        break;
      case 0x0a:
        text += '\\n';
        break;
      case 0x0d:
        text += '\\r';
        break;
      case 0x09:
        text += '\\t';
        break;
      case 0x07:
        text += '\\a';
        break;
      case 0x08:
        text += '\\b';
        break;
      default:
        text +=
          byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${HEX[byte >> 4]}${HEX[byte & 15]}`;
    }
  }
  return `${text}"`;
}

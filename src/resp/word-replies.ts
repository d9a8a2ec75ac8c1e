/**
 * Bulk strings from memory that is aligned to words, as the bytes of arena records are: copied four at a time, which
 * halves the price of a reply of many short elements (ZRANGE, SMEMBERS, HGETALL).
 *
 * The buffer of replies is written through a DataView, since a reply begins anywhere in it. The last word may bring up
 * to three bytes too many along; they are overwritten by what follows.
 */
import { endianness } from 'node:os';
import type { ReplyWriter } from './reply-writer.ts';

/** Longest string that is written here; its length has two digits. */
const SHORT = 96;
/** `$`, two digits, twice CRLF, and what a last word has too much. */
const AROUND = 12;
const LITTLE = endianness() === 'LE';

// The view of the buffer that was written last.
let viewed: Uint8Array = new Uint8Array(0);
let view = new DataView(viewed.buffer);

/**
 * A bulk string of `len` bytes from byte `at * 4` of the memory that `words` and `bytes` show. The memory must go on to
 * the end of the word in which the string ends.
 */
export function bulkFromWords(
  out: ReplyWriter,
  words: Int32Array,
  bytes: Uint8Array,
  at: number,
  len: number,
): void {
  if (len > SHORT) {
    out.bulk(bytes, at << 2, len);
    return;
  }
  let { pos } = out;
  if (pos + len + AROUND > out.buf.length) {
    out.ensure(len + AROUND);
    pos = out.pos;
  }
  const { buf } = out;
  if (buf !== viewed) {
    viewed = buf;
    view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
  }
  buf[pos++] = 36;
  if (len >= 10) {
    const tens = (len * 205) >> 11;
    buf[pos++] = 48 + tens;
    buf[pos++] = 48 + len - tens * 10;
  } else buf[pos++] = 48 + len;
  view.setUint16(pos, 0x0d0a);
  pos += 2;
  for (let end = at + ((len + 3) >> 2), to = pos; at < end; at++, to += 4) {
    view.setInt32(to, words[at]!, LITTLE);
  }
  pos += len;
  view.setUint16(pos, 0x0d0a);
  out.pos = pos + 2;
}

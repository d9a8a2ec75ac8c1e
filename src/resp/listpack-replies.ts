/**
 * Many elements of a listpack as bulk strings: what LRANGE is made of. Short strings, the usual case, are written
 * straight into the reply buffer, which is asked for room once for each and touched by nothing in between.
 */
import { LpElement, lpEntrySize, lpGet } from '../structures/listpack.ts';
import type { ReplyWriter } from './reply-writer.ts';

/** Longest string of the shortest encoding (63), its length in two digits, `$` and twice CRLF. */
const SHORT_REPLY = 70;
const COPY_BY_HAND = 32;

const element = new LpElement();

/** Replies with `count` entries from `p` on. Returns the position behind them. */
export function replyEntries(out: ReplyWriter, b: Uint8Array, p: number, count: number): number {
  let { buf, pos } = out;
  let room = buf.length - SHORT_REPLY;
  for (; count > 0; count--) {
    const len = b[p]! - 0x80;
    if (len < 0 || len > 63) {
      out.pos = pos;
      lpGet(b, p, element);
      out.bulk(element.bytes, element.off, element.len);
      p += lpEntrySize(b, p);
      ({ buf, pos } = out);
      room = buf.length - SHORT_REPLY;
      continue;
    }
    if (pos > room) {
      out.pos = pos;
      out.ensure(SHORT_REPLY);
      ({ buf, pos } = out);
      room = buf.length - SHORT_REPLY;
    }
    buf[pos++] = 36;
    if (len >= 10) {
      const tens = (len * 205) >> 11;
      buf[pos++] = 48 + tens;
      buf[pos++] = 48 + len - tens * 10;
    } else buf[pos++] = 48 + len;
    buf[pos] = 13;
    buf[pos + 1] = 10;
    pos += 2;
    p++;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) buf[pos + i] = b[p + i]!;
    else buf.set(b.subarray(p, p + len), pos);
    pos += len;
    buf[pos] = 13;
    buf[pos + 1] = 10;
    pos += 2;
    p += len + 1;
  }
  out.pos = pos;
  return p;
}

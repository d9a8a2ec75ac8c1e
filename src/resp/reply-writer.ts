/**
 * The reply writer: RESP2 and RESP3 as bytes, into one buffer that is sent as a whole.
 *
 * A server has one writer for whatever client is being served, so a pipeline of commands leaves with one write.
 * When the buffer is full it is flushed to the sink (or grows while `hold` is set, for replies that may still
 * be taken back). A sink answers false when it keeps the buffer; the writer then goes on with a new one.
 *
 * Types that only RESP3 has are written in the form that redis-server gives them under RESP2: maps and sets as
 * arrays, null as a null bulk string, doubles and big numbers as bulk strings, booleans as 0 and 1.
 */
import type { ReplyError } from './reply-error.ts';

/** Takes what a writer has collected; false: the buffer is still in use. */
export interface Sink {
  send(buf: Buffer, length: number): boolean;
}

const CAPACITY = 128 * 1024;
const COPY_BY_HAND = 48;

const CRLF = 0x0d0a;
const POWERS = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

function wire(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

const OK = wire('+OK\r\n');
const QUEUED = wire('+QUEUED\r\n');
const PONG = wire('+PONG\r\n');
const NULL_RESP2 = wire('$-1\r\n');
const NULL_RESP3 = wire('_\r\n');
const NULL_ARRAY = wire('*-1\r\n');
const EMPTY_ARRAY = wire('*0\r\n');
const TRUE = wire('#t\r\n');
const FALSE = wire('#f\r\n');

export class ReplyWriter {
  buf: Buffer;
  pos = 0;
  /** 2 or 3. */
  resp = 2;
  sink: Sink;
  /** While set, nothing is flushed: the buffer grows instead. */
  hold = false;
  /** Nothing from this position on is wanted (CLIENT REPLY OFF): it goes instead of growing the buffer. -1: all is. */
  unwantedFrom = -1;
  /** Bytes flushed (or dropped) so far, since the writer was made. */
  flushed = 0;

  constructor(sink: Sink, capacity = CAPACITY) {
    this.buf = Buffer.allocUnsafeSlow(capacity);
    this.sink = sink;
  }

  /** Makes sure that `bytes` more fit. */
  ensure(bytes: number): void {
    if (this.pos + bytes > this.buf.length) this.#makeRoom(bytes);
  }

  #makeRoom(bytes: number): void {
    // What needs a larger buffer anyway takes along what waits: one write instead of two.
    if (!this.hold && this.pos > 0 && bytes <= this.buf.length) this.flush();
    if (this.unwantedFrom >= 0 && this.pos > this.unwantedFrom) {
      this.flushed += this.pos - this.unwantedFrom;
      this.pos = this.unwantedFrom;
    }
    if (this.pos + bytes <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buf.length * 2, this.pos + bytes));
    this.buf.copy(grown, 0, 0, this.pos);
    this.buf = grown;
  }

  /** Sends what has been collected. */
  flush(): void {
    const length = this.pos;
    if (length === 0) return;
    this.pos = 0;
    this.flushed += length;
    const free = this.sink.send(this.buf, length);
    if (!free || this.buf.length > CAPACITY * 8) this.buf = Buffer.allocUnsafeSlow(CAPACITY);
  }

  /** Appends ready-made bytes. */
  raw(bytes: Uint8Array): void {
    const len = bytes.length;
    if (this.pos + len > this.buf.length) this.#makeRoom(len);
    const { buf } = this;
    let { pos } = this;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) buf[pos++] = bytes[i]!;
    else {
      buf.set(bytes, pos);
      pos += len;
    }
    this.pos = pos;
  }

  ok(): void {
    this.raw(OK);
  }

  pong(): void {
    this.raw(PONG);
  }

  queued(): void {
    this.raw(QUEUED);
  }

  /** The null reply: `$-1` or `_`. */
  null(): void {
    this.raw(this.resp === 3 ? NULL_RESP3 : NULL_RESP2);
  }

  /** Null where RESP2 has an array: `*-1` or `_`. */
  nullArray(): void {
    this.raw(this.resp === 3 ? NULL_RESP3 : NULL_ARRAY);
  }

  emptyArray(): void {
    this.raw(EMPTY_ARRAY);
  }

  /** A simple string, from latin1 text without CR and LF. */
  simple(text: string): void {
    this.ensure(text.length + 3);
    this.buf[this.pos++] = 43;
    this.#latin1(text);
    this.#crlf();
  }

  error(error: ReplyError): void {
    this.raw(error.wire);
  }

  int(n: number): void {
    this.#header(58, n);
  }

  /** An integer of up to 64 bits. */
  bigInt(n: bigint): void {
    const text = n.toString();
    this.ensure(text.length + 3);
    this.buf[this.pos++] = 58;
    this.#latin1(text);
    this.#crlf();
  }

  array(length: number): void {
    this.#header(42, length);
  }

  /** A map of `pairs` keys and values. */
  map(pairs: number): void {
    if (this.resp === 3) this.#header(37, pairs);
    else this.#header(42, pairs * 2);
  }

  set(length: number): void {
    this.#header(this.resp === 3 ? 126 : 42, length);
  }

  push(length: number): void {
    this.#header(this.resp === 3 ? 62 : 42, length);
  }

  bool(value: boolean): void {
    if (this.resp === 3) this.raw(value ? TRUE : FALSE);
    else this.int(value ? 1 : 0);
  }

  /** A double, as text that has been formatted already. */
  double(text: string): void {
    if (this.resp !== 3) {
      this.bulkText(text);
      return;
    }
    this.ensure(text.length + 3);
    this.buf[this.pos++] = 44;
    this.#latin1(text);
    this.#crlf();
  }

  /** The same from bytes. */
  doubleBytes(src: Uint8Array, off: number, len: number): void {
    if (this.resp !== 3) {
      this.bulk(src, off, len);
      return;
    }
    this.ensure(len + 3);
    const { buf } = this;
    buf[this.pos++] = 44;
    for (let i = 0; i < len; i++) buf[this.pos++] = src[off + i]!;
    this.#crlf();
  }

  bigNumber(text: string): void {
    if (this.resp !== 3) {
      this.bulkText(text);
      return;
    }
    this.ensure(text.length + 3);
    this.buf[this.pos++] = 40;
    this.#latin1(text);
    this.#crlf();
  }

  /** A verbatim string (`txt`, `mkd`); a bulk string under RESP2. */
  verbatim(text: string, format = 'txt'): void {
    if (this.resp !== 3) {
      this.bulkText(text);
      return;
    }
    this.#header(61, text.length + 4);
    this.ensure(text.length + 6);
    this.#latin1(`${format}:`);
    this.#latin1(text);
    this.#crlf();
  }

  /** A bulk string of `len` bytes from `src`. */
  bulk(src: Uint8Array, off: number, len: number): void {
    this.#header(36, len);
    if (this.pos + len + 2 > this.buf.length) this.#makeRoom(len + 2);
    const { buf } = this;
    let { pos } = this;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) buf[pos++] = src[off + i]!;
    else {
      buf.set(off === 0 && len === src.length ? src : src.subarray(off, off + len), pos);
      pos += len;
    }
    buf[pos] = 13;
    buf[pos + 1] = 10;
    this.pos = pos + 2;
  }

  bulkBytes(bytes: Uint8Array): void {
    this.bulk(bytes, 0, bytes.length);
  }

  /** A bulk string from latin1 text. */
  bulkText(text: string): void {
    this.#header(36, text.length);
    this.ensure(text.length + 2);
    this.#latin1(text);
    this.#crlf();
  }

  /** A bulk string with the digits of a safe integer. */
  bulkInt(n: number): void {
    this.bulkText(String(n));
  }

  /** One character, a safe integer, CRLF. */
  #header(type: number, n: number): void {
    if (this.pos + 24 > this.buf.length) this.#makeRoom(24);
    const { buf } = this;
    let { pos } = this;
    buf[pos++] = type;
    if (n >= 0 && n < 10) {
      buf[pos++] = 48 + n;
    } else {
      if (n < 0) {
        buf[pos++] = 45;
        n = -n;
      }
      let digits = 1;
      while (digits < 16 && n >= POWERS[digits - 1]!) digits++;
      let at = pos + digits;
      pos = at;
      while (n > 0x7fffffff) {
        const rest = Math.floor(n / 10);
        buf[--at] = 48 + (n - rest * 10);
        n = rest;
      }
      let small = n | 0;
      do {
        const rest = (small / 10) | 0;
        buf[--at] = 48 + (small - rest * 10);
        small = rest;
      } while (small !== 0);
    }
    buf[pos] = CRLF >> 8;
    buf[pos + 1] = CRLF & 0xff;
    this.pos = pos + 2;
  }

  #latin1(text: string): void {
    const { buf, pos } = this;
    const len = text.length;
    if (len <= COPY_BY_HAND) for (let i = 0; i < len; i++) buf[pos + i] = text.charCodeAt(i);
    else buf.write(text, pos, 'latin1');
    this.pos = pos + len;
  }

  #crlf(): void {
    this.buf[this.pos++] = 13;
    this.buf[this.pos++] = 10;
  }
}

/**
 * Writes commands as clients send them, into chunks that a sink takes.
 */
import type { Count } from '../../datatypes/stream/count.ts';
import { ID_TEXT_MAX, type StreamId, writeId } from '../../datatypes/stream/id.ts';
import type { Deadline } from '../../keyspace/deadline.ts';
import { writeInt } from '../../util/number-text.ts';
import type { ChunkSink } from '../chunk-sink.ts';
import { RdbWriter } from '../save/writer.ts';

const CR = 13;
const LF = 10;
const STAR = 42;
const DOLLAR = 36;
/** Room for a head: the sign, digits, CRLF. */
const HEAD_MAX = 24;
/** Elements of a collection that a command gets at most. */
const BATCH = 64;
const KIB = 1024;

const text = new Uint8Array(ID_TEXT_MAX);

/** A word of a command, ready to be written. */
export function word(name: string): Uint8Array {
  return Buffer.from(`$${name.length}\r\n${name}\r\n`, 'latin1');
}

export class CommandOut {
  readonly writer: RdbWriter;
  /** A long text that is being written in steps. */
  #long: Uint8Array | null = null;
  #longOff = 0;
  #longLeft = 0;

  constructor(sink: ChunkSink, chunkBytes?: number) {
    const options = { checksum: false, compress: false };
    this.writer = new RdbWriter(sink, chunkBytes === undefined ? options : { ...options, chunkBytes });
  }

  /** Begins a command of so many words. */
  command(words: number): void {
    this.#head(STAR, words);
  }

  raw(bytes: Uint8Array): void {
    this.writer.raw(bytes, 0, bytes.length);
  }

  #head(sign: number, n: number): void {
    const { writer } = this;
    writer.room(HEAD_MAX);
    const { buf } = writer;
    buf[writer.pos] = sign;
    const end = writeInt(buf, writer.pos + 1, n);
    buf[end] = CR;
    buf[end + 1] = LF;
    writer.pos = end + 2;
  }

  #end(): void {
    this.writer.byte(CR);
    this.writer.byte(LF);
  }

  bulk(src: Uint8Array, off: number, len: number): void {
    this.#head(DOLLAR, len);
    this.writer.raw(src, off, len);
    this.#end();
  }

  bulkText(latin1: string): void {
    const bytes = Buffer.from(latin1, 'latin1');
    this.bulk(bytes, 0, bytes.length);
  }

  bulkInt(n: Count | Deadline): void {
    if (typeof n === 'bigint') this.bulkText(n.toString());
    else this.bulk(text, 0, writeInt(text, 0, n));
  }

  bulkId(id: StreamId): void {
    this.bulk(text, 0, writeId(text, 0, id));
  }

  /** Begins a long word, which `step` writes; nobody changes it meanwhile. */
  startLong(src: Uint8Array, off: number, len: number): void {
    this.#head(DOLLAR, len);
    this.#long = src;
    this.#longOff = off;
    this.#longLeft = len;
  }

  /** Goes on with a long word by about so many KiB; true when more of it is left. */
  step(kib: number): boolean {
    if (this.#long === null) return false;
    const bytes = Math.min(this.#longLeft, Math.max(1, Math.floor(kib)) * KIB);
    this.writer.raw(this.#long, this.#longOff, bytes);
    this.#longOff += bytes;
    this.#longLeft -= bytes;
    if (this.#longLeft > 0) return true;
    this.#long = null;
    this.#end();
    return false;
  }
}

/** Spreads the elements of a collection over commands of a limited length. */
export class Batches {
  readonly #out: CommandOut;
  #name: Uint8Array = new Uint8Array(0);
  #key: Uint8Array = new Uint8Array(0);
  #words = 1;
  /** Elements that are left in all, and in the command that is being written. */
  #left = 0;
  #room = 0;

  constructor(out: CommandOut) {
    this.#out = out;
  }

  /** `words`: how many an element has. */
  start(name: Uint8Array, key: Uint8Array, elements: number, words: number): void {
    this.#name = name;
    this.#key = key;
    this.#left = elements;
    this.#words = words;
    this.#room = 0;
  }

  /** The words of an element follow. */
  next(): void {
    if (this.#room === 0) {
      this.#room = Math.min(this.#left, BATCH);
      this.#out.command(2 + this.#room * this.#words);
      this.#out.raw(this.#name);
      this.#out.bulk(this.#key, 0, this.#key.length);
    }
    this.#room--;
    this.#left--;
  }
}

/**
 * The reply writer: every type as bytes under both protocols, and the same bytes whatever the size of the buffer.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ReplyError } from '../../../src/resp/reply-error.ts';
import { ReplyWriter } from '../../../src/resp/reply-writer.ts';

/** Collects what is flushed; says that it keeps the buffer when `keeps` is set. */
class Collector {
  readonly chunks: Buffer[] = [];
  readonly #keeps: boolean;

  constructor(keeps = false) {
    this.#keeps = keeps;
  }

  send(buf: Buffer, length: number): boolean {
    // A sink that keeps the buffer keeps it as it is, so that writing into it later would show.
    this.chunks.push(this.#keeps ? buf.subarray(0, length) : Buffer.from(buf.subarray(0, length)));
    return !this.#keeps;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}

function written(
  resp: number,
  write: (out: ReplyWriter) => void,
  capacity?: number,
  keeps?: boolean,
): string {
  const sink = new Collector(keeps);
  const out = new ReplyWriter(sink, capacity);
  out.resp = resp;
  write(out);
  out.flush();
  return sink.text;
}

const LONG = 'x'.repeat(100);

/** Name, what is written, RESP2, RESP3 (where it differs). */
const GOLDEN: readonly [string, (out: ReplyWriter) => void, string, string?][] = [
  ['ok', (out) => out.ok(), '+OK\r\n'],
  ['pong', (out) => out.pong(), '+PONG\r\n'],
  ['queued', (out) => out.queued(), '+QUEUED\r\n'],
  ['simple', (out) => out.simple('RESET'), '+RESET\r\n'],
  ['error', (out) => out.error(new ReplyError('ERR a\r\nb')), '-ERR a  b\r\n'],
  ['null', (out) => out.null(), '$-1\r\n', '_\r\n'],
  ['null array', (out) => out.nullArray(), '*-1\r\n', '_\r\n'],
  ['empty array', (out) => out.emptyArray(), '*0\r\n'],
  ['array', (out) => out.array(12), '*12\r\n'],
  ['map', (out) => out.map(3), '*6\r\n', '%3\r\n'],
  ['set', (out) => out.set(3), '*3\r\n', '~3\r\n'],
  ['push', (out) => out.push(2), '*2\r\n', '>2\r\n'],
  ['true', (out) => out.bool(true), ':1\r\n', '#t\r\n'],
  ['false', (out) => out.bool(false), ':0\r\n', '#f\r\n'],
  ['double', (out) => out.double('1.5'), '$3\r\n1.5\r\n', ',1.5\r\n'],
  ['infinity', (out) => out.double('-inf'), '$4\r\n-inf\r\n', ',-inf\r\n'],
  [
    'big number',
    (out) => out.bigNumber('12345678901234567890'),
    '$20\r\n12345678901234567890\r\n',
    '(12345678901234567890\r\n',
  ],
  ['verbatim', (out) => out.verbatim('a b'), '$3\r\na b\r\n', '=7\r\ntxt:a b\r\n'],
  ['verbatim markdown', (out) => out.verbatim('#', 'mkd'), '$1\r\n#\r\n', '=5\r\nmkd:#\r\n'],
  ['bulk text', (out) => out.bulkText('é'), '$1\r\n\xe9\r\n'],
  ['empty bulk', (out) => out.bulkText(''), '$0\r\n\r\n'],
  ['long bulk text', (out) => out.bulkText(LONG), `$100\r\n${LONG}\r\n`],
  ['bulk', (out) => out.bulk(Buffer.from('abcdef'), 2, 3), '$3\r\ncde\r\n'],
  ['long bulk', (out) => out.bulk(Buffer.from(`..${LONG}..`), 2, 100), `$100\r\n${LONG}\r\n`],
  ['bulk bytes', (out) => out.bulkBytes(Uint8Array.of(0, 13, 10, 255)), '$4\r\n\0\r\n\xff\r\n'],
  ['bulk int', (out) => out.bulkInt(-42), '$3\r\n-42\r\n'],
  ['big int', (out) => out.bigInt(-9223372036854775808n), ':-9223372036854775808\r\n'],
  ['raw', (out) => out.raw(Buffer.from('+x\r\n')), '+x\r\n'],
];

describe('reply writer', () => {
  for (const [name, write, resp2, resp3 = resp2] of GOLDEN) {
    it(`writes ${name}`, () => {
      for (const capacity of [1, 8, 64, undefined]) {
        assert.equal(written(2, write, capacity), resp2);
        assert.equal(written(3, write, capacity), resp3);
      }
    });
  }

  it('writes every safe integer', () => {
    const edges = [0, 9, 10, 99, 100, 2147483647, 2147483648, 4294967296, 999999999999999, 1e15];
    for (const n of [...edges, Number.MAX_SAFE_INTEGER]) {
      assert.equal(
        written(2, (out) => out.int(n)),
        `:${n}\r\n`,
      );
      if (n !== 0)
        assert.equal(
          written(2, (out) => out.int(-n)),
          `:-${n}\r\n`,
        );
    }
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => written(3, (out) => out.int(n)) === `:${n}\r\n`));
  });

  it('gives the same bytes in any buffer, kept by the sink or not', () => {
    const writes = fc.array(fc.constantFrom(...GOLDEN.map(([, write]) => write)), { maxLength: 60 });
    fc.assert(
      fc.property(writes, fc.integer({ min: 1, max: 200 }), fc.boolean(), (all, capacity, keeps) => {
        const write = (out: ReplyWriter): void => {
          for (const one of all) one(out);
        };
        assert.equal(written(2, write, capacity, keeps), written(2, write));
        assert.equal(written(3, write, capacity, keeps), written(3, write));
      }),
    );
  });

  it('sends nothing while it holds', () => {
    const sink = new Collector();
    const out = new ReplyWriter(sink, 16);
    out.hold = true;
    for (let i = 0; i < 100; i++) out.bulkText(LONG);
    assert.equal(sink.chunks.length, 0);
    out.hold = false;
    out.flush();
    assert.equal(sink.text, `$100\r\n${LONG}\r\n`.repeat(100));
  });

  it('sends a big value and what waits before it at once', () => {
    const sink = new Collector();
    const out = new ReplyWriter(sink, 1024);
    out.ok();
    out.bulkBytes(new Uint8Array(5000).fill(0x61));
    out.flush();
    assert.equal(sink.chunks.length, 1);
  });
});

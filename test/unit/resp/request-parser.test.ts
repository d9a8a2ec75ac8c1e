/**
 * The request parser alone: however the bytes of a conversation are cut, the same requests come out, with the same
 * error at the end; and no bytes make it throw, run in circles or point outside of what it was given.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  COMMAND,
  INCOMPLETE,
  NOTHING,
  type ParseState,
  PROTOCOL_ERROR,
  RequestParser,
} from '../../../src/resp/request-parser.ts';
import { encodeCommand } from '../../support/raw-client.ts';

interface Parsed {
  readonly requests: string[][];
  readonly error: string | null;
  /** Bytes left over at the end. */
  readonly rest: number;
}

/** How a caller keeps an incomplete request: as its bytes alone, or with the parser's state. */
type Keeping = 'bytes' | 'state';

/** Feeds the pieces one after the other, as a connection does. */
function parseAll(pieces: readonly Uint8Array[], keeping: Keeping, authenticated = true): Parsed {
  const parser = new RequestParser();
  const requests: string[][] = [];
  let kept: Uint8Array = new Uint8Array(0);
  let state: ParseState | null = null;
  for (const piece of pieces) {
    // Something before and behind the bytes, so that a range that is off by one shows.
    const buf = new Uint8Array(3 + kept.length + piece.length + 5).fill(0x2a);
    buf.set(kept, 3);
    buf.set(piece, 3 + kept.length);
    const end = 3 + kept.length + piece.length;
    let at = 3;
    if (state !== null) {
      const moved: ParseState = state;
      for (let i = 0; i < moved.count; i++) moved.off[i]! += 3;
      parser.restore({ ...moved, resume: moved.resume + 3 });
      state = null;
    }
    while (at < end) {
      const status = parser.parse(buf, at, end, authenticated);
      if (status === PROTOCOL_ERROR) return { requests, error: parser.error, rest: 0 };
      if (status === INCOMPLETE) {
        assert.ok(parser.missing >= 1, 'an incomplete request misses something');
        break;
      }
      assert.ok(parser.next > at && parser.next <= end, 'parse moves on, and not past the end');
      at = parser.next;
      if (status === COMMAND) requests.push(argumentsOf(parser, end));
      else assert.equal(status, NOTHING);
    }
    if (at < end && keeping === 'state') state = parser.save(at);
    else parser.reset();
    kept = buf.slice(at, end);
  }
  return { requests, error: null, rest: kept.length };
}

function argumentsOf(parser: RequestParser, end: number): string[] {
  const { args } = parser;
  const texts: string[] = [];
  for (let i = 0; i < args.count; i++) {
    assert.ok(args.off[i]! >= 0 && args.len[i]! >= 0);
    assert.ok(args.off[i]! + args.len[i]! <= Math.max(end, args.buf.length));
    texts.push(args.text(i));
  }
  return texts;
}

function cut(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(positions.map((p) => p % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const position of [...sorted, bytes.length]) {
    if (position > from) pieces.push(bytes.subarray(from, position));
    from = Math.max(from, position);
  }
  return pieces;
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

const argument = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.constantFrom('GET', '\r\n', '$5\r\n', '*1\r\n', '', '\0').map(latin1) },
  { weight: 1, arbitrary: fc.integer({ min: 90, max: 11000 }).map((n) => Buffer.alloc(n, 0x24)) },
);
const request = fc.array(argument, { minLength: 1, maxLength: 12 });
const inline = fc.constantFrom('PING\r\n', 'ECHO "a b\\x00"\n', '\r\n', "x 'it\\'s' y\r\n", '  \t\r\n');
const conversation = fc
  .array(fc.oneof({ weight: 4, arbitrary: request.map(encodeCommand) }, inline.map(latin1)), {
    maxLength: 8,
  })
  .map((parts) => new Uint8Array(Buffer.concat(parts)));
/** Bytes that look like the protocol, more or less. */
const noise = fc
  .array(
    fc.oneof(
      fc
        .constantFrom(
          ...[
            '*',
            '$',
            '\r\n',
            '\n',
            '\r',
            '-',
            '0',
            '1',
            '3',
            '10',
            '-1',
            ' ',
            '"',
            "'",
            '\\',
            '\\x4',
            '\0',
          ],
          ...['PING', '*1\r\n$4\r\nPING\r\n', '*2\r\n', '$0\r\n\r\n', '2147483648', '99999999999999999999'],
        )
        .map(latin1),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 16 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));
const positions = fc.array(fc.nat(100_000), { maxLength: 12 });

describe('request parser', () => {
  it('gives back the arguments that were encoded', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 6 }), (requests) => {
        const bytes = new Uint8Array(Buffer.concat(requests.map(encodeCommand)));
        const expected = requests.map((args) => args.map((arg) => arg.toString('latin1')));
        assert.deepEqual(parseAll([bytes], 'bytes'), { requests: expected, error: null, rest: 0 });
      }),
      { numRuns: 500 },
    );
  });

  for (const keeping of ['bytes', 'state'] as const) {
    it(`parses alike however requests are cut, keeping ${keeping}`, () => {
      fc.assert(
        fc.property(conversation, positions, (bytes, at) => {
          assert.deepEqual(parseAll(cut(bytes, at), keeping), parseAll([bytes], keeping));
        }),
        { numRuns: 1000 },
      );
    });

    it(`parses alike when noise is cut, keeping ${keeping}`, () => {
      fc.assert(
        fc.property(noise, positions, (bytes, at) => {
          assert.deepEqual(parseAll(cut(bytes, at), keeping), parseAll([bytes], keeping));
        }),
        { numRuns: 5000 },
      );
    });
  }

  it('parses alike cut at every byte, and byte by byte', () => {
    const bytes = latin1(
      '*2\r\n$3\r\nGET\r\n$12\r\n0123456789\r\n\r\nPING "x y"\r\n*0\r\n*-1\r\n*1\r\n$0\r\n\r\n',
    );
    const whole = parseAll([bytes], 'bytes');
    assert.deepEqual(whole.requests, [['GET', '0123456789\r\n'], ['PING', 'x y'], ['']]);
    const everywhere = [...bytes.keys()];
    for (const keeping of ['bytes', 'state'] as const) {
      for (const position of everywhere) assert.deepEqual(parseAll(cut(bytes, [position]), keeping), whole);
      assert.deepEqual(parseAll(cut(bytes, everywhere), keeping), whole);
    }
  });

  it('bears any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), positions, fc.boolean(), (bytes, at, authenticated) => {
        parseAll(cut(bytes, at), 'state', authenticated);
      }),
      { numRuns: 5000 },
    );
  });

  it('says what is wrong, in the words of Redis', () => {
    const errors: [request: string, error: string][] = [
      ['*a\r\n', 'invalid multibulk length'],
      ['*01\r\n', 'invalid multibulk length'],
      ['*2147483648\r\n', 'invalid multibulk length'],
      ['*-9223372036854775809\r\n', 'invalid multibulk length'],
      ['*1\r\nfoo\r\n', "expected '$', got 'f'"],
      ['*1\r\n\r\n', "expected '$', got ' '"],
      ['*1\r\n$-1\r\n', 'invalid bulk length'],
      ['*1\r\n$04\r\n', 'invalid bulk length'],
      ['*1\r\n$536870913\r\n', 'invalid bulk length'],
      ['set "a b\r\n', 'unbalanced quotes in request'],
      ["'a'b\r\n", 'unbalanced quotes in request'],
      [`*${'1'.repeat(65536)}`, 'too big mbulk count string'],
      [`*1\r\n$${'1'.repeat(65536)}`, 'too big bulk count string'],
      ['a'.repeat(65537), 'too big inline request'],
    ];
    for (const [bytes, error] of errors) {
      assert.equal(parseAll([latin1(bytes)], 'bytes').error, error, bytes.slice(0, 40));
    }
  });

  it('waits for the end of a line that may still become valid', () => {
    const unfinished = [
      '*',
      '*1',
      '*1\r',
      '*1\r\n',
      '*1\r\nx',
      '*1\r\n$',
      '*1\r\n$4\r',
      'PING',
      '"a b',
      '\0\r\n',
    ];
    for (const bytes of unfinished) {
      const { requests, error, rest } = parseAll([latin1(bytes)], 'bytes');
      assert.deepEqual({ requests, error, rest }, { requests: [], error: null, rest: bytes.length }, bytes);
    }
  });

  it('takes little from those who have not authenticated', () => {
    const arrays = (count: number): Uint8Array => latin1(`*${count}\r\n${'$1\r\na\r\n'.repeat(count)}`);
    assert.equal(parseAll([arrays(10)], 'bytes', false).requests.length, 1);
    assert.equal(parseAll([arrays(11)], 'bytes', false).error, 'unauthenticated multibulk length');
    assert.equal(parseAll([latin1('*1\r\n$16385\r\n')], 'bytes', false).error, 'unauthenticated bulk length');
    assert.equal(parseAll([latin1(`*1\r\n$16384\r\n${'x'.repeat(16384)}\r\n`)], 'bytes', false).error, null);
  });

  it('splits inline requests as Redis does', () => {
    const lines: [line: string, words: string[]][] = [
      ['  a\tb  c ', ['a', 'b', 'c']],
      ['"a\\n\\r\\t\\b\\a\\\\\\"\\q" \'\\n\\\'\'', ['a\n\r\t\b\x07\\"q', "\\n'"]],
      ['"\\x41\\xff\\xzz\\x4"', ['A\xffxzzx4']],
      ['a"b c"', ['ab c']],
      ['""  \'\'', ['', '']],
      ['a\x0bb \x0cc', ['a\x0bb', 'c']],
      ['\xe9\xff', ['\xe9\xff']],
    ];
    for (const [line, words] of lines) {
      assert.deepEqual(parseAll([latin1(`${line}\r\n`)], 'bytes').requests, [words], JSON.stringify(line));
    }
  });

  it('parses a request of a million arguments', () => {
    const bytes = latin1(`*1000000\r\n${'$1\r\na\r\n'.repeat(1_000_000)}`);
    const parser = new RequestParser();
    assert.equal(parser.parse(bytes, 0, bytes.length, true), COMMAND);
    assert.equal(parser.args.count, 1_000_000);
  });
});

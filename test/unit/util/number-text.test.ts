import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesOf, latin1Of } from '../../../src/util/latin1.ts';
import {
  digitsOf,
  formatDouble,
  formatDouble17,
  isCanonicalInt64,
  parseDouble,
  parseDoubleBytes,
  parseInt64Big,
  parseSafeInt,
  parseUint64Big,
  writeDouble,
  writeInt,
  writeInt64,
} from '../../../src/util/number-text.ts';
import { Oracle, OracleError, oracleMissing } from './oracle.ts';

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

function written(n: number): string {
  const buf = new Uint8Array(32);
  const end = writeInt(buf, 3, n);
  assert.equal(end - 3, digitsOf(n));
  return latin1Of(buf, 3, end - 3);
}

test('integers print as JavaScript prints them', () => {
  const edges = [
    0,
    9,
    10,
    99,
    100,
    999,
    9999,
    10000,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    1e9,
    999999999,
    1e15,
    2 ** 53 - 1,
  ];
  for (const n of edges) {
    assert.equal(written(n), String(n));
    if (n > 0) assert.equal(written(-n), String(-n));
  }
  for (let power = 1; power < 1e16; power *= 10) {
    for (const n of [power - 1, power, power + 1]) assert.equal(written(n), String(n));
  }
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer(), (large, small) => {
      assert.equal(written(large), String(large));
      assert.equal(written(small), String(small));
    }),
  );
});

test('only canonical integers are read', () => {
  const like = fc.oneof(
    fc.bigInt({ min: INT64.min * 2n, max: INT64.max * 3n }).map(String),
    fc.maxSafeInteger().map(String),
    fc.constantFrom(...['', '-', '0', '-0', '00', '01', '+1', ' 1', '1 ', '1.0', '1e3', '9007199254740991']),
    fc.constantFrom(
      ...['9007199254740992', '-9007199254740992', '9223372036854775807', '9223372036854775808'],
    ),
    fc.constantFrom(
      ...['-9223372036854775808', '-9223372036854775809', '18446744073709551615', '99999999999999999'],
    ),
    fc.constantFrom(...['18446744073709551616', '99999999999999999999', '100000000000000000000', '1\0']),
    fc
      .array(fc.constantFrom('-', '0', '1', '9', ' ', 'a', '/', ':'), { maxLength: 5 })
      .map((c) => c.join('')),
  );
  fc.assert(
    fc.property(like, (text) => {
      const buf = bytesOf(`77${text}77`);
      const canonical = /^(?:0|-?[1-9]\d*)$/.test(text);
      const big = canonical ? BigInt(text) : null;
      const fits = big !== null && big >= INT64.min && big <= INT64.max;
      const safe = fits && Number.isSafeInteger(Number(big));
      assert.equal(parseInt64Big(buf, 2, text.length), fits ? big : null);
      assert.equal(isCanonicalInt64(buf, 2, text.length), fits);
      assert.equal(parseSafeInt(buf, 2, text.length), safe ? Number(text) : Number.NaN);
      assert.equal(
        parseUint64Big(buf, 2, text.length),
        big !== null && big >= 0n && big < 2n ** 64n ? big : null,
      );
    }),
    { numRuns: 5000 },
  );
});

test('64-bit integers print in full', () => {
  const buf = new Uint8Array(20);
  assert.equal(latin1Of(buf, 0, writeInt64(buf, 0, INT64.min)), '-9223372036854775808');
});

test('doubles print in the layout of 7.2', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [-0, '-0'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
    [3, '3'],
    [-1.5, '-1.5'],
    [0.1, '0.1'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1e-6, '0.000001'],
    [1e-7, '1e-7'],
    [1.25e-10, '1.25e-10'],
    [0.001234567, '0.001234567'],
    [0.0001234567, '1.234567e-4'],
    [1234.56789012, '1234.56789012'],
    [12345.678901, '12345.678901'],
    [12345.6789012, '1.23456789012e+4'],
    [2 ** 52, '4503599627370496'],
    [2 ** 60, '1152921504606847000'],
    [1e20, '1e+20'],
    [1e21, '1e+21'],
    [-1e21, '-1e+21'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [5e-324, '5e-324'],
  ];
  for (const [n, text] of cases) assert.equal(formatDouble(n), text);
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (n) => {
      assert.equal(parseDouble(formatDouble(n)), n);
      assert.equal(parseDouble(formatDouble17(n)), n);
    }),
  );
});

test('doubles are read and printed as by a real 7.0', { skip: oracleMissing }, async () => {
  const fixed = [
    ...[
      '',
      ' ',
      '1 ',
      ' 1',
      '\t1',
      '+1',
      '--1',
      '+-1',
      '.',
      '.5',
      '5.',
      '-.5e1',
      '1e',
      '1e+',
      '1e400',
      '-1e400',
    ],
    ...[
      '1e-400',
      '0e-400',
      '0e999',
      '1e-320',
      '2e-324',
      '3e-324',
      '5e-324',
      'inf',
      '+inf',
      '-INF',
      'Infinity',
    ],
    ...[
      '-infinity',
      'infin',
      'infinityx',
      'nan',
      '-nan',
      'nan(1)',
      '0x',
      '0x.',
      '0x1',
      '0X1.8',
      '0x.8',
      '0x8.',
    ],
    ...['0x1p3', '0x1p', '0x1p+', '0x1p-3', '0x1P+3', '-0x10', '+0x10', '0x1p1024', '0x1p1023', '0x1p-1074'],
    ...['0x1p-1075', '0x1.8p-1075', '0x1p-1076', '0x0p99999', '0x1.fffffffffffff8p0', '0x1.fffffffffffff7p0'],
    ...[
      '0x1.fffffffffffff8p1023',
      '0x1.fffffffffffff7p1023',
      '0x3p-1075',
      '0x5p-1075',
      '1_0',
      '1,0',
      '1d5',
      '0b1',
    ],
    ...['1\0', '\x0b1', '1e5x', '0x1g', '1e99999999999', '1e-99999999999', '0x1p99999999999', '-0', '-0.0'],
    ...[
      '4503599627370496',
      '4503599627370497',
      '9007199254740993',
      '-4503599627370497',
      '1e15',
      '1e16',
      '1e17',
    ],
  ];
  const doubles = fc.sample(fc.double({ noNaN: true }), { numRuns: 1500, seed: 4 }).map(String);
  const decimals = fc
    .sample(fc.tuple(fc.integer(), fc.integer({ min: -12, max: 12 })), { numRuns: 1500, seed: 5 })
    .map(([digits, power]) => `${digits}e${power}`);
  const soup = fc
    .sample(fc.array(fc.constantFrom(...'019.eEpPxX+-aFinf'.split('')), { minLength: 1, maxLength: 7 }), {
      numRuns: 3000,
      seed: 6,
    })
    .map((chars) => chars.join(''));
  const texts = [...fixed, ...doubles, ...decimals, ...soup];
  const oracle = await Oracle.start();
  try {
    const replies = await oracle.pipeline(
      texts.flatMap((text) => [
        ['DEL', 'z'],
        ['ZADD', 'z', text, 'm'],
        ['ZSCORE', 'z', 'm'],
      ]),
    );
    texts.forEach((text, i) => {
      const accepted = !(replies[3 * i + 1] instanceof OracleError);
      const value = parseDouble(text);
      assert.equal(!Number.isNaN(value), accepted, JSON.stringify(text));
      // A small sorted set keeps whole scores as integers, which loses the sign of -0.
      if (accepted)
        assert.equal(formatDouble17(value === 0 ? 0 : value), replies[3 * i + 2], JSON.stringify(text));
    });
  } finally {
    await oracle.stop();
  }
});

test('doubles are written as bytes like formatDouble, and read from bytes like parseDouble', () => {
  const buf = new Uint8Array(64);
  const check = (n: number): void => {
    const end = writeDouble(buf, 5, n);
    assert.equal(latin1Of(buf, 5, end - 5), formatDouble(n));
    assert.ok(Object.is(parseDoubleBytes(buf, 5, end - 5), n), String(n));
  };
  for (const n of [
    0,
    -0,
    1,
    -1,
    0.1,
    1e-3,
    9.99e-4,
    9999.5,
    1e4,
    12345.6789,
    1e15,
    2 ** 52,
    2 ** 53,
    1e20,
    1e21,
  ]) {
    check(n);
    check(-n);
  }
  for (const n of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, Number.MAX_VALUE])
    check(n);
  fc.assert(fc.property(fc.double({ noNaN: true }), check));
  fc.assert(fc.property(fc.integer({ min: -100000, max: 100000 }), (n) => check(n / 64)));
  const texts = fc.oneof(
    fc.stringMatching(/^[+-]?[0-9]{0,18}\.?[0-9]{0,18}$/),
    fc.string({ maxLength: 8 }),
    fc.constantFrom(
      '',
      '.',
      '-',
      '+',
      '+.',
      '-.5',
      '5.',
      '1e5',
      'inf',
      '-inf',
      'nan',
      '0x1p3',
      '..1',
      '1.2.3',
    ),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = bytesOf(text);
      const a = parseDoubleBytes(bytes, 0, bytes.length);
      const b = parseDouble(latin1Of(bytes));
      assert.ok(Object.is(a, b), `${JSON.stringify(text)}: ${a} and ${b}`);
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sumOfFloatTexts } from '../../../src/util/long-double.ts';
import { Oracle, OracleError, oracleMissing } from './oracle.ts';

const NOT_A_FLOAT = 'ERR value is not a valid float';
const NOT_FINITE = 'ERR increment would produce NaN or Infinity';

function answer(value: string, increment: string): string {
  const result = sumOfFloatTexts(value, increment);
  if ('sum' in result) return result.sum;
  return result.failed === 'not-finite' ? NOT_FINITE : NOT_A_FLOAT;
}

test('sums look as on real Redis', () => {
  assert.equal(answer('0.1', '0.2'), '0.3');
  assert.equal(answer('10.50', '0.1'), '10.6');
  assert.equal(answer('5.0e3', '2.0e2'), '5200');
  assert.equal(answer('3', '-3'), '0');
  assert.equal(answer('-0', '-0'), '0');
  assert.equal(answer('-0.0', '-0'), '0');
  assert.equal(answer('999999999999999', '999999999999999'), '1999999999999998');
  assert.equal(answer('1e4932', '1e4932'), NOT_FINITE);
  assert.equal(answer('1', 'inf'), NOT_FINITE);
  assert.equal(answer('inf', '-inf'), NOT_FINITE);
  assert.equal(answer('1', 'nan'), NOT_A_FLOAT);
  assert.equal(answer('1', ' 1'), NOT_A_FLOAT);
  assert.equal(answer('1', ''), NOT_A_FLOAT);
  assert.deepEqual(sumOfFloatTexts('x', '1'), { failed: 'value' });
  assert.deepEqual(sumOfFloatTexts('1', 'x'), { failed: 'increment' });
});

test('thousands of sums equal those of a real server', { skip: oracleMissing }, async () => {
  const digits = fc.bigInt({ min: 0n, max: 10n ** 22n }).map(String);
  const decimal = fc
    .tuple(fc.constantFrom('', '-', '+'), digits, fc.integer({ min: 0, max: 24 }))
    .map(([sign, text, places]) => {
      const padded = text.padStart(places, '0');
      return `${sign}${padded.slice(0, padded.length - places)}.${padded.slice(padded.length - places)}`;
    });
  const scientific = fc
    .tuple(fc.integer(), fc.constantFrom('e', 'E'), fc.integer({ min: -40, max: 40 }))
    .map(([n, e, power]) => `${n}${e}${power}`);
  const extreme = fc
    .tuple(fc.maxSafeInteger(), fc.integer({ min: -4975, max: 4940 }))
    .map(([n, power]) => `${n}e${power}`);
  const hexadecimal = fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.bigInt({ min: 0n, max: 2n ** 70n }),
      fc.integer({ min: -90, max: 70 }),
    )
    .map(([sign, n, power]) => `${sign}0x${n.toString(16)}p${power}`);
  const soup = fc
    .array(fc.constantFrom(...'0159.eEpxX+-aFinf '.split('')), { maxLength: 6 })
    .map((chars) => chars.join(''));
  const fixed = fc.constantFrom(
    ...[
      '0',
      '-0',
      '.',
      '1.',
      '.5',
      'inf',
      '-inf',
      'nan',
      '1e4932',
      '1e4933',
      '-1e4932',
      '0x.8p1',
      '0x',
      '0x.',
    ],
    ...['1.18973149535723176502e4932', '1.18973149535723176506e4932', '1.18973149535723176509e4932'],
    ...[
      '3.6451995318824746025e-4951',
      '1.8e-4951',
      '1.9e-4951',
      '1.82259976594123730126e-4951',
      '0e-99999999',
    ],
    ...['0x1p16383', '0x1p16384', '0x1.ffffffffffffffffp16383', '0x1p-16445', '0x1p-16446', '0x1.8p-16446'],
    ...['18446744073709551615', '18446744073709551616', '18446744073709551617.5', '36893488147419103233'],
    ...['0.000000000000000005', '0.000000000000000015', '-0.000000000000000004', '0.5e-17', '-1e-18'],
    ...[
      `1${'0'.repeat(5117)}e-5100`,
      `1${'0'.repeat(5118)}e-5100`,
      `${'0'.repeat(5200)}`,
      `0.${'3'.repeat(5000)}`,
    ],
  );
  const number = fc.oneof(
    decimal,
    decimal,
    scientific,
    extreme,
    hexadecimal,
    soup,
    fixed,
    fc.double().map(String),
  );
  const pairs = fc.sample(fc.tuple(number, number), { numRuns: 6000, seed: 7 });
  const oracle = await Oracle.start();
  try {
    const replies = await oracle.pipeline(
      pairs.flatMap(([value, increment]) => [
        ['SET', 'k', value],
        ['INCRBYFLOAT', 'k', increment],
      ]),
    );
    pairs.forEach(([value, increment], i) => {
      const reply = replies[2 * i + 1]!;
      const expected = reply instanceof OracleError ? reply.message : reply;
      assert.equal(answer(value, increment), expected, `${value} + ${increment}`);
    });
  } finally {
    await oracle.stop();
  }
});

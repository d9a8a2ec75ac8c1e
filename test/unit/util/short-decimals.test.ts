/** Sums of short decimals against those of the long double on bigints. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { sumOfFloatTexts } from '../../../src/util/long-double.ts';
import { seededRandom } from '../../../src/util/random.ts';
import { addShortDecimals, SHORT_DECIMAL_BYTES } from '../../../src/util/short-decimals.ts';

const random = seededRandom(17);
const out = new Uint8Array(SHORT_DECIMAL_BYTES);
const ENDS = ['5', '25', '75', '125', '01', '99', '00000000000000001', '99999999999999999'];

function below(n: number): number {
  return Math.floor(random.float() * n);
}

function number(): string {
  const whole = below(3) === 0 ? 0 : Math.floor(10 ** (random.float() * 9.5));
  let fraction = below(4) === 0 ? ENDS[below(ENDS.length)]! : '';
  if (fraction === '') for (let i = below(18); i > 0; i--) fraction += '0123456789059'[below(13)];
  const sign = ['', '', '', '-', '-', '+'][below(6)];
  return `${sign}${whole}${fraction === '' ? ['', '.'][below(2)] : `.${fraction}`}`;
}

function short(a: string, b: string): string | null {
  const first = Buffer.from(a);
  const second = Buffer.from(b);
  const length = addShortDecimals(first, 0, first.length, second, 0, second.length, out);
  return length === 0 ? null : Buffer.from(out.subarray(0, length)).toString();
}

it('the sum of short decimals is the long double, to the last digit', () => {
  let last = '0';
  let done = 0;
  for (let i = 0; i < 20000; i++) {
    const a = below(2) === 0 ? last : number();
    const b = number();
    const expected = sumOfFloatTexts(a, b);
    assert.ok('sum' in expected);
    const sum = short(a, b);
    if (sum !== null) {
      assert.equal(sum, expected.sum, `${a} + ${b}`);
      done++;
    }
    last = Math.abs(Number(expected.sum)) < 1e9 ? expected.sum : '0';
  }
  assert.ok(done > 18000, `${done} of 20000`);
});

it('known sums', () => {
  assert.equal(short('0.1', '0.2'), '0.3');
  assert.equal(short('1000000', '0.1'), '1000000.10000000000002274');
  assert.equal(short('-0', '-0.0'), '0');
  assert.equal(short('5.5', '-5.5'), '0');
  assert.equal(short('+.5', '1.'), '1.5');
});

it('what is no short decimal is left to others', () => {
  for (const text of ['', '.', '-', '1e3', ' 1', '1 ', '0x1', 'inf', 'nan', '1.2.3', '3000000000.5']) {
    assert.equal(short(text, '1.5'), null, text);
    assert.equal(short('1.5', text), null, text);
  }
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as lp from '../../../src/structures/listpack.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { Oracle, oracleMissing } from '../util/oracle.ts';

const OFFSET = 13;

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** A listpack somewhere in a larger array. */
class Pack {
  b = new Uint8Array(1 << 20);

  constructor() {
    lp.lpInit(this.b, OFFSET);
  }

  insert(p: number, text: string): void {
    const src = bytesOf(text);
    const before = lp.lpBytes(this.b, OFFSET);
    const size = lp.lpEncodedSize(src, 0, src.length);
    lp.lpInsert(this.b, OFFSET, p, src, 0, src.length);
    assert.equal(lp.lpBytes(this.b, OFFSET), before + size);
    assert.equal(lp.lpEntrySize(this.b, p), size);
  }

  append(text: string): void {
    this.insert(lp.lpEnd(this.b, OFFSET), text);
  }

  get bytes(): Buffer {
    return Buffer.from(this.b.slice(OFFSET, OFFSET + lp.lpBytes(this.b, OFFSET)));
  }

  at(p: number): string {
    const element = lp.lpGet(this.b, p, new lp.LpElement());
    const { bytes, off, len } = element;
    const text = Buffer.from(bytes.subarray(off, off + len)).toString('latin1');
    if (element.isInt) assert.equal(Number(text), element.int);
    return text;
  }

  forwards(): string[] {
    const all: string[] = [];
    for (let p = lp.lpFirst(this.b, OFFSET); p >= 0; p = lp.lpNext(this.b, p)) all.push(this.at(p));
    return all;
  }

  backwards(): string[] {
    const all: string[] = [];
    for (let p = lp.lpLast(this.b, OFFSET); p >= 0; p = lp.lpPrev(this.b, OFFSET, p)) all.push(this.at(p));
    return all.reverse();
  }
}

const NUMBERS = [
  ...[0, 1, 127, 128, 4095, 4096, 32767, 32768, 8388607, 8388608, 2147483647, 2147483648],
  ...[-1, -128, -4096, -4097, -32768, -32769, -8388608, -8388609, -2147483648, -2147483649],
  ...[2 ** 53 - 1, -(2 ** 53 - 1)],
].map(String);
const EDGES = [
  ...NUMBERS,
  ...['9007199254740993', '-9007199254740993', '9223372036854775807', '-9223372036854775808'],
  ...['9223372036854775808', '-9223372036854775809', '18446744073709551616', '-0', '01', '+1', '1 ', '', '-'],
  ...[1, 62, 63, 64, 125, 126, 127, 4094, 4095, 4096, 16374, 16376, 16377, 16378, 16379, 20000].map((n) =>
    'x'.repeat(n),
  ),
];

function someText(random: Random): string {
  const kind = randomBelow(random, 10);
  if (kind < 3) return EDGES[randomBelow(random, EDGES.length - 7)]!;
  if (kind < 6) return String(Math.floor((random.float() - 0.5) * 10 ** randomBelow(random, 16)) + 0);
  return String.fromCharCode(97 + randomBelow(random, 26)).repeat(randomBelow(random, kind === 9 ? 300 : 12));
}

describe('listpack', () => {
  it('has the known encodings', () => {
    const pack = new Pack();
    assert.equal(pack.bytes.toString('hex'), '070000000000ff');
    for (const text of ['a', '1', '-1', '1000', '']) pack.append(text);
    assert.equal(pack.bytes.toString('hex'), '1400000005008161020101dfff02c3e8028001ff');
  });

  it('reads every edge back', () => {
    const pack = new Pack();
    for (const text of EDGES) pack.append(text);
    assert.deepEqual(pack.forwards(), EDGES);
    assert.deepEqual(pack.backwards(), EDGES);
    assert.ok(lp.lpValidate(pack.b, OFFSET, pack.bytes.length));
  });

  it('writes integers given as numbers as their digits', () => {
    const [texts, ints] = [new Pack(), new Pack()];
    for (const text of NUMBERS) {
      texts.append(text);
      assert.equal(lp.lpEncodedIntSize(Number(text)), lp.lpEncodedSize(bytesOf(text), 0, text.length));
      lp.lpInsertInt(ints.b, OFFSET, lp.lpEnd(ints.b, OFFSET), Number(text));
    }
    assert.deepEqual(ints.bytes, texts.bytes);
  });

  it('does not know its length above 65534 elements', () => {
    const pack = new Pack();
    for (let i = 0; i < 65536; i++) pack.append('1');
    assert.equal(lp.lpLength(pack.b, OFFSET), 65536);
    assert.equal(lp.lpSeek(pack.b, OFFSET, -65536), lp.lpFirst(pack.b, OFFSET));
    lp.lpDelete(pack.b, OFFSET, lp.lpFirst(pack.b, OFFSET), 65530);
    assert.equal(lp.lpLength(pack.b, OFFSET), 6);
  });

  it('behaves as an array of strings', () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    const pack = new Pack();
    const model: string[] = [];
    for (let step = 0; step < 3000; step++) {
      const where = `seed ${seed}, step ${step}`;
      const index = randomBelow(random, model.length + 1);
      const p = index === model.length ? lp.lpEnd(pack.b, OFFSET) : lp.lpSeek(pack.b, OFFSET, index);
      const kind = model.length > 60 ? 8 : randomBelow(random, 10);
      if (kind < 5) {
        const text = someText(random);
        pack.insert(p, text);
        model.splice(index, 0, text);
      } else if (kind < 7 && index < model.length) {
        const text = someText(random);
        lp.lpReplace(pack.b, OFFSET, p, bytesOf(text), 0, text.length);
        model[index] = text;
      } else if (index < model.length) {
        const count = 1 + randomBelow(random, model.length > 60 ? 40 : 3);
        lp.lpDelete(pack.b, OFFSET, p, count);
        model.splice(index, count);
        assert.equal(lp.lpIsEnd(pack.b, p), index === model.length, where);
      }
      assert.equal(lp.lpLength(pack.b, OFFSET), model.length, where);
      if (step % 10 !== 0) continue;
      assert.deepEqual(pack.forwards(), model, where);
      assert.deepEqual(pack.backwards(), model, where);
      assert.ok(lp.lpValidate(pack.b, OFFSET, pack.bytes.length), where);
      const wanted = model[randomBelow(random, model.length + 1)] ?? 'none';
      const wantedBytes = bytesOf(wanted);
      const found = lp.lpFind(pack.b, OFFSET, lp.lpFirst(pack.b, OFFSET), wantedBytes, 0, wanted.length, 0);
      const place = model.indexOf(wanted);
      assert.equal(found, place < 0 ? -1 : lp.lpSeek(pack.b, OFFSET, place), where);
      const second = lp.lpFind(pack.b, OFFSET, lp.lpFirst(pack.b, OFFSET), wantedBytes, 0, wanted.length, 1);
      const even = model.findIndex((text, i) => i % 2 === 0 && text === wanted);
      assert.equal(second, even < 0 ? -1 : lp.lpSeek(pack.b, OFFSET, even), where);
    }
  });

  it('sees damage', () => {
    const pack = new Pack();
    for (const text of ['abc', '5', '70000', 'x'.repeat(200)]) pack.append(text);
    const good = pack.bytes;
    assert.ok(lp.lpValidate(good, 0, good.length));
    for (let cut = 0; cut < good.length; cut++) assert.ok(!lp.lpValidate(good, 0, cut));
    for (const i of [0, 1, 4, 6, 10, good.length - 2, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[i]! ^= 0x41;
      assert.ok(!lp.lpValidate(bad, 0, bad.length), `byte ${i}`);
    }
  });
});

describe('listpack against redis-server', { skip: oracleMissing }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await Oracle.start({
      rdbcompression: 'no',
      'hash-max-listpack-value': '100000',
      'hash-max-listpack-entries': '1000',
    });
  });
  after(() => oracle.stop());

  it('has the same bytes as a DUMP of a hash', async () => {
    const pack = new Pack();
    const words = ['HSET', 'h'];
    EDGES.forEach((text, i) => {
      words.push(`f${i}`, text);
      pack.append(`f${i}`);
      pack.append(text);
    });
    const [, reply] = await oracle.pipeline([words, ['DUMP', 'h']]);
    const dump = Buffer.from(reply as string, 'latin1');
    // A type byte, the length of the string in 1 + 4 bytes, the string, a footer of 10 bytes.
    assert.equal(dump[0], 16);
    assert.equal(dump[1], 0x80);
    assert.deepEqual(dump.subarray(6, -10), pack.bytes);
  });
});

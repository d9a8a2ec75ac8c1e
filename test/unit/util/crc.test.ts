import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc16, keyHashSlot } from '../../../src/util/crc16.ts';
import { Crc64, crc64 } from '../../../src/util/crc64.ts';
import { bytesOf } from '../../../src/util/latin1.ts';
import { Oracle, oracleMissing } from './oracle.ts';

const CHECK = bytesOf('123456789');

test('the check values', () => {
  assert.equal(crc16(CHECK, 0, 9), 0x31c3);
  assert.equal(crc64(CHECK), 0xe9c6d914c4b8d9can);
  assert.equal(crc64(CHECK, 3, 0), 0n);
});

test('a checksum grows piece by piece, and is written little-endian', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      const at = Math.min(cut, bytes.length);
      const crc = new Crc64().update(bytes, 0, at).update(bytes, at);
      const written = new Uint8Array(10);
      assert.equal(crc.write(written, 1), 9);
      assert.equal(new DataView(written.buffer).getBigUint64(1, true), crc64(bytes));
      assert.ok(crc.matches(written, 1));
      written[4]! ^= 1;
      assert.ok(!crc.matches(written, 1));
    }),
  );
});

test('slots of keys with and without tags', () => {
  const slot = (key: string): number => keyHashSlot(bytesOf(`<${key}>`), 1, key.length);
  assert.equal(slot('foo'), 12182);
  assert.equal(slot('{user1000}.following'), slot('user1000'));
  assert.equal(slot('foo{{bar}}zap'), slot('{bar'));
  assert.notEqual(slot('foo{}{bar}'), slot('bar'));
});

test('slots and checksums of a real server', { skip: oracleMissing }, async () => {
  const oracle = await Oracle.start({ 'cluster-enabled': true });
  try {
    const keys = fc
      .sample(fc.array(fc.constantFrom('a', 'b', '{', '}', '\xff'), { maxLength: 8 }), {
        numRuns: 500,
        seed: 8,
      })
      .map((chars) => chars.join(''));
    const slots = await oracle.pipeline(keys.map((key) => ['CLUSTER', 'KEYSLOT', key]));
    keys.forEach((key, i) => {
      assert.equal(keyHashSlot(bytesOf(key), 0, key.length), slots[i], JSON.stringify(key));
    });
  } finally {
    await oracle.stop();
  }
  const plain = await Oracle.start();
  try {
    const [, dump] = (await plain.pipeline([
      ['SET', 'k', 'some value'],
      ['DUMP', 'k'],
    ])) as [unknown, string];
    const bytes = bytesOf(dump);
    assert.ok(new Crc64().update(bytes, 0, bytes.length - 8).matches(bytes, bytes.length - 8));
  } finally {
    await plain.stop();
  }
});

test('CRC-64 of long runs, in blocks of the module, is that of short ones', () => {
  const bytes = new Uint8Array(100_003);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 13;
  for (const len of [96, 103, 32767, 32768, 32769, 65536, 100_003]) {
    const short = new Crc64();
    for (let at = 0; at < len; at += 50) short.update(bytes, at, Math.min(50, len - at));
    const long = new Crc64().update(bytes, 0, len);
    assert.deepEqual([long.high, long.low], [short.high, short.low], String(len));
  }
});

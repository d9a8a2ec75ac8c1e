/** HyperLogLogs without a server: the hash, the two forms, the estimate. Their bytes are compared in test/differential. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hashElement, pattern } from '../../../src/datatypes/hyperloglog/hash.ts';
import {
  CORRUPT,
  countRegisters,
  countString,
  DENSE,
  denseRegister,
  HLL_HEADER_BYTES,
  HllBuffer,
  isHyperLogLog,
  mergeInto,
  REGISTERS,
  SPARSE,
} from '../../../src/datatypes/hyperloglog/hyperloglog.ts';
import { seededRandom } from '../../../src/util/random.ts';

/** MurmurHash64A as its author defines it, in bigints. */
function murmur(bytes: Uint8Array): bigint {
  const m = 0xc6a4a7935bd1e995n;
  const wrap = (n: bigint): bigint => BigInt.asUintN(64, n);
  let h = wrap(0xadc83b19n ^ wrap(BigInt(bytes.length) * m));
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    let k = 0n;
    for (let i = 7; i >= 0; i--) k = (k << 8n) | BigInt(bytes[at + i]!);
    k = wrap(k * m);
    k ^= k >> 47n;
    h = wrap((h ^ wrap(k * m)) * m);
  }
  if (at < bytes.length) {
    for (let i = bytes.length - 1; i >= at; i--) h ^= BigInt(bytes[i]!) << BigInt(8 * (i - at));
    h = wrap(h * m);
  }
  h ^= h >> 47n;
  h = wrap(h * m);
  return h ^ (h >> 47n);
}

it('hashes as MurmurHash64A', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 3000; round++) {
    const bytes = new Uint8Array(round % 70);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.uint32();
    const hash = murmur(bytes);
    let rest = (hash >> 14n) | (1n << 50n);
    let count = 1;
    for (; (rest & 1n) === 0n; rest >>= 1n) count++;
    hashElement(bytes, 0, bytes.length);
    assert.deepEqual({ ...pattern }, { index: Number(hash & 16383n), count });
  }
});

it('the sparse form has the same registers as an array, until and after it is dense', () => {
  const random = seededRandom(4);
  for (const limit of [30, 300, 3000, 100000]) {
    const hll = new HllBuffer();
    hll.reset();
    const model = new Uint8Array(REGISTERS);
    for (let i = 0; i < 4000; i++) {
      const index = random.float() < 0.5 ? random.uint32() % 50 : random.uint32() % REGISTERS;
      const count = 1 + Math.floor(random.float() ** 6 * 33);
      hll.set(index, count, limit);
      model[index] = Math.max(model[index]!, count);
      if (i % 40 !== 0) continue;
      const registers = new Uint8Array(REGISTERS);
      assert.ok(isHyperLogLog(hll.bytes, 0, hll.len));
      assert.ok(mergeInto(registers, hll.bytes, 0, hll.len));
      assert.deepEqual(registers, model);
      assert.equal(countString(hll.bytes, 0, hll.len), countRegisters(model));
      if (hll.encoding === SPARSE) assert.ok(hll.len <= Math.max(limit, HLL_HEADER_BYTES + 2));
    }
    const encoding = hll.encoding;
    assert.ok(hll.toDense());
    assert.ok(limit > 3000 || encoding === DENSE);
    for (let i = 0; i < REGISTERS; i++) assert.equal(denseRegister(hll.bytes, HLL_HEADER_BYTES, i), model[i]);
  }
});

it('runs that are not all registers are found out', () => {
  const hll = new HllBuffer();
  hll.reset();
  hll.len--;
  // A run cut short: its second byte is whatever comes behind.
  hll.bytes[HLL_HEADER_BYTES] = 0;
  assert.equal(hll.set(5, 3, 3000), CORRUPT);
  assert.equal(hll.toDense(), false);
  assert.equal(countString(hll.bytes, 0, hll.len), -1);
});

it('estimates are within three percent', () => {
  const hll = new HllBuffer();
  hll.reset();
  const element = new Uint8Array(4);
  const words = new DataView(element.buffer);
  for (let n = 1; n <= 100000; n++) {
    words.setUint32(0, n);
    hll.add(element, 0, 4, 3000);
    if (n % 5000 === 0) assert.ok(Math.abs(countString(hll.bytes, 0, hll.len) / n - 1) < 0.03);
  }
});

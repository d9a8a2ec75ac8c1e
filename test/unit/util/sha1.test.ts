/** SHA-1 against node's. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { seededRandom } from '../../../src/util/random.ts';
import { Sha1 } from '../../../src/util/sha1.ts';

it('SHA-1 is that of node for all lengths around a block', () => {
  const random = seededRandom(1);
  const sha1 = new Sha1();
  const out = new Uint8Array(20);
  for (let length = 0; length < 300; length++) {
    const bytes = random.bytes(length);
    sha1.digest(bytes, out);
    assert.equal(
      Buffer.from(out).toString('hex'),
      createHash('sha1').update(bytes).digest('hex'),
      `${length}`,
    );
  }
});

it('SHA-1 of a digest may be written over it', () => {
  const sha1 = new Sha1();
  const bytes = new Uint8Array(20).fill(7);
  const expected = createHash('sha1').update(bytes).digest('hex');
  sha1.digest(bytes, bytes);
  assert.equal(Buffer.from(bytes).toString('hex'), expected);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Args, TEXT_MAX } from '../../../src/resp/args.ts';

describe('arguments', () => {
  it('a text of 512 MiB is cut, since V8 has no string of that length', () => {
    // A request whose command had such a name ended the process.
    const args = new Args();
    args.buf = new Uint8Array(TEXT_MAX * 2);
    args.count = 1;
    args.len[0] = TEXT_MAX * 2;
    assert.equal(args.text(0).length, TEXT_MAX);
    assert.equal(args.lower(0).length, TEXT_MAX);
  });
});

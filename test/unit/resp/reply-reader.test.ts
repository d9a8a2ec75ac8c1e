import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Reply, ReplyReader } from '../../../src/resp/reply-reader.ts';

const STREAM = '+PONG\r\n:42\r\n$5\r\nhello\r\n-ERR no\r\n*3\r\n$1\r\na\r\n:1\r\n*1\r\n$-1\r\n';

function collect(bytesMax?: number): { replies: Reply[]; broken: string[]; reader: ReplyReader } {
  const replies: Reply[] = [];
  const broken: string[] = [];
  const reader = new ReplyReader(
    (reply) => replies.push(reply),
    (reason) => broken.push(reason),
    bytesMax,
  );
  return { replies, broken, reader };
}

function plain(reply: Reply): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (reply instanceof Error) return `error ${reply.message}`;
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

test('a stream of replies reads the same wherever it is cut', () => {
  const whole = Buffer.from(STREAM);
  for (let cut = 1; cut < whole.length; cut++) {
    const { replies, broken, reader } = collect();
    reader.feed(Buffer.from(whole.subarray(0, cut)));
    reader.feed(Buffer.from(whole.subarray(cut)));
    assert.deepEqual(replies.map(plain), ['PONG', 42, 'hello', 'error ERR no', ['a', 1, [null]]]);
    assert.deepEqual(broken, []);
  }
});

test('replies are copies: they outlive the chunk they came in', () => {
  const { replies, reader } = collect();
  const chunk = Buffer.from('$3\r\nabc\r\n');
  reader.feed(chunk);
  chunk.fill(0);
  assert.equal(plain(replies[0]!), 'abc');
});

test('bytes that are no RESP break the link once', () => {
  const { broken, reader } = collect();
  reader.feed(Buffer.from('HTTP/1.1 400\r\n'));
  reader.feed(Buffer.from('more\r\n'));
  assert.equal(broken.length, 1);
});

test('a reply without end is given up at the limit', () => {
  const { broken, reader } = collect(100);
  reader.feed(Buffer.from('$1000\r\n'));
  for (let i = 0; i < 4 && broken.length === 0; i++) reader.feed(Buffer.alloc(50, 97));
  assert.deepEqual(broken, ['a reply of more than 100 bytes']);
});

/**
 * The string commands over a socket. What redis-server answers to everything else is in differential/strings.test.ts;
 * here is what must hold without it, and what needs sizes or times that do not go well with random sequences.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Arg, RawClient } from '../support/raw-client.ts';
import { ErrorReply, type Reply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { sleep } from '../support/wait-for.ts';

const MIB = 1024 * 1024;

describe('strings', () => {
  let server: ServerProcess;
  let client: RawClient;
  const r = (...args: readonly Arg[]): Promise<Reply> => client.call(...args);
  const raw = async (...args: readonly Arg[]): Promise<string> =>
    (await client.send(...args)).toString('latin1');
  const fails = async (text: string, ...args: readonly Arg[]): Promise<void> => {
    const reply = await r(...args);
    assert.ok(reply instanceof ErrorReply, `${args.join(' ')} did not fail`);
    assert.equal(reply.message, text);
  };
  before(async () => {
    server = await startServer();
    client = await server.connect();
  });
  beforeEach(() => r('FLUSHALL'));
  after(async () => {
    await client.close();
    await server.stop();
  });

  it('SET and GET keep any bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    assert.equal(await raw('SET', bytes, bytes), '+OK\r\n');
    assert.equal(await raw('GET', bytes), `$256\r\n${bytes.toString('latin1')}\r\n`);
    assert.equal(await raw('SET', '', ''), '+OK\r\n');
    assert.equal(await raw('GET', ''), '$0\r\n\r\n');
    assert.equal(await raw('GET', 'none'), '$-1\r\n');
  });

  it('values of all sizes, written over each other', async () => {
    const sizes = [0, 1, 44, 45, 1000, 32767, 32768, 32769, 65536, 100_000, MIB, 5 * MIB, 20, 3 * MIB, 0];
    for (const [i, size] of sizes.entries()) {
      const value = Buffer.alloc(size, i + 65);
      await r('SET', 'k', value);
      await r('SET', `k${i}`, value);
      assert.equal(await r('STRLEN', 'k'), size);
      assert.ok(
        (await client.send('GET', 'k')).equals(Buffer.concat([Buffer.from(`$${size}\r\n`), value, CRLF])),
      );
    }
    for (const [i, size] of sizes.entries()) {
      assert.equal(
        await r('GETRANGE', `k${i}`, size - 1, size),
        size === 0 ? '' : String.fromCharCode(i + 65),
      );
    }
  });

  it('a long value that was kept as it came can be changed', async () => {
    const value = Buffer.alloc(2 * MIB, 'a');
    await r('SET', 'long', value);
    await r('SET', 'other', value, 'EX', 1000);
    assert.equal(await r('APPEND', 'long', 'tail'), 2 * MIB + 4);
    assert.equal(await r('SETRANGE', 'other', 0, 'head'), 2 * MIB);
    assert.equal(await r('GETRANGE', 'long', -6, -1), 'aatail');
    assert.equal(await r('GETRANGE', 'other', 0, 5), 'headaa');
    assert.equal(await r('GETRANGE', 'long', 0, 5), 'aaaaaa');
    assert.ok(Number(await r('TTL', 'other')) > 990);
    assert.equal(((await r('GETDEL', 'other')) as string).length, 2 * MIB);
    assert.equal(await r('EXISTS', 'other'), 0);
  });

  it('APPEND byte by byte into the external values', async () => {
    await r('SET', 'k', Buffer.alloc(32_700, 'x'));
    const replies = await client.pipeline(
      Array.from({ length: 200 }, (_, i) => ['APPEND', 'k', String(i % 10)]),
    );
    assert.equal(replies.at(-1)!.toString(), ':32900\r\n');
    const expected = Array.from({ length: 200 }, (_, i) => i % 10).join('');
    assert.equal(await r('GETRANGE', 'k', -200, -1), expected);
  });

  it('integers are exact up to 64 bits', async () => {
    await r('SET', 'n', '9007199254740991');
    assert.equal(await raw('INCR', 'n'), ':9007199254740992\r\n');
    assert.equal(await raw('INCR', 'n'), ':9007199254740993\r\n');
    assert.equal(await raw('INCRBY', 'n', '9214364837600034814'), ':9223372036854775807\r\n');
    await fails('ERR increment or decrement would overflow', 'INCR', 'n');
    assert.equal(await raw('GET', 'n'), '$19\r\n9223372036854775807\r\n');
    await r('SET', 'n', '-9223372036854775808');
    await fails('ERR increment or decrement would overflow', 'DECRBY', 'n', 1);
    await fails('ERR decrement would overflow', 'DECRBY', 'n', '-9223372036854775808');
    assert.equal(await raw('INCRBY', 'n', '9223372036854775807'), ':-1\r\n');
    await fails('ERR value is not an integer or out of range', 'INCRBY', 'n', '9223372036854775808');
    for (const text of ['', ' 1', '1 ', '+1', '01', '1.0', '-0', '1e3']) {
      await r('SET', 's', text);
      await fails('ERR value is not an integer or out of range', 'INCR', 's');
    }
  });

  it('INCRBYFLOAT adds in decimals, as a long double shows them', async () => {
    assert.equal(await r('INCRBYFLOAT', 'f', '0.1'), '0.1');
    assert.equal(await r('INCRBYFLOAT', 'f', '0.2'), '0.3');
    assert.equal(await r('INCRBYFLOAT', 'f', '-0.3'), '0');
    assert.equal(await r('INCRBYFLOAT', 'f', '5e3'), '5000');
    assert.equal(await r('OBJECT', 'ENCODING', 'f'), 'embstr');
    assert.equal(await r('INCR', 'f'), 5001);
    assert.equal(await r('OBJECT', 'ENCODING', 'f'), 'int');
    await fails('ERR value is not a valid float', 'INCRBYFLOAT', 'f', 'x');
    await fails('ERR increment would produce NaN or Infinity', 'INCRBYFLOAT', 'f', 'inf');
    await r('SET', 'f', `1${'0'.repeat(200_000)}`);
    await fails('ERR value is not a valid float', 'INCRBYFLOAT', 'f', '1');
  });

  it('encodings follow what was done to the string', async () => {
    const encoding = async (): Promise<Reply> => r('OBJECT', 'ENCODING', 'k');
    for (const [value, expected] of [
      ['12', 'int'],
      ['-9223372036854775808', 'int'],
      ['9223372036854775808', 'embstr'],
      ['x'.repeat(44), 'embstr'],
      ['x'.repeat(45), 'raw'],
    ] as const) {
      await r('SET', 'k', value);
      assert.equal(await encoding(), expected, value);
    }
    await r('SET', 'k', '1');
    await r('APPEND', 'k', '2');
    assert.equal(await encoding(), 'raw');
    await r('SET', 'k', '1');
    assert.equal(await encoding(), 'int');
    await r('SETRANGE', 'k', 0, '7');
    assert.equal(await encoding(), 'raw');
    await r('DEL', 'k');
    await r('APPEND', 'k', '12');
    assert.equal(await encoding(), 'int');
  });

  it('SET: conditions, old values and times', async () => {
    assert.equal(await r('SET', 'k', '1', 'XX'), null);
    assert.equal(await r('SET', 'k', '1', 'NX', 'GET'), null);
    assert.equal(await r('SET', 'k', '2', 'NX', 'GET'), '1');
    assert.equal(await r('GET', 'k'), '1');
    assert.equal(await r('SET', 'k', '2', 'GET', 'EX', 100), '1');
    assert.ok(Number(await r('PTTL', 'k')) > 99_000);
    assert.equal(await r('SET', 'k', '3', 'KEEPTTL'), 'OK');
    assert.ok(Number(await r('PTTL', 'k')) > 99_000);
    assert.equal(await r('SET', 'k', '4'), 'OK');
    assert.equal(await r('TTL', 'k'), -1);
    await fails('ERR syntax error', 'SET', 'k', 'v', 'NX', 'XX');
    await fails('ERR syntax error', 'SET', 'k', 'v', 'EX');
    await fails('ERR syntax error', 'SET', 'k', 'v', 'EX', '10', 'KEEPTTL');
    await fails("ERR invalid expire time in 'set' command", 'SET', 'k', 'v', 'EX', '0');
    await fails("ERR invalid expire time in 'set' command", 'SET', 'k', 'v', 'EX', '9223372036854775807');
    await fails("ERR invalid expire time in 'setex' command", 'SETEX', 'k', '-1', 'v');
    await fails("ERR invalid expire time in 'psetex' command", 'PSETEX', 'k', '9223372036854775807', 'v');
    await fails("ERR invalid expire time in 'getex' command", 'GETEX', 'k', 'PX', '0');
    await fails('ERR value is not an integer or out of range', 'SET', 'k', 'v', 'PXAT', 'soon');
    assert.equal(await r('GET', 'k'), '4');
  });

  it('expiry times are kept to the last of their 64 bits', async () => {
    await r('SET', 'k', 'v', 'PXAT', '9223372036854775807');
    assert.equal(await raw('PEXPIRETIME', 'k'), ':9223372036854775807\r\n');
    await r('GETEX', 'k', 'PXAT', '9007199254740993');
    assert.equal(await raw('PEXPIRETIME', 'k'), ':9007199254740993\r\n');
    assert.equal(await r('GET', 'k'), 'v');
  });

  it('a key is gone when its time is up', async () => {
    await r('SET', 'k', 'v', 'PX', 40);
    assert.equal(await r('GET', 'k'), 'v');
    await sleep(80);
    assert.equal(await r('GET', 'k'), null);
    await r('SET', 'k', 'v', 'EXAT', 1);
    assert.equal(await r('SETNX', 'k', 'w'), 1);
    assert.equal(await r('TTL', 'k'), -1);
    await r('GETEX', 'k', 'EXAT', 1);
    assert.equal(await r('EXISTS', 'k'), 0);
  });

  it('MSETNX sets all or none; a key named twice gets its last value', async () => {
    assert.equal(await r('MSETNX', 'a', '1', 'b', '2', 'a', '3'), 1);
    assert.equal(await r('MSETNX', 'c', '1', 'b', '9'), 0);
    assert.deepEqual(await r('MGET', 'a', 'b', 'c'), ['3', '2', null]);
    await fails("ERR wrong number of arguments for 'msetnx' command", 'MSETNX', 'a', '1', 'b');
    await fails("ERR wrong number of arguments for 'mset' command", 'MSET', 'a', '1', 'b');
  });

  it('MSET and MGET of thousands of keys', async () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `key:${i}`);
    assert.equal(await r('MSET', ...keys.flatMap((key) => [key, `value of ${key}`])), 'OK');
    assert.deepEqual(
      await r('MGET', ...keys),
      keys.map((key) => `value of ${key}`),
    );
  });

  it('SETRANGE pads with zeros and stops at proto-max-bulk-len', async () => {
    assert.equal(await r('SETRANGE', 'k', 5, 'x'), 6);
    assert.equal(await raw('GET', 'k'), '$6\r\n\0\0\0\0\0x\r\n');
    const tooLong = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';
    await fails(tooLong, 'SETRANGE', 'k', 536870912, 'x');
    await fails(tooLong, 'SETRANGE', 'none', '9223372036854775807', 'x');
    await fails('ERR offset is out of range', 'SETRANGE', 'k', -1, 'x');
    assert.equal(await r('SETRANGE', 'none', 536870912, ''), 0);
    assert.equal(await r('EXISTS', 'none'), 0);
  });

  it('bytes left from an older, longer value never show', async () => {
    await r('SET', 'k', Buffer.alloc(200, 'x'));
    await r('SET', 'k', 'y');
    await r('SETRANGE', 'k', 10, 'z');
    assert.equal(await raw('GET', 'k'), '$11\r\ny\0\0\0\0\0\0\0\0\0z\r\n');
  });

  it('LCS', async () => {
    await r('MSET', 'a', 'ohmytext', 'b', 'mynewtext');
    assert.equal(await r('LCS', 'a', 'b'), 'mytext');
    assert.equal(await r('LCS', 'a', 'b', 'LEN'), 6);
    const both = [
      [4, 7],
      [5, 8],
    ];
    const first = [
      [2, 3],
      [0, 1],
    ];
    assert.deepEqual(await r('LCS', 'a', 'b', 'IDX'), ['matches', [both, first], 'len', 6]);
    assert.deepEqual(await r('LCS', 'a', 'b', 'IDX', 'MINMATCHLEN', 4, 'WITHMATCHLEN'), [
      'matches',
      [[...both, 4]],
      'len',
      6,
    ]);
    assert.equal(await r('LCS', 'none', 'b'), '');
    await fails(
      'ERR If you want both the length and indexes, please just use IDX.',
      'LCS',
      'a',
      'b',
      'IDX',
      'LEN',
    );
    await r('SETRANGE', 'long', 12_000, 'x');
    await fails(
      'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
      'LCS',
      'long',
      'long',
      'LEN',
    );
  });

  it('RESP3: null, map and bulk strings', async () => {
    const three = await server.connect({ resp: 3 });
    try {
      const reply = async (...args: readonly Arg[]): Promise<string> =>
        (await three.send(...args)).toString('latin1');
      assert.equal(await reply('GET', 'none'), '_\r\n');
      assert.equal(await reply('SET', 'k', 'v', 'GET'), '_\r\n');
      assert.equal(await reply('MGET', 'k', 'none'), '*2\r\n$1\r\nv\r\n_\r\n');
      assert.equal(await reply('INCRBYFLOAT', 'f', '1.5'), '$3\r\n1.5\r\n');
      assert.equal(await reply('LCS', 'k', 'k', 'IDX'), LCS_RESP3);
    } finally {
      await three.close();
    }
  });
});

const CRLF = Buffer.from('\r\n');
const LCS_RESP3 =
  '%2\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:0\r\n:0\r\n*2\r\n:0\r\n:0\r\n$3\r\nlen\r\n:1\r\n';

/** Append-only files, loaded: whole, cut anywhere, corrupt, in windows of any kind. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { aof, LoadingFolder, type LoadOptions } from '../support/loading.ts';

const FILE = 'appendonly.aof.1.incr.aof';
const folder = new LoadingFolder();
after(() => folder.remove());

const SHORT_READ = `!!! Warning: short read while loading the AOF file ${FILE}!!!`;
const UNEXPECTED_END =
  `Unexpected end of file reading the append only file ${FILE}. You can: 1) Make a backup of your AOF file, then use ` +
  "./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration " +
  'option to yes and restart the server.';
const BAD_FORMAT =
  `Bad file format reading the append only file ${FILE}: make a backup of your AOF file, then use ./redis-check-aof ` +
  '--fix <filename.manifest>';

function load(bytes: Uint8Array | string, options?: LoadOptions) {
  folder.write(FILE, bytes);
  return folder.load([FILE], options);
}

describe('an append-only file', () => {
  it('is loaded command by command, into any database', async () => {
    const { redis, refusal, log } = await load(
      aof(
        ['SET', 'a', 1],
        ['SELECT', 3],
        ['RPUSH', 'l', 'x', 'y'],
        ['MULTI'],
        ['INCR', 'n'],
        ['INCR', 'n'],
        ['EXEC'],
      ),
    );
    assert.equal(refusal, null);
    assert.equal(redis.call('GET', 'a'), '1');
    redis.call('SELECT', '3');
    assert.deepEqual(redis.call('LRANGE', 'l', '0', '-1'), ['x', 'y']);
    assert.equal(redis.call('GET', 'n'), '2');
    assert.deepEqual(
      log.map((line) => line.replace(/[\d.]+ seconds/, 'N seconds')),
      [`DB loaded from incr file ${FILE}: N seconds`, 'DB loaded from append only file: N seconds'],
    );
    assert.equal(redis.engine.clients.count, 1, 'nobody but the test is connected');
  });

  it('keeps keys whose time is up until all is loaded', async () => {
    const { redis } = await load(
      aof(
        ['RPUSH', 'l', 'a'],
        ['PEXPIREAT', 'l', 1000],
        ['RPUSH', 'l', 'b'],
        ['SET', 'k', 'v', 'PXAT', 1000],
      ),
    );
    assert.equal(redis.call('DBSIZE'), 2);
    assert.equal(redis.call('LLEN', 'l'), 0);
    assert.equal(redis.call('EXISTS', 'k'), 0);
  });

  it('skips annotations', async () => {
    const { redis, refusal } = await load(
      Buffer.concat([
        Buffer.from('#TS:1600000000\r\n'),
        aof(['SET', 'a', 1]),
        Buffer.from(`#${'x'.repeat(3000)}\r\n`),
      ]),
    );
    assert.equal(refusal, null);
    assert.equal(redis.call('DBSIZE'), 1);
  });

  it('does not wait in commands that wait', async () => {
    const { redis, refusal } = await load(
      aof(['BLPOP', 'l', 0], ['RPUSH', 'l', 'a', 'b'], ['BLPOP', 'l', 0]),
    );
    assert.equal(refusal, null);
    assert.deepEqual(redis.call('LRANGE', 'l', '0', '-1'), ['b']);
  });

  it('says so when a command fails now, and goes on', async () => {
    const { redis, log } = await load(
      aof(['SET', 'a', 'x'], ['LPUSH', 'a', 1], ['INCR', 'a'], ['SET', 'b', 1]),
    );
    assert.equal(redis.call('GET', 'b'), '1');
    assert.deepEqual(log.slice(0, 2), [
      "== CRITICAL == This server is sending an error to its AOF-loading-client: '-WRONGTYPE Operation against a key holding the wrong kind of value' after processing the command 'lpush'",
      "== CRITICAL == This server is sending an error to its AOF-loading-client: 'value is not an integer or out of range' after processing the command 'incr'",
    ]);
  });

  it('refuses unknown commands', async () => {
    const { refusal } = await load(aof(['SET', 'a', 1], ['BLA', 'a', 2], ['SET', 'a', 3]));
    assert.equal(refusal, `Unknown command 'BLA' reading the append only file ${FILE}`);
  });

  it('keeps function libraries', async () => {
    const code = (name: string) => `#!lua name=${name}\nredis.register_function('f', function() end)`;
    const { functions, refusal } = await load(
      aof(
        ['FUNCTION', 'LOAD', code('one')],
        ['FUNCTION', 'LOAD', 'REPLACE', `${code('one')} --new`],
        ['FUNCTION', 'LOAD', code('two')],
        ['FUNCTION', 'DELETE', 'two'],
      ),
    );
    assert.equal(refusal, null);
    assert.deepEqual(
      functions.sources.map((source) => Buffer.from(source).toString()),
      [`${code('one')} --new`],
    );
  });

  for (const blocking of [true, false]) {
    it(`holds commands longer than any window (${blocking ? 'at once' : 'in slices'})`, async () => {
      const big = 'v'.repeat(3_500_000);
      const many = Array.from({ length: 400_000 }, (_, i) => `m${i}`);
      const small: string[][] = Array.from({ length: 50_000 }, (_, i) => [
        'SET',
        `k${i}`,
        'x'.repeat(i % 97),
      ]);
      const { redis, refusal } = await load(
        aof(['SET', 'big', big], ...small, ['SADD', 's', ...many], ['SET', 'big2', big], ['SET', 'end', 1]),
        { blocking },
      );
      assert.equal(refusal, null);
      assert.equal(redis.call('STRLEN', 'big'), big.length);
      assert.equal(redis.call('STRLEN', 'big2'), big.length);
      assert.equal(redis.call('SCARD', 's'), many.length);
      assert.equal(redis.call('STRLEN', 'k49999'), 49_999 % 97);
      assert.equal(redis.call('DBSIZE'), 50_004);
    });
  }
});

describe('an append-only file that is cut off', () => {
  const commands = [
    ['SET', 'a', '1'],
    ['RPUSH', 'l', 'x', 'yy'],
    ['MULTI'],
    ['SET', 'b', '2'],
    ['INCR', 'a'],
    ['EXEC'],
    ['SET', 'c', '3'],
  ];
  const whole = aof(...commands);
  /** Where the file may end: behind commands and transactions. */
  const ends = [0, 1, 2, 6, 7].map((count) => aof(...commands.slice(0, count)).length);

  it('loads up to the last whole command or transaction, wherever it is cut', async () => {
    for (let length = 1; length < whole.length; length++) {
      const valid = Math.max(...ends.filter((end) => end <= length));
      const { refusal, log, redis } = await load(whole.subarray(0, length));
      assert.equal(refusal, null, `cut at ${length}`);
      assert.equal(folder.read(FILE).length, valid, `cut at ${length}`);
      assert.equal(log.includes(SHORT_READ), valid !== length, `cut at ${length}`);
      // What is left is the same data once more.
      const again = await folder.load([FILE]);
      assert.deepEqual(again.redis.call('DEBUG', 'DIGEST'), redis.call('DEBUG', 'DIGEST'));
      assert.deepEqual(
        redis.call('MGET', 'a', 'b'),
        valid < ends[1]! ? [null, null] : valid < ends[3]! ? ['1', null] : ['2', '2'],
      );
    }
  });

  it('is refused where aof-load-truncated is off, and stays as it is', async () => {
    for (let length = 1; length < whole.length; length++) {
      const { refusal } = await load(whole.subarray(0, length), {
        directives: { 'aof-load-truncated': 'no' },
      });
      assert.equal(refusal, ends.includes(length) ? null : UNEXPECTED_END, `cut at ${length}`);
      assert.equal(folder.read(FILE).length, length);
    }
  });

  it('tells of the transaction that goes', async () => {
    const { log } = await load(aof(...commands.slice(0, 4)));
    assert.deepEqual(log.slice(0, 4), [
      `Revert incomplete MULTI/EXEC transaction in AOF file ${FILE}`,
      SHORT_READ,
      `!!! Truncating the AOF ${FILE} at offset ${ends[2]} !!!`,
      `AOF ${FILE} loaded anyway because aof-load-truncated is enabled`,
    ]);
  });

  it('does not believe a length', async () => {
    const { refusal } = await load(`${aof(['SET', 'a', 1]).toString()}*2\r\n$3\r\nGET\r\n$2000000000\r\nabc`);
    assert.equal(refusal, null);
    assert.equal(folder.read(FILE).length, ends[1]);
  });

  it('is refused, and not cut, where another file comes behind it', async () => {
    const second = 'appendonly.aof.2.incr.aof';
    folder.write(FILE, whole.subarray(0, 10));
    folder.write(second, whole);
    const { refusal, log } = await folder.load([FILE, second]);
    assert.equal(refusal, 'Fatal error: the truncated file is not the last file');
    assert.deepEqual(log, [SHORT_READ, refusal]);
    assert.equal(folder.read(FILE).length, 10);
  });
});

describe('a corrupt append-only file', () => {
  const good = aof(['SET', 'a', 1], ['SET', 'b', 2]);
  const bad = Buffer.concat([good, Buffer.from('!!!'), aof(['SET', 'c', 3])]);

  it('is refused, with the place', async () => {
    const { refusal, log } = await load(bad);
    assert.equal(refusal, BAD_FORMAT);
    assert.deepEqual(log, [
      `AOF ${FILE} is corrupt behind offset ${good.length}: ${bad.length - good.length} bytes follow`,
      BAD_FORMAT,
    ]);
    assert.deepEqual(folder.read(FILE), bad);
  });

  for (const [name, bytes] of [
    ['an empty array', '*0\r\n'],
    ['a negative count', '*-1\r\n'],
    ['no bulk', '*2\r\n:3\r\n'],
    ['an inline command', 'SET a 1\r\n'],
    ['too few arguments', '*1\r\n$3\r\nGET\r\n'],
  ]) {
    it(`is refused: ${name}`, async () => {
      assert.equal((await load(Buffer.concat([good, Buffer.from(bytes!)]))).refusal, BAD_FORMAT);
    });
  }

  it('loses its tail where aof-load-corrupt-tail-max-size allows', async () => {
    const tail = bad.length - good.length;
    const directives = { 'aof-load-corrupt-tail-max-size': String(tail) };
    const { refusal, redis } = await load(bad, { directives });
    assert.equal(refusal, null);
    assert.equal(redis.call('DBSIZE'), 2);
    assert.deepEqual(folder.read(FILE), good);
    const less = { 'aof-load-corrupt-tail-max-size': String(tail - 1) };
    assert.equal((await load(bad, { directives: less })).refusal, BAD_FORMAT);
    assert.deepEqual(folder.read(FILE), bad);
  });

  it('loses the transaction around the corrupt tail', async () => {
    const open = Buffer.concat([good, aof(['MULTI'], ['SET', 'b', 3]), Buffer.from('@@')]);
    const directives = { 'aof-load-corrupt-tail-max-size': '1kb' };
    const { redis } = await load(open, { directives });
    assert.equal(redis.call('GET', 'b'), '2');
    assert.deepEqual(folder.read(FILE), good);
  });

  it('never loses a tail that is not the last', async () => {
    const second = 'appendonly.aof.2.incr.aof';
    folder.write(FILE, bad);
    folder.write(second, good);
    const directives = { 'aof-load-corrupt-tail-max-size': '1mb' };
    assert.equal((await folder.load([FILE, second], { directives })).refusal, BAD_FORMAT);
    assert.deepEqual(folder.read(FILE), bad);
  });
});

describe('zeros at the end, as a crash of the machine leaves them', () => {
  const good = aof(['SET', 'a', 1]).toString('latin1');
  const tails = ['*3\r\n$3\r\nSET\r\n', '*3\r\n', '*', '*3', '*3\r\n$', '*3\r\n$3\r\nSET\r\n$1\r\nab'];
  for (const tail of tails) {
    it(`are corrupt behind ${JSON.stringify(tail)}, not only cut off`, async () => {
      const { refusal } = await load(`${good}${tail}${'\0'.repeat(300)}`);
      assert.equal(refusal, BAD_FORMAT);
    });
  }

  it('are cut off within a value', async () => {
    const { refusal } = await load(`${good}*2\r\n$3\r\nGET\r\n$500\r\n${'\0'.repeat(300)}`);
    assert.equal(refusal, null);
  });
});

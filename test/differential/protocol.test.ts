/**
 * The protocol against the real server, below the level of commands: the same bytes to both, and every byte that
 * comes back until the connection is closed must be the same. Each conversation ends with our FIN, so what a server
 * answers to what it has understood arrives, too, and no test needs to wait for silence.
 *
 * Lines of more than 64 kB are only sent without an end: the real server takes or refuses one that has an end
 * depending on how many bytes of it happen to come with one read.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import { type Arg, encodeCommand } from '../support/raw-client.ts';
import { type Directives, type ServerProcess, startServer } from '../support/server-process.ts';
import { sleep, withTimeout } from '../support/wait-for.ts';

const PING = '*1\r\n$4\r\nPING\r\n';

interface Servers {
  ours: ServerProcess;
  oracle: ServerProcess;
}

/** All that a server says to these bytes, sent piece by piece. */
async function conversation(port: number, pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  const closed = new Promise<void>((resolve) => {
    socket.once('end', resolve);
    // A server that has closed resets a connection on which more arrives.
    socket.once('error', () => resolve());
    socket.once('close', () => resolve());
  });
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await sleep(1);
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  }
  socket.end();
  await withTimeout(closed, 10_000, 'the server to close the connection');
  socket.destroy();
  return Buffer.concat(received).toString('latin1');
}

async function compare(
  { ours, oracle }: Servers,
  bytes: string | Buffer,
  ourPieces = [bytes],
): Promise<void> {
  const [a, b] = await Promise.all([conversation(ours.port, ourPieces), conversation(oracle.port, [bytes])]);
  assert.equal(a, b, `after ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`);
}

function describeBoth(name: string, directives: Directives, body: (servers: Servers) => void): void {
  const command = findOracle();
  if (command === null) {
    describe(name, { skip: NO_ORACLE }, () => {});
    return;
  }
  describe(name, () => {
    const servers = {} as Servers;
    before(async () => {
      servers.ours = await startServer({ directives });
      servers.oracle = await startServer({ command: [command], directives });
    });
    after(() => Promise.all([servers.ours?.stop(), servers.oracle?.stop()]));
    body(servers);
  });
}

function send(...args: readonly Arg[]): string {
  return encodeCommand(args).toString('latin1');
}

const CASES: Readonly<Record<string, readonly string[]>> = {
  'empty requests': ['\r\n\n\r\n', '   \r\n', '*0\r\n', '*-1\r\n', '*-10\r\n', '*-9223372036854775808\r\n'],
  'lengths of arrays': [
    ...[
      '*00\r\n',
      '*01\r\n',
      '*-0\r\n',
      '*+1\r\n',
      '*\r\n',
      '* 1\r\n',
      '*1 \r\n',
      '*a\r\n',
      '*1a\r\n',
      '*-\r\n',
    ],
    ...['*--1\r\n', '*-01\r\n', '*2147483648\r\n', '*3000000000\r\n', '*9223372036854775808\r\n'],
    ...[
      '*-9223372036854775809\r\n',
      '*10000000000000000000\r\n',
      '*1048577\r\n',
      '*2147483647\r\n',
      '*1\0\r\n',
    ],
    ...['*1\n$4\r\nPING\r\n', '*1\rx$4\r\nPING\r\n', '*1\r\n$4\rxPING\r\n', '*1\r\n$4\r\nPINGxx'],
  ],
  'what is no bulk': [
    ...['*1\r\nfoo\r\n', '*1\r\n\r\n', '*1\r\n\nx\r\n', '*1\r\n\0\r\n', '*1\r\n\xff\r\n', "*1\r\n'\r\n"],
    ...['*1\r\nx', '*1\r\n:1\r\n', '*2\r\n$4\r\nECHO\r\n*1\r\n'],
  ],
  'lengths of bulks': [
    ...['$-1', '$-10', '$a', '$', '$04', '$ 4', '$+4', '$-0', '$000000000000004', '$536870913'].map(
      (line) => `*1\r\n${line}\r\nPING\r\n`,
    ),
    ...['*1\r\n$536870912\r\n', '*1\r\n$9223372036854775808\r\n', '*1\r\n$0\r\n\r\n', '*1\r\n$00\r\n\r\n'],
  ],
  'inline requests': [
    ...[
      '\tPING\t a\t\r\n',
      'PING\0 abc\r\n',
      '\0PING\r\n',
      'PING\x0b\r\n',
      'ECHO\x0ba\r\n',
      'ECHO \x0c a\r\n',
    ],
    ...['ECHO \xff\xfe\r\n', 'PING\rPING\r\n', 'ECHO a\rb\r\n', 'PING\n', 'PING\r\r\n', '$4\r\nPING\r\n'],
    ...[
      'set "a b\r\n',
      "set 'a b\r\n",
      'set "a"b c\r\n',
      'ECHO "a b\\x41\\n\\t\\"\\q"\r\n',
      'ECHO a"b"c\r\n',
    ],
    ...["ECHO 'a\\'b\\n'\r\n", 'ECHO a"b"\r\n', "ECHO a'b'\r\n", 'ECHO "\\xzz\\x4"\r\n', 'ECHO ""\r\n'],
    ...[
      'ECHO "a\0b"\r\n',
      'ECHO "a\\\r\n',
      'ECHO "abc\\"\r\n',
      'ECHO "\\r\\a\\b\\n\\t\\X41"\r\n',
      'ECHO "a"\x0b\r\n',
    ],
  ],
  'unknown commands': [
    'foo bar "b\\r\\nz"\r\n',
    `${'x'.repeat(200)} a\r\n`,
    `foo ${'arg '.repeat(100)}\r\n`,
    `foo ${'z'.repeat(127)} y\r\n`,
    `foo ${'z'.repeat(125)} y x\r\n`,
    send('', '', ''),
    send(Buffer.from('\xff\0\n', 'latin1'), '\r\na', 'b'),
    send('a\0b', 'c\0d'),
    send('client', 'y'.repeat(200)),
    send('client', 'a\nb'),
    send('client', 'a\0b'),
  ],
  'requests made by browsers': [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n',
    'POST / HTTP/1.1\r\nPING\r\n',
    'PING\r\nhOsT:\r\nPING\r\n',
  ],
  'CLIENT REPLY': [
    `${send('CLIENT', 'REPLY', 'OFF') + PING}foo\r\nget\r\n${send('CLIENT', 'REPLY', 'ON')}${PING}`,
    send('CLIENT', 'REPLY', 'SKIP') + PING + send('ECHO', 'a'),
    send('CLIENT', 'REPLY', 'SKIP').repeat(2) + PING + send('ECHO', 'a'),
    `${send('CLIENT', 'REPLY', 'SKIP')}foo\r\n${send('ECHO', 'a')}`,
    `${send('CLIENT', 'REPLY', 'SKIP')}get\r\n${send('ECHO', 'a')}`,
    send('CLIENT', 'REPLY', 'SKIP') + send('CLIENT', 'REPLY', 'x') + send('ECHO', 'a'),
    send('CLIENT', 'REPLY', 'SKIP') + send('CLIENT', 'REPLY', 'ON') + send('ECHO', 'a'),
    send('CLIENT', 'REPLY', 'OFF') + send('CLIENT', 'REPLY', 'SKIP') + PING + send('RESET') + PING,
  ],
};

describeBoth('protocol', {}, (servers) => {
  for (const [name, requests] of Object.entries(CASES)) {
    it(name, async () => {
      for (const request of requests) {
        await compare(servers, request);
        // What came before is answered, what comes behind only if nothing was wrong.
        await compare(servers, PING + request + PING);
      }
    });
  }

  it('lines without an end', async () => {
    for (const head of ['*', '*1\r\n$', '', '*\0', '\0']) {
      for (const length of [65534, 65535, 65536, 65537, 65538, 70000]) {
        const line = head + '1'.repeat(length - head.length);
        await compare(servers, line);
        await compare(servers, PING + line);
      }
    }
  });

  it('any bytes, in any pieces', async () => {
    const word = fc.constantFrom(
      ...[
        '*',
        '$',
        '\r\n',
        '\n',
        '\r',
        '0',
        '1',
        '2',
        '3',
        '4',
        '10',
        '-1',
        '-',
        ' ',
        '"',
        "'",
        '\\',
        '\\x41',
      ],
      ...[
        'PING',
        'ECHO',
        'a',
        '\0',
        '\t',
        '\x0b',
        '\xff',
        PING,
        'PING\r\n',
        '*3\r\n',
        '$4\r\n',
        'PING x\r\n',
        '*0\r\n',
      ],
      ...[
        '$0\r\n\r\n',
        'x'.repeat(50),
        ':1\r\n',
        'ECHO "a b"\r\n',
        '2147483648',
        '536870913',
        send('ECHO', 'abc'),
      ],
    );
    const noise = fc.array(word, { minLength: 1, maxLength: 10 }).map((words) => words.join(''));
    const cuts = fc.array(fc.nat(200), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(noise, cuts, async (text, at) => {
        await compare(servers, text, cut(text, at));
      }),
      { numRuns: Number(process.env.FC_RUNS ?? 300) },
    );
  });

  it('a conversation cut at every byte', async () => {
    const text = `${send('SET', 'k', '\r\n$1\r\n')}${send('GET', 'k')}\r\nECHO "a\\x00b"\r\n${PING}*x\r\n`;
    await Promise.all([...text].map((_, i) => compare(servers, text, cut(text, [i]))));
    await compare(servers, text, [...text]);
  });

  it('big arguments, whole and in pieces', async () => {
    const value = Buffer.alloc(3_000_000, 'v');
    const text =
      send('SET', 'big', value) + PING + send('GET', 'big') + send('STRLEN', 'big') + send('DEL', 'big');
    await compare(servers, text);
    for (const size of [1000, 32_769, 65_536, 1_048_577]) {
      const pieces: string[] = [];
      for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
      await compare(
        servers,
        text,
        size === 1000 ? [...pieces.slice(0, 50), pieces.slice(50).join('')] : pieces,
      );
    }
  });

  it('a million arguments, and a hundred thousand requests at once', async () => {
    await compare(servers, `*1000001\r\n$3\r\nDEL\r\n${'$1\r\nk\r\n'.repeat(1_000_000)}${PING}`);
    await compare(servers, PING.repeat(100_000));
    await compare(servers, send('GET', 'nokey').repeat(50_000) + 'PING\r\n'.repeat(50_000));
  });
});

describeBoth('protocol before AUTH', { requirepass: 'secret' }, (servers) => {
  it('small limits', async () => {
    for (const n of [10, 11]) await compare(servers, send(...Array<string>(n).fill('a')) + PING);
    for (const n of [16384, 16385]) await compare(servers, `*1\r\n$${n}\r\n${'a'.repeat(n)}\r\n${PING}`);
    await compare(servers, `${'a '.repeat(100)}\r\n`);
    await compare(servers, `${'a'.repeat(60_000)}\r\n`);
  });

  it('no limits after AUTH', async () => {
    const big = send('ECHO', 'a'.repeat(20_000)) + send(...Array<string>(12).fill('a')) + PING;
    await compare(servers, send('AUTH', 'secret') + big);
    await compare(servers, send('HELLO', '2', 'AUTH', 'default', 'wrong') + big);
    await compare(servers, send('AUTH', 'wrong') + big);
  });

  it('who may do what', async () => {
    const wrong = send('AUTH', 'x') + send('AUTH', 'default', 'x') + send('AUTH', 'a', 'secret');
    await compare(
      servers,
      `${PING}foo\r\nget\r\n${send('CLIENT', 'LIST')}${send('HELLO', '9')}${wrong}${PING}`,
    );
    await compare(
      servers,
      send('AUTH', 'secret') + PING + send('RESET') + PING + send('AUTH', 'default', 'secret'),
    );
    await compare(servers, `${send('CLIENT', 'REPLY', 'OFF') + PING}foo\r\n`);
    await compare(servers, `${send('COMMAND', 'COUNT') + send('RESET')}QUIT\r\nPING\r\n`);
  });
});

/** The text in pieces that end at these positions. */
function cut(text: string, positions: readonly number[]): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const position of [...positions].sort((a, b) => a - b)) {
    if (position > from && position < text.length) {
      pieces.push(text.slice(from, position));
      from = position;
    }
  }
  return [...pieces, text.slice(from)];
}

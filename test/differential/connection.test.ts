/**
 * The connection commands against the real server. What is said about the connection itself (ids, ports, sizes) is
 * masked; fields that 7.2 has and the oracle (7.0) has not are taken out.
 */
import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle } from '../support/oracle.ts';
import { type Arg, RawClient } from '../support/raw-client.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { sleep } from '../support/wait-for.ts';

const word = (...words: string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const name = (): fc.Arbitrary<string> =>
  word('me', '', 'a b', 'a\nb', '\x7f', '~!', 'ü', 'x'.repeat(300), 'a\0b');
const number = (): fc.Arbitrary<string> =>
  word('0', '1', '-1', '15', '16', '007', '+1', '', 'x', '1.0', '2147483648', '9223372036854775808', '99999');
const anyCase = (text: string): fc.Arbitrary<string> =>
  fc.constantFrom(text, text.toLowerCase(), text.toUpperCase());

/** HELLO's version and id are their own; its refusal before AUTH has become clearer in 7.2. */
function maskHello(raw: Buffer): Buffer {
  const text = raw.toString('latin1').replace(/\$\d\r\n7\.[\d.]+/, '$VERSION');
  return Buffer.from(
    text.replace(/(id\r\n):\d+/, '$1:N').replace('HELLO <proto> AUTH', 'HELLO AUTH'),
    'latin1',
  );
}

/** The names of CLIENT LIST's fields, with the values that must be the same. */
function maskClientLine(raw: Buffer): Buffer {
  const masked = raw
    .toString('latin1')
    .replace(/^([$=])\d+/, '$1N')
    .replace(/ lib-name=\S* lib-ver=\S*/g, '')
    .replace(/\b(id|fd|age|idle|qbuf-free|rbs|rbp|tot-mem)=\d+/g, '$1=N')
    .replace(/\b(l?addr)=\S+/g, '$1=A');
  return Buffer.from(masked, 'latin1');
}

const GENERATORS: readonly CommandGenerator[] = [
  command('PING'),
  command('PING', name()),
  command('PING', name(), name()),
  command('ECHO', name()),
  command('SELECT', number()),
  { ...command('SET', word('a', 'b'), word('1', '2')), weight: 2 },
  { ...command('GET', word('a', 'b')), weight: 2 },
  command('AUTH', name()),
  command('AUTH', word('default', 'x', 'de\0fault'), name()),
  command('AUTH', name(), name(), name()),
  { args: fc.tuple(word('HELLO')), normalise: maskHello },
  { ...command('HELLO', word('1', '4', 'x', '', '02', '2 ', '-2')), normalise: maskHello },
  command('HELLO', word('2', '3'), word('SETNAME', 'AUTH', 'foo', 'a\r\nb')),
  command('HELLO', word('2', '3'), word('AUTH'), word('default', 'x')),
  command('HELLO', word('2', '3'), word('AUTH'), word('x', 'y'), name()),
  command('HELLO', word('2', '3'), word('SETNAME'), word('a b', '\x01'), word('foo')),
  ...['getname', 'no-evict', 'reply', 'foo', '', 'help x', 'id x', 'info x', 'unpause x', 'unblock'].map(
    (text) => ({ args: fc.tuple(anyCase('CLIENT'), ...text.split(' ').map((part) => fc.constant(part))) }),
  ),
  { ...command('CLIENT', anyCase('setname'), name()), weight: 3 },
  { ...command('CLIENT', anyCase('getname')), weight: 3 },
  command('CLIENT', anyCase('no-evict'), word('on', 'OFF', 'x', '')),
  command('CLIENT', word('REPLY'), word('x', '')),
  command('CLIENT', word('PAUSE'), word('-1', 'x', '', '99999999999999999999')),
  command('CLIENT', word('PAUSE'), word('-1', 'x', '0'), word('x', '', 'write', 'ALL')),
  command('CLIENT', word('Pause'), word('1'), word('write'), word('x')),
  command('CLIENT', word('UNPAUSE')),
  command('CLIENT', word('UNBLOCK'), number()),
  command('CLIENT', word('UNBLOCK'), number(), word('timeout', 'ERROR', 'x')),
  command('CLIENT', word('UnBlock'), number(), word('timeout'), word('x')),
  command('CLIENT', word('KILL'), word('1.2.3.4:5', 'x', '')),
  command('CLIENT', word('KILL'), word('id', 'ID'), word('x', '0', '-1', '', '999999999')),
  command(
    'CLIENT',
    word('KILL'),
    word('type', 'user', 'addr', 'laddr', 'foo'),
    word('x', 'slave', 'pubsub', 'a\0'),
  ),
  command(
    'CLIENT',
    word('KILL'),
    word('skipme', 'type'),
    word('maybe', 'master'),
    word('id', 'x'),
    word('9999999'),
  ),
  command('CLIENT', word('KILL'), word('id'), word('999999'), word('type', 'laddr')),
  command('CLIENT', word('LIST'), word('type', 'id', 'x')),
  command(
    'CLIENT',
    word('LIST'),
    word('type', 'TYPE'),
    word('slave', 'replica', 'PUBSUB', 'master', 'x', 'a\0b'),
  ),
  command('CLIENT', word('LIST'), word('id'), word('x', '', '0', '-1', '999999'), word('x', '7777777')),
  command('RESET', word('x')),
];

describeWithOracle('connection commands', (pair) => {
  // RESET turns it off in 7.2, not in 7.0.
  beforeEach(() => pair.compare('CLIENT', 'NO-EVICT', 'OFF'));

  it('random sequences', () => differential(pair, GENERATORS, { runs: 200, maxCommands: 40 }));

  it('HELLO shows the same map', async () => {
    await pair.compareNormalised(maskHello, 'HELLO');
    await pair.compareNormalised(maskHello, 'HELLO', pair.resp, 'SETNAME', 'me');
    await pair.compareNormalised(maskHello, 'HELLO', pair.resp, 'AUTH', 'default', 'x', 'SETNAME', 'you');
    await pair.compare('CLIENT', 'GETNAME');
  });

  it('CLIENT INFO and LIST have the same fields', async () => {
    await pair.compareNormalised(maskClientLine, 'CLIENT', 'INFO');
    await pair.compare('SELECT', 3);
    await pair.compare('CLIENT', 'SETNAME', 'me');
    await pair.compare('CLIENT', 'NO-EVICT', 'ON');
    await pair.compareNormalised(maskClientLine, 'client', 'list');
    await pair.compareNormalised(maskClientLine, 'CLIENT', 'LIST', 'TYPE', 'normal');
  });

  it('CLIENT LIST names a monitor', async () => {
    const monitors = await openBoth(pair.oursServer, pair.oracleServer);
    await Promise.all(monitors.map((client) => client.send('MONITOR')));
    await pair.compareNormalised(maskClientLine, 'CLIENT', 'LIST');
    await Promise.all(monitors.map((client) => client.close()));
  });

  it('RESET starts anew', async () => {
    await pair.compareAll([
      ['SELECT', 5],
      ['CLIENT', 'SETNAME', 'x'],
    ]);
    await pair.compare('RESET');
    await pair.compareNormalised(maskClientLine, 'CLIENT', 'INFO');
    await pair.compare('GET', 'nothing');
  });

  it('CLIENT KILL ends whom it names', async () => {
    for (const options of [
      ['SKIPME', 'yes'],
      ['TYPE', 'normal'],
      ['USER', 'default', 'SKIPME', 'YES'],
    ]) {
      const others = await openBoth(pair.oursServer, pair.oracleServer);
      await pair.compare('CLIENT', 'KILL', ...options);
      await Promise.all(others.map((client) => client.waitClosed()));
    }
    const ids = (await pair.sendBoth([['CLIENT', 'ID']])).map(([raw]) => Number(raw!.toString().slice(1)));
    assert.ok(ids.every((id) => id > 0));
    await pair.compare('CLIENT', 'KILL', 'SKIPME', 'no');
    await Promise.all([pair.ours.waitClosed(), pair.oracle.waitClosed()]);
  });

  it('CLIENT PAUSE holds what may write', async () => {
    const others = await openBoth(pair.oursServer, pair.oracleServer);
    await pair.compare('SET', 'short', 'lived', 'PX', 30);
    await pair.compare('CLIENT', 'PAUSE', 100_000, 'WRITE');
    const replies = others.map((client) =>
      client.pipeline([['PING'], ['SET', 'k', 'v'], ['GET', 'k'], ['SET']]),
    );
    await sleep(50);
    await pair.compareAll([
      ['GET', 'k'],
      ['DBSIZE'],
      ['GET', 'short'],
      ['EXISTS', 'short'],
      ['SET', 'k'],
      ['foo'],
    ]);
    // A shorter pause does not end the longer one.
    await pair.compare('CLIENT', 'PAUSE', 1, 'WRITE');
    await sleep(20);
    await pair.compareAll([
      ['GET', 'k'],
      ['CLIENT', 'UNPAUSE'],
      ['SET', 'own', 1],
    ]);
    const [ours, oracle] = await Promise.all(replies);
    assert.deepEqual(ours!.map(String), oracle!.map(String));
    await Promise.all(others.map((client) => client.close()));
  });

  it('CLIENT PAUSE holds everything', async () => {
    const started = performance.now();
    await pair.compareAll([['CLIENT', 'PAUSE', 200], ['PING'], ['SET', 'k', 'v'], ['GET', 'k']]);
    assert.ok(performance.now() - started > 190);
  });
});

/** A client of each server. */
function openBoth(ours: ServerProcess, oracle: ServerProcess): Promise<RawClient[]> {
  return Promise.all([ours, oracle].map(({ host, port }) => RawClient.connect({ host, port })));
}

/** What monitors of both servers see of these commands, sources masked. */
async function monitored(server: ServerProcess, commands: readonly (readonly Arg[])[]): Promise<string[]> {
  const monitor = await RawClient.connect({ port: server.port });
  const client = await RawClient.connect({ port: server.port });
  await monitor.send('MONITOR');
  for (const args of commands) await client.send(...args);
  await client.send('ECHO', 'that is all');
  const lines: string[] = [];
  for (;;) {
    const line = (await monitor.nextReply()).toString('latin1');
    if (line.includes('"that is all"')) break;
    assert.match(line, /^\+\d+\.\d{6} \[\d+ 127\.0\.0\.1:\d+\] /);
    lines.push(line.replace(/^\+\d+\.\d+ \[(\d+) [^\]]*\]/, '$1'));
  }
  await Promise.all([monitor.close(), client.close()]);
  return lines;
}

describeWithOracle(
  'MONITOR',
  (pair) => {
    it('shows the same lines', async () => {
      const commands: readonly (readonly Arg[])[] = [
        ['SET', 'k', Buffer.from('"\\\n\r\t\x07\b\0\x7f\xff é', 'latin1')],
        ['get'],
        ['nosuch', 'command'],
        ['GET', ''],
        ['SELECT', 3],
        ['CONFIG', 'GET', 'port'],
        ['AUTH', 'secret'],
        ['AUTH', 'me', 'secret'],
        ['HELLO', '2', 'AUTH', 'me', 'secret', 'SETNAME', 'x'],
        ['CLIENT', 'SETNAME', 'x'],
        ['CLIENT', 'LIST'],
        ['INCR', 'k'],
        ['DEBUG', 'SLEEP', '0'],
        ['PING'],
        ['RESET'],
      ];
      const [ours, oracle] = await Promise.all([
        monitored(pair.oursServer, commands),
        monitored(pair.oracleServer, commands),
      ]);
      assert.deepEqual(ours, oracle);
    });

    it('lets a monitor do little else', async () => {
      await pair.compareAll([['MONITOR'], ['GET', 'k'], ['SET', 'k', 'v'], ['RESET'], ['GET', 'k']]);
    });
  },
  { resp: [2] },
);

/** CONFIG GET, CONFIG SET, CONFIG REWRITE and start-up against redis-server: names, defaults, texts, errors. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseCommandLine } from '../../../src/config/command-line.ts';
import { ConfigFileError, ServerConfig } from '../../../src/config/config.ts';
import { NO_ORACLE, Oracle, refusal } from './oracle.ts';

const oracle = new Oracle();
before(async () => {
  if (NO_ORACLE === false) await oracle.start();
});
after(() => oracle.stop());

const skip = NO_ORACLE;

function fresh(): ServerConfig {
  return new ServerConfig({ cwd: oracle.folder });
}

function pairsOf(reply: unknown): Map<string, string> {
  const flat = reply as string[];
  const pairs = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) pairs.set(flat[i]!, flat[i + 1]!);
  return pairs;
}

test('CONFIG GET * is the same in the default configuration', { skip }, async () => {
  const theirs = pairsOf(await oracle.call('CONFIG', 'GET', '*'));
  const config = fresh();
  const ours = new Map(config.get(['*']));
  for (const [name, text] of theirs) {
    if (name === 'port') assert.equal(ours.get(name), '6379');
    else assert.equal(ours.get(name), text, name);
  }
  const added = [...ours.keys()].filter((name) => !theirs.has(name)).sort();
  assert.deepEqual(added, [
    'aof-load-corrupt-tail-max-size',
    'busy-poll',
    'cluster-announce-human-nodename',
    'locale-collate',
    'log-format',
    'set-max-listpack-entries',
    'set-max-listpack-value',
  ]);
});

test('CONFIG GET of patterns', { skip }, async () => {
  const config = fresh();
  const sorted = (map: Map<string, string>) => [...map].sort();
  for (const patterns of [
    ['slave-pri*', 'maxmemory', 'nosuch'],
    ['maxmemory', 'maxmemory'],
    ['maxmemory', 'max*s'],
    ['MAXMEM*'],
    ['MAXMEMORY'],
    ['RDB-KEY-SAVE-DELAY'],
    ['rdb-key*'],
    ['*slave*'],
    ['h?'],
    ['[hs]*-entries'],
    [''],
    ['a b'],
  ]) {
    const theirs = pairsOf(await oracle.call('CONFIG', 'GET', ...patterns));
    const ours = new Map(config.get(patterns).filter(([name]) => !name.startsWith('set-max-listpack')));
    assert.deepEqual(sorted(ours), sorted(theirs), patterns.join(' '));
  }
});

const NUMBERS = [
  '0',
  '1',
  '-1',
  '07',
  '+1',
  ' 1',
  '1e3',
  '',
  'x',
  '9223372036854775807',
  '9223372036854775808',
];
const EXTREMES = [
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '65536',
  '99',
  '100',
  '101',
  '1000',
  '1001',
];
const SIZES = [
  '1k',
  '1KB',
  '3mb',
  '1g',
  '1.5gb',
  '1x',
  '50%',
  '101%',
  '-50%',
  '18446744073709551615',
  '999999999999gb',
];
const WORDS = ['yes', 'NO', 'no yes', 'everysec', 'ALLKEYS-LRU', 'a/b'];
const VALUES = [...NUMBERS, ...EXTREMES, ...SIZES, ...WORDS];

/** Parameters that change the oracle itself, or where we differ on purpose. */
const LEFT_OUT = new Set([
  'port',
  'bind',
  'requirepass',
  'maxclients', // refused by the limit of open files, which is the server's business
  'activedefrag', // Debian's build has no jemalloc that could
  'loglevel', // 7.2 has "nothing"
  'watchdog-period', // needs a signal handler
]);
const APPLIED = /TLS configuration|operating system|bind to/;

test('CONFIG SET of all parameters to all sorts of values', { skip }, async () => {
  const config = fresh();
  const names = [
    ...pairsOf(await oracle.call('CONFIG', 'GET', '*')).keys(),
    'rdb-key-save-delay',
    'key-load-delay',
  ];
  for (const name of names) {
    if (LEFT_OUT.has(name)) continue;
    for (const value of VALUES) {
      const theirs = await oracle.call('CONFIG', 'SET', name, value);
      if (APPLIED.test(String(theirs))) continue;
      const result = await config.set([[name, value]]);
      assert.equal(result === null ? 'OK' : `ERR ${result}`, theirs, `CONFIG SET ${name} '${value}'`);
      const shown = await oracle.call('CONFIG', 'GET', name);
      assert.deepEqual(config.get([name]).flat(), shown, `CONFIG GET ${name} after '${value}'`);
    }
  }
});

test('CONFIG SET of parameters with a grammar of their own', { skip }, async () => {
  const config = fresh();
  const cases: Record<string, string[]> = {
    save: ['900 1 300', '900 1  300 10', '', '0 1', '1 -1', 'a b', '1 0', '60 1000 5 6', '1 1x'],
    'client-output-buffer-limit': [
      'normal 1mb 2mb 3',
      'slave 1 2 3 pubsub 4 5 6',
      'replica 1 2',
      'replica 1 2 x',
      'replica 1z 2 0',
      'master 1 2 0',
      'foo 1 2 0',
      'replica 1 2 -1',
      '',
      'REPLICA 1KB 2 1',
      'replica 5 5 5 replica 7 7 7',
    ],
    'notify-keyspace-events': ['KEA', 'KEg$lshzxetdmn', 'Kx', 'AKm', 'nmd', 'q', 'AEn', 'g', ''],
    'oom-score-adj-values': ['0 1 2', '0 1', '5 1 2', '0 1 3000', '0 1 x', '0 200 800'],
    'latency-tracking-info-percentiles': [
      '50 99.9 100',
      '',
      'a',
      '99.99999 0.1 1e1 50.000',
      '101',
      '-1',
      '50 99 99.9',
    ],
    'shutdown-on-sigterm': [
      'nosave now',
      'nosave save',
      'default now',
      '',
      'FORCE NOW',
      'x',
      'default',
      'save force',
    ],
    'proc-title-template': [
      '{bad',
      '{bad}',
      '',
      'a{title}}',
      '{port} {tls-port} {unixsocket} {config-file}',
      'plain',
    ],
    'cluster-announce-hostname': ['a_b!', 'x'.repeat(255), 'x'.repeat(256), 'ok.host-1', ''],
    'bind-source-addr': ['a b', ''],
    masterauth: ['a b', '\xff"\n', ''],
  };
  for (const [name, values] of Object.entries(cases)) {
    await oracle.call('CONFIG', 'SET', name, config.text(name)!); // What the test before may have changed.
    for (const value of values) {
      const theirs = await oracle.call('CONFIG', 'SET', name, value);
      const result = await config.set([[name, value]]);
      assert.equal(result === null ? 'OK' : `ERR ${result}`, theirs, `CONFIG SET ${name} '${value}'`);
      const [[, text] = []] = config.get([name]);
      const shown = Buffer.from(text!, 'latin1').toString('utf8');
      assert.deepEqual([name, shown], await oracle.call('CONFIG', 'GET', name), `after '${value}'`);
    }
  }
});

test('CONFIG SET of several', { skip }, async () => {
  const config = fresh();
  await oracle.call('CONFIG', 'SET', 'maxmemory', '0', 'timeout', '0', 'save', config.text('save')!);
  for (const words of [
    ['nosuch', '1'],
    ['maxmemory', '1', 'maxmemory', '2'],
    ['maxmemory', '1', 'MAXMEMORY', '2'],
    ['slave-priority', '1', 'replica-priority', '2'],
    ['timeout', 'abc', 'maxmemory', '10'],
    ['maxmemory', '11', 'timeout', 'abc'],
    ['maxmemory', '1', 'nosuch', '2'],
    ['daemonize', 'yes', 'maxmemory', '7'],
    ['maxmemory', '7', 'daemonize', 'yes'],
    ['daemonize', 'x', 'nosuch', 'y'],
    ['nosuch', 'y', 'daemonize', 'x'],
    ['user', 'x'],
    ['include', 'x'],
    ['dir', '/'],
    ['mAxMemory', '5', 'save', ''],
  ]) {
    const theirs = await oracle.call('CONFIG', 'SET', ...words);
    const pairs: [string, string][] = [];
    for (let i = 0; i < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!]);
    const result = await config.set(pairs);
    assert.equal(result === null ? 'OK' : `ERR ${result}`, theirs, words.join(' '));
    const shown = await oracle.call('CONFIG', 'GET', 'maxmemory');
    assert.deepEqual(config.get(['maxmemory']).flat(), shown, words.join(' '));
  }
});

/** Our report without the line that names the file, with the oracle's version. */
function ourReport(args: readonly string[], cwd: string): string {
  const line = parseCommandLine(args);
  const config = new ServerConfig({
    cwd,
    version: '7.0.15',
    isCommand: (name) => ['get', 'set'].includes(name),
  });
  try {
    config.load({ file: line.file, options: line.options });
  } catch (error) {
    assert.ok(error instanceof ConfigFileError, String(error));
    return error.report.replace(/^(In file|From) .*\n/m, '');
  }
  return 'accepted';
}

test('reports about wrong files and command lines', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-config-'));
  const inFile = (text: string, ...args: string[]) => {
    writeFileSync(join(folder, 'x.conf'), Buffer.from(text));
    const theirs = refusal(['x.conf', ...args], folder);
    assert.equal(ourReport(['x.conf', ...args], folder), theirs, `${text} ${args.join(' ')}`);
  };
  try {
    writeFileSync(join(folder, 'wrong.conf'), '\nmaxmemory bad');
    inFile('maxmemory');
    inFile('\n\n \t maxmemory x \t\r\n');
    inFile('foo bar');
    inFile('loglevel "warning');
    inFile('loglevel "warning"x');
    inFile('masterauth é "x" y');
    inFile('port 1 2');
    inFile('databases 0');
    inFile('unixsocketperm 888');
    inFile('unixsocketperm 1777');
    inFile('dir /no/such/dir');
    inFile('slaveof 127.0.0.1');
    inFile('slaveof 127.0.0.1 x');
    inFile('replicaof 127.0.0.1 99999');
    inFile('cluster-enabled yes\nslaveof 1.1.1.1 5\n');
    inFile('save "1 2" "3 4"');
    inFile('include a b');
    inFile('timeout 1\n\ninclude wrong.conf');
    inFile('rename-command foo bar');
    inFile('rename-command get ""\nrename-command get x');
    inFile('rename-command get set');
    inFile('rename-command get');
    inFile('user');
    inFile('user a on\nuser a on');
    inFile('loadmodule');
    inFile('sentinel monitor x 127.0.0.1 1 1');
    inFile('list-max-ziplist-entries');
    inFile('dbfilename a/b');
    inFile('appendfilename ""');
    inFile('appenddirname a/b');
    inFile('port 0\n', '--bad', 'x');
    inFile('port 0', '--bad', 'x');
    inFile('port 0', '-', '--bad', 'x');
    const onLine = (...args: string[]) =>
      assert.equal(ourReport(args, folder), refusal(args, folder), args.join(' '));
    onLine('--port=24555');
    onLine('--port', '0', 'foo');
    onLine('-x', '--port', '0');
    onLine('--port');
    onLine('--port 0 --save 1 2');
    onLine('--masterauth', '--port', '0');
    onLine('--masterauth', 'x', '#', 'y z');
    onLine('--port', '0', '--save', '--bad', 'x');
    onLine('--port', '0', '--save 1 2', '--bad', 'x');
    onLine('--port', '0', '--save 1 2', '3', '4', '--bad', 'x');
    onLine('--bad "x y', 'z');
    onLine('--bad ', 'z');
    onLine('--bad x', '--');
    onLine('--bad', '--', '--port');
    onLine('--', '--port', '0');
    onLine('--bad', 'a\x01"\\ é\n');
    onLine('--save', '1', '2', '');
    onLine('--maxmemory', '1gb', '', '--port', '0');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The text with what follows the signature sorted: Redis appends in the order of its hash table. */
function comparable(text: string): string[] {
  const lines = text.split('\n');
  const at = lines.indexOf('# Generated by CONFIG REWRITE');
  return at < 0 ? lines : [...lines.slice(0, at + 1), ...lines.slice(at + 1).sort()];
}

const CHANGES: [string, string][] = [
  ['maxmemory', '1048577'],
  ['save', '9 9'],
  ['masterauth', 'a"b\x01'],
  ['masteruser', ''],
  ['repl-backlog-size', '3145728'],
  ['timeout', '0'],
  ['hash-max-listpack-entries', '3'],
  ['client-output-buffer-limit', 'normal 0 0 0'],
  ['latency-tracking-info-percentiles', ''],
  ['shutdown-on-sigint', 'default'],
  ['oom-score-adj-values', '0 200 800'],
  ['notify-keyspace-events', 'KEA'],
  ['slowlog-log-slower-than', '9223372036854775807'],
];
const REWRITTEN = [
  'timeout 5\n',
  '',
  '\n\n\n# c  \n  # d\nmaxmemory 1gb\nmaxmemory 2gb\n\nslave-priority 5\nsave 1 2\nsave 3 4\nsave 5 6\n' +
    'client-output-buffer-limit slave 1mb 2mb 3\nrename-command get ""\ninclude y*.conf\n  HZ   20 \n' +
    'maxmemory-clients 5%\nrequirepass ""\nunixsocketperm 755\nloglevel \'notice\'\nnotify-keyspace-events "A"',
  'maxmemory 1gb\ntimeout 5\nmasterauth foo\nmasteruser bar\nclient-output-buffer-limit normal 1 2 3\n' +
    'client-output-buffer-limit pubsub 1 2 3\nsave ""\nlatency-tracking-info-percentiles 50 70\n' +
    'shutdown-on-sigint save now\noom-score-adj-values 1 2 3\nlua-time-limit 5000\n# Generated by CONFIG REWRITE\n',
];

test('CONFIG REWRITE writes the same file', { skip }, async () => {
  for (const text of REWRITTEN) {
    for (const changes of [[], CHANGES]) {
      const server = new Oracle();
      const theirFile = join(server.folder, 'x.conf');
      const ourFile = join(server.folder, 'ours.conf');
      try {
        for (const file of [theirFile, ourFile]) writeFileSync(file, text);
        await server.start(['x.conf']);
        const config = new ServerConfig({ cwd: server.folder });
        const port = pairsOf(await server.call('CONFIG', 'GET', 'port')).get('port')!;
        config.load({ file: 'ours.conf', options: `port ${port}` });
        for (const change of changes) {
          assert.equal(await server.call('CONFIG', 'SET', ...change), 'OK');
          assert.equal(await config.set([change]), null);
        }
        for (let round = 0; round < 2; round++) {
          assert.equal(await server.call('CONFIG', 'REWRITE'), 'OK');
          const theirs = readFileSync(theirFile, 'latin1');
          const userLines = [/^user .*$/m.exec(theirs)![0]];
          assert.equal(await config.rewrite({ userLines }), null);
          assert.deepEqual(comparable(readFileSync(ourFile, 'latin1')), comparable(theirs), text);
        }
      } finally {
        await server.stop();
      }
    }
  }
});

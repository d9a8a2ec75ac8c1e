/** Configuration files: stock ones, trailing comments, includes, the command line. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { optionLines, parseCommandLine } from '../../../src/config/command-line.ts';
import { ConfigFileError, ServerConfig } from '../../../src/config/config.ts';
import { textToBytes } from '../../../src/config/parameter.ts';

const folder = mkdtempSync(join(tmpdir(), 'ts-redis-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const shared = fileURLToPath(new URL('../../../../shared/data', import.meta.url));
const noShared = existsSync(shared) ? false : 'the folder of shared data is missing';

/** Loads a file with this text. */
function load(text: string, argv: readonly string[] = []): ServerConfig {
  writeFileSync(join(folder, 'x.conf'), text);
  const { file, options } = parseCommandLine(['x.conf', ...argv]);
  const config = new ServerConfig({ cwd: folder });
  config.load({ file, options });
  return config;
}

function reportOf(text: string, argv: readonly string[] = []): string {
  try {
    load(text, argv);
  } catch (error) {
    assert.ok(error instanceof ConfigFileError, String(error));
    return error.report;
  }
  return 'accepted';
}

test('the stock files of five versions are accepted', { skip: noShared }, () => {
  const versions = readdirSync(join(shared, 'stock-conf'));
  assert.equal(versions.length, 5);
  for (const version of versions) {
    const config = new ServerConfig({ cwd: folder });
    config.load({ file: join(shared, 'stock-conf', version, 'redis.conf') });
    assert.equal(config.values.port, 6379, version);
    assert.equal(config.values.dir, textToBytes(folder));
    assert.deepEqual(config.values.bind[0], '127.0.0.1');
  }
});

test('what the stock files show in comments is known', { skip: noShared }, () => {
  const unknown = new Set<string>();
  for (const version of readdirSync(join(shared, 'stock-conf'))) {
    const text = readFileSync(join(shared, 'stock-conf', version, 'redis.conf'), 'latin1');
    for (const [, line] of text.matchAll(/^# ([a-z]+(?:[-_][a-z]+)+ (?:[0-9]+|yes|no|""))$/gm)) {
      const config = new ServerConfig({ cwd: folder });
      try {
        config.load({ options: line! });
      } catch {
        unknown.add(line!);
      }
    }
  }
  assert.deepEqual([...unknown], []);
});

test('the files of the guide are accepted, comments in UTF-8 and all', { skip: noShared }, () => {
  for (const name of ['redis.conf', 'replica-redis.conf']) {
    const config = load(readFileSync(join(shared, 'guide', name), 'utf8').replaceAll('/redis/log', folder));
    assert.deepEqual(config.values.bind, ['0.0.0.0']);
    assert.equal(config.values.daemonize, true);
    assert.equal(config.values.appendonly, true);
    assert.equal(config.values.logfile, `${folder}/redis.log`);
    const master = name === 'redis.conf' ? null : { host: '172.18.113.66', port: 6379 };
    assert.deepEqual(config.values.replicaof, master);
  }
});

test('a comment may follow a complete directive', () => {
  const config = load(
    [
      "maxmemory 1gb # don't ask",
      'bind 127.0.0.1 ::1\t#网络',
      'save 900 1 # often',
      'slaveof 10.0.0.1 6400 #slave 节点',
      'client-output-buffer-limit slave 1mb 1mb 5 # "',
      'rename-command GET "" # gone',
      'pidfile "/tmp/a#b" # path',
      'dbfilename a#b.rdb',
      'lua-replicate-commands yes # old',
      'timeout 3 #',
    ].join('\n'),
  );
  assert.equal(config.values.maxmemory, 1073741824);
  assert.deepEqual(config.values.bind, ['127.0.0.1', '::1']);
  assert.deepEqual(config.values.save, [{ seconds: 900, changes: 1 }]);
  assert.deepEqual(config.values.replicaof, { host: '10.0.0.1', port: 6400 });
  assert.equal(config.values['client-output-buffer-limit'].replica.softSeconds, 5);
  assert.deepEqual(config.renames, [['GET', '']]);
  assert.equal(config.values.pidfile, '/tmp/a#b');
  assert.equal(config.values.dbfilename, 'a#b.rdb');
  assert.equal(config.values.timeout, 3);
});

test('a # that is a value stays one', () => {
  const hash = `#${'a'.repeat(64)}`;
  const config = load(
    `requirepass #x\nmasterauth "#y" # comment\nuser a on ${hash} ~* +@all\nuser b # c\nmasteruser '#'\n`,
  );
  assert.equal(config.values.requirepass, '#x');
  assert.equal(config.values.masterauth, '#y');
  assert.equal(config.values.masteruser, '#');
  assert.deepEqual(config.users, [
    ['a', 'on', hash, '~*', '+@all'],
    ['b', '#', 'c'],
  ]);
  assert.match(reportOf('maxmemory # 1gb'), /argument must be a memory value|wrong number/);
  assert.match(reportOf('slaveof 10.0.0.1 # 6400'), /wrong number of arguments|Invalid master port/);
  assert.match(reportOf('timeout 1 "#x"'), /wrong number of arguments/);
  assert.match(reportOf('', ['--timeout', '1', '# x']), /wrong number of arguments/);
});

test('passwords are bytes', () => {
  const config = load('requirepass "пароль\\xff"', ['--masterauth', 'é']);
  assert.equal(config.values.requirepass, `${textToBytes('пароль')}\xff`);
  assert.equal(config.values.masterauth, '\xc3\xa9');
});

test('reports name the file, the line, its text and the reason', () => {
  assert.equal(
    reportOf('port 1\n\n  timeout é \n'),
    '\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\n' +
      'Reading the configuration file, at line 3\n' +
      `In file ${join(folder, 'x.conf')}\n` +
      ">>> 'timeout é'\n" +
      "argument couldn't be parsed into an integer\n",
  );
  assert.match(
    reportOf('port 1\n', ['--timeout', 'x']),
    /at line 3\nFrom the command line\n>>> 'timeout "x"'/,
  );
});

test('include: patterns, order, relative to dir, cycles, missing files', () => {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  writeFileSync(join(folder, 'inc1.conf'), 'maxmemory 1\ntimeout 7');
  writeFileSync(join(folder, 'inc2.conf'), 'maxmemory 2');
  writeFileSync(join(folder, '.inc3.conf'), 'maxmemory 3');
  writeFileSync(join(folder, 'sub', 'inc.conf'), 'maxmemory 4');
  const config = load('include inc*.conf # both\n');
  assert.equal(config.values.maxmemory, 2);
  assert.equal(config.values.timeout, 7);
  assert.equal(load('include *inc*.conf\n').values.maxmemory, 2);
  assert.equal(load('include */inc.conf').values.maxmemory, 4);
  assert.equal(load('dir sub\ninclude inc.conf').values.maxmemory, 4);
  assert.equal(load('include nothing*.conf').values.maxmemory, 0);
  assert.equal(
    reportOf('include nothing.conf'),
    "Fatal error, can't open config file 'nothing.conf': No such file or directory\n",
  );
  assert.match(reportOf('\ninclude x.conf'), /Too many levels of include files/);
  writeFileSync(join(folder, 'wrong.conf'), '\ntimeout x');
  assert.match(reportOf('include wrong.conf'), /at line 2\nIn file .*wrong\.conf\n>>> 'timeout x'\n/);
});

test('standard input comes after the file and before the options', () => {
  writeFileSync(join(folder, 'x.conf'), 'timeout 1\nmaxmemory 1\ntcp-keepalive 1\n');
  const config = new ServerConfig({ cwd: folder });
  config.load({ file: 'x.conf', stdin: 'timeout 2\nmaxmemory 2\n', options: 'timeout 3' });
  assert.deepEqual(
    [config.values.timeout, config.values.maxmemory, config.values['tcp-keepalive']],
    [3, 2, 1],
  );
});

test('the command line', () => {
  const cases: [argv: string[], options: string][] = [
    [[], ''],
    [['--port', '1'], 'port "1"'],
    [['--save', '1', '2', '--port', '3'], 'save "1" "2"\nport "3"'],
    [['--save', '--port', '3'], 'save ""\nport "3"'],
    [['--save'], 'save ""'],
    [['--save', ''], 'save ""'],
    [['--masterauth', '--x', '--port', '3'], 'masterauth "--x"\nport "3"'],
    [['--port 1', '--timeout 2'], 'port 1\ntimeout 2'],
    [['--sentinel', '--port', '1'], 'port "1"'],
    [['--sentinel', '--sentinel', 'announce-ip', '1.2.3.4'], 'sentinel "announce-ip" "1.2.3.4"'],
  ];
  for (const [argv, options] of cases) assert.equal(parseCommandLine(argv).options, options, argv.join(' '));
  assert.deepEqual(parseCommandLine(['a.conf', '--port', '1', '-']), {
    file: 'a.conf',
    stdin: true,
    sentinel: false,
    options: 'port "1"',
  });
  assert.equal(parseCommandLine(['-', '--port', '1']).stdin, true);
  assert.equal(parseCommandLine(['a.conf', '-', '--port', '1']).stdin, false);
  assert.equal(parseCommandLine(['a.conf', '--sentinel']).sentinel, true);
  const config = new ServerConfig({ cwd: folder });
  config.load({
    options: optionLines([
      ['port', '0'],
      ['save', '1', '2'],
      ['requirepass', 'a "é'],
    ]),
  });
  assert.deepEqual(
    [config.values.port, config.text('save'), config.values.requirepass],
    [0, '1 2', textToBytes('a "é')],
  );
});

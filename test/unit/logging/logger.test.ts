import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkLogFile, createLogger, type Logger, type LoggerOptions } from '../../../src/logging/logger.ts';
import { ManualClock } from '../../../src/util/clock.ts';

let folder = '';
let file = '';
let clock: ManualClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ts-redis-log-'));
  file = join(folder, 'redis.log');
  clock = new ManualClock(new Date(2026, 10, 2, 7, 21, 9, 28).getTime());
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(options: Partial<LoggerOptions> = {}): Logger {
  return createLogger({
    level: 'notice',
    file,
    format: 'redis',
    pid: 4242,
    clock,
    timers: clock,
    role: () => 'M',
    ...options,
  });
}

function logged(): string {
  return readFileSync(file, 'latin1');
}

/** Both before and after pino has taken over. */
function bothWays(
  name: string,
  run: (logger: Logger) => void,
  options: () => Partial<LoggerOptions> = () => ({}),
): void {
  for (const late of [false, true]) {
    test(`${name} (${late ? 'by pino' : 'before pino'})`, () => {
      const logger = open(options());
      if (late) {
        clock.advance(1000);
        clock.jumpWallTo(clock.wallMs() - 1000);
      }
      run(logger);
      logger.close();
    });
  }
}

bothWays('lines look as in Redis and are there at once', (logger) => {
  logger.notice('Ready to accept connections');
  logger.warning('100% %s of it');
  const time = '4242:M 02 Nov 2026 07:21:09.028';
  assert.equal(logged(), `${time} * Ready to accept connections\n${time} # 100% %s of it\n`);
});

bothWays('levels', (logger) => {
  const all = (): void => {
    for (const level of ['debug', 'verbose', 'notice', 'warning'] as const) logger[level](level);
  };
  const marks: string[] = [];
  for (const level of ['debug', 'verbose', 'notice', 'warning', 'nothing'] as const) {
    logger.setLevel(level);
    all();
    logger.raw(`=${level}=\n`);
    logger.flush();
    marks.push(logged().replace(/^4242:M .{24} /gm, ''));
    assert.equal(logger.enabled('notice'), ['debug', 'verbose', 'notice'].includes(level));
  }
  assert.equal(
    marks.at(-1),
    '. debug\n- verbose\n* notice\n# warning\n=debug=\n' +
      '- verbose\n* notice\n# warning\n=verbose=\n* notice\n# warning\n=notice=\n# warning\n',
  );
});

bothWays('bytes stay bytes, and text stays text', (logger) => {
  logger.notice('key \xe9\xff');
  logger.notice('grüß €');
  assert.match(logged(), /key \xe9\xff\n/);
  assert.match(readFileSync(file, 'utf8'), /grüß €\n/);
});

bothWays(
  'chatty lines are gathered for a turn, in order',
  (logger) => {
    logger.verbose('one');
    assert.equal(logged(), '');
    logger.notice('two');
    assert.match(logged(), /- one\n.* \* two\n$/s);
    logger.debug('three');
    logger.close();
    assert.match(logged(), /\. three\n$/);
    logger.warning('dropped');
    assert.doesNotMatch(logged(), /dropped/);
  },
  () => ({ level: 'debug' }),
);

bothWays('a file that was rotated away is made anew', (logger) => {
  logger.notice('old');
  renameSync(file, `${file}.1`);
  logger.notice('new');
  assert.match(readFileSync(`${file}.1`, 'latin1'), /old\n$/);
  assert.match(logged(), /^4242:M .* \* new\n$/);
  const away = `${folder}-away`;
  renameSync(folder, away);
  logger.notice('no folder');
  assert.match(readFileSync(join(away, 'redis.log'), 'latin1'), /no folder\n$/);
  renameSync(away, folder);
});

test('the end of a turn writes what was gathered', async () => {
  const logger = open({ level: 'debug' });
  logger.debug('later');
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.match(logged(), /later\n$/);
  logger.close();
  assert.equal(process.listenerCount('exit'), 0);
});

test('JSON is what pino prints', () => {
  let role: 'M' | 'S' = 'M';
  const logger = open({ format: 'json', role: () => role });
  logger.notice('first "quoted"');
  role = 'S';
  logger.warning('second');
  logger.raw('\n banner \n');
  logger.raw('\n');
  logger.verbose('not shown');
  const lines = logged().trimEnd().split('\n');
  const time = clock.wallMs();
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { level: 30, time, pid: 4242, role: 'M', msg: 'first "quoted"' },
      { level: 40, time, pid: 4242, role: 'S', msg: 'second' },
      { level: 30, time, pid: 4242, role: 'S', msg: 'banner' },
    ],
  );
  logger.close();
});

test('a log file that cannot be opened is an error with Redis text', () => {
  const missing = join(folder, 'missing', 'redis.log');
  assert.throws(() => open({ file: missing }), {
    message: "Can't open the log file: No such file or directory",
  });
  assert.equal(checkLogFile(missing), "Can't open the log file: No such file or directory");
  mkdirSync(file);
  assert.equal(checkLogFile(file), "Can't open the log file: Is a directory");
  assert.equal(checkLogFile(''), null);
  assert.equal(checkLogFile(join(folder, 'fine.log')), null);
});

test('lines go to a sink instead', () => {
  const seen: string[] = [];
  const sink = {
    write: (text: string) => seen.push(text),
    flush: () => {},
    close: () => seen.push('closed'),
  };
  const logger = open({ sink });
  logger.notice('hello');
  logger.close();
  assert.match(seen.join(''), /\* hello\nclosed$/);
});

test('a process that exits or crashes has written everything to its standard output', () => {
  const source = fileURLToPath(new URL('../../../src', import.meta.url));
  for (const end of ['process.exit(3)', 'throw new Error("crash")', '']) {
    const script = `
      import { createLogger } from '${source}/logging/logger.ts';
      import { systemClock } from '${source}/util/clock.ts';
      const logger = createLogger({
        level: 'debug', file: '', format: 'redis', clock: systemClock, role: () => 'C',
      });
      logger.notice('started');
      for (let i = 0; i < 3000; i++) logger.debug('line ' + i);
      ${end}`;
    const result = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'latin1',
    });
    const lines = result.stdout.trimEnd().split('\n');
    assert.equal(lines.length, 3001, result.stderr);
    assert.match(lines[3000]!, /^\d+:C \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} \. line 2999$/);
  }
});

/**
 * The snapshot file: what is there after SAVE and BGSAVE, after every kind of failure, and what clients and the log are
 * told. On a file system in memory that fails when told to.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Persistence } from '../../src/engine/persistence.ts';
import { RdbSaver } from '../../src/persistence/rdb/rdb-saver.ts';
import { Snapshots } from '../../src/persistence/snapshot/snapshots.ts';
import { inProcess } from '../support/in-process.ts';
import { ErrorReply } from '../support/reply-framer.ts';
import { MemoryFiles } from './memory-files.ts';

const DUMP = '/data/dump.rdb';
const MISCONF =
  /^MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk\. /;

function setUp(save = '60 1') {
  const redis = inProcess({ save, databases: '4' });
  const { engine, config } = redis;
  (config.values as { dir: string }).dir = '/data';
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  Object.assign(engine.log, { notice: note, warning: note });
  const files = new MemoryFiles();
  const snapshots = new Snapshots(engine, { schedule: () => {} });
  const saver = new RdbSaver({ engine, snapshots, fs: files });
  engine.persistence = {
    save: () => saver.save(),
    backgroundSave: (schedule: boolean) => saver.backgroundSave(schedule),
    get lastSaveMs() {
      return saver.lastSaveMs;
    },
    isRewriting: false,
    get misconf() {
      return saver.misconf;
    },
    flushedAll: () => saver.flushedAll(),
  } as unknown as Persistence;
  saver.loaded();
  /** Lets a background save go on until it has ended. */
  const finish = (): void => {
    for (let n = 0; saver.isSaving; n++) {
      assert.ok(n < 10000, 'it does not end');
      snapshots.step(1000);
      files.finishAll();
    }
    files.finishAll();
  };
  const error = (...words: string[]): string => {
    const reply = redis.call(...words);
    assert.ok(reply instanceof ErrorReply, `${words.join(' ')}: ${String(reply)}`);
    return reply.message;
  };
  const temps = (): string[] => [...files.files.keys()].filter((path) => path.includes('temp'));
  return { redis, files, saver, snapshots, lines, finish, error, temps };
}

it('SAVE: written, synced, renamed; nothing is dirty any more', () => {
  const { redis, files, lines, temps } = setUp();
  redis.call('SET', 'k', 'v');
  assert.equal(redis.call('SAVE'), 'OK');
  assert.match(files.syncedText(DUMP), /^REDIS0010/);
  assert.deepEqual(temps(), []);
  assert.equal(files.openCount, 0);
  assert.equal(redis.engine.keyspace.dirty, 0);
  assert.deepEqual(lines, ['DB saved on disk']);
});

it('BGSAVE: what is written meanwhile stays dirty', () => {
  const { redis, files, saver, finish, error, lines, temps } = setUp();
  redis.call('SET', 'k', 'v');
  assert.equal(redis.call('BGSAVE'), 'Background saving started');
  assert.equal(error('BGSAVE'), 'ERR Background save already in progress');
  assert.equal(error('BGSAVE', 'SCHEDULE'), 'ERR Background save already in progress');
  assert.equal(error('SAVE'), 'ERR Background save already in progress');
  assert.equal(error('BGSAVE', 'X'), 'ERR syntax error');
  redis.call('SET', 'k', 'w');
  redis.call('SET', 'l', 'w');
  finish();
  const file = files.syncedText(DUMP);
  assert.ok(file.includes('\x01k\x01v') && !file.includes('\x01l'));
  assert.equal(redis.engine.keyspace.dirty, 2);
  assert.deepEqual(temps(), []);
  assert.equal(files.openCount, 0);
  assert.equal(saver.lastStatusOk, true);
  assert.deepEqual(lines, [
    `Background saving started by pid ${process.pid}`,
    'DB saved on disk',
    'Background saving terminated with success',
  ]);
});

it('in a transaction BGSAVE is scheduled, and begins with the cron', () => {
  const { redis, saver, finish } = setUp('');
  redis.call('MULTI');
  redis.call('BGSAVE');
  assert.deepEqual(redis.call('EXEC'), ['Background saving scheduled']);
  assert.ok(saver.scheduled && !saver.isSaving);
  redis.clock.advance(200);
  assert.ok(saver.isSaving && !saver.scheduled);
  finish();
});

it('save points: so many changes in more than so many seconds', () => {
  const { redis, saver, lines, finish } = setUp('10 2');
  redis.call('SET', 'k', 'v');
  redis.clock.advance(12000);
  assert.equal(saver.saves, 0);
  redis.call('SET', 'k', 'w');
  redis.clock.advance(200);
  assert.equal(lines[0], '2 changes in 10 seconds. Saving...');
  finish();
  assert.equal(redis.engine.keyspace.dirty, 0);
  redis.clock.advance(60000);
  assert.equal(saver.saves, 1);
});

const FAILURES = [
  [
    'open',
    'ENOENT',
    /^Failed opening the temp RDB file temp-\d+\.rdb \(in server root dir \/data\) for saving: No such/,
  ],
  ['write', 'ENOSPC', /^Write error saving DB on disk\(rdbSaveRio\): No space left on device$/],
  ['fsync', 'EIO', /^Write error saving DB on disk\(fsync\): Input\/output error$/],
  [
    'rename',
    'EACCES',
    /^Error moving temp DB file temp-\d+\.rdb on the final destination dump\.rdb \(in server root dir \/data\): Permission denied$/,
  ],
  ['syncFolder', 'EIO', /^Write error saving DB on disk\(fsyncFileDir\): Input\/output error$/],
] as const;

for (const [call, code, line] of FAILURES) {
  it(`when ${call} fails the old file stays, writers are refused, and it is tried again`, () => {
    const { redis, files, saver, lines, finish, error, temps } = setUp('1 1');
    redis.call('SET', 'k', 'old');
    redis.call('SAVE');
    const old = files.syncedText(DUMP);
    lines.length = 0;
    redis.call('SET', 'k', 'new');
    files.fails = (one) => (one === call ? code : null);
    assert.equal(error('SAVE'), 'ERR');
    assert.match(lines[0]!, line);
    assert.equal(saver.lastStatusOk, true, 'only background saves count');
    redis.call('BGSAVE');
    finish();
    assert.match(lines[2]!, line);
    assert.equal(lines[3], 'Background saving error');
    if (call !== 'syncFolder') assert.equal(files.syncedText(DUMP), old);
    assert.deepEqual(temps(), []);
    assert.equal(files.openCount, 0);
    assert.match(error('SET', 'k', 'x'), MISCONF);
    assert.match(error('PING'), MISCONF);
    assert.equal(redis.call('GET', 'k'), 'new');
    redis.set('stop-writes-on-bgsave-error', 'no');
    redis.call('SET', 'k', 'newer');
    redis.set('stop-writes-on-bgsave-error', 'yes');
    assert.match(error('SET', 'k', 'x'), MISCONF);
    const { saves } = saver;
    redis.clock.advance(4500);
    assert.equal(saver.saves, saves, 'not before five seconds have passed');
    files.fails = () => null;
    redis.clock.advance(2500);
    assert.equal(saver.saves, saves + 1);
    finish();
    assert.equal(redis.call('SET', 'k', 'x'), 'OK');
    assert.ok(files.syncedText(DUMP).includes('newer'));
  });
}

it('a full disk: a short write, then none', () => {
  const { redis, files, finish, lines, temps } = setUp();
  redis.call('SET', 'k', 'v'.repeat(1000));
  files.room = 60;
  redis.call('BGSAVE');
  finish();
  assert.ok(lines.includes('Background saving error'));
  assert.deepEqual(temps(), []);
  assert.equal(files.openCount, 0);
});

it('the name of a save that was ended is used again', () => {
  const { redis, files, finish } = setUp('');
  redis.call('SET', 'k', 'v');
  redis.call('BGSAVE');
  files.finishAll();
  redis.call('FLUSHALL');
  files.finishAll();
  redis.call('BGSAVE');
  assert.ok(files.files.has(`/data/temp-${process.pid}.rdb`), [...files.files.keys()].join());
  finish();
  assert.equal(files.openCount, 0);
});

it('rdb_saves counts what SAVE and BGSAVE begin, not what FLUSHALL and the end save', () => {
  const { redis, saver, finish } = setUp();
  redis.call('SAVE');
  redis.call('BGSAVE');
  redis.call('FLUSHALL');
  finish();
  assert.equal(saver.beforeEnd({ save: 'save', now: false, force: false }), null);
  assert.equal(saver.saves, 2);
});

it('FLUSHALL ends a background save; with save points it saves that there is nothing', () => {
  const one = setUp();
  one.redis.call('SET', 'k', 'v');
  one.redis.call('BGSAVE');
  one.redis.call('FLUSHALL');
  assert.ok(!one.saver.isSaving && one.saver.lastStatusOk);
  assert.ok(one.lines.includes('Background saving terminated by signal 10'));
  one.finish();
  assert.match(one.files.syncedText(DUMP), /^REDIS0010/);
  assert.ok(!one.files.syncedText(DUMP).includes('\x01k'));
  assert.deepEqual(one.temps(), []);
  assert.equal(one.redis.engine.keyspace.dirty, 0);

  const two = setUp('');
  two.redis.call('SET', 'k', 'v');
  two.redis.call('BGSAVE');
  two.redis.call('FLUSHALL');
  two.finish();
  assert.equal(two.files.statSync(DUMP), null);
  assert.deepEqual(two.temps(), []);
});

it('FLUSHALL while the finished file is being renamed: what was flushed does not come back', () => {
  const { redis, files, saver, snapshots, finish, temps } = setUp();
  redis.call('SET', 'flushed', 'v');
  redis.call('BGSAVE');
  // Threads take their time.
  const later = (
    call: string,
    work: () => void,
    done: (error: NodeJS.ErrnoException | null) => void,
  ): void => {
    const finish = (): void => {
      let error: NodeJS.ErrnoException | null = null;
      try {
        work();
      } catch (thrown) {
        error = thrown as NodeJS.ErrnoException;
      }
      done(error);
    };
    files.pending.push({ call, finish });
  };
  files.rename = (from, to, done) => later('rename', () => files.renameSync(from, to), done);
  files.unlink = (path, done) => later('unlink', () => files.unlinkSync(path), done);
  snapshots.step(1000);
  while (files.pending[0]?.call !== 'rename') files.finish();
  redis.call('FLUSHALL');
  assert.ok(!saver.isSaving);
  finish();
  assert.match(files.syncedText(DUMP), /^REDIS0010/);
  assert.ok(!files.syncedText(DUMP).includes('flushed'));
  assert.deepEqual(temps(), []);
  assert.equal(files.openCount, 0);
});

it('the end: saves with save points or when told to, refuses to end when that fails', () => {
  const { redis, files, saver, lines, finish, temps } = setUp();
  redis.call('SET', 'k', 'v');
  redis.call('BGSAVE');
  files.finishAll();
  assert.equal(saver.beforeEnd({ save: 'nosave', now: false, force: false }), null);
  assert.deepEqual(lines.slice(1), [
    'There is a child saving an .rdb. Killing it!',
    'Background saving terminated by signal 10',
  ]);
  assert.deepEqual(temps(), []);
  finish();
  assert.equal(files.statSync(DUMP), null);
  assert.equal(saver.beforeEnd({ save: 'default', now: false, force: false }), null);
  assert.ok(files.syncedText(DUMP).includes('\x01k\x01v'));
  files.fails = (call) => (call === 'write' ? 'EIO' : null);
  assert.notEqual(saver.beforeEnd({ save: 'save', now: false, force: false }), null);
  assert.equal(lines.at(-1), "Error trying to save the DB, can't exit.");
  assert.equal(saver.beforeEnd({ save: 'save', now: false, force: true }), null);
  assert.equal(lines.at(-1), 'Error trying to save the DB. Exit anyway.');
});

it('temporary files of crashed runs are removed, those of others that run are not', () => {
  const { files, saver } = setUp();
  const parent = process.ppid;
  for (const name of [
    'temp-999999999.rdb',
    'temp-12.999999999.rdb',
    `temp-${parent}.rdb`,
    'temp-x.rdb',
    'dump.rdb',
  ]) {
    files.closeSync(files.openSync(`/data/${name}`, 'w'));
  }
  saver.removeRemains();
  assert.deepEqual([...files.files.keys()], [`/data/temp-${parent}.rdb`, '/data/temp-x.rdb', DUMP]);
});

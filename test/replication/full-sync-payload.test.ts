/**
 * The snapshot of a full sync becomes the data set: by a file and straight from the link, cut into pieces of any size,
 * given up at any byte, damaged, and with data in place that it replaces.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SERVER_LOADING } from '../../src/engine/gates.ts';
import type { Logger } from '../../src/logging/logger.ts';
import { type FileSystem, realFileSystem } from '../../src/persistence/files/file-system.ts';
import { DataFiles } from '../../src/persistence/persistence.ts';
import { History } from '../../src/replication/history.ts';
import { FullSyncPayload, type PayloadOptions } from '../../src/replication/replica/full-sync-payload.ts';
import { ReplicationStream } from '../../src/replication/stream/replication-stream.ts';
import { seededRandom } from '../../src/util/random.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { waitFor } from '../support/wait-for.ts';

const MARK = 'f'.repeat(20) + 'e'.repeat(20);

class Server {
  readonly dir = mkdtempSync(join(tmpdir(), 'ts-redis-payload-'));
  readonly redis: InProcess;
  readonly files: DataFiles;
  readonly log: string[] = [];
  readonly ends: ({ streamDb: number } | Error)[] = [];
  replaced = 0;

  constructor(directives: Readonly<Record<string, string>> = {}, fs: FileSystem = realFileSystem) {
    this.redis = inProcess({ dir: this.dir, save: '""', 'enable-debug-command': 'yes', ...directives });
    const { engine } = this.redis;
    const note = (message: string): void => void this.log.push(message);
    const logger: Logger = { ...engine.log, notice: note, warning: note };
    Object.assign(engine, { log: logger });
    this.files = new DataFiles(engine, { fatal: () => {}, fs });
    engine.persistence = this.files;
  }

  payload(kind: PayloadOptions['kind'], more: Partial<PayloadOptions> = {}): FullSyncPayload {
    const { engine } = this.redis;
    return new FullSyncPayload(
      { engine, files: this.files, history: new History(engine.random), stream: new ReplicationStream() },
      {
        kind,
        onLoading: () => this.replaced++,
        onEnd: (result) => this.ends.push(result),
        ...more,
      },
    );
  }

  get isLoading(): boolean {
    return (this.redis.engine.gates & SERVER_LOADING) !== 0;
  }

  get digest(): string {
    return String(this.redis.call('DEBUG', 'DIGEST'));
  }

  async ended(): Promise<{ streamDb: number } | Error> {
    await waitFor(() => this.ends.length > 0, { what: 'the end of the sync' });
    return this.ends[0]!;
  }

  close(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const servers: Server[] = [];

function server(directives: Readonly<Record<string, string>> = {}, fs?: FileSystem): Server {
  const made = new Server(directives, fs);
  servers.push(made);
  return made;
}

after(() => {
  for (const made of servers) made.close();
});

/** A snapshot with a few keys in two databases. */
function snapshot(): { bytes: Buffer; digest: string } {
  const source = server();
  const { redis } = source;
  for (let i = 0; i < 300; i++) redis.call('SET', `key:${i}`, `value:${i}`);
  redis.call('RPUSH', 'list', 'a', 'b', 'c');
  redis.call('SELECT', '3');
  redis.call('HSET', 'hash', 'field', 'value');
  redis.call('SET', 'short', 'lived', 'EX', '1000');
  redis.call('SELECT', '0');
  assert.ok(source.files.saver.saveNow());
  return { bytes: readFileSync(join(source.dir, 'dump.rdb')), digest: source.digest };
}

/** Hands bytes over in pieces; returns how many were taken. */
function feed(payload: FullSyncPayload, bytes: Uint8Array, sizes: () => number): number {
  let at = 0;
  while (at < bytes.length) {
    const len = Math.min(sizes(), bytes.length - at);
    const taken = payload.take(bytes, at, len);
    at += taken;
    if (taken < len) break;
  }
  return at;
}

describe('the payload of a full sync', () => {
  const { bytes, digest } = snapshot();
  const marked = Buffer.concat([bytes, Buffer.from(MARK)]);
  const rest = Buffer.from('*1\r\n$4\r\nPING\r\n');

  it('is what is loaded, though a save of the old data was about to get the name of its file', async () => {
    let renameSaved: (() => void) | null = null;
    const renamed = (): void => {
      renameSaved?.();
      renameSaved = null;
    };
    let isFirst = true;
    const replica = server(
      {},
      {
        ...realFileSystem,
        // The thread that renames what was saved is slow: it is done when the payload has got the name.
        rename: (from, to, done) => {
          if (isFirst) renameSaved = () => realFileSystem.rename(from, to, done);
          else realFileSystem.rename(from, to, (error) => setImmediate(() => done(error)));
          if (!isFirst) renamed();
          isFirst = false;
        },
        renameSync: (from, to) => {
          realFileSystem.renameSync(from, to);
          renamed();
        },
      },
    );
    replica.redis.call('SET', 'old', 'data');
    replica.files.saver.backgroundSave(false);
    replica.files.snapshots.step(1000);
    await waitFor(() => renameSaved !== null, { what: 'the save to be renamed' });
    feed(replica.payload({ bytes: bytes.length }), bytes, () => 1000);
    assert.deepEqual(await replica.ended(), { streamDb: -1 });
    assert.equal(replica.digest, digest);
    await waitFor(() => !replica.files.saver.isSaving, { what: 'the end of the save' });
    assert.deepEqual(readFileSync(join(replica.dir, 'dump.rdb')), bytes);
  });

  for (const diskless of ['disabled', 'on-empty-db', 'swapdb']) {
    for (const withMark of [false, true]) {
      it(`is taken in pieces of any size (${diskless}, ${withMark ? 'mark' : 'length'})`, async () => {
        const random = seededRandom(7);
        for (const max of [1, 3, 41, 1000, 100_000]) {
          const replica = server({ 'repl-diskless-load': diskless });
          const payload = replica.payload(withMark ? { mark: MARK } : { bytes: bytes.length });
          const all = withMark ? marked : bytes;
          const sizes = (): number => 1 + (random.uint32() % max);
          const taken = feed(payload, Buffer.concat([all, rest]), sizes);
          assert.equal(taken, all.length);
          assert.deepEqual(await replica.ended(), { streamDb: -1 });
          assert.equal(replica.digest, digest);
          assert.equal(replica.isLoading, false);
          assert.equal(replica.replaced, 1);
          assert.equal(existsSync(join(replica.dir, 'dump.rdb')), diskless === 'disabled');
          if (diskless === 'disabled') {
            assert.deepEqual(readFileSync(join(replica.dir, 'dump.rdb')), bytes);
          }
          assert.deepEqual(
            readdirSync(replica.dir).filter((name) => name.startsWith('temp')),
            [],
          );
        }
      });
    }
  }

  it('replaces what was there, functions and all databases', async () => {
    const replica = server();
    replica.redis.call('SET', 'old', 'data');
    replica.redis.call('SELECT', '9');
    replica.redis.call('SET', 'old', 'data');
    replica.redis.call('SELECT', '0');
    const payload = replica.payload({ bytes: bytes.length });
    payload.take(bytes, 0, bytes.length);
    assert.equal(replica.redis.call('GET', 'old'), 'data');
    await replica.ended();
    assert.equal(replica.digest, digest);
  });

  it('leaves the data alone when the link is cut before all of a file has come', async () => {
    const replica = server();
    replica.redis.call('SET', 'old', 'data');
    for (let cut = 0; cut < bytes.length; cut += 501) {
      const payload = replica.payload({ bytes: bytes.length });
      payload.take(bytes, 0, cut);
      payload.abort();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(replica.isLoading, false);
      assert.equal(replica.redis.call('GET', 'old'), 'data');
    }
    await waitFor(() => readdirSync(replica.dir).every((name) => !name.startsWith('temp')), {
      what: 'the temporary files to go',
    });
    assert.equal(replica.ends.length, 0);
  });

  it('shows nothing of half a snapshot when the link is cut (diskless)', async () => {
    for (let cut = 0; cut < bytes.length; cut += 501) {
      const replica = server({ 'repl-diskless-load': 'on-empty-db' });
      const payload = replica.payload({ mark: MARK });
      payload.take(bytes, 0, cut);
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(replica.isLoading, true);
      payload.abort();
      assert.equal(replica.isLoading, false);
      assert.equal(replica.redis.call('DBSIZE'), 0);
    }
  });

  it('survives a damaged snapshot, and shows nothing of it', async () => {
    for (const diskless of ['disabled', 'on-empty-db']) {
      for (let at = 0; at < bytes.length; at += 397) {
        const replica = server({ 'repl-diskless-load': diskless });
        const damaged = Buffer.from(bytes);
        damaged[at] = damaged[at]! ^ 0x55;
        const payload = replica.payload({ bytes: bytes.length });
        payload.take(damaged, 0, damaged.length);
        assert.ok((await replica.ended()) instanceof Error, `byte ${at}`);
        assert.equal(replica.redis.call('DBSIZE'), 0);
        assert.equal(replica.isLoading, false);
      }
    }
  });

  it('serves the old data until the new is there (swapdb)', async () => {
    const replica = server({ 'repl-diskless-load': 'swapdb' });
    const { redis } = replica;
    for (let i = 0; i < 2000; i++) redis.call('SET', `old:${i}`, i);
    const before = replica.digest;
    const payload = replica.payload({ mark: MARK }, { isSameHistory: true });
    payload.take(marked, 0, marked.length >> 1);
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(replica.isLoading, false);
    assert.match(String(redis.call('INFO', 'persistence')), /loading:0\r\nasync_loading:1\r\n/);
    assert.match(String(redis.call('BGSAVE')), /LOADING/);
    assert.equal(redis.call('GET', 'old:7'), '7');
    assert.equal(replica.digest, before);
    assert.equal(replica.replaced, 0);
    const at = marked.length >> 1;
    payload.take(marked, at, marked.length - at);
    await replica.ended();
    assert.equal(replica.digest, digest);
    assert.equal(replica.replaced, 1);
    assert.match(String(redis.call('INFO', 'persistence')), /async_loading:0/);
    assert.deepEqual(
      replica.log.filter((line) => line.startsWith('MASTER')),
      [
        'MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to parser',
        'MASTER <-> REPLICA sync: Loading DB in memory',
        'MASTER <-> REPLICA sync: Swapping active DB with loaded DB',
        'MASTER <-> REPLICA sync: Discarding old DB in background',
        'MASTER <-> REPLICA sync: Finished with success',
      ],
    );
  });

  it('keeps the old data when the new does not come (swapdb)', async () => {
    const replica = server({ 'repl-diskless-load': 'swapdb' });
    const { redis } = replica;
    for (let i = 0; i < 2000; i++) redis.call('SET', `old:${i}`, i);
    const before = replica.digest;
    for (let cut = 0; cut < bytes.length; cut += 501) {
      const payload = replica.payload({ mark: MARK }, { isSameHistory: cut % 2 === 0 });
      payload.take(bytes, 0, cut);
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(replica.isLoading, cut % 2 !== 0);
      payload.abort();
      assert.equal(replica.digest, before);
    }
    // What follows the snapshot is not the mark.
    const payload = replica.payload({ mark: MARK });
    const wrong = Buffer.concat([bytes, Buffer.alloc(200)]);
    payload.take(wrong, 0, wrong.length);
    assert.match(String(await replica.ended()), /EOF marker is broken/);
    assert.equal(replica.digest, before);
  });

  it('survives FLUSHALL and writes while the new data is loaded aside (swapdb)', async () => {
    const replica = server({ 'repl-diskless-load': 'swapdb' });
    const { redis } = replica;
    for (let i = 0; i < 20_000; i++) redis.call('SET', `old:${i}`, i);
    const payload = replica.payload({ mark: MARK }, { isSameHistory: true });
    payload.take(marked, 0, 5000);
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    redis.call('FLUSHALL');
    redis.call('SET', 'a', 'b');
    redis.call('SWAPDB', '0', '1');
    payload.take(marked, 5000, marked.length - 5000);
    await replica.ended();
    assert.equal(replica.digest, digest);
    redis.clock.advance(1000);
    assert.equal(redis.engine.keyspace.lazyFree.busy, false);
    redis.call('FLUSHALL');
    assert.equal(redis.call('DBSIZE'), 0);
  });
});

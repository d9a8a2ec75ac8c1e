/**
 * A snapshot is the state at its call, however long it runs and whatever happens meanwhile.
 *
 * Writers change every type, rename, flush, swap and let keys expire; big collections change all the time; saving is
 * slowed down. Writes pause for a moment (CLIENT PAUSE WRITE), in which DEBUG DIGEST and the call are one state; then
 * they go on. What the file holds is asked of servers that load it: a real one as a replica, because a replica keeps
 * keys that are over; and both kinds as masters once these are over.
 */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { randomStep } from '../crash/random-commands.ts';
import { Writer } from '../crash/writer.ts';
import { seededRandom } from '../soak/soak.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type Directives, type ServerProcess, startServer } from '../support/server-process.ts';
import { sleep, waitFor } from '../support/wait-for.ts';

const oracle = findOracle();
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Longer than any key of the load lives, save those that live for hours. */
const ALL_OVER_MS = 4500;
const NOBODY_THERE = '127.0.0.1 1';

/** The kinds of load and a slow saver over one server. */
class Busy {
  readonly server: ServerProcess;
  readonly control: RawClient;
  readonly #below: (below: number) => number;
  #writers: Writer[] = [];
  #loads = 0;

  constructor(server: ServerProcess, control: RawClient, seed: number) {
    this.server = server;
    this.control = control;
    this.#below = seededRandom(seed);
  }

  static async start(directives: Directives, seed: number): Promise<Busy> {
    const server = await startServer({ directives: { 'enable-debug-command': 'yes', ...directives } });
    const busy = new Busy(server, await server.connect(), seed);
    await busy.#fill();
    return busy;
  }

  /** Collections that take many slices, and many small keys. */
  async #fill(): Promise<void> {
    const { control } = this;
    await control.send('SELECT', 12);
    const numbers = Array.from({ length: 4000 }, (_, i) => i);
    await control.send('HSET', 'hash', ...numbers.flatMap((i) => [`f${i}`, `value ${i}`]));
    await control.send('RPUSH', 'list', ...numbers.map((i) => `item ${i}`));
    await control.send('SADD', 'set', ...numbers.map((i) => `member ${i}`));
    await control.send('ZADD', 'zset', ...numbers.flatMap((i) => [i / 4, `member ${i}`]));
    await control.send('SADD', 'integers', ...numbers.map((i) => i * 7));
    await control.pipeline(numbers.map((i) => ['XADD', 'stream', `${i + 1}-0`, 'field', `value ${i}`]));
    await control.send('XGROUP', 'CREATE', 'stream', 'group', '0');
    await control.send('XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', 2000, 'STREAMS', 'stream', '>');
    await control.send('PFADD', 'visitors', ...numbers);
    await control.pipeline(numbers.slice(0, 2000).map((i) => ['SET', `key:${i}`, 'x'.repeat(i % 300)]));
  }

  load(): void {
    const first = ++this.#loads * 1_000_000;
    for (let i = 0; i < 4; i++) {
      const dbs = [2 * i, 2 * i + 1] as const;
      const writer = new Writer(this.server.port, dbs, 4, (n) =>
        randomStep(this.#below, first + n, dbs, Date.now()),
      );
      this.#writers.push(writer);
    }
    for (let i = 0; i < 2; i++) {
      this.#writers.push(
        new Writer(this.server.port, [12, 13], 3, (n) => ({ db: 0, commands: [this.#changeBig(n)] })),
      );
    }
  }

  #changeBig(n: number): string[] {
    const below = this.#below;
    const i = below(4000);
    switch (below(16)) {
      case 0:
        return ['HSET', 'hash', `f${i}`, `changed ${n}`, `new ${n}`, '1'];
      case 1:
        return ['HDEL', 'hash', `f${i}`];
      case 2:
        return ['RPUSH', 'list', `item ${n}`];
      case 3:
        return ['LPOP', 'list', '3'];
      case 4:
        return ['SPOP', 'set', '2'];
      case 5:
        return ['SADD', 'set', `new ${n}`];
      case 6:
        return ['ZINCRBY', 'zset', '1000', `member ${i}`];
      case 7:
        return ['ZREM', 'zset', `member ${i}`];
      case 8:
        return ['SREM', 'integers', String(i * 7)];
      case 9:
        return ['XADD', 'stream', '*', 'field', `new ${n}`];
      case 10:
        return ['XTRIM', 'stream', 'MAXLEN', '=', '3500'];
      case 11:
        return ['XACK', 'stream', 'group', `${i}-0`];
      case 12:
        return ['PFADD', 'visitors', `other ${n}`];
      case 13:
        return below(40) === 0 ? ['RENAME', 'hash', 'hash'] : ['SET', `key:${i}`, `changed ${n}`];
      case 14:
        return below(100) === 0 ? ['DEL', 'zset'] : ['DEL', `key:${i}`];
      default:
        return ['SETRANGE', 'long', String(below(100_000)), `piece ${n}`];
    }
  }

  /** The digest, and what was called in the same state. */
  async callInPause(...command: string[]): Promise<string> {
    assert.equal(await this.control.call('CLIENT', 'PAUSE', '60000', 'WRITE'), 'OK');
    const digest = await this.control.call('DEBUG', 'DIGEST');
    const reply = String(await this.control.call(...command));
    assert.match(reply, /started/);
    // A rewrite begins when the file for what follows is there.
    await waitFor(() => /Background (saving|append only file rewriting) started/.test(this.server.output));
    assert.equal(await this.control.call('CLIENT', 'UNPAUSE'), 'OK');
    return String(digest);
  }

  async stopLoad(): Promise<number> {
    for (const writer of this.#writers) {
      writer.stop();
      await waitFor(() => writer.answered === writer.log.length, {
        what: 'the last replies',
        timeoutMs: 20_000,
      });
      assert.equal(writer.wrong, null);
      writer.end();
    }
    const steps = this.#writers.reduce((sum, { log }) => sum + log.length, 0);
    this.#writers = [];
    return steps;
  }

  info(field: string, value: string): Promise<unknown> {
    return waitFor(
      async () => String(await this.control.call('INFO', 'persistence')).includes(`${field}:${value}\r\n`),
      { timeoutMs: 60_000, intervalMs: 20, what: `${field}:${value}` },
    );
  }
}

/** The digest of what a server loads from the folder. */
async function loadedDigest(
  command: readonly string[] | null,
  dir: string,
  directives: Directives,
): Promise<string> {
  const server = await startServer({
    ...(command === null ? {} : { command }),
    dir,
    directives: { 'enable-debug-command': 'yes', ...directives },
  });
  try {
    const client = await server.connect();
    // Readiness is said before a slow start may be over.
    await waitFor(async () => !String(await client.call('DBSIZE')).includes('LOADING'), {
      timeoutMs: 30_000,
    });
    return String(await client.call('DEBUG', 'DIGEST'));
  } finally {
    await server.stop();
  }
}

describe(`snapshots under load (seed ${SEED})`, { skip: oracle === null ? NO_ORACLE : false }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'ts-redis-moment-'));
  after(() => rmSync(scratch, { recursive: true, force: true }));

  function folder(name: string): string {
    const path = join(scratch, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  describe('BGSAVE', () => {
    let busy: Busy;
    before(async () => {
      busy = await Busy.start({ 'rdb-key-save-delay': 150 }, SEED);
    });
    after(() => busy.server.stop());

    for (let round = 1; round <= 3; round++) {
      it(`is the state at the call (round ${round})`, async () => {
        busy.load();
        await sleep(700);
        const digest = await busy.callInPause('BGSAVE');
        await busy.info('rdb_bgsave_in_progress', '0');
        await busy.info('rdb_last_bgsave_status', 'ok');
        const steps = await busy.stopLoad();
        assert.ok(steps > 500, `only ${steps} steps`);
        const dir = folder(`rdb-${round}`);
        copyFileSync(join(busy.server.dir, 'dump.rdb'), join(dir, 'dump.rdb'));
        assert.equal(
          await loadedDigest([oracle!], dir, { replicaof: NOBODY_THERE }),
          digest,
          'a replica, which keeps what is over',
        );
        await sleep(ALL_OVER_MS);
        const [theirs, ours] = [await loadedDigest([oracle!], dir, {}), await loadedDigest(null, dir, {})];
        assert.equal(ours, theirs, 'both as masters');
      });
    }
  });

  for (const preamble of ['yes', 'no']) {
    describe(`BGREWRITEAOF, aof-use-rdb-preamble ${preamble}`, () => {
      let busy: Busy;
      before(async () => {
        const directives = {
          appendonly: 'yes',
          'aof-use-rdb-preamble': preamble,
          'rdb-key-save-delay': 150,
          'auto-aof-rewrite-percentage': 0,
        };
        busy = await Busy.start(directives, SEED + 1);
      });
      after(() => busy.server.stop());

      it('writes the state at the call, and all that follows', async () => {
        busy.load();
        await sleep(700);
        const digest = await busy.callInPause('BGREWRITEAOF');
        await busy.info('aof_rewrite_in_progress', '0');
        await busy.info('aof_last_bgrewrite_status', 'ok');
        await sleep(300);
        await busy.stopLoad();
        // Keys that are over go, and are told to the file.
        await sleep(ALL_OVER_MS);
        for (let db = 0; db < 16; db++) {
          await busy.control.send('SELECT', db);
          const keys = (await busy.control.call('KEYS', 'v[0-9]*')) as string[];
          assert.deepEqual(keys, []);
        }
        const final = String(await busy.control.call('DEBUG', 'DIGEST'));
        await sleep(1200);
        const from = join(busy.server.dir, 'appendonlydir');
        const whole = folder(`aof-${preamble}`);
        mkdirSync(join(whole, 'appendonlydir'));
        for (const name of readdirSync(from))
          copyFileSync(join(from, name), join(whole, 'appendonlydir', name));
        // Each start adds an increment, which has nothing in it.
        assert.equal(await loadedDigest([oracle!], whole, { appendonly: 'yes' }), final, 'a real server');
        assert.equal(await loadedDigest(null, whole, { appendonly: 'yes' }), final, 'ours');

        const base = readdirSync(from).find((name) => name.includes('.base.'))!;
        const alone = folder(`base-${preamble}`);
        mkdirSync(join(alone, 'appendonlydir'));
        copyFileSync(join(from, base), join(alone, 'appendonlydir', base));
        const manifest = readFileSync(join(from, 'appendonly.aof.manifest'), 'latin1');
        const line = manifest.split('\n').find((text) => text.includes('type b'))!;
        writeFileSync(join(alone, 'appendonlydir', 'appendonly.aof.manifest'), `${line}\n`);
        assert.equal(
          await loadedDigest([oracle!], alone, { appendonly: 'yes', replicaof: NOBODY_THERE }),
          digest,
          'the base alone',
        );
      });
    });
  }
});

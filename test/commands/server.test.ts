/**
 * The server commands: what must hold without a redis-server (differential/server.test.ts compares with one), with
 * time that moves when told where that is the matter, over a socket where a process is.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { infoText } from '../../src/commands/server/info.ts';
import { SERVER_LOADING } from '../../src/engine/gates.ts';
import type { Persistence } from '../../src/engine/persistence.ts';
import { inProcess } from '../support/in-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { ErrorReply, type Reply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

type SlowEntry = [id: number, at: number, us: number, args: string[], peer: string, name: string];

/** One field of an INFO text. */
function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(info)?.[1];
}

describe('INFO', () => {
  it('takes fields and sections of features', () => {
    const redis = inProcess();
    const { info } = redis.engine;
    info.field('pubsub_channels', () => 7);
    info.section('replication', (out) => out.field('role', 'slave'));
    info.section('sentinel', (out) => out.field('sentinel_masters', 1), { title: 'Sentinel', depth: 0 });
    info.section('deep', (out) => out.field('deep_field', 1), { title: 'Deep', depth: 2 });
    const text = redis.call('INFO') as string;
    assert.equal(field(text, 'pubsub_channels'), '7');
    assert.match(text, /# Replication\r\nrole:slave\r\n\r\n/);
    assert.match(text, /# Sentinel\r\nsentinel_masters:1\r\n$/);
    assert.doesNotMatch(text, /deep_field/);
    assert.match(redis.call('INFO', 'everything') as string, /# Deep\r\ndeep_field:1\r\n$/);
    assert.equal(redis.call('INFO', 'Deep'), '# Deep\r\ndeep_field:1\r\n');
  });

  it('shows rates as means of sixteen samples', () => {
    const redis = inProcess();
    for (let i = 0; i < 20; i++) {
      for (let n = 0; n < 10; n++) redis.call('PING');
      redis.clock.advance(100);
    }
    const stats = redis.call('INFO', 'stats') as string;
    assert.equal(field(stats, 'instantaneous_ops_per_sec'), '100');
    redis.clock.advance(2000);
    assert.equal(field(redis.call('INFO', 'stats') as string, 'instantaneous_ops_per_sec'), '0');
  });

  it('counts what was done, and CONFIG RESETSTAT forgets it', () => {
    const redis = inProcess();
    redis.call('SET', 'k', 'v');
    redis.call('GET', 'k');
    redis.call('GET', 'no');
    redis.call('NOSUCH');
    const stats = redis.call('INFO', 'stats') as string;
    assert.equal(field(stats, 'total_commands_processed'), '3');
    assert.equal(field(stats, 'keyspace_hits'), '1');
    assert.equal(field(stats, 'keyspace_misses'), '1');
    assert.equal(field(stats, 'total_error_replies'), '1');
    assert.match(redis.call('INFO', 'commandstats') as string, /^cmdstat_get:calls=2,usec=\d+,/m);
    redis.call('CONFIG', 'RESETSTAT');
    const fresh = redis.call('INFO', 'everything') as string;
    assert.equal(field(fresh, 'total_commands_processed'), '1');
    assert.equal(field(fresh, 'keyspace_misses'), '0');
    assert.equal(field(fresh, 'total_error_replies'), '0');
    assert.doesNotMatch(fresh, /cmdstat_get|errorstat_/);
    assert.match(fresh, /cmdstat_config\|resetstat:calls=1,/);
  });

  it('shows what lives in databases, time that passes, peaks', () => {
    const redis = inProcess();
    redis.call('SET', 'k', 'v', 'PX', 1000);
    redis.call('SET', 'big', Buffer.alloc(1_000_000));
    redis.clock.advance(200);
    redis.call('DEL', 'big');
    const text = infoText(redis.engine, () => true);
    assert.match(text, /^db0:keys=1,expires=1,avg_ttl=\d+\r$/m);
    assert.ok(Number(field(text, 'used_memory_peak')) > Number(field(text, 'used_memory')) + 900_000);
    redis.clock.advance(86_400_000);
    const later = redis.call('INFO') as string;
    assert.equal(field(later, 'uptime_in_days'), '1');
    assert.equal(field(later, 'expired_keys'), '1');
  });
});

describe('SLOWLOG', () => {
  const logged = (...commands: (readonly (string | number)[])[]): string[][] => {
    const redis = inProcess({ 'slowlog-log-slower-than': '0' });
    for (const command of commands) redis.call(...command);
    const entries = redis.call('SLOWLOG', 'GET', -1) as unknown as SlowEntry[];
    return entries.map(([, , , args]) => args).reverse();
  };

  it('keeps passwords out', () => {
    assert.deepEqual(
      logged(
        ['AUTH', 'user', 'secret'],
        ['HELLO', 3, 'AUTH', 'user', 'secret', 'SETNAME', 'me'],
        ['CONFIG', 'SET', 'hz', 10, 'REQUIREPASS', '', 'masterauth', 'secret'],
        ['MIGRATE', 'host', 1, 'k', 0, 1, 'AUTH', 'secret', 'AUTH2', 'user', 'secret', 'AUTH', 'secret'],
      ),
      [
        ['AUTH', '(redacted)', '(redacted)'],
        ['HELLO', '3', 'AUTH', '(redacted)', '(redacted)', 'SETNAME', 'me'],
        ['CONFIG', 'SET', 'hz', '10', 'REQUIREPASS', '(redacted)', 'masterauth', '(redacted)'],
        // All of them, as often as they are given.
        ['MIGRATE', 'host', '1', 'k', '0', '1'].concat([
          'AUTH',
          '(redacted)',
          'AUTH2',
          '(redacted)',
          '(redacted)',
          'AUTH',
          '(redacted)',
        ]),
      ],
    );
  });

  it('trims what is long', () => {
    const [mget, echo] = logged(
      ['MGET', ...Array.from({ length: 40 }, (_, i) => i)],
      ['ECHO', 'x'.repeat(130)],
    );
    assert.equal(mget!.length, 32);
    assert.equal(mget!.at(-1), '... (10 more arguments)');
    assert.deepEqual(echo, ['ECHO', `${'x'.repeat(128)}... (2 more bytes)`]);
    assert.equal(logged(['MGET', ...Array.from({ length: 31 }, (_, i) => i)])[0]!.at(-1), '30');
  });

  it('keeps slowlog-max-len entries, and none when it is off', () => {
    const redis = inProcess({ 'slowlog-log-slower-than': '0', 'slowlog-max-len': '3' });
    for (let i = 0; i < 5; i++) redis.call('PING');
    assert.equal(redis.call('SLOWLOG', 'LEN'), 3);
    const [first] = redis.call('SLOWLOG', 'GET', 1) as unknown as SlowEntry[];
    assert.deepEqual(first!.slice(3), [['SLOWLOG', 'LEN'], '127.0.0.1:1', '']);
    assert.equal(first![1], Math.floor(redis.clock.wallMs() / 1000));
    redis.call('CONFIG', 'SET', 'slowlog-log-slower-than', -1);
    redis.call('SLOWLOG', 'RESET');
    redis.call('PING');
    assert.equal(redis.call('SLOWLOG', 'LEN'), 0);
    assert.equal(redis.engine.timeEach, false);
  });

  it('times each command only when somebody wants to know exactly', () => {
    const redis = inProcess();
    assert.equal(redis.engine.timeEach, false);
    redis.set('slowlog-log-slower-than', '999');
    assert.equal(redis.engine.timeEach, true);
    redis.set('slowlog-log-slower-than', '1000');
    assert.equal(redis.engine.timeEach, false);
    redis.set('latency-monitor-threshold', '100');
    assert.equal(redis.engine.timeEach, true);
  });
});

describe('LATENCY', () => {
  it('keeps the worst of each second, 160 of them', () => {
    const redis = inProcess({ 'latency-monitor-threshold': '10' });
    const { latency } = redis.engine;
    latency.add('command', 9.9, 1000);
    assert.deepEqual(redis.call('LATENCY', 'LATEST'), []);
    for (let s = 1; s <= 200; s++) {
      latency.add('command', 10 + s, s * 1000);
      latency.add('command', 10, s * 1000 + 500);
    }
    const history = redis.call('LATENCY', 'HISTORY', 'command') as Reply[];
    assert.equal(history.length, 160);
    assert.deepEqual(history[0], [41, 51]);
    assert.deepEqual(redis.call('LATENCY', 'LATEST'), [['command', 200, 210, 210]]);
    assert.equal(redis.call('LATENCY', 'RESET'), 1);
  });

  it('draws eighty samples', () => {
    const redis = inProcess({ 'latency-monitor-threshold': '1' });
    const { latency } = redis.engine;
    const now = redis.engine.nowMs;
    for (const [secondsAgo, ms] of [
      [90000, 10],
      [7200, 40],
      [90, 70],
      [5, 130],
    ] as const) {
      latency.add('fast-command', ms, now - secondsAgo * 1000);
    }
    assert.equal(
      redis.call('LATENCY', 'GRAPH', 'fast-command'),
      [
        'fast-command - high 130 ms, low 10 ms (all time high 130 ms)',
        '-'.repeat(80),
        '   #',
        '  _|',
        ' _||',
        '_|||',
        '    ',
        '1215',
        'dhms',
        '',
      ].join('\n'),
    );
    assert.match(
      redis.call('LATENCY', 'DOCTOR') as string,
      /\n1\. fast-command: 4 latency spikes \(average 62ms/,
    );
  });
});

describe('DEBUG', () => {
  const redis = inProcess({ 'enable-debug-command': 'yes' });

  it('POPULATE leaves what is there', () => {
    redis.call('SET', 'p:1', 'mine');
    assert.equal(redis.call('DEBUG', 'POPULATE', 3, 'p', 12), 'OK');
    assert.equal(redis.call('GET', 'p:0'), 'value:0\0\0\0\0\0');
    assert.equal(redis.call('GET', 'p:1'), 'mine');
  });

  it('SET-ACTIVE-EXPIRE holds the expire cycle', () => {
    redis.call('FLUSHALL');
    redis.call('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
    redis.call('SET', 'k', 'v', 'PX', 10);
    redis.clock.advance(1000);
    assert.equal(redis.call('DBSIZE'), 1);
    redis.call('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
    redis.clock.advance(1000);
    assert.equal(redis.call('DBSIZE'), 0);
  });

  it('does not take an embedded server down', () => {
    for (const name of ['SEGFAULT', 'PANIC', 'OOM', 'ASSERT', 'RESTART', 'CRASH-AND-RECOVER']) {
      assert.ok(redis.call('DEBUG', name) instanceof ErrorReply, name);
    }
  });

  it('RELOAD and LOADAOF need a feature, and use it', () => {
    assert.match(String(redis.call('DEBUG', 'RELOAD')), /no persistence/);
    let seen: unknown = null;
    const persistence: Pick<Persistence, 'reload'> = {
      reload: (options) => {
        seen = options;
      },
    };
    redis.engine.persistence = persistence as Persistence;
    assert.equal(redis.call('DEBUG', 'RELOAD', 'NOSAVE', 'noflush', 'MERGE'), 'OK');
    assert.deepEqual(seen, { save: false, flush: false, merge: true });
  });

  it('JMAP and STRINGMATCH-LEN, which Redis does not have (any more)', () => {
    assert.match(redis.call('DEBUG', 'JMAP') as string, /^heap: .*\n.*\nread_only_space/m);
    assert.equal(redis.call('DEBUG', 'STRINGMATCH-LEN', 'a*c', 'abc'), 1);
  });
});

describe('MEMORY and LOLWUT', () => {
  it('MEMORY USAGE grows with the value', () => {
    const redis = inProcess();
    redis.call('SET', 'short', 'v');
    redis.call('SET', 'long', Buffer.alloc(100_000));
    const short = Number(redis.call('MEMORY', 'USAGE', 'short'));
    const long = Number(redis.call('MEMORY', 'USAGE', 'long'));
    assert.ok(short > 16 && short < 100, `${short}`);
    assert.ok(long > 100_000 && long < 110_000, `${long}`);
  });

  it('MEMORY DOCTOR sees a peak', () => {
    const redis = inProcess();
    redis.call('DEBUG', 'HELP');
    for (let i = 0; i < 20; i++) redis.call('SET', `k${i}`, Buffer.alloc(1_000_000));
    redis.call('MEMORY', 'STATS');
    assert.doesNotMatch(redis.call('MEMORY', 'DOCTOR') as string, /Peak memory/);
    for (let i = 0; i < 10; i++) redis.call('DEL', `k${i}`);
    assert.match(
      redis.call('MEMORY', 'DOCTOR') as string,
      /^Sam, I detected a few issues.*\n\n \* Peak memory/,
    );
  });

  it('LOLWUT ends with the version, and a seed draws the same again', () => {
    const redis = inProcess();
    const draw = (...args: number[]): string => redis.call('LOLWUT', 'VERSION', ...args) as string;
    assert.match(draw(5), /Redis ver\. 7\.2\.4\n$/);
    assert.equal(draw(5, 10, 4, 42), draw(5, 10, 4, 42));
    assert.notEqual(draw(5, 10, 4, 42), draw(5, 10, 4, 43));
    assert.equal(draw(5, 10, 4, 42).split('\n').length, 4 + 3);
  });
});

describe('CONFIG SET while data is loaded', () => {
  it('leaves what the load depends on, unless a name before it is refused anyway', () => {
    const redis = inProcess({ 'enable-protected-configs': 'yes' });
    redis.engine.gates |= SERVER_LOADING;
    const loading = 'LOADING Redis is loading the dataset in memory';
    const set = (...pairs: string[]) => (redis.call('CONFIG', 'SET', ...pairs) as ErrorReply).message;
    for (const name of ['dir', 'appendonly', 'repl-diskless-load']) assert.equal(set(name, 'x'), loading);
    assert.equal(set('maxmemory', 'x', 'dir', '/'), loading);
    assert.equal(set('appendonly', 'no', 'databases', '3'), loading);
    assert.match(set('databases', '3', 'appendonly', 'no'), /can't set immutable config/);
    assert.match(set('port', '1', 'port', '2', 'dir', 'a'), /duplicate parameter/);
    assert.match(set('nope', '1', 'dir', '/'), /Unknown option/);
    assert.equal(redis.call('CONFIG', 'SET', 'loglevel', 'debug'), 'OK');
    redis.config.assign('enable-protected-configs', 'no');
    assert.match(set('dir', '/'), /can't set protected config/);
  });
});

describe('with a process', () => {
  let server: ServerProcess;
  let client: RawClient;
  before(async () => {
    server = await startServer();
    client = await server.connect();
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  it('INFO server tells of it', async () => {
    const info = (await client.call('INFO', 'server')) as string;
    assert.equal(field(info, 'process_id'), String(server.pid));
    assert.equal(field(info, 'tcp_port'), String(server.port));
    assert.equal(field(info, 'config_file'), server.configFile);
    assert.equal(field(info, 'redis_version'), '7.2.4');
    assert.match(field(info, 'run_id')!, /^[0-9a-f]{40}$/);
    assert.match(field(info, 'listener0')!, new RegExp(`^name=tcp,bind=127.0.0.1,port=${server.port}$`));
  });

  it('CONFIG REWRITE answers when it is on disk', async () => {
    assert.equal(await client.call('CONFIG', 'SET', 'maxmemory', '123mb'), 'OK');
    assert.equal(await client.call('CONFIG', 'REWRITE'), 'OK');
    assert.match(readFileSync(server.configFile, 'latin1'), /^maxmemory 123mb$/m);
  });

  it('CLIENT REPLY SKIP holds for replies that come later, too', async () => {
    const quiet = await server.connect();
    quiet.sendNoReply('CLIENT', 'REPLY', 'SKIP');
    quiet.sendNoReply('CONFIG', 'REWRITE');
    assert.equal(await quiet.call('PING'), 'PONG');
    quiet.sendNoReply('CLIENT', 'REPLY', 'OFF');
    quiet.sendNoReply('CONFIG', 'REWRITE');
    assert.equal(await quiet.call('CLIENT', 'REPLY', 'ON'), 'OK');
    await quiet.close();
  });

  it('CONFIG SET of a port answers when it listens, or says why not and listens where it did', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const [reply, ping] = await client.pipeline([['CONFIG', 'SET', 'port', port], ['PING']]);
    assert.match(
      reply!.toString(),
      /^-ERR CONFIG SET failed \(possibly related to argument 'port'\) - Unable to listen/,
    );
    assert.equal(ping!.toString(), '+PONG\r\n');
    await new Promise((resolve) => taken.close(resolve));
    assert.equal(await client.call('CONFIG', 'SET', 'port', port), 'OK');
    const moved = await RawClient.connect({ port });
    assert.equal(await moved.call('PING'), 'PONG');
    await moved.close();
    assert.equal(await client.call('CONFIG', 'SET', 'port', server.port), 'OK');
  });

  it('CONFIG SET log-format changes the lines that follow', async () => {
    await client.call('CONFIG', 'SET', 'log-format', 'json');
    await client.call('CONFIG', 'REWRITE');
    await waitFor(() => /\n\{"level".*CONFIG REWRITE executed with success/.test(server.output));
    await client.call('CONFIG', 'SET', 'log-format', 'redis');
  });

  it('SHUTDOWN ends it', async () => {
    const other = await startServer();
    const doomed = await other.connect();
    doomed.sendNoReply('SHUTDOWN', 'NOSAVE');
    await doomed.waitClosed();
    assert.equal(await other.exited, 0);
    assert.match(other.output, /User requested shutdown/);
    await other.stop();
  });
});

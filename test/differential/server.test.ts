/**
 * The server commands against the real server. Values that depend on the machine (times, sizes, histograms) are
 * compared by their shape; everything else, errors above all, byte for byte.
 *
 * Names of parameters and INFO fields that the oracle (7.0.15) has must be there in its order; we follow 7.2, which
 * added some, and add a few of our own.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ADDED_FIELDS } from '../support/info-fields.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import { parseReply, type Reply } from '../support/reply-framer.ts';

const DIRECTIVES = { 'enable-debug-command': 'yes', 'latency-monitor-threshold': 10_000 };
/** Sections whose fields are the same only after the same commands. */
const COUNTED = ['Commandstats', 'Latencystats', 'Errorstats', 'Keyspace'];

const text = (raw: Buffer): string => parseReply(raw) as string;

function infoFields(info: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  for (const part of info.split('\r\n\r\n')) {
    const [title, ...lines] = part.split('\r\n').filter((line) => line !== '');
    if (title !== undefined)
      sections.set(
        title.slice(2),
        lines.map((line) => line.split(':')[0]!),
      );
  }
  return sections;
}

async function both(pair: OraclePair, ...args: string[]): Promise<[ours: Buffer, oracle: Buffer]> {
  const [ours, oracle] = await pair.sendBoth([args]);
  return [ours[0]!, oracle[0]!];
}

/** The types of a reply, all the way down; numbers and texts count as alike. */
function shapeOf(reply: Reply): unknown {
  if (reply instanceof Map) return [...reply].map(([name, value]) => [name, shapeOf(value)]);
  if (Array.isArray(reply)) return reply.map(shapeOf);
  return typeof reply;
}

/** Names and numbers of calls of LATENCY HISTOGRAM; the last bound must count them all. */
function histogramCalls(raw: Buffer): unknown[] {
  const pairs = (reply: Reply): [Reply, Reply][] => {
    if (reply instanceof Map) return [...reply];
    const flat = reply as Reply[];
    return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]!] as [Reply, Reply]] : []));
  };
  const found = pairs(parseReply(raw)).map(([name, details]) => {
    const [[, calls], [, bounds]] = pairs(details) as [[Reply, Reply], [Reply, Reply]];
    assert.equal(pairs(bounds).at(-1)![1], calls);
    return `${String(name)} ${String(calls)}`;
  });
  return found.sort();
}

describeWithOracle(
  'server commands',
  (pair) => {
    it('INFO has the sections and fields of Redis, in its order', async () => {
      for (const set of [[], ['default'], ['all'], ['everything'], ['cpu', 'default']]) {
        const [ours, oracle] = await both(pair, 'INFO', ...set);
        assert.equal(ours[0], oracle[0], 'type of the reply');
        const mine = infoFields(text(ours));
        const theirs = infoFields(text(oracle));
        assert.deepEqual([...mine.keys()], [...theirs.keys()], set.join(' '));
        for (const [section, fields] of theirs) {
          if (COUNTED.includes(section)) continue;
          const added = ADDED_FIELDS[section] ?? [];
          assert.deepEqual(
            mine.get(section)!.filter((field) => !added.includes(field)),
            fields,
            section,
          );
          for (const field of added) assert.ok(mine.get(section)!.includes(field), field);
        }
      }
    });

    it('INFO of single sections', async () => {
      await pair.compare('INFO', 'cluster');
      await pair.compare('INFO', 'modules');
      await pair.compare('INFO', 'keyspace');
      await pair.compare('INFO', 'nosuch');
      await pair.compare('INFO', 'nosuch', 'CLUSTER', 'modules', 'cluster');
      await pair.compare('SET', 'a', '1');
      await pair.compare('SET', 'b', '1', 'PX', '100000');
      const withoutTtl = (raw: Buffer): Buffer =>
        Buffer.from(text(raw).replace(/avg_ttl=\d+/, 'avg_ttl=0'), 'latin1');
      await pair.compareNormalised(withoutTtl, 'INFO', 'keyspace');
    });

    it('commandstats, errorstats and latencystats', async () => {
      await pair.compare('CONFIG', 'RESETSTAT');
      const errors = [
        ['GET'],
        ['NOSUCH'],
        ['INCR', 'text'],
        ['CLIENT', 'KILL', '1.1.1.1:1'],
        ['DEBUG', 'ERROR', 'FOO bar'],
      ];
      await pair.sendBoth([['SET', 'text', 'x'], ...errors, ['GET', 'text'], ['CLIENT', 'ID']]);
      await pair.compare('INFO', 'errorstats');
      const timeless = (raw: Buffer): Buffer =>
        Buffer.from(
          text(raw)
            .replace(/usec(_per_call)?=[\d.]+/g, 'usec$1=0')
            .replace(/=\d+\.\d{3}\b/g, '=0')
            .split('\r\n')
            .sort()
            .join('\r\n'),
          'latin1',
        );
      await pair.compareNormalised(timeless, 'INFO', 'commandstats');
      await pair.compare('CONFIG', 'SET', 'latency-tracking-info-percentiles', '0 50 99.95 100');
      await pair.compareNormalised(timeless, 'INFO', 'latencystats');
      await pair.compare('CONFIG', 'SET', 'latency-tracking-info-percentiles', '50 99 99.9');
      await pair.compareNormalised(
        (raw) => Buffer.from(/total_commands_processed:\d+|total_error_replies:\d+/g.exec(text(raw))![0]),
        'INFO',
        'stats',
      );
    });

    it('CONFIG', async () => {
      await pair.compare('CONFIG', 'HELP');
      await pair.compareAs('sorted', 'CONFIG', 'GET', 'maxmemory', 'HZ', 'nosuch');
      await pair.compareAs('sorted', 'CONFIG', 'GET', 'slowlog*');
      for (const args of [
        ['GET'],
        ['SET'],
        ['SET', 'hz'],
        ['SET', 'hz', '10', 'timeout'],
        ['SET', 'nosuch', '1'],
        ['SET', 'hz', 'x'],
        ['SET', 'hz', '10', 'hz', '10'],
        ['SET', 'databases', '3'],
        ['SET', 'dir', '.'],
        ['SET', 'maxmemory', '1mb', 'maxmemory-policy', 'x'],
        ['SET', 'save', 'x'],
        ['RESETSTAT', 'x'],
        ['NOSUCH'],
        ['SET', 'slowlog-max-len', '100', 'timeout', '0'],
      ]) {
        await pair.compare('CONFIG', ...args);
      }
      await pair.compareAll([
        ['CONFIG', 'SET', 'slowlog-max-len', '128'],
        ['CONFIG', 'GET', 'slowlog-max-len'],
      ]);
    });

    it('SLOWLOG', async () => {
      await pair.compare('SLOWLOG', 'HELP');
      await pair.sendBoth([
        ['CONFIG', 'SET', 'slowlog-log-slower-than', '0'],
        ['SLOWLOG', 'RESET'],
        ['CLIENT', 'SETNAME', 'me'],
        ['SET', 'k', 'v'.repeat(200)],
        ['MSET', ...Array.from({ length: 40 }, (_, i) => String(i))],
        ['CONFIG', 'SET', 'masterauth', 'secret', 'hz', '10'],
        ['AUTH', 'x', 'y'],
        ['HELLO', String(pair.resp), 'SETNAME', 'you'],
        ['GET', 'k'],
        ['GET'],
        ['NOSUCH'],
        ['INCR', 'k'],
        ['CONFIG', 'SET', 'slowlog-log-slower-than', '-1'],
      ]);
      const [ours, oracle] = await both(pair, 'SLOWLOG', 'GET', '-1');
      const entries = (raw: Buffer): unknown[] =>
        (parseReply(raw) as Reply[][]).map(([, , , args, , name]) => [args, name]);
      assert.deepEqual(entries(ours), entries(oracle));
      assert.deepEqual(shapeOf(parseReply(ours)), shapeOf(parseReply(oracle)));
      await pair.compare('SLOWLOG', 'LEN');
      for (const args of [
        ['GET', 'x'],
        ['GET', '-2'],
        ['GET', '0'],
        ['get', '1', '2'],
        ['NOSUCH'],
        ['LEN', 'x'],
        ['RESET'],
        ['GET'],
      ]) {
        await pair.compare('SLOWLOG', ...args);
      }
      await pair.compareAll([
        ['CONFIG', 'SET', 'slowlog-log-slower-than', '10000', 'masterauth', ''],
        ['SLOWLOG', 'LEN'],
      ]);
    });

    it('LATENCY', async () => {
      await pair.compare('LATENCY', 'HELP');
      await pair.sendBoth([
        ['LATENCY', 'RESET'],
        ['CONFIG', 'SET', 'latency-monitor-threshold', '0'],
      ]);
      await pair.compare('LATENCY', 'DOCTOR');
      await pair.compare('CONFIG', 'SET', 'latency-monitor-threshold', '100');
      for (const args of [
        ['DOCTOR'],
        ['LATEST'],
        ['HISTORY', 'command'],
        ['GRAPH', 'command'],
        ['RESET', 'command'],
        ['HISTORY'],
        ['NOSUCH'],
        ['HISTOGRAM', 'nosuch'],
      ]) {
        await pair.compare('LATENCY', ...args);
      }
      await pair.compare('DEBUG', 'SLEEP', '0.12');
      const timeless = (raw: Buffer): Buffer =>
        Buffer.from(
          text(raw)
            .replace(/\d+ ?ms/g, 'N ms')
            .replace(/^\d(?=\ns)/m, 'N'),
          'latin1',
        );
      await pair.compareNormalised(timeless, 'LATENCY', 'GRAPH', 'command');
      await pair.compareNormalised(timeless, 'LATENCY', 'DOCTOR');
      for (const args of [['LATEST'], ['HISTORY', 'command']]) {
        const [ours, oracle] = await both(pair, 'LATENCY', ...args);
        assert.deepEqual(shapeOf(parseReply(ours)), shapeOf(parseReply(oracle)));
      }
      await pair.compare('LATENCY', 'RESET', 'command', 'nosuch');
      await pair.compare('CONFIG', 'SET', 'latency-monitor-threshold', '10000');
      await pair.compare('CONFIG', 'RESETSTAT');
      await pair.sendBoth([
        ['CLIENT', 'ID'],
        ['CLIENT', 'GETNAME'],
        ['CLIENT', 'ID'],
      ]);
      for (const wanted of [['client'], ['client|id', 'nosuch'], ['get', 'config|resetstat']]) {
        const [ours, oracle] = await both(pair, 'LATENCY', 'HISTOGRAM', ...wanted);
        assert.deepEqual(histogramCalls(ours), histogramCalls(oracle), wanted.join(' '));
      }
    });

    it('MEMORY', async () => {
      await pair.compare('MEMORY', 'HELP');
      await pair.sendBoth([
        ['SET', 'k', 'v'],
        ['SELECT', '1'],
        ['SET', 'k', 'v'],
      ]);
      for (const args of [
        ['DOCTOR'],
        ['PURGE'],
        ['USAGE'],
        ['USAGE', 'nosuch'],
        ['USAGE', 'k', 'SAMPLES'],
        ['USAGE', 'k', 'SAMPLES', '-1'],
        ['USAGE', 'k', 'SAMPLES', 'x'],
        ['USAGE', 'k', 'x', '1'],
        ['NOSUCH'],
        ['STATS', 'x'],
      ]) {
        await pair.compare('MEMORY', ...args);
      }
      await pair.compareAs('type', 'MEMORY', 'USAGE', 'k', 'SAMPLES', '0');
      await pair.compareAs('type', 'MEMORY', 'MALLOC-STATS');
      const [ours, oracle] = await both(pair, 'MEMORY', 'STATS');
      assert.deepEqual(shapeOf(parseReply(ours)), shapeOf(parseReply(oracle)));
      const names = (raw: Buffer): string[] => raw.toString('latin1').match(/^[a-z-]+[.\w-]*$/gm) ?? [];
      assert.deepEqual(names(ours), names(oracle));
    });

    it('DEBUG PROTOCOL, byte for byte', async () => {
      const types = [
        'string',
        'integer',
        'double',
        'bignum',
        'null',
        'array',
        'set',
        'map',
        'verbatim',
        'true',
        'false',
      ];
      for (const type of [...types, 'attrib', 'nosuch', ...(pair.resp === 2 ? ['push'] : [])]) {
        await pair.compare('DEBUG', 'PROTOCOL', type);
      }
      if (pair.resp === 3) {
        for (const client of [pair.ours, pair.oracle]) client.sendNoReply('DEBUG', 'PROTOCOL', 'push');
        assert.deepEqual(await pair.ours.nextPush(), await pair.oracle.nextPush());
      }
    });

    it('DEBUG', async () => {
      await pair.compare('DEBUG', 'HELP');
      await pair.sendBoth([
        ['SET', 'k', 'v'],
        ['SET', 'n', '12345'],
        ['SET', 'big', '1234567890'],
        ['APPEND', 'raw', '123'],
      ]);
      for (const line of [
        'NOSUCH',
        'ERROR hello',
        'ERROR',
        'LOG text',
        'LOG',
        'SLEEP 0',
        'SLEEP x',
        'SLEEP',
        'SET-ACTIVE-EXPIRE 1',
        'SET-ACTIVE-EXPIRE',
        'PAUSE-CRON 0',
        'OBJECT nosuch',
        'OBJECT',
        'SDSLEN nosuch',
        'SDSLEN n',
        'HTSTATS x',
        'HTSTATS 99',
        'HTSTATS -1',
        'HTSTATS 9',
        'HTSTATS-KEY nosuch',
        'HTSTATS-KEY k',
        'HTSTATS-KEY',
        'LISTPACK k',
        'LISTPACK nosuch',
        'QUICKLIST k',
        'POPULATE x',
        'POPULATE -1',
        'POPULATE 2 a b',
        'POPULATE',
        'POPULATE 3 p 10',
        'POPULATE 3 p 20',
        'POPULATE 2 q',
        'POPULATE 2 r 3',
        'QUICKLIST-PACKED-THRESHOLD 100b',
        'QUICKLIST-PACKED-THRESHOLD x',
        'QUICKLIST-PACKED-THRESHOLD 4gb',
        'REPLICATE a',
        'REPLICATE',
        'CHANGE-REPL-ID',
        'CHANGE-REPL-ID x',
        'RELOAD x',
        'CONFIG-REWRITE-FORCE-ALL x',
        'SET-DISABLE-DENY-SCRIPTS 0',
        'SET-SKIP-CHECKSUM-VALIDATION 0',
        'REPLYBUFFER RESIZING 1',
        'REPLYBUFFER PEAK-RESET-TIME never',
        'REPLYBUFFER PEAK-RESET-TIME 100',
        'REPLYBUFFER PEAK-RESET-TIME x',
        'REPLYBUFFER x 1',
        'CLUSTERLINK KILL all x',
        'DROP-CLUSTER-PACKET-FILTER 1',
        'CLIENT-EVICTION',
        'AOF-FLUSH-SLEEP 0',
        'MALLCTL x',
        'MALLCTL',
        'LEAK',
        'DIGEST',
        'DIGEST x',
        'DIGEST-VALUE k n nosuch raw',
      ]) {
        await pair.compare('DEBUG', ...line.split(' '));
      }
      for (const key of ['p:0', 'p:2', 'q:1', 'r:0']) await pair.compare('GET', key);
      await pair.compare('DBSIZE');
      await pair.compare('EXPIRE', 'k', '1000');
      await pair.compareAll([
        ['SELECT', '3'],
        ['SET', 'k', 'v'],
        ['DEBUG', 'DIGEST'],
        ['SELECT', '0'],
      ]);
      const placeless = (raw: Buffer): Buffer =>
        Buffer.from(raw.toString('latin1').replace(/0x[0-9a-f]+|lru\w*:\d+/g, ''), 'latin1');
      for (const key of ['k', 'n', 'big', 'raw', 'p:1']) {
        await pair.compareNormalised(placeless, 'DEBUG', 'OBJECT', key);
      }
    });

    it('TIME, LOLWUT, SHUTDOWN', async () => {
      const [ours, oracle] = await both(pair, 'TIME');
      const seconds = (raw: Buffer): number => Number((parseReply(raw) as string[])[0]);
      assert.ok(Math.abs(seconds(ours) - seconds(oracle)) <= 1);
      assert.deepEqual(shapeOf(parseReply(ours)), shapeOf(parseReply(oracle)));
      await pair.compare('TIME', 'x');
      await pair.compareAs('type', 'LOLWUT');
      await pair.compareAs('type', 'LOLWUT', 'VERSION', '5', '1', '2');
      await pair.compare('LOLWUT', 'VERSION', 'x');
      for (const args of [
        ['x'],
        ['ABORT'],
        ['ABORT', 'ABORT'],
        ['ABORT', 'NOW'],
        ['SAVE', 'NOSAVE'],
        ['NOW', 'FORCE', 'x'],
      ]) {
        await pair.compare('SHUTDOWN', ...args);
      }
    });
  },
  { directives: DIRECTIVES },
);

describeWithOracle(
  'guards of the server commands',
  (pair) => {
    it('DEBUG is refused unless enable-debug-command allows it', async () => {
      for (const args of [['SLEEP', '0'], ['HELP'], ['NOSUCH']]) await pair.compare('DEBUG', ...args);
      await pair.compare('DEBUG');
    });

    it('protected parameters are refused unless enable-protected-configs allows it', async () => {
      await pair.compare('CONFIG', 'SET', 'dir', '/');
      await pair.compare('CONFIG', 'SET', 'enable-debug-command', 'yes');
      await pair.compare('CONFIG', 'REWRITE', 'x');
    });
  },
  {},
);

describeWithOracle(
  'guards that local clients pass',
  (pair) => {
    it('lets local clients in', async () => {
      await pair.compare('DEBUG', 'SLEEP', '0');
      await pair.compareAll([
        ['CONFIG', 'SET', 'dir', '/'],
        ['CONFIG', 'GET', 'dir'],
        ['CONFIG', 'SET', 'dbfilename', 'a/b'],
      ]);
    });
  },
  { directives: { 'enable-debug-command': 'local', 'enable-protected-configs': 'local' } },
);

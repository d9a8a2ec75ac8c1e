/**
 * The commands of a sentinel against redis-sentinel's. Both watch the same master, with one replica, and see each other
 * and a third. Replies are compared byte for byte; what is a time, or differs from sentinel to sentinel, is masked by
 * the name of its field, and only there.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { parseReply, type Reply } from '../support/reply-framer.ts';
import { findProgram, REPOSITORY, type ServerProcess, startServer } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  exchange,
  fieldsOf,
  mask,
  masked,
  NEW_IN_72,
  ONLY_OURS,
  rowsOf,
  subcommandInfos,
  unvaried,
} from './sentinel-replies.ts';
import { SAME_REPLIES } from './sentinel-requests.ts';
import { TRANSCRIPTS } from './sentinel-transcripts.ts';

const REDIS_SERVER = process.env.REDIS_SERVER || findProgram('redis-server');
const SKIP = 'skipped: no redis-server on PATH to compare with (Debian: apt-get install redis-server)';

const OURS = [process.execPath, join(REPOSITORY, 'bin', 'ts-redis-sentinel')];

describe('the commands of a sentinel', { skip: REDIS_SERVER === null ? SKIP : false }, () => {
  const running: ServerProcess[] = [];
  let master: ServerProcess;
  let replica: ServerProcess;
  let ours: ServerProcess;
  let oracle: ServerProcess;

  const start = async (options: Parameters<typeof startServer>[0]): Promise<ServerProcess> => {
    const server = await startServer(options);
    running.push(server);
    return server;
  };

  before(async () => {
    const redis = REDIS_SERVER!;
    master = await start({ command: [redis] });
    replica = await start({ command: [redis], directives: { replicaof: `127.0.0.1 ${master.port}` } });
    const link = await replica.connect();
    await waitFor(async () => String(await link.send('INFO')).includes('master_link_status:up'), {
      timeoutMs: 20_000,
      what: 'the replica to have a link to its master',
    });
    await link.close();
    const directives = { sentinel: [`monitor mymaster 127.0.0.1 ${master.port} 2`] };
    const real = { command: [redis], args: ['--sentinel'], directives };
    [ours, oracle] = await Promise.all([start({ command: OURS, directives }), start(real), start(real)]);
    for (const sentinel of [ours, oracle]) {
      const client = await sentinel.connect();
      await waitFor(
        async () => {
          const text = String(parseReply(await client.send('INFO', 'sentinel')));
          return text.includes('status=ok') && text.includes('slaves=1,sentinels=3');
        },
        { timeoutMs: 30_000, what: 'the sentinels to know each other' },
      );
      await waitFor(
        async () => {
          const [one] = rowsOf(parseReply(await client.send('SENTINEL', 'REPLICAS', 'mymaster')));
          return one?.get('master-link-status') === 'ok' && one.get('flags') === 'slave';
        },
        { timeoutMs: 30_000, what: 'the replica to have a link to its master' },
      );
      await client.close();
    }
  });

  after(() => Promise.all(running.map((server) => server.stop())));

  const words = (line: string): string[] =>
    line.split(' ').map((word) => {
      if (word === '$MASTER') return String(master.port);
      return word === '$REPLICA' ? String(replica.port) : word;
    });

  const both = async (resp: 2 | 3): Promise<[RawClient, RawClient]> =>
    Promise.all([ours.connect({ resp }), oracle.connect({ resp })]);

  for (const resp of [2, 3] as const) {
    describe(`RESP${resp}`, () => {
      let a: RawClient;
      let b: RawClient;
      before(async () => {
        [a, b] = await both(resp);
      });
      after(() => Promise.all([a.close(), b.close()]));

      const ask = async (line: string): Promise<[string, string]> => {
        const [x, y] = await Promise.all([a.send(...words(line)), b.send(...words(line))]);
        return [x.toString('latin1'), y.toString('latin1')];
      };

      it('replies that do not depend on time are the same', async () => {
        const wrong: string[] = [];
        for (const line of SAME_REPLIES) {
          const [x, y] = await ask(line);
          if (x !== y) wrong.push(`${line}\n  ours:   ${JSON.stringify(x)}\n  oracle: ${JSON.stringify(y)}`);
        }
        assert.deepEqual(wrong, []);
      });

      for (const line of [
        'SENTINEL MASTERS',
        'SENTINEL MASTER mymaster',
        'SENTINEL REPLICAS mymaster',
        'SENTINEL SLAVES mymaster',
        'SENTINEL SENTINELS mymaster',
      ]) {
        it(`${line}: fields, their order, their values`, async () => {
          const isSentinels = line.includes('SENTINELS');
          const [x, y] = await ask(line);
          assert.equal(x[0], y[0]);
          const rows = (raw: string): unknown[] => {
            const reply = parseReply(Buffer.from(raw, 'latin1'));
            return rowsOf(line.includes('MASTER ') ? [reply] : reply).map((row) => masked(row, isSentinels));
          };
          assert.deepEqual(rows(x), rows(y));
          // Every value is a bulk string.
          assert.equal(x.replace(/\$\d+\r\n[^\r]*\r\n/g, '$'), y.replace(/\$\d+\r\n[^\r]*\r\n/g, '$'));
        });
      }

      it('a master that cannot be reached, down', async () => {
        assert.deepEqual(await ask('SENTINEL monitor gone 127.0.0.1 1 1'), ['+OK\r\n', '+OK\r\n']);
        try {
          const rows = async (): Promise<[unknown[], unknown[]]> => {
            const [x, y] = await ask('SENTINEL MASTER gone');
            // Whether it is trying to connect right now depends on the moment.
            const read = (raw: string): unknown[] =>
              rowsOf([
                parseReply(
                  Buffer.from(raw.replace(/\$\d+\r\n((s_down,)?master),disconnected/, '+$1'), 'latin1'),
                ),
              ]).map((row) => masked(row, false));
            return [read(x), read(y)];
          };
          const [fresh, freshOracle] = await rows();
          assert.deepEqual(fresh, freshOracle);
          assert.deepEqual(...(await ask('SENTINEL info-cache gone')));
          assert.deepEqual(...(await ask('SENTINEL ckquorum gone')));
          await ask('SENTINEL set gone quorum 3 down-after-milliseconds 100');
          await waitFor(
            async () => (await ask('SENTINEL MASTER gone')).every((text) => text.includes('s-down-time')),
            { timeoutMs: 20_000, what: '+sdown' },
          );
          const [down, downOracle] = await rows();
          assert.deepEqual(down, downOracle);
          assert.deepEqual(...(await ask('SENTINEL ckquorum gone')));
          assert.deepEqual(...(await ask('SENTINEL failover gone')));
          assert.deepEqual(...(await ask('SENTINEL is-master-down-by-addr 127.0.0.1 1 0 *')));
          const roles = (await ask('ROLE')).map((raw) => raw.match(/mymaster|gone/g)!.sort());
          assert.deepEqual(roles[0], roles[1]);
        } finally {
          assert.deepEqual(await ask('SENTINEL remove gone'), ['+OK\r\n', '+OK\r\n']);
        }
      });

      it('INFO-CACHE', async () => {
        const [x, y] = await ask('SENTINEL INFO-CACHE mymaster');
        const shape = (raw: string): string =>
          raw
            .replace(/\$\d+\r\n# Server\r\n(.|\r\n)*?\r\n\r\n# Keyspace\r\n(db0.*\r\n)?\r\n/g, 'INFO')
            .replace(/:\d+\r\n/g, ':ms\r\n');
        assert.equal(shape(x), shape(y));
        assert.match(shape(x), /INFO/);
      });

      it('INFO', async () => {
        for (const line of ['INFO', 'INFO all', 'INFO everything', 'INFO default', 'INFO sentinel server']) {
          const [x, y] = await ask(line);
          const names = (raw: string): string[] =>
            String(parseReply(Buffer.from(raw, 'latin1')))
              .split('\r\n')
              .map((one) => one.split(':')[0]!)
              .filter((name) => !NEW_IN_72.has(name));
          assert.deepEqual(names(x), names(y), line);
        }
        const [x, y] = await ask('INFO sentinel');
        assert.equal(x, y);
        for (const text of await ask('INFO server')) assert.match(text, /\r\nredis_mode:sentinel\r\n/);
      });

      it('HELLO', async () => {
        const [x, y] = await ask(`HELLO ${resp}`);
        const same = (raw: string): string =>
          raw.replace(/(\$2\r\nid\r\n:)\d+/, '$1id').replace(/\$\d+\r\n7\.\d+\.\d+/, 'version');
        assert.equal(same(x), same(y));
      });

      it('COMMAND: the same commands', async () => {
        const [x, y] = await ask('COMMAND LIST');
        const list = (raw: string): string[] =>
          (parseReply(Buffer.from(raw, 'latin1')) as string[]).filter((name) => !ONLY_OURS.has(name)).sort();
        assert.deepEqual(list(x), list(y));
        for (const name of ['command', 'acl', 'client']) {
          const [mine, theirs] = (await ask(`COMMAND INFO ${name}`)).map(subcommandInfos);
          for (const [sub, info] of theirs!) {
            // 7.2 has other tips.
            const withoutTips = (text: string | undefined): unknown[] =>
              JSON.parse(text ?? '[]').toSpliced(7, 1);
            assert.deepEqual(withoutTips(mine!.get(sub)), withoutTips(info), sub);
          }
        }
        const [mine, theirs] = (await ask('COMMAND INFO sentinel')).map(subcommandInfos) as [
          Map<string, string>,
          Map<string, string>,
        ];
        for (const [name, info] of theirs) {
          // It has one more word.
          if (name === 'sentinel|failover') continue;
          assert.equal(mine.get(name), info, name);
        }
        assert.deepEqual(
          [...mine.keys()].filter((name) => !theirs.has(name)),
          ['sentinel|doctor'],
        );
      });

      it('COMMAND DOCS', async () => {
        const docs = (await ask('COMMAND DOCS sentinel')).map((raw) => {
          const [docsOf] = fieldsOf(parseReply(Buffer.from(raw, 'latin1'))).values();
          return fieldsOf(fieldsOf(docsOf!).get('subcommands')!);
        });
        for (const [name, theirs] of docs[1]!) {
          const [x, y] = [docs[0]!.get(name)!, theirs].map(fieldsOf);
          // Summaries and arguments are worded anew in 7.2, and CONFIG takes several parameters.
          for (const field of [
            'since',
            'group',
            'complexity',
            'doc_flags',
            'deprecated_since',
            'replaced_by',
          ]) {
            const isWorded =
              field === 'complexity' && (name === 'sentinel|config' || name === 'sentinel|slaves');
            if (!isWorded) assert.deepEqual(x!.get(field), y!.get(field), `${name} ${field}`);
          }
        }
      });

      it('SENTINEL HELP tells of what there is here besides', async () => {
        const [x, y] = await ask('SENTINEL HELP');
        const lines = (raw: string): string[] => parseReply(Buffer.from(raw, 'latin1')) as string[];
        const added = lines(x).filter((line) => !lines(y).includes(line));
        assert.deepEqual(added, [
          'CONFIG SET <param> <value> [<param> <value> ...]',
          'CONFIG GET <param> [<param> <param> ...]',
          'DOCTOR [<master-name>]',
          '    Tell in words what is wrong with the set-up of the masters, or of one.',
          'FAILOVER <master-name> [COORDINATED]',
        ]);
      });

      it('SENTINEL MYID is what the others know it by', async () => {
        const [x, y] = await ask('SENTINEL MYID');
        assert.match(x, /^\$40\r\n[0-9a-f]{40}\r\n$/);
        const [, others] = await ask('SENTINEL SENTINELS mymaster');
        assert.ok(others.includes(x.slice(5, 45)));
        assert.notEqual(x, y);
      });

      it('events come as messages', async () => {
        const [c, d] = await both(resp);
        try {
          for (const client of [c, d]) client.timeoutMs = 10_000;
          const sub = [
            ['SUBSCRIBE', '+monitor', 'x'],
            ['PSUBSCRIBE', '-mon*'],
          ];
          for (const one of sub) {
            const first = (client: RawClient): Promise<Buffer> => {
              if (resp === 2) return client.send(...one);
              client.socket.write(encodeCommand(one));
              return client.nextPush();
            };
            const [p, q] = await Promise.all([first(c), first(d)]);
            assert.deepEqual(p, q);
          }
          await ask('SENTINEL monitor news 127.0.0.1 1 3');
          await ask('SENTINEL remove news');
          for (let i = 0; i < 2; i++) {
            // Those of the subscriptions that are left are passed over.
            const next = (client: RawClient): Promise<Buffer> =>
              resp === 3 ? client.nextPush() : client.nextReply();
            const wanted = async (client: RawClient): Promise<string> => {
              for (;;) {
                const raw = (await next(client)).toString('latin1');
                if (raw.includes('monitor') && raw.includes('news')) return raw;
              }
            };
            const [p, q] = await Promise.all([wanted(c), wanted(d)]);
            assert.equal(p, q);
          }
          const refused = await Promise.all([c.send('SENTINEL', 'MYID'), d.send('SENTINEL', 'MYID')]);
          if (resp === 2) assert.deepEqual(refused[0], refused[1]);
        } finally {
          await Promise.all([c.close(), d.close()]);
        }
      });
    });
  }

  for (const { client, lines } of TRANSCRIPTS) {
    it(`what ${client} sends is answered alike`, async () => {
      const [a, b] = await both(2);
      const resp3 = /\bhello 3\b/i.test(lines);
      try {
        for (const packet of lines.split('\n\n')) {
          const commands = packet
            .split('\n')
            .map((line) => words(line.trim()))
            .filter(([first]) => first !== '');
          const [x, y] = await Promise.all([a, b].map((one) => exchange(one, commands, resp3)));
          for (const [i, command] of commands.entries()) {
            // 7.0 does not know it.
            const isNew = command[1]?.toLowerCase() === 'setinfo';
            if (isNew) assert.equal(x![i], '+OK\r\n', command.join(' '));
            else assert.equal(unvaried(x![i]!, command), unvaried(y![i]!, command), command.join(' '));
          }
        }
      } finally {
        await Promise.all([a.close(), b.close()]);
      }
    });
  }

  it('ours believes in no epoch that ends all elections, and keeps no endless run id', async () => {
    const client = await ours.connect();
    try {
      const port = String(master.port);
      for (const [epoch, id] of [
        ['-1', 'f'.repeat(40)],
        ['9223372036854775807', 'f'.repeat(40)],
        ['9007199254740990', 'f'.repeat(40)],
        ['5', 'f'.repeat(100_000)],
      ] as const) {
        const raw = await client.send('SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', port, epoch, id);
        const [, leader, leaderEpoch] = parseReply(raw) as Reply[];
        assert.deepEqual([leader, leaderEpoch], ['*', 0], epoch);
      }
    } finally {
      await client.close();
    }
  });

  it('RESET counts the masters that fit, and all is found anew', async () => {
    const [a, b] = await both(2);
    try {
      for (const pattern of ['nosuch', 'MYMASTER', 'my*', '*']) {
        const replies = await Promise.all([
          a.send('SENTINEL', 'RESET', pattern),
          b.send('SENTINEL', 'RESET', pattern),
        ]);
        assert.deepEqual(replies[0], replies[1]);
      }
      for (const client of [a, b]) {
        await waitFor(
          async () => String(await client.send('INFO', 'sentinel')).includes('slaves=1,sentinels=3'),
          { timeoutMs: 30_000, what: 'the group to be known again' },
        );
      }
    } finally {
      await Promise.all([a.close(), b.close()]);
    }
  });
});

describe('a sentinel with a password, a script that hangs, and a failover', {
  skip: REDIS_SERVER === null ? SKIP : false,
}, () => {
  const running: ServerProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-'));
  let a: RawClient;
  let b: RawClient;

  /** Each sentinel has a master with a replica of its own, so that both can fail over. */
  const group = async (sentinel: {
    command: readonly string[];
    args?: readonly string[];
  }): Promise<RawClient> => {
    const start = async (options: Parameters<typeof startServer>[0]): Promise<ServerProcess> => {
      const server = await startServer(options);
      running.push(server);
      return server;
    };
    const command = [REDIS_SERVER!];
    const master = await start({ command });
    const replica = await start({ command, directives: { replicaof: `127.0.0.1 ${master.port}` } });
    const link = await replica.connect();
    await waitFor(async () => String(await link.send('INFO')).includes('master_link_status:up'), {
      timeoutMs: 20_000,
      what: 'the replica to have a link to its master',
    });
    await link.close();
    const monitor = [`monitor mymaster 127.0.0.1 ${master.port} 1`, `notification-script mymaster ${script}`];
    const node = await start({ ...sentinel, directives: { requirepass: 'secret', sentinel: monitor } });
    const client = await node.connect();
    const replies = await client.pipeline([
      ['PING'],
      ['SENTINEL', 'MASTERS'],
      ['AUTH', 'x'],
      ['AUTH', 'default', 'x'],
      ['AUTH', 'secret'],
    ]);
    refusals.push(replies.map((raw) => raw.toString('latin1')));
    await waitFor(
      async () => {
        const [one] = rowsOf(parseReply(await client.send('SENTINEL', 'REPLICAS', 'mymaster')));
        return one?.get('port') === String(replica.port) && one.get('master-link-status') === 'ok';
      },
      { timeoutMs: 30_000, what: 'the replica' },
    );
    return client;
  };
  const script = join(folder, 'hangs');
  const refusals: string[][] = [];

  before(async () => {
    writeFileSync(script, '#!/bin/sh\nexec sleep 15 >/dev/null 2>&1\n', { mode: 0o755 });
    [a, b] = await Promise.all([
      group({ command: OURS }),
      group({ command: [REDIS_SERVER!], args: ['--sentinel'] }),
    ]);
  });

  after(async () => {
    await Promise.all([a?.close(), b?.close()]);
    await Promise.all(running.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  it('without the password nothing is told', () => {
    assert.deepEqual(refusals[0], refusals[1]);
  });

  it('PENDING-SCRIPTS, and INFO tells how many', async () => {
    const seen: unknown[] = [];
    for (const client of [a, b]) {
      // +monitor was the first event; this is the second.
      await client.send('SENTINEL', 'SET', 'mymaster', 'quorum', '1');
      for (const resp of ['3', '2']) {
        await client.send('HELLO', resp);
        const rows = await waitFor(
          async () => {
            const found = parseReply(await client.send('SENTINEL', 'PENDING-SCRIPTS')) as Reply[];
            const states = found.map((row) =>
              String(row instanceof Map ? row.get('flags') : (row as Reply[])[3]),
            );
            return found.length >= 2 && states.every((state) => state === 'running') ? found : null;
          },
          { timeoutMs: 10_000, what: 'two scripts' },
        );
        for (const row of rows.slice(0, 2)) {
          const flat = row instanceof Map ? [...row].flat() : (row as Reply[]);
          seen.push(flat.map((one) => (/^\d+$/.test(String(one)) ? 'number' : one)));
        }
      }
      const info = String(parseReply(await client.send('INFO', 'sentinel')));
      seen.push(/sentinel_running_scripts:\d+\r\nsentinel_scripts_queue_length:\d+/.exec(info)?.[0]);
    }
    assert.deepEqual(mask(seen.slice(0, 5)), mask(seen.slice(5)));
  });

  it('FAILOVER: its state is a field, a second one is refused', async () => {
    const told: unknown[] = [];
    for (const client of [a, b]) {
      const replies = await client.pipeline([
        ['SENTINEL', 'FAILOVER', 'mymaster'],
        ['SENTINEL', 'MASTER', 'mymaster'],
        ['SENTINEL', 'FAILOVER', 'mymaster'],
      ]);
      const [master] = rowsOf([parseReply(replies[1]!)]);
      told.push([
        replies[0]!.toString(),
        masked(master!, false).filter(([name]) => name !== 'port' && name !== 'runid'),
        replies[2]!.toString(),
      ]);
    }
    assert.deepEqual(told[0], told[1]);
    for (const client of [a, b]) {
      await waitFor(
        async () => {
          const [one] = rowsOf(parseReply(await client.send('SENTINEL', 'MASTERS')));
          return one!.get('config-epoch') === '1' && one!.get('flags') === 'master';
        },
        { timeoutMs: 30_000, what: 'the failover to end' },
      );
    }
  });
});

describe('a sentinel whose file cannot be written', { skip: REDIS_SERVER === null ? SKIP : false }, () => {
  const running: ServerProcess[] = [];
  const clients: RawClient[] = [];

  before(async () => {
    const directives = { sentinel: ['monitor mymaster 127.0.0.1 1 1', 'deny-scripts-reconfig no'] };
    const ours = { command: OURS, directives };
    const oracle = { command: [REDIS_SERVER!], args: ['--sentinel'], directives };
    for (const options of [ours, oracle]) {
      const server = await startServer(options);
      running.push(server);
      clients.push(await server.connect());
      // Not even root replaces a folder that is not empty.
      rmSync(server.configFile);
      mkdirSync(join(server.configFile, 'in-the-way'), { recursive: true });
    }
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(running.map((server) => server.stop()));
  });

  it('says so to whoever changes something; the change is made', async () => {
    for (const line of [
      'SENTINEL FLUSHCONFIG',
      'SENTINEL MONITOR other 127.0.0.1 2 1',
      'SENTINEL SET other quorum 3',
      'SENTINEL CONFIG SET announce-port 5000',
      'SENTINEL CONFIG GET announce-port',
      'SENTINEL RESET other',
      'SENTINEL GET-MASTER-ADDR-BY-NAME other',
      'SENTINEL REMOVE other',
      'SENTINEL GET-MASTER-ADDR-BY-NAME other',
    ]) {
      const [x, y] = await Promise.all(clients.map((client) => client.send(...line.split(' '))));
      assert.equal(x!.toString(), y!.toString(), line);
    }
  });

  it('ours gives no vote that it would forget, and DOCTOR knows', async () => {
    const ask = ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', '1', '7', 'f'.repeat(40)];
    const reply = parseReply(await clients[0]!.send(...ask)) as Reply[];
    assert.deepEqual(reply.slice(1), ['*', 0]);
    const text = String(parseReply(await clients[0]!.send('SENTINEL', 'DOCTOR')));
    assert.match(text, /^This sentinel:\n \* problem: The configuration file cannot be written\./);
    assert.match(text, /\nMaster mymaster \(127\.0\.0\.1:1\):\n/);
    const refused = await clients[0]!.send('SENTINEL', 'DOCTOR', 'nosuch');
    assert.equal(refused.toString(), '-ERR No such master with that name\r\n');
  });
});

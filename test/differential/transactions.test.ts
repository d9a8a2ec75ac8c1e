/**
 * MULTI, EXEC, DISCARD, WATCH and UNWATCH against the real server: single conversations of several clients, and random
 * ones of one client whose keys others change.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type CommandGenerator, command, differential } from '../support/differential.ts';
import { describeWithOracle } from '../support/oracle.ts';
import { transcript } from '../support/transcript.ts';

const key = (): fc.Arbitrary<string> => fc.constantFrom('a', 'b', 'c');

const generators: readonly CommandGenerator[] = [
  { weight: 4, ...command('MULTI') },
  { weight: 4, ...command('EXEC') },
  command('DISCARD'),
  { weight: 2, ...command('WATCH', key()) },
  command('WATCH', key(), key()),
  command('UNWATCH'),
  { weight: 3, ...command('SET', key(), fc.constantFrom('1', 'x')) },
  { weight: 2, ...command('INCR', key()) },
  { weight: 2, ...command('GET', key()) },
  command('DEL', key()),
  command('SET', key()),
  command('NOSUCH', key()),
  command('CLIENT', fc.constantFrom('GETNAME', 'NOSUCH')),
  command('EXEC', key()),
  command('MULTI', key()),
  command('HELLO', fc.constantFrom('9', 'x')),
  command('SELECT', fc.constantFrom('0', '1')),
  command('SWAPDB', fc.constantFrom('0'), fc.constantFrom('1')),
  command('FLUSHDB'),
  command('FLUSHALL'),
  command('MOVE', key(), fc.constantFrom('0', '1')),
  command('RENAME', key(), key()),
  command('EXPIRE', key(), fc.constantFrom('100', '-1')),
  command('RESET'),
  command('PING'),
];

/** What two clients do to each other's watched keys. */
const WATCHED: readonly fc.Arbitrary<readonly string[]>[] = [
  ...[['MULTI'], ['PING'], ['EXEC'], ['EXEC'], ['UNWATCH'], ['DISCARD']],
  ...[['FLUSHDB'], ['FLUSHALL'], ['SWAPDB', '0', '1'], ['SELECT', '0'], ['SELECT', '1']],
]
  .map((words) => fc.constant(words) as fc.Arbitrary<readonly string[]>)
  .concat(
    fc.tuple(fc.constantFrom('WATCH', 'WATCH', 'WATCH', 'DEL', 'GET', 'PERSIST', 'INCR'), key()),
    fc.tuple(fc.constant('SET'), key(), fc.constantFrom('1', '2')),
    fc.tuple(fc.constantFrom('RENAME', 'COPY'), key(), key()),
    fc.tuple(fc.constantFrom('EXPIRE', 'PEXPIRE'), key(), fc.constantFrom('100000', '-1')),
    // Past its time at once, and found to be so by whoever comes first.
    fc.tuple(fc.constant('SET'), key(), fc.constant('v'), fc.constant('PXAT'), fc.constant('1')),
  );

const SCRIPTS: Readonly<Record<string, string>> = {
  'replies and errors': `
    A EXEC
    A DISCARD
    A MULTI
    A SET k v
    A GET k
    A MULTI
    A WATCH k
    A EXEC
    A MULTI
    A DISCARD
    A UNWATCH
    A MULTI | EXEC
    A MULTI | PING | ECHO hi | INCR n | EXEC
    A MULTI | INCR k | GET k | EXEC
    A MULTI | UNWATCH | EXEC
    A MULTI | QUIT
  `,
  'what spoils a transaction': `
    A MULTI | NOSUCH | SET k v | EXEC
    A MULTI | SET k | EXEC
    A MULTI | CLIENT NOSUCH | EXEC
    A MULTI | GET | DISCARD | GET k
    A MULTI | EXEC now | SET k v | EXEC
    A MULTI | SHUTDOWN | EXEC
    A MULTI | MULTI now | EXEC
    A MULTI | WATCH | EXEC
    A MULTI | DEBUG SLEEP 0 | EXEC
    A GET k
  `,
  'watched keys': `
    A WATCH k
    B SET k v
    A MULTI | PING | EXEC
    A MULTI | PING | EXEC
    A WATCH k
    B DEL nokey
    B GET k
    A MULTI | PING | EXEC
    A WATCH k k | SET k w | MULTI | PING | EXEC
    A WATCH k
    B SET k v | DEL k
    A UNWATCH | MULTI | PING | EXEC
    A WATCH k
    B SET k v
    A MULTI | PING | DISCARD | MULTI | PING | EXEC
    A WATCH k
    B SET k v
    A WATCH other | MULTI | GET k | EXEC
    A WATCH k
    B EXPIRE k 100
    A MULTI | PING | EXEC
    A WATCH k
    B PERSIST nokey | APPEND k ""
    A MULTI | PING | EXEC
    A WATCH k | RESET
    B SET k v
    A MULTI | PING | EXEC
  `,
  'a watched key in another database': `
    A SELECT 1 | WATCH k | SELECT 0
    B SET k v
    A MULTI | PING | EXEC
    A SELECT 1 | WATCH k | SELECT 0
    B SELECT 1 | SET k v
    A MULTI | PING | EXEC
  `,
  flushes: `
    A WATCH k
    B FLUSHALL
    A MULTI | PING | EXEC
    B SET k v
    A WATCH k
    B FLUSHDB
    A MULTI | PING | EXEC
    B SET k v
    A WATCH nokey
    B FLUSHALL
    A MULTI | PING | EXEC
    B SET k v
    A WATCH k
    B SELECT 1 | FLUSHDB
    A MULTI | PING | EXEC
    A WATCH k
    B FLUSHALL ASYNC
    A MULTI | PING | EXEC
  `,
  'swapped databases': `
    B SET k v
    A WATCH k
    B SWAPDB 0 1
    A MULTI | PING | EXEC
    A WATCH k
    B SWAPDB 0 1
    A MULTI | PING | EXEC
    B SWAPDB 0 1
    A WATCH nokey
    B SWAPDB 0 1
    A MULTI | PING | EXEC
    A WATCH k
    B SWAPDB 2 3
    A MULTI | PING | EXEC
    A SELECT 3 | WATCH k | SELECT 0
    B SWAPDB 0 3
    A MULTI | PING | EXEC
  `,
  'keys whose time is up': `
    B DEBUG SET-ACTIVE-EXPIRE 0
    B SET k v PX 1
    wait 5
    A WATCH k | MULTI | PING | EXEC
    B SET k v PX 1
    wait 5
    A WATCH k
    B GET k
    A MULTI | PING | EXEC
    B SET k v PX 1
    wait 5
    A WATCH k
    B SET k w
    A MULTI | PING | EXEC
    B SET k v PX 30
    A WATCH k
    wait 40
    A MULTI | PING | EXEC
    B SET k v PX 30
    A WATCH k
    wait 40
    B GET k
    A MULTI | PING | EXEC
    B SET k v PX 1
    wait 5
    A WATCH k
    B FLUSHALL
    A MULTI | PING | EXEC
    B SET k v PX 1
    wait 5
    A WATCH k
    B SWAPDB 0 1
    A MULTI | PING | EXEC
    B FLUSHALL | SELECT 1 | SET k v PX 1 | SELECT 0
    wait 5
    A WATCH k
    B SWAPDB 0 1
    A MULTI | PING | EXEC
    B FLUSHALL | SELECT 1 | SET k v PX 1 | SELECT 0 | SET k v
    wait 5
    A WATCH k
    B SWAPDB 0 1
    A MULTI | PING | EXEC
    B DEBUG SET-ACTIVE-EXPIRE 1
  `,
  'connection commands inside': `
    A MULTI | CLIENT SETNAME me | CLIENT GETNAME | SELECT 1 | SET k v | SELECT 0 | GET k | EXEC
    A MULTI | HELLO 9 | AUTH x | AUTH | EXEC
    A MULTI | CLIENT REPLY SKIP | PING | EXEC | PING | PING
    A MULTI | PING | CLIENT REPLY ON | PING | EXEC
    A MULTI | CLIENT NO-EVICT on | EXEC
    A MULTI | RESET | EXEC
    A MULTI | MONITOR | EXEC
  `,
  'CLIENT REPLY OFF inside': `
    A MULTI | PING | CLIENT REPLY OFF | PING | EXEC
    A PING | CLIENT REPLY ON
    A CLIENT REPLY OFF | MULTI | PING | EXEC | CLIENT REPLY ON
    A CLIENT REPLY SKIP | MULTI | PING | CLIENT REPLY SKIP | EXEC | PING
  `,
  'killing oneself': `
    A MULTI | PING | CLIENT KILL ID $A SKIPME no | PING | EXEC
  `,
  'killed by another': `
    A WATCH k | MULTI | PING
    B CLIENT KILL ID $A
    B SET k v
  `,
  'blocking commands inside': `
    A MULTI | BLPOP q 0 | BRPOP q r 0 | BLMOVE q r LEFT RIGHT 0 | BRPOPLPUSH q r 0 | BZPOPMIN z 0 | EXEC
    A MULTI | BLMPOP 0 1 q LEFT | BZMPOP 0 1 z MIN | XREAD BLOCK 0 STREAMS s $ | BLPOP q -1 | EXEC
    A MULTI | RPUSH q 1 2 3 | BLPOP q 0 | BLPOP nothing q 0 | EXEC
  `,
  'those who wait are served after EXEC': `
    C BLPOP q 0
    D BLPOP q 0
    A MULTI | RPUSH q 1 | LPOP q | RPUSH q 2 3 | PING | EXEC
    C BLPOP q 0
    A MULTI | RPUSH q 1 | DEL q | EXEC
    A WATCH q | MULTI | RPUSH q 5 | EXEC
    A WATCH q
    D BLPOP q 0
    B RPUSH q 6
    A MULTI | PING | EXEC
  `,
  'out of memory': `
    A MULTI | GET k | INCR k
    B CONFIG SET maxmemory 1
    A EXEC
    A MULTI | GET k | EXEC
    A EXEC
    A DISCARD
    B CONFIG SET maxmemory 0
    A MULTI | GET k | INFO nosection
    B CONFIG SET maxmemory 1
    A EXEC
    A MULTI | SET k
    A DISCARD
    A WATCH k
    B CONFIG SET maxmemory 0
  `,
  'replies that come late': `
    A MULTI | PING | CONFIG SET maxclients 5000 | PING | EXEC | PING
    A MULTI | CONFIG REWRITE | PING | EXEC | PING
    A MULTI | CONFIG SET maxclients 0 | PING | CONFIG SET maxclients 4000 | EXEC | PING
    A MULTI | CONFIG SET bind 127.0.0.1 | GET k | CONFIG SET bind 127.0.0.1 | EXEC | PING
    A CLIENT REPLY SKIP | MULTI | CONFIG SET bind 127.0.0.1 | EXEC | PING
  `,
  'a pause': `
    A MULTI | SET k v | GET k
    C MULTI | GET k
    B CLIENT PAUSE 200 WRITE
    A EXEC
    C EXEC
    C MULTI | SET k v | EXEC
    B CLIENT UNPAUSE
  `,
  'shown by CLIENT LIST': `
    A MULTI | PING | PING
    B CLIENT LIST ID $A
    A DISCARD
    B CLIENT LIST ID $A
    A WATCH k
    B SET k v
    B CLIENT LIST ID $A
    A MULTI
    B CLIENT LIST ID $A
    A CLIENT INFO | EXEC
    A MULTI | NOSUCH
    B CLIENT LIST ID $A
    A EXEC
    A MULTI | CLIENT INFO | EXEC
  `,
};

/** Of a line of CLIENT LIST, what both servers must say. */
function shownFields(received: string): string {
  return received
    .replace(/\$\d+\r\n(?=id=)|=\d+\r\n(?=txt:)/, '')
    .replace(
      / ?\b(id|addr|laddr|fd|age|idle|qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem|events|lib-name|lib-ver)=\S*/g,
      '',
    );
}

describeWithOracle(
  'transactions',
  (pair) => {
    for (const [name, script] of Object.entries(SCRIPTS)) {
      const normalise = name === 'shown by CLIENT LIST' ? shownFields : (text: string) => text;
      it(name, () => transcript(pair, script, { normalise }));
    }

    it('monitored', () =>
      transcript(
        pair,
        `
        B MONITOR
        A MULTI | SET k v | CONFIG SET maxclients 5000 | NOSUCH | EXEC
        A WATCH k | MULTI | SET k v | AUTH x y | EXEC
        A MULTI | SET k v | DISCARD
      `,
        {
          normalise: (text) =>
            text.replace(/\+\d+\.\d+ \[(\d+) [\d.]+:\d+\]/g, '+[$1]').replace(/\+\[0\] "PING"\r\n/g, ''),
        },
      ));

    it('random sequences', () =>
      differential(pair, generators, {
        runs: 250,
        maxCommands: 40,
        setUp: [['RESET'], ['SELECT', '0']],
        finalChecks: [['RESET'], ['DBSIZE']],
      }));

    it('random sequences of two clients', async () => {
      const line = fc.tuple(fc.constantFrom(0, 1), fc.oneof(...WATCHED));
      // What is over is found by commands only, so that both find it at the same moment.
      await pair.sendBoth([['DEBUG', 'SET-ACTIVE-EXPIRE', '0']]);
      const seed = process.env.FC_SEED;
      await fc.assert(
        fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 40, size: 'max' }), async (lines) => {
          await pair.reset();
          const ours = [pair.ours, await pair.oursServer.connect({ resp: pair.resp })] as const;
          const oracle = [pair.oracle, await pair.oracleServer.connect({ resp: pair.resp })] as const;
          try {
            for (const [who, words] of lines) {
              const replies = await Promise.all([ours[who]!.send(...words), oracle[who]!.send(...words)]);
              const [a, b] = replies.map((raw) => raw.toString('latin1'));
              assert.equal(a, b, `client ${who}: ${words.join(' ')}`);
            }
          } finally {
            await Promise.all([ours[1].close(), oracle[1].close()]);
          }
        }),
        {
          numRuns: Number(process.env.FC_RUNS ?? 60),
          ...(seed === undefined ? {} : { seed: Number(seed) }),
        },
      );
    });

    it('what is counted', async () => {
      await pair.sendBoth([
        ['CONFIG', 'RESETSTAT'],
        ['MULTI'],
        ['SET', 'k', 'v'],
        ['INCR', 'k'],
        ['EXEC'],
        ['EXEC'],
        ['MULTI'],
        ['SET'],
        ['EXEC'],
        ['MULTI'],
        ['EXEC', 'x'],
      ]);
      const normalise = (raw: Buffer): Buffer =>
        Buffer.from(
          raw
            .toString('latin1')
            .replace(/^[$=]\d+\r\n/, '')
            .replace(/usec=\d+,usec_per_call=[\d.]+,/g, '')
            .replace(/cmdstat_info.*\r\n/, '')
            .split('\r\n')
            .sort()
            .join('\n'),
        );
      for (const section of ['commandstats', 'errorstats']) {
        await pair.compareNormalised(normalise, 'INFO', section);
      }
    });
  },
  { directives: { 'enable-debug-command': 'local' } },
);

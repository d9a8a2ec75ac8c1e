/** What clients may change: the same replies, events and lines in the file as from redis-sentinel. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../../support/raw-client.ts';
import { ErrorReply, parseReply, type Reply } from '../../support/reply-framer.ts';
import { freePort } from '../../support/server-process.ts';
import { waitFor } from '../../support/wait-for.ts';
import { hasReal, Member, NO_REAL } from '../support/member.ts';
import { sorted } from './support.ts';

const EVENTS = '+set,+monitor,-monitor';

/** Words behind SENTINEL, each a command of its own; "" is an empty word. */
const COMMANDS = `
MONITOR a 127.0.0.1 x 2
MONITOR a 127.0.0.1 1 x
MONITOR a 127.0.0.1 x x
MONITOR a 127.0.0.1 1 0
MONITOR a nowhere.invalid 1 0
MONITOR a nowhere.invalid 1 1
MONITOR a localhost 1 1
MONITOR a nowhere.invalid 70000 1
MONITOR a 127.0.0.1 70000 1
MONITOR a 127.0.0.1 -1 1
MONITOR a 127.0.0.1 0 1
MONITOR m 127.0.0.1 1 1
MONITOR d ::1 1 1
MONITOR e 1.2.3.400 1 1
REMOVE nope
REMOVE a
REMOVE M
SET nope
SET m
SET m quorum
SET nope quorum 1
SET m quorum 0
SET m quorum 5
SET m quorum x
SET m quorum 07
SET m quorum +7
SET m foo 1
SET m constructor 1
SET m down-after-milliseconds 0
SET m down-after-milliseconds 100000
SET m DOWN-after-milliseconds 100001
SET m failover-timeout 0
SET m failover-timeout 1234
SET m parallel-syncs 0
SET m parallel-syncs 3
SET m notification-script /bin/true
SET m client-reconfig-script /bin/true
SET m auth-pass foo
SET m auth-pass ""
SET m auth-pass bar
SET m auth-user user
SET m auth-user ""
SET m rename-command
SET m rename-command a
SET m rename-command A b
SET m rename-command A c
SET m rename-command A A
SET m rename-command CONFIG guess quorum 6
SET m rename-command "" b
SET m rename-command b ""
SET m master-reboot-down-after-period -1
SET m master-reboot-down-after-period 7
SET m master-reboot-down-after-period x
SET m quorum 3 foo 1
SET m quorum 4 failover-timeout 0
SET m quorum 4 failover-timeout
SET m quorum 4 failover-timeout 999 parallel-syncs 9
SET m known-replica a
CONFIG
CONFIG GET *
CONFIG GET announce-ip
CONFIG GET ANNOUNCE-ip
CONFIG GET a*
CONFIG GET nope
CONFIG SET announce-ip 1.2.3.4
CONFIG SET announce-port 70000
CONFIG SET announce-port x
CONFIG SET announce-port -1
CONFIG SET announce-port 77
CONFIG SET resolve-hostnames maybe
CONFIG SET announce-hostnames maybe
CONFIG SET announce-hostnames yes
CONFIG SET sentinel-user u
CONFIG SET sentinel-pass p
CONFIG SET nope 1
CONFIG SET Announce-Port 5
CONFIG GET *
CONFIG SET resolve-hostnames yes
MONITOR g localhost 1 1
CKQUORUM g
REMOVE g
FLUSHCONFIG
`;

class Watched {
  readonly member: Member;
  readonly events: string[] = [];
  #listener: RawClient | null = null;

  constructor(member: Member) {
    this.member = member;
  }

  static async start(kind: 'ours' | 'real'): Promise<Watched> {
    const member = new Member(kind, 'sentinel', await freePort());
    const watched = new Watched(member);
    member.configure({
      bind: '127.0.0.1',
      port: member.port,
      dir: member.dir,
      sentinel: ['monitor m 127.0.0.1 1 2', 'down-after-milliseconds m 3600000'],
    });
    await member.start();
    const listener = await member.connect();
    watched.#listener = listener;
    await listener.send('SUBSCRIBE', ...EVENTS.split(','));
    void watched.#listen(listener);
    return watched;
  }

  async #listen(listener: RawClient): Promise<void> {
    try {
      for (;;) {
        const message = parseReply(await listener.nextReply());
        if (Array.isArray(message) && message[0] === 'message') this.events.push(message.slice(1).join(' '));
      }
    } catch {
      // The end.
    }
  }

  async send(...words: readonly string[]): Promise<string> {
    return shown(await this.member.call('SENTINEL', ...words));
  }

  get lines(): string[] {
    const text = this.member.config
      .replaceAll(String(this.member.port), 'PORT')
      .replaceAll(this.member.dir, 'DIR')
      .replace(/^sentinel myid .*$/m, 'myid');
    return sorted(text).filter((line) => !/^dir |^sentinel announce-ip ""$/.test(line));
  }

  async stop(): Promise<void> {
    this.#listener?.socket.destroy();
    await this.member.stop();
  }
}

function shown(reply: Reply): string {
  return reply instanceof ErrorReply ? `-${reply.message}` : JSON.stringify(reply);
}

function wordsOf(line: string): string[] {
  return line.split(' ').map((word) => (word === '""' ? '' : word));
}

describe('SENTINEL MONITOR, REMOVE, SET and CONFIG', { skip: hasReal() ? false : NO_REAL }, () => {
  let ours: Watched;
  let real: Watched;

  before(async () => {
    [ours, real] = await Promise.all([Watched.start('ours'), Watched.start('real')]);
  });
  after(async () => {
    await Promise.all([ours.stop(), real.stop()]);
  });

  test('the same replies, events and lines', async () => {
    for (const line of COMMANDS.trim().split('\n')) {
      const [mine, its] = await Promise.all([ours.send(...wordsOf(line)), real.send(...wordsOf(line))]);
      assert.equal(mine, its, line);
      assert.deepEqual(ours.lines, real.lines, `the file after ${line}`);
    }
    await waitFor(() => ours.events.length >= real.events.length, { what: 'events' });
    assert.deepEqual(ours.events, real.events);
    assert.ok(real.events.length > 20);
  });
});

describe('what is of 7.2, or ours', () => {
  let ours: Watched;

  before(async () => {
    ours = await Watched.start('ours');
  });
  after(() => ours.stop());

  test('SENTINEL CONFIG takes several parameters, all or nothing', async () => {
    const refusals: [string, string][] = [
      ['CONFIG SET announce-port 1 nope 2', "-ERR Invalid argument 'nope' to SENTINEL CONFIG SET"],
      [
        'CONFIG SET announce-port 1 ANNOUNCE-port 2',
        "-ERR Duplicate argument 'ANNOUNCE-port' to SENTINEL CONFIG SET",
      ],
      ['CONFIG SET announce-port 1 announce-ip', "-ERR Missing argument 'announce-ip' value"],
      [
        'CONFIG SET announce-ip 1.1.1.1 announce-port x',
        "-ERR Invalid value 'x' to SENTINEL CONFIG SET 'announce-port'",
      ],
      ['CONFIG SET loglevel loud', "-ERR Invalid value 'loud' to SENTINEL CONFIG SET 'loglevel'"],
    ];
    for (const [line, refusal] of refusals) assert.equal(await ours.send(...wordsOf(line)), refusal);
    assert.equal(
      await ours.send('CONFIG', 'GET', 'announce-*'),
      '["announce-hostnames","no","announce-ip","","announce-port","0"]',
    );
    assert.equal(
      await ours.send('CONFIG', 'SET', 'announce-ip', '1.1.1.1', 'announce-port', '9', 'loglevel', 'verbose'),
      '"OK"',
    );
    assert.equal(
      await ours.send('CONFIG', 'GET', 'announce-p*', '*-port', 'announce-ip', 'loglevel'),
      '["announce-ip","1.1.1.1","announce-port","9","loglevel","verbose"]',
    );
    assert.match(ours.member.config, /^sentinel announce-ip "1\.1\.1\.1"$/m);
  });

  test('values that would break the file are quoted in it, and are there after a restart', async () => {
    for (const pass of ['a b', 'x\nsentinel monitor evil 127.0.0.1 6666 1', '"', "it's", '#hash']) {
      assert.equal(await ours.send('SET', 'm', 'auth-pass', pass), '"OK"');
      assert.equal(await ours.send('SET', 'm', 'rename-command', 'CONFIG', pass), '"OK"');
    }
    assert.equal(await ours.send('MONITOR', 'b b', '127.0.0.1', '1', '1'), '"OK"');
    const { config } = ours.member;
    await ours.member.kill();
    await ours.member.start();
    const bare = (text: string) => text.replace(' sanitize-payload', '').trimEnd();
    assert.equal(bare(ours.member.config), bare(config));
    assert.ok((await ours.send('MASTER', 'b b')).startsWith('["name","b b"'));
    assert.equal(await ours.send('MASTER', 'evil'), '-ERR No such master with that name');
  });

  test('no number that the file could not give back', async () => {
    for (const option of ['quorum', 'down-after-milliseconds', 'failover-timeout', 'parallel-syncs']) {
      assert.equal(
        await ours.send('SET', 'm', option, '2147483648'),
        `-ERR Invalid argument '2147483648' for SENTINEL SET '${option}'`,
      );
    }
    assert.match(await ours.send('DEBUG', 'default-down-after', '2147483648'), /^-ERR Invalid argument/);
    assert.equal(await ours.send('SET', 'm', 'master-reboot-down-after-period', '2147483647'), '"OK"');
    assert.equal(await ours.send('SET', 'm', 'master-reboot-down-after-period', '0'), '"OK"');
  });

  test('require-same-lineage', async () => {
    assert.equal(
      await ours.send('SET', 'm', 'require-same-lineage', 'maybe'),
      "-ERR Invalid argument 'maybe' for SENTINEL SET 'require-same-lineage'",
    );
    assert.equal(await ours.send('SET', 'm', 'require-same-lineage', 'yes'), '"OK"');
    assert.match(ours.member.config, /^sentinel require-same-lineage m yes$/m);
    assert.equal(await ours.send('SET', 'm', 'require-same-lineage', 'no'), '"OK"');
    assert.ok(!ours.member.config.includes('require-same-lineage'));
  });

  test('scripts may be set where the file allows it', async () => {
    const path = ours.member.configFile;
    await ours.member.kill();
    writeFileSync(path, `${ours.member.config}sentinel deny-scripts-reconfig no\n`);
    await ours.member.start();
    const refusal = '-ERR Notification script seems non existing or non executable';
    assert.equal(await ours.send('SET', 'm', 'notification-script', '/nope'), refusal);
    assert.equal(await ours.send('SET', 'm', 'notification-script', '/bin/true'), '"OK"');
    assert.match(ours.member.config, /^sentinel notification-script m \/bin\/true$/m);
    assert.equal(await ours.send('SET', 'm', 'notification-script', ''), '"OK"');
    assert.ok(!ours.member.config.includes('notification-script'));
  });
});

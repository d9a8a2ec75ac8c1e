/**
 * What a sentinel must survive: bytes that are no protocol, commands with senseless arguments, votes asked for by nobody,
 * and hellos that somebody has forged. The same is told to one of ours and to a real one, each with a master of its own;
 * afterwards they must believe the same, as far as Redis can be believed (see docs/differences.md).
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { seededRandom } from '../../soak/soak.ts';
import { encodeCommand } from '../../support/raw-client.ts';
import { ErrorReply, type Reply } from '../../support/reply-framer.ts';
import { waitFor } from '../../support/wait-for.ts';
import { fields, Group, MASTER_NAME } from './group.ts';
import { hasReal, type Kind, type Member } from './member.ts';
import type { Mix } from './mixes.ts';

const HELLO = '__sentinel__:hello';
const ID = (letter: string): string => letter.repeat(40);

/** A sentinel by itself with a master and a replica. The quorum is more than there can be: nobody is promoted. */
export class World {
  readonly group: Group;

  static async start(kind: Kind, servers: readonly Kind[]): Promise<World> {
    return new World(
      await Group.start({
        sentinels: [kind],
        servers,
        quorum: 5,
        downAfterMs: 30_000,
        failoverTimeoutMs: 60_000,
      }),
    );
  }

  constructor(group: Group) {
    this.group = group;
  }

  get sentinel(): Member {
    return this.group.sentinels[0]!;
  }

  /** Placeholders of a text: MASTER, REPLICA, SELF are ports, MYID our run id. */
  fill(text: string, myId: string): string {
    const { group } = this;
    return text
      .replaceAll('MASTER', String(group.servers[0]!.port))
      .replaceAll('REPLICA', String(group.servers[1]!.port))
      .replaceAll('SELF', String(this.sentinel.port))
      .replaceAll('MYID', myId);
  }

  /** The other way round, so that two worlds can be compared. */
  name(text: string): string {
    const { group } = this;
    return text
      .replaceAll(String(group.servers[0]!.port), 'MASTER')
      .replaceAll(String(group.servers[1]!.port), 'REPLICA')
      .replaceAll(String(this.sentinel.port), 'SELF');
  }

  async send(template: readonly string[]): Promise<Reply> {
    const myId = String(await this.sentinel.ok('SENTINEL', 'MYID'));
    return this.sentinel.call(...template.map((word) => this.fill(word, myId)));
  }

  /** Back to a sentinel that knows its master only. Epochs stay where they are. */
  async reset(): Promise<void> {
    const { sentinel, group } = this;
    await sentinel.call('SENTINEL', 'REMOVE', MASTER_NAME);
    await sentinel.ok('SENTINEL', 'MONITOR', MASTER_NAME, '127.0.0.1', String(group.servers[0]!.port), '5');
    await sentinel.ok('SENTINEL', 'SET', MASTER_NAME, 'down-after-milliseconds', '30000');
    await waitFor(async () => (await this.belief()).includes('replica 127.0.0.1:REPLICA'), {
      what: 'the replica to be found',
    });
  }

  /** What it holds for true: where the master is, who else is there, and which epoch it is. */
  async belief(): Promise<string> {
    const { sentinel } = this;
    const about = fields(await sentinel.ok('SENTINEL', 'MASTER', MASTER_NAME));
    const list = async (word: string): Promise<Map<string, string>[]> =>
      ((await sentinel.ok('SENTINEL', word, MASTER_NAME)) as Reply[]).map(fields);
    const others = (await list('SENTINELS')).map(
      (one) => `sentinel ${one.get('ip')}:${one.get('port')} ${one.get('runid')}`,
    );
    const replicas = (await list('REPLICAS')).map((one) => `replica ${one.get('name')}`);
    const lines = [
      `master ${about.get('ip')}:${about.get('port')} config-epoch ${about.get('config-epoch')}`,
      /^sentinel current-epoch .*$/m.exec(sentinel.config)?.[0] ?? 'sentinel current-epoch 0',
      ...others.sort(),
      ...replicas.sort(),
    ];
    return this.name(lines.join('\n'));
  }

  async stop(): Promise<void> {
    await this.group.stop();
  }
}

/** ip, port, run id, epoch, master's name, its ip, its port, its epoch: each a hello, or several in turn. */
const HELLOS: readonly (readonly string[])[] = [
  // Not as many words as there should be, and no words.
  [''],
  ['hello'],
  [',,,,,,,'],
  [`127.0.0.1,1,${ID('a')},1,${MASTER_NAME},127.0.0.1,MASTER`],
  [`127.0.0.1,1,${ID('a')},1,${MASTER_NAME},127.0.0.1,MASTER,0,0`],
  ['x'.repeat(100_000)],
  [`${'9'.repeat(10_000)},1,${ID('a')},0,${MASTER_NAME},127.0.0.1,MASTER,0`],
  // A master that is not known.
  [`127.0.0.1,1,${ID('a')},999,nosuchmaster,127.0.0.1,REPLICA,999`],
  // Ports and addresses that cannot be.
  [`127.0.0.1,65536,${ID('a')},0,${MASTER_NAME},127.0.0.1,MASTER,0`],
  [`127.0.0.1,-1,${ID('a')},0,${MASTER_NAME},127.0.0.1,MASTER,0`],
  [`not.an.address,26379,${ID('a')},0,${MASTER_NAME},127.0.0.1,MASTER,0`],
  [`,26379,${ID('a')},0,${MASTER_NAME},127.0.0.1,MASTER,0`],
  // One that does not answer is taken for a sentinel all the same; then it moves, is another, and comes back.
  [`127.0.0.1,2,${ID('b')},0,${MASTER_NAME},127.0.0.1,MASTER,0`],
  [
    `127.0.0.1,2,${ID('b')},0,${MASTER_NAME},127.0.0.1,MASTER,0`,
    `127.0.0.1,3,${ID('b')},0,${MASTER_NAME},127.0.0.1,MASTER,0`,
  ],
  [
    `127.0.0.1,2,${ID('b')},0,${MASTER_NAME},127.0.0.1,MASTER,0`,
    `127.0.0.1,2,${ID('c')},0,${MASTER_NAME},127.0.0.1,MASTER,0`,
  ],
  // An epoch that has come far.
  [`127.0.0.1,2,${ID('b')},1000,${MASTER_NAME},127.0.0.1,MASTER,0`],
  [`127.0.0.1,2,${ID('b')},999,${MASTER_NAME},127.0.0.1,MASTER,0`],
  // A configuration that is older, or not newer, is none; a newer one is believed, by Redis as well.
  [`127.0.0.1,2,${ID('b')},1,${MASTER_NAME},127.0.0.1,REPLICA,0`],
  [`127.0.0.1,2,${ID('b')},1,${MASTER_NAME},127.0.0.1,REPLICA,7`],
  [`127.0.0.1,2,${ID('b')},1,${MASTER_NAME},127.0.0.1,MASTER,9`],
];

/** What Redis believes when it is told by PUBLISH, and ours does not. */
const REFUSED: readonly string[] = [
  // Itself, from elsewhere.
  `127.0.0.1,1,MYID,999,${MASTER_NAME},127.0.0.1,REPLICA,999`,
  // Run ids of another length, or of what ends lines.
  `127.0.0.1,5,short,0,${MASTER_NAME},127.0.0.1,MASTER,0`,
  `127.0.0.1,5,${'g'.repeat(41)},0,${MASTER_NAME},127.0.0.1,MASTER,0`,
  `127.0.0.1,5,\n${'g'.repeat(39)},0,${MASTER_NAME},127.0.0.1,MASTER,0`,
  // Epochs that leave no room above them.
  `127.0.0.1,5,${ID('g')},18446744073709551615,${MASTER_NAME},127.0.0.1,MASTER,0`,
  `127.0.0.1,5,${ID('g')},0,${MASTER_NAME},127.0.0.1,REPLICA,18446744073709551615`,
  `127.0.0.1,5,${ID('g')},-1,${MASTER_NAME},127.0.0.1,REPLICA,-1`,
];

/** Of these Redis takes the epoch at least, and the address where it looks like one. */
const NOT_FOLLOWED: readonly string[] = [
  `127.0.0.1,6,${ID('h')},0,${MASTER_NAME},not.an.address,MASTER,1`,
  `127.0.0.1,6,${ID('h')},0,${MASTER_NAME},127.0.0.1,65536,2`,
  `127.0.0.1,6,${ID('h')},0,${MASTER_NAME},127.0.0.1,0,3`,
  `127.0.0.1,6,${ID('h')},0,${MASTER_NAME},,MASTER,4`,
];

/** Votes that are asked for, and other commands of sentinels, with arguments that make little sense. */
const COMMANDS: readonly (readonly string[])[] = [
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '0', '*'],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '2000', ID('d')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '2000', ID('e')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '1999', ID('e')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '2001', 'short'],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', '1', '3000', ID('e')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', 'nowhere.invalid', 'MASTER', '3000', ID('e')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '-5', ID('e')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'x', '1', ID('e')],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', 'MASTER', '99999999999999999999', ID('e')],
  ['SENTINEL', 'MASTER', 'nosuchmaster'],
  ['SENTINEL', 'FAILOVER', 'nosuchmaster'],
  ['SENTINEL', 'SET', MASTER_NAME, 'quorum', '-1'],
  ['SENTINEL', 'SET', MASTER_NAME, 'down-after-milliseconds', '0'],
  ['SENTINEL', 'MONITOR', 'other', 'nowhere.invalid', '1', '1'],
  ['SENTINEL', 'MONITOR', 'other', '127.0.0.1', '0', '1'],
  ['SENTINEL', 'CONFIG', 'SET', 'nothing', 'x'],
  ['PUBLISH', 'elsewhere', 'x'],
  ['SET', 'k', 'v'],
  ['SLAVEOF', '127.0.0.1', 'MASTER'],
];

const WORDS: readonly string[] = [
  ...[
    'SENTINEL',
    'PUBLISH',
    'SUBSCRIBE',
    'PSUBSCRIBE',
    'INFO',
    'HELLO',
    'CLIENT',
    'PING',
    'COMMAND',
    'ROLE',
    'AUTH',
  ],
  ...[
    'MASTERS',
    'MASTER',
    'REPLICAS',
    'SENTINELS',
    'IS-MASTER-DOWN-BY-ADDR',
    'CKQUORUM',
    'MYID',
    'PENDING-SCRIPTS',
  ],
  ...[
    'INFO-CACHE',
    'GET-MASTER-ADDR-BY-NAME',
    'HELP',
    'CONFIG',
    'GET',
    'DOCTOR',
    'FLUSHCONFIG',
    'LIST',
    'KILL',
    'ID',
  ],
  ...[
    MASTER_NAME,
    HELLO,
    '*',
    '127.0.0.1',
    '0',
    '-1',
    '18446744073709551616',
    '',
    ID('f'),
    'x'.repeat(5000),
    '\r\n',
  ],
];

/** Bytes for a connection: chance, torn frames, and well-formed commands of words that do not belong together. */
function nonsense(below: (n: number) => number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i <= below(6); i++) {
    const lot = below(5);
    if (lot === 0) parts.push(Buffer.from(Array.from({ length: below(200) }, () => below(256))));
    else if (lot === 1) parts.push(Buffer.from(`*${below(5)}\r\n$${below(2_000_000_000)}\r\n`));
    else if (lot === 2) parts.push(Buffer.from(`*${['-1', '1048577', '99999999999', 'x'][below(4)]}\r\n`));
    else {
      const words = Array.from({ length: 1 + below(7) }, () => WORDS[below(WORDS.length)]!);
      const frame = encodeCommand(words);
      parts.push(lot === 3 ? frame : frame.subarray(0, below(frame.length)));
    }
  }
  return Buffer.concat(parts);
}

function pour(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const timer = setTimeout(() => socket.destroy(), 500);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on('data', () => {});
    socket.end(bytes);
  });
}

/** Throws with the first difference. Where there is nothing real to compare with, ours has to live only. */
export async function garbage(mix: Mix, seed: number, rounds: number): Promise<string> {
  const kinds: readonly Kind[] = hasReal() ? ['ours', 'real'] : ['ours'];
  const forced = process.env.SENTINEL_MIX !== undefined;
  const worlds: World[] = [];
  try {
    for (const kind of kinds)
      worlds.push(await World.start(forced ? mix.sentinels[0]! : kind, mix.servers.slice(0, 2)));
    for (const world of worlds) if (world.sentinel.kind === 'ours') await refuse(world);
    const compare = async (what: string): Promise<void> => {
      // What was told is believed by then, or not at all; files are written at once.
      const beliefs = await Promise.all(worlds.map((world) => world.belief()));
      for (const belief of beliefs)
        assert.equal(beliefs[0], belief, `${what}: ours and redis-sentinel differ`);
    };
    const both = (template: readonly string[]): Promise<Reply[]> =>
      Promise.all(worlds.map((world) => world.send(template)));
    for (const hellos of HELLOS) {
      for (const hello of hellos) await both(['PUBLISH', HELLO, hello]);
      await compare(hellos.join(' | ').slice(0, 300));
      await Promise.all(worlds.map((world) => world.reset()));
    }
    for (const command of COMMANDS) {
      const replies = (await both(command)).map((reply, i) => worlds[i]!.name(show(reply)));
      for (const reply of replies) assert.equal(replies[0], reply, command.join(' '));
      await compare(command.join(' '));
    }
    for (const [i, world] of worlds.entries()) {
      const below = seededRandom(seed);
      for (let round = 0; round < rounds; round += 20) {
        await Promise.all(Array.from({ length: 20 }, () => pour(world.sentinel.port, nonsense(below))));
      }
      assert.equal(await world.sentinel.call('PING'), 'PONG', `world ${i}`);
    }
    await compare('fuzzed bytes');
    // And its file is one to start with.
    for (const { sentinel, group } of worlds) {
      // Redis takes this name, and its file is one that it doesn't start with.
      if (sentinel.kind === 'ours')
        await sentinel.call('SENTINEL', 'MONITOR', 'a name', '127.0.0.1', '1', '1');
      await sentinel.kill();
      await sentinel.start();
      assert.deepEqual(group.badLines(), []);
    }
    await compare('a restart');
    return `${HELLOS.length} hellos, ${COMMANDS.length} commands, ${rounds} connections of nonsense, seed ${seed}`;
  } finally {
    await Promise.all(worlds.map((world) => world.stop()));
  }
}

/** What is not believed leaves nothing behind: neither in what it says nor in the file that it starts with. */
async function refuse(world: World): Promise<void> {
  const before = await world.belief();
  for (const hello of REFUSED) {
    await world.send(['PUBLISH', HELLO, hello]);
    assert.equal(await world.belief(), before, `believed: ${hello}`);
    assert.doesNotMatch(world.sentinel.config, /g{39}|short/, `written into the file: ${hello}`);
  }
  for (const hello of NOT_FOLLOWED) {
    await world.send(['PUBLISH', HELLO, hello]);
    assert.equal((await world.belief()).split('\n')[0], before.split('\n')[0], `followed: ${hello}`);
  }
  await world.reset();
}

function show(reply: Reply): string {
  if (reply instanceof ErrorReply) return `-${reply.message}`;
  return Array.isArray(reply) ? `[${reply.map(show).join(' ')}]` : String(reply);
}

/**
 * The link to a master, against a master made of a script: a history of commands that is sent in pieces of any size and
 * cut off anywhere. Whatever happens, the replica asks for bytes from the end of a command (or of a transaction) on, has
 * every effect once, and keeps the same bytes for replicas of its own.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Logger } from '../../src/logging/logger.ts';
import { DataFiles } from '../../src/persistence/persistence.ts';
import { Replication } from '../../src/replication/replication.ts';
import { randomBelow as below, type Random, seededRandom } from '../../src/util/random.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';
import { type Arg, encodeCommand } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';

const ID = 'a'.repeat(40);
const EMPTY_RDB = Buffer.concat([Buffer.from('REDIS0010'), Buffer.from([0xff]), Buffer.alloc(8)]);

/** A master that says what it is told to. */
class ScriptedMaster {
  readonly server: net.Server;
  /** What came, line by line of the request's words. */
  readonly requests: string[][] = [];
  readonly acks: number[] = [];
  readonly socketsOpen = new Set<net.Socket>();
  connections = 0;
  newlines = 0;
  /** Replies to the commands of the handshake. */
  answer: (words: readonly string[], socket: net.Socket) => string | null = () => '+OK\r\n';

  constructor() {
    this.server = net.createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as net.AddressInfo).port;
  }

  #serve(socket: net.Socket): void {
    this.connections++;
    this.socketsOpen.add(socket);
    let waiting = '';
    socket.on('error', () => {});
    socket.on('close', () => this.socketsOpen.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      waiting += chunk.toString('latin1');
      for (;;) {
        if (waiting.startsWith('\n')) {
          this.newlines++;
          waiting = waiting.slice(1);
          continue;
        }
        const { words, rest } = firstRequest(waiting);
        if (words === null) return;
        waiting = rest;
        this.requests.push(words);
        if (words[1] === 'ACK') this.acks.push(Number(words[2]));
        else {
          const reply = this.answer(words, socket);
          if (reply !== null) socket.write(Buffer.from(reply, 'latin1'));
        }
      }
    });
  }

  cut(): void {
    for (const socket of this.socketsOpen) socket.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}

function firstRequest(text: string): { words: string[] | null; rest: string } {
  if (text.startsWith('SYNC\r\n')) return { words: ['SYNC'], rest: text.slice(6) };
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return { words: null, rest: text };
  let at = head[0].length;
  const words: string[] = [];
  for (let i = 0; i < Number(head[1]); i++) {
    const bulk = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (bulk === null) return { words: null, rest: text };
    const from = at + bulk[0].length;
    const end = from + Number(bulk[1]);
    if (text.length < end + 2) return { words: null, rest: text };
    words.push(text.slice(from, end));
    at = end + 2;
  }
  return { words, rest: text.slice(at) };
}

class Follower {
  readonly dir = mkdtempSync(join(tmpdir(), 'ts-redis-link-'));
  readonly redis: InProcess;
  readonly replication: Replication;
  readonly log: string[] = [];

  constructor(directives: Readonly<Record<string, string>> = {}) {
    this.redis = inProcess({ dir: this.dir, save: '""', 'enable-debug-command': 'yes', ...directives });
    const { engine } = this.redis;
    const note = (message: string): void => void this.log.push(message);
    const logger: Logger = { ...engine.log, notice: note, warning: note };
    Object.assign(engine, { log: logger });
    const files = new DataFiles(engine, { fatal: () => {} });
    engine.persistence = files;
    this.replication = new Replication(engine, files);
    engine.replication = this.replication;
  }

  /** Time passes, and with it the cron. */
  async until(condition: () => boolean, what: string): Promise<void> {
    await waitFor(
      () => {
        this.redis.clock.advance(100);
        return condition();
      },
      { what, timeoutMs: 20_000, intervalMs: 2 },
    );
  }

  close(): void {
    this.replication.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const followers: Follower[] = [];
const masters: ScriptedMaster[] = [];

function follower(directives: Readonly<Record<string, string>> = {}): Follower {
  const made = new Follower(directives);
  followers.push(made);
  return made;
}

async function master(): Promise<{ master: ScriptedMaster; port: number }> {
  const made = new ScriptedMaster();
  masters.push(made);
  return { master: made, port: await made.listen() };
}

after(() => {
  for (const made of followers) made.close();
  for (const made of masters) made.close();
});

/** A history: its bytes, and the offsets at which a replica may stop. */
function historyOf(random: Random, commands: number): { bytes: Buffer; ends: Set<number>; plain: Arg[][] } {
  const parts: Buffer[] = [];
  const plain: Arg[][] = [];
  const ends = new Set<number>([0]);
  let length = 0;
  const add = (args: Arg[], ends_: boolean): void => {
    const bytes = encodeCommand(args);
    parts.push(bytes);
    plain.push(args);
    length += bytes.length;
    if (ends_) ends.add(length);
  };
  const one = (): Arg[] => {
    const key = `k${below(random, 50)}`;
    switch (below(random, 6)) {
      case 0:
        return ['INCR', `n${below(random, 9)}`];
      case 1:
        return ['RPUSH', `l${below(random, 9)}`, String(below(random, 1000))];
      case 2:
        return ['APPEND', key, 'x'.repeat(below(random, 20))];
      case 3:
        return ['SET', key, Buffer.alloc(below(random, 40) === 0 ? 300_000 : below(random, 9000), 'v')];
      case 4:
        return ['PEXPIRE', key, '1'];
      default:
        return ['HINCRBY', `h${below(random, 9)}`, `f${below(random, 5)}`, '1'];
    }
  };
  for (let i = 0; i < commands; i++) {
    if (below(random, 20) === 0) add(['SELECT', String(below(random, 4))], true);
    if (below(random, 8) === 0) {
      add(['MULTI'], false);
      for (let j = below(random, 6); j >= 0; j--) add(one(), false);
      add(['EXEC'], true);
    } else add(one(), true);
  }
  return { bytes: Buffer.concat(parts), ends, plain };
}

describe('the link to a master', () => {
  it('introduces itself as Redis 7 does', async () => {
    const { master: peer, port } = await master();
    peer.answer = ([name], socket) => {
      if (name === 'PING') return '+PONG\r\n';
      if (name !== 'PSYNC') return '+OK\r\n';
      socket.write(`\n+FULLRESYNC ${ID} 0\r\n\n$${EMPTY_RDB.length}\r\n`);
      socket.write(EMPTY_RDB);
      return null;
    };
    const replica = follower({ masterauth: 'pw', masteruser: 'me', 'replica-announce-ip': '1.2.3.4' });
    assert.equal(replica.redis.call('REPLICAOF', '127.0.0.1', port), 'OK');
    await replica.until(() => replica.replication.replicaSide.state === 'connected', 'the link');
    assert.deepEqual(
      peer.requests.slice(0, 5).map((words) => words.join(' ')),
      [
        'PING',
        'AUTH me pw',
        'REPLCONF listening-port 6379',
        'REPLCONF ip-address 1.2.3.4',
        'REPLCONF capa eof capa psync2',
      ],
    );
    assert.match(peer.requests[5]!.join(' '), /^PSYNC [0-9a-f]{40} 1$/);
    await replica.until(() => peer.acks.length > 1, 'acknowledgements');
    assert.equal(
      replica.redis.call('REPLICAOF', '127.0.0.1', port),
      'OK Already connected to specified master',
    );
  });

  it('has every effect once, however the stream is cut', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = seededRandom(seed);
      const { bytes, ends, plain } = historyOf(random, 400);
      const { master: peer, port } = await master();
      let cuts = 0;
      peer.answer = ([name, id, offset], socket) => {
        if (name === 'PING') return '+PONG\r\n';
        if (name !== 'PSYNC') return '+OK\r\n';
        let from = 0;
        const head: Buffer[] = [];
        if (id === ID) {
          from = Number(offset) - 1;
          assert.ok(ends.has(from), `seed ${seed}: asks from amid a command, at ${from}`);
          head.push(Buffer.from(`+CONTINUE ${ID}\r\n`));
        } else head.push(Buffer.from(`+FULLRESYNC ${ID} 0\r\n$${EMPTY_RDB.length}\r\n`), EMPTY_RDB);
        // A few cuts, then all of it.
        const end =
          cuts++ < 12
            ? Math.min(bytes.length, from + below(random, Math.ceil(bytes.length / 6)))
            : bytes.length;
        void send(socket, Buffer.concat([...head, bytes.subarray(from, end)]), random, end < bytes.length);
        return null;
      };
      const replica = follower({ 'repl-backlog-size': '64mb' });
      replica.redis.call('REPLICAOF', '127.0.0.1', port);
      const { stream, history } = replica.replication.shared;
      await replica.until(() => stream.end === bytes.length, `seed ${seed}: all of the history`);
      assert.equal(history.id, ID);
      assert.ok(!replica.log.some((line) => line.includes('CRITICAL')));
      // The same commands, by a client. Keys that are past their time are there: the master has not said DEL.
      const direct = follower();
      for (const args of plain) if (args[0] !== 'PEXPIRE') direct.redis.call(...args);
      const persist = plain.filter(([name]) => name === 'PEXPIRE');
      assert.ok(persist.length > 0);
      const kept = Buffer.concat(pieces(stream, bytes.length));
      assert.ok(kept.equals(bytes.subarray(bytes.length - kept.length)), `seed ${seed}: the bytes kept`);
      replica.redis.call('REPLICAOF', 'NO', 'ONE');
      for (const db of replica.redis.engine.keyspace.databases.slice(0, 4)) {
        assert.equal(db.size, direct.redis.engine.keyspace.databases[db.id]!.size);
      }
      direct.redis.call('SELECT', '0');
      for (let i = 0; i < 9; i++) {
        for (const key of [`n${i}`, `h${i}`, `l${i}`]) {
          assert.deepEqual(
            replica.redis.call('DUMP', key),
            direct.redis.call('DUMP', key),
            `seed ${seed}: ${key}`,
          );
        }
      }
    }
  });

  it('tries a master that refuses, breaks off or talks nonsense once a second', async () => {
    const { master: peer, port } = await master();
    const says = [
      '-LOADING Redis is loading the dataset in memory\r\n',
      "-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
      '+FULLRESYNC nonsense\r\n',
      `+FULLRESYNC ${ID} 0\r\n-ERR no\r\n`,
      `+FULLRESYNC ${ID} 0\r\nHTTP/1.1 200 OK\r\n`,
      `+FULLRESYNC ${ID} 0\r\n$99\r\nREDIS`,
      '',
    ];
    let next = 0;
    peer.answer = ([name], socket) => {
      if (name === 'PING') return '+PONG\r\n';
      if (name !== 'PSYNC') return '+OK\r\n';
      const said = says[next++ % says.length]!;
      socket.end(said);
      return null;
    };
    const replica = follower();
    replica.redis.call('REPLICAOF', '127.0.0.1', port);
    const startMs = replica.redis.engine.clock.monoMs();
    await replica.until(() => next >= 2 * says.length, 'all kinds of refusals');
    const seconds = (replica.redis.engine.clock.monoMs() - startMs) / 1000;
    assert.ok(peer.connections <= seconds + 2, `${peer.connections} connections in ${seconds} s`);
    // Its data is still what it was.
    assert.deepEqual(replica.replication.replicaSide.cached, { database: 0 });
    for (const text of [
      'Master is currently unable to PSYNC but should be in the future: -LOADING',
      'Master replied with wrong +FULLRESYNC syntax.',
      'MASTER aborted replication with an error: ERR no',
      "Bad protocol from MASTER, the first byte is not '$'",
      'I/O error trying to sync with MASTER',
    ]) {
      assert.ok(
        replica.log.some((line) => line.startsWith(text)),
        text,
      );
    }
  });

  it('falls back to SYNC where PSYNC is not known', async () => {
    const { master: peer, port } = await master();
    peer.answer = ([name], socket) => {
      if (name === 'PING') return '-NOAUTH Authentication required.\r\n';
      if (name === 'SYNC') {
        socket.write(
          Buffer.concat([
            Buffer.from(`$${EMPTY_RDB.length}\r\n`),
            EMPTY_RDB,
            encodeCommand(['SET', 'a', 'b']),
          ]),
        );
        return null;
      }
      return '-ERR unknown command\r\n';
    };
    const replica = follower();
    replica.redis.call('REPLICAOF', '127.0.0.1', port);
    await replica.until(() => replica.redis.call('GET', 'a') === 'b', 'the stream');
    assert.equal(peer.acks.length, 0);
  });

  it('trusts nothing of a stream that is none', async () => {
    const { master: peer, port } = await master();
    const nonsense = ['GET / HTTP/1.1\r\n', '*1\r\n:5\r\n', '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$-5\r\n'];
    let next = 0;
    peer.answer = ([name], socket) => {
      if (name === 'PING') return '+PONG\r\n';
      if (name !== 'PSYNC') return '+OK\r\n';
      const more = nonsense[next++] ?? '';
      socket.write(
        Buffer.concat([Buffer.from(`+FULLRESYNC ${ID} 7\r\n$${EMPTY_RDB.length}\r\n`), EMPTY_RDB]),
      );
      socket.write(Buffer.concat([encodeCommand(['INCR', 'a']), Buffer.from(more)]));
      return null;
    };
    const replica = follower({
      'proto-max-bulk-len': '1mb',
      'client-query-buffer-limit': '1mb',
      'maxmemory-clients': '128kb',
    });
    replica.redis.call('REPLICAOF', '127.0.0.1', port);
    await replica.until(() => next > nonsense.length, 'a full sync after each');
    await replica.until(() => replica.redis.call('GET', 'a') === '1', 'the stream');
    const asked = peer.requests.filter(([name]) => name === 'PSYNC').map((words) => words.slice(1).join(' '));
    assert.deepEqual(
      asked.slice(1),
      nonsense.map(() => '? -1'),
    );
    // A bulk that no client may send: the master has taken it.
    const [link] = peer.socketsOpen;
    link!.write(encodeCommand(['SET', 'big', Buffer.alloc(3 << 20, 'x')]));
    await waitFor(() => replica.redis.call('STRLEN', 'big') === 3 << 20, { what: 'the big bulk' });
    // Nor do its commands make a longer string than it may have here.
    link!.write(encodeCommand(['APPEND', 'big', 'y']));
    link!.write(encodeCommand(['SETRANGE', 'big', '3145729', 'y']));
    link!.write(encodeCommand(['SETBIT', 'big', String((3 << 20) * 8 + 16), '1']));
    await waitFor(() => replica.redis.call('STRLEN', 'big') === (3 << 20) + 3, {
      what: 'what is longer yet',
    });
  });

  it('puts the stream off while the server is paused, and goes on behind', async () => {
    const { master: peer, port } = await master();
    let link: net.Socket | null = null;
    peer.answer = ([name], socket) => {
      if (name === 'PING') return '+PONG\r\n';
      if (name !== 'PSYNC') return '+OK\r\n';
      link = socket;
      socket.write(
        Buffer.concat([Buffer.from(`+FULLRESYNC ${ID} 0\r\n$${EMPTY_RDB.length}\r\n`), EMPTY_RDB]),
      );
      return null;
    };
    const replica = follower();
    replica.redis.call('REPLICAOF', '127.0.0.1', port);
    await replica.until(() => replica.replication.replicaSide.state === 'connected', 'the link');
    replica.redis.call('CLIENT', 'PAUSE', '100000', 'WRITE');
    const sent = Buffer.concat([
      encodeCommand(['SET', 'a', '1']),
      encodeCommand(['MULTI']),
      encodeCommand(['INCR', 'a']),
      encodeCommand(['EXEC']),
      encodeCommand(['INCR', 'a']),
    ]);
    link!.write(sent);
    await waitFor(() => replica.replication.replicaSide.client?.blocked !== null, { what: 'the pause' });
    assert.equal(replica.replication.offset, 0);
    assert.equal(replica.redis.call('GET', 'a'), null);
    replica.redis.call('CLIENT', 'UNPAUSE');
    await waitFor(() => replica.replication.offset === sent.length, { what: 'the rest' });
    assert.equal(replica.redis.call('GET', 'a'), '3');
    // Put off again, and the link breaks: what has not run is asked for again.
    replica.redis.call('CLIENT', 'PAUSE', '100000', 'WRITE');
    link!.write(encodeCommand(['INCR', 'a']));
    await waitFor(() => replica.replication.replicaSide.client?.blocked !== null, { what: 'the pause' });
    peer.cut();
    const before = peer.requests.length;
    await replica.until(() => peer.requests.length > before, 'another handshake');
    await replica.until(
      () => peer.requests.some(([, , offset]) => offset === String(sent.length + 1)),
      'PSYNC',
    );
  });
});

/** The last bytes that are kept. */
function pieces(stream: Replication['shared']['stream'], end: number): Buffer[] {
  const cursor = stream.cursorAt(stream.firstByte);
  const all: Buffer[] = [];
  for (let at = stream.firstByte - 1; at < end; ) {
    const piece = cursor.peek()!;
    all.push(Buffer.from(piece));
    cursor.advance(piece.length);
    at += piece.length;
  }
  cursor.release();
  return all;
}

/** Sends in pieces, sometimes large, sometimes byte by byte. */
async function send(socket: net.Socket, bytes: Buffer, random: Random, cut: boolean): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const size = [1, 30, 2000, 70_000, 400_000][below(random, 5)]!;
    const length = 1 + below(random, size);
    const taken = socket.write(bytes.subarray(at, at + length));
    at += length;
    if (!taken || below(random, 3) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (cut) socket.end();
}

/**
 * Keyspace events of the string commands: which, in which order, for which key. Both servers
 * publish them to a client that is subscribed to all.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { parseReply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

/** Each line is a command; the state goes on from one to the next. */
const SCRIPT = `
  SET k v
  SET k v2
  SET k v3 NX
  SET k v3 XX
  SET missing v XX
  SET k v EX 1000
  SET k v KEEPTTL
  SET k v GET
  SET fresh v PX 100000 NX GET
  SETEX k 1000 v
  PSETEX other 100000 v
  SETNX k v
  SETNX nx v
  GETSET k v
  GETSET brandnew v
  GET k
  GET missing
  MGET k missing other
  STRLEN missing
  GETRANGE missing 0 1
  GETEX missing EX 10
  GETEX k
  GETEX k EX 100
  GETEX k PERSIST
  GETEX k PERSIST
  GETEX k PXAT 1
  GETDEL nx
  GETDEL nx
  MSET a 1 b 2 a 3
  MSETNX a 1 zz 1
  MSETNX c 1 d 2 c 3
  APPEND a x
  APPEND app x
  APPEND app2 ""
  SETRANGE app 10 y
  SETRANGE app 0 ""
  SETRANGE srange 3 y
  SETRANGE empty 3 ""
  INCR n
  INCR n
  DECR n
  INCRBY n 5
  DECRBY n 5
  INCRBY n 0
  INCRBYFLOAT n 0.5
  INCRBYFLOAT f 1.5
  LCS a missing
  SET k v EX 0
  INCR app
  SET late v PXAT 1
  GET late
  SET late v PXAT 1
  SET late v2
  SET late v PXAT 1
  INCR late
  SET late2 v PXAT 1
  APPEND late2 x
  SET late3 v PXAT 1
  SETNX late3 x
  SET late4 v PXAT 1
  MSET late4 x
  SET late5 v PXAT 1
  GETSET late5 x
  SET late6 v PXAT 1
  GETDEL late6
  SET late7 v PXAT 1
  SET late7 w XX GET
`;

/** A server with somebody who hears all its events. */
class Heard {
  readonly #server: ServerProcess;
  readonly #client: RawClient;
  readonly #listener: RawClient;

  private constructor(server: ServerProcess, client: RawClient, listener: RawClient) {
    this.#server = server;
    this.#client = client;
    this.#listener = listener;
  }

  static async start(command?: readonly string[]): Promise<Heard> {
    const server = await startServer({
      ...(command && { command }),
      directives: { 'notify-keyspace-events': 'EAmn', 'enable-debug-command': 'local' },
    });
    const client = await server.connect();
    const listener = await server.connect({ resp: 3 });
    // What is over must be found by the next command, not by the cron.
    assert.equal(await client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0'), 'OK');
    listener.sendNoReply('PSUBSCRIBE', '__keyevent@0__:*');
    await listener.nextPush();
    return new Heard(server, client, listener);
  }

  /** `event key`, as they are published while the command runs. */
  async events(words: readonly string[]): Promise<string[]> {
    await this.#client.send(...words);
    // Messages reach the listener before the answer to a PING that is sent after them.
    await this.#listener.send('PING');
    return this.#listener.pushes.splice(0).map((raw) => {
      const [, , channel, key] = parseReply(raw, 'latin1') as string[];
      return `${channel!.replace('__keyevent@0__:', '')} ${key}`;
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#client.close(), this.#listener.close()]);
    await this.#server.stop();
  }
}

describe('keyspace events of the string commands', {
  skip: findOracle() === null ? NO_ORACLE : false,
}, () => {
  let ours: Heard;
  let oracle: Heard;
  before(async () => {
    [ours, oracle] = await Promise.all([Heard.start(), Heard.start([findOracle()!])]);
  });
  after(() => Promise.all([ours.stop(), oracle.stop()]));

  it('are those of redis-server', async () => {
    let total = 0;
    for (const line of SCRIPT.trim().split('\n')) {
      const words = line
        .trim()
        .split(' ')
        .map((word) => (word === '""' ? '' : word));
      const [heard, expected] = await Promise.all([ours.events(words), oracle.events(words)]);
      assert.deepEqual(heard, expected, line);
      total += expected.length;
    }
    assert.ok(total > 60, `only ${total} events`);
  });
});

/**
 * Keyspace events of the set commands and of SORT: which, in which order, for which key, from both servers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { parseReply } from '../support/reply-framer.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

/** Each line is a command; the state goes on from one to the next. */
const SCRIPT = `
  SADD s 1 2 3
  SADD s 1
  SADD s 4
  SADD s a
  SREM s 9
  SREM s 1 2
  SREM s 3 4 a
  SREM s 1
  SADD s 1 2
  SADD t x
  SMOVE s t 1
  SMOVE s t 9
  SMOVE s t 2
  SMOVE none t 2
  SMOVE t u x
  SMOVE t u 1
  SMOVE u u x
  SADD v x 5
  SMOVE v u x
  SMEMBERS none
  SISMEMBER none a
  SMISMEMBER none a
  SCARD none
  SRANDMEMBER none
  SSCAN none 0
  SINTER u none
  SUNION none u
  SDIFF none u
  SINTERCARD 2 u none
  SINTERSTORE d u v
  SUNIONSTORE d u v
  SUNIONSTORE d u v
  SINTERSTORE d u none
  SINTERSTORE d u none
  SDIFFSTORE d u none
  SDIFFSTORE d u u
  SUNIONSTORE u none none2
  SET str v
  SUNIONSTORE str v v
  SPOP none
  SPOP none 3
  SADD p 1 2 3 4 5 6 7 8 9 10
  SPOP p 0
  SPOP p 9
  SPOP p
  SADD p 1 2 3 a
  SPOP p 1
  SPOP p 10
  RPUSH l 3 1 2
  SORT l
  SORT l STORE d
  SORT l STORE d
  SORT none STORE d
  SORT none STORE d
  SORT l BY w_* GET x_* STORE d
  SORT_RO l BY w_*
  SET w_1 5
  SORT l BY w_* GET #
  SORT l BY h_*->f LIMIT 0 1
`;

class Listened {
  readonly #server: ServerProcess;
  readonly #client: RawClient;
  readonly #listener: RawClient;

  constructor(server: ServerProcess, client: RawClient, listener: RawClient) {
    this.#server = server;
    this.#client = client;
    this.#listener = listener;
  }

  static async start(command: string | null): Promise<Listened> {
    const directives = { 'notify-keyspace-events': 'EAmn' };
    const server = await startServer(command === null ? { directives } : { command: [command], directives });
    const listener = await server.connect({ resp: 3 });
    listener.sendNoReply('PSUBSCRIBE', '__keyevent@0__:*');
    await listener.nextPush();
    return new Listened(server, await server.connect(), listener);
  }

  /** `event key`, for each event that a command raises. */
  async eventsOf(words: readonly string[]): Promise<string[]> {
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

describe('keyspace events of sets and SORT', { skip: findOracle() === null ? NO_ORACLE : false }, () => {
  let ours: Listened;
  let oracle: Listened;
  before(async () => {
    ours = await Listened.start(null);
    oracle = await Listened.start(findOracle());
  });
  after(async () => {
    await ours.stop();
    await oracle.stop();
  });

  it('are those of redis-server', async () => {
    let total = 0;
    for (const line of SCRIPT.trim().split('\n')) {
      const words = line.trim().split(' ');
      const expected = await oracle.eventsOf(words);
      assert.deepEqual(await ours.eventsOf(words), expected, line);
      total += expected.length;
    }
    assert.ok(total > 60, `only ${total} events`);
  });
});

/**
 * Keyspace events of a family: a script of commands runs on both servers, and after each line the events that were
 * published must be the same, in the same order.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findOracle, NO_ORACLE } from './oracle.ts';
import type { RawClient } from './raw-client.ts';
import { parseReply } from './reply-framer.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** A script that raises fewer events than that tests nothing. */
const LEAST = 60;

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

/** Each line of the script is a command; the state goes on from one to the next. `""` is an empty argument. */
export function describeEvents(title: string, script: string): void {
  describe(`keyspace events of ${title}`, { skip: findOracle() === null ? NO_ORACLE : false }, () => {
    let ours: Heard;
    let oracle: Heard;
    before(async () => {
      [ours, oracle] = await Promise.all([Heard.start(), Heard.start([findOracle()!])]);
    });
    after(() => Promise.all([ours.stop(), oracle.stop()]));

    it('are those of redis-server', async () => {
      let total = 0;
      for (const line of script.trim().split('\n')) {
        const words = line
          .trim()
          .split(' ')
          .map((word) => (word === '""' ? '' : word));
        const [heard, expected] = await Promise.all([ours.events(words), oracle.events(words)]);
        assert.deepEqual(heard, expected, line);
        total += expected.length;
      }
      assert.ok(total > LEAST, `only ${total} events`);
    });
  });
}

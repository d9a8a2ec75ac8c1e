/**
 * MIGRATE against a target that the test plays itself: what is sent, what becomes of the keys, what goes on meanwhile.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Connector, LinkFailure, type OutgoingLink } from '../../src/engine/outgoing.ts';
import type { Reply } from '../../src/resp/reply-reader.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

/** Plays the other server: keeps what comes, and answers when told to. */
class Target implements Connector {
  readonly links: TestLink[] = [];
  refusal: LinkFailure | null = null;

  connect(): Promise<OutgoingLink> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    const link = new TestLink();
    this.links.push(link);
    return Promise.resolve(link);
  }

  get link(): TestLink {
    return this.links.at(-1)!;
  }
}

class TestLink implements OutgoingLink {
  isOpen = true;
  /** The names of the commands that have come. */
  sent: string[] = [];
  #replies: Reply[] = [];
  #failure: LinkFailure | null = null;
  #waiting: { resolve(replies: Reply[]): void; reject(error: Error): void } | null = null;

  write(pieces: readonly Uint8Array[]): Promise<void> {
    const text = Buffer.concat(pieces).toString('latin1');
    for (const [, name] of text.matchAll(/\*\d+\r\n\$\d+\r\n(AUTH|SELECT|RESTORE)\r\n/g))
      this.sent.push(name!);
    return this.#failure === null ? Promise.resolve() : Promise.reject(this.#failure);
  }

  read(): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#look();
    });
  }

  reply(...replies: Reply[]): void {
    this.#replies.push(...replies);
    this.#look();
  }

  fail(failure: LinkFailure): void {
    this.#failure = failure;
    this.isOpen = false;
    this.#look();
  }

  #look(): void {
    const waiting = this.#waiting;
    if (waiting === null || (this.#replies.length === 0 && this.#failure === null)) return;
    this.#waiting = null;
    if (this.#replies.length > 0) waiting.resolve(this.#replies.splice(0));
    else waiting.reject(this.#failure!);
  }

  close(): void {
    this.isOpen = false;
  }
}

const OK = Buffer.from('OK');

/** Lets promises and the turns between batches come to an end. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

function withTarget(): { redis: InProcess; target: Target } {
  const redis = inProcess();
  const target = new Target();
  redis.engine.outgoing = target;
  return { redis, target };
}

describe('MIGRATE', () => {
  it('removes a key when the target has it, and tells DEL', async () => {
    const { redis, target } = withTarget();
    const told: string[] = [];
    const sink = {
      append: (b: Uint8Array, off: number, len: number) =>
        void told.push(Buffer.from(b.subarray(off, off + len)).toString('latin1')),
    };
    redis.engine.propagation.attach(sink, 3);
    redis.call('SET', 'k', 'v');
    told.length = 0;
    const client = redis.connect();
    assert.equal(client.raw('MIGRATE', 'host', '1', 'k', '0', '100').length, 0);
    await turns();
    assert.equal(redis.call('GET', 'k'), 'v');
    target.link.reply(OK, OK);
    await turns();
    assert.deepEqual(client.received(), ['OK']);
    assert.equal(redis.call('EXISTS', 'k'), 0);
    assert.deepEqual(told, ['*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n']);
  });

  it('keeps the link for ten seconds, and selects a database once', async () => {
    const { redis, target } = withTarget();
    redis.call('MSET', 'a', '1', 'b', '2');
    const client = redis.connect();
    client.raw('MIGRATE', 'host', '1', 'a', '7', '100');
    await turns();
    target.link.reply(OK, OK);
    await turns();
    assert.deepEqual(client.received(), ['OK']);
    client.raw('MIGRATE', 'host', '1', 'b', '7', '100', 'COPY', 'REPLACE', 'AUTH2', 'me', 'secret');
    await turns();
    target.link.reply(OK, OK);
    await turns();
    assert.deepEqual(client.received(), ['OK']);
    assert.equal(target.links.length, 1);
    assert.deepEqual(target.link.sent, ['SELECT', 'RESTORE', 'AUTH', 'RESTORE']);
    assert.equal(redis.engine.links.count, 1);
    redis.clock.advance(12_000);
    assert.equal(redis.engine.links.count, 0);
    assert.equal(target.link.isOpen, false);
  });

  it('tries once more when a link that was kept is gone', async () => {
    const { redis, target } = withTarget();
    redis.call('MSET', 'a', '1', 'b', '2');
    const client = redis.connect();
    client.raw('MIGRATE', 'host', '1', 'a', '0', '100');
    await turns();
    target.link.reply(OK, OK);
    await turns();
    assert.deepEqual(client.received(), ['OK']);
    client.raw('MIGRATE', 'host', '1', 'b', '0', '100');
    await turns();
    target.links[0]!.fail(new LinkFailure('closed'));
    await turns();
    assert.equal(target.links.length, 2);
    target.link.reply(OK, OK);
    await turns();
    assert.deepEqual(client.received(), ['OK']);
  });

  it('does not try again after a time-out, and keeps what was not acknowledged', async () => {
    const { redis, target } = withTarget();
    redis.call('MSET', 'a', '1', 'b', '2', 'c', '3');
    const client = redis.connect();
    client.raw('MIGRATE', 'host', '1', '', '0', '100', 'KEYS', 'a', 'b', 'c');
    await turns();
    target.link.reply(OK, OK, new Error('BUSYKEY Target key name already exists.'));
    await turns();
    target.link.fail(new LinkFailure('timeout', { timedOut: true }));
    await turns();
    assert.equal(target.links.length, 1);
    const busy = 'ERR Target instance replied with error: BUSYKEY Target key name already exists.';
    assert.equal((client.received()[0] as Error).message, busy);
    assert.deepEqual(redis.call('MGET', 'a', 'b', 'c'), [null, '2', '3']);
    assert.equal(redis.engine.links.count, 0);
  });

  it('keeps a key that was changed behind its back, and says so', async () => {
    for (const [change, left] of [
      [['FLUSHALL'], null],
      [['SWAPDB', '0', '1'], null],
    ] as const) {
      const { redis, target } = withTarget();
      redis.call('SET', 'k', 'v');
      const client = redis.connect();
      client.raw('MIGRATE', 'host', '1', 'k', '0', '100');
      await turns();
      redis.call(...change);
      target.link.reply(OK, OK);
      await turns();
      assert.deepEqual(client.received(), ['OK']);
      assert.equal(redis.call('GET', 'k'), left);
    }
    const { redis, target } = withTarget();
    redis.call('SET', 'k', 'v');
    redis.call('MULTI');
    redis.call('MIGRATE', 'host', '1', 'k', '0', '100');
    redis.call('APPEND', 'k', 'w');
    redis.raw('EXEC');
    await turns();
    target.link.reply(OK, OK);
    await turns();
    const other = redis.connect();
    assert.equal(other.call('GET', 'k'), 'vw');
  });

  it('holds up those who would change the key, also in a transaction, and nobody else', async () => {
    const { redis, target } = withTarget();
    redis.call('MSET', 'k', 'v', 'other', '1');
    const migrating = redis.connect();
    migrating.raw('MIGRATE', 'host', '1', 'k', '0', '100');
    await turns();
    const writer = redis.connect();
    assert.equal(writer.raw('APPEND', 'k', 'w').length, 0);
    const transaction = redis.connect();
    transaction.call('MULTI');
    transaction.call('SET', 'k', '2');
    assert.equal(transaction.raw('EXEC').length, 0);
    assert.equal(redis.call('GET', 'k'), 'v');
    assert.equal(redis.call('INCR', 'other'), 2);
    target.link.reply(OK, OK);
    await turns();
    assert.deepEqual(migrating.received(), ['OK']);
    assert.deepEqual(writer.received(), [1]);
    assert.deepEqual(transaction.received(), [['OK']]);
    assert.equal(redis.engine.gates, 0);
  });

  it('sends many keys in batches, and skips those whose time is up', async () => {
    const { redis, target } = withTarget();
    const keys = Array.from({ length: 1200 }, (_, i) => `key:${i}`);
    for (const key of keys) redis.call('SET', key, 'x');
    redis.call('PEXPIRE', 'key:5', 10);
    const client = redis.connect();
    redis.clock.advance(11);
    client.raw('MIGRATE', 'host', '1', '', '0', '100', 'KEYS', ...keys);
    await turns();
    assert.equal(target.link.sent.length, 1200);
    target.link.reply(OK, ...Array.from({ length: 1199 }, () => OK));
    await turns();
    assert.deepEqual(client.received(), ['OK']);
    assert.equal(redis.call('DBSIZE'), 0);
  });

  it('says why there is no link', async () => {
    const { redis, target } = withTarget();
    redis.call('SET', 'k', 'v');
    const client = redis.connect();
    for (const [failure, text] of [
      [new LinkFailure('x', { unreachable: true }), 'IOERR error or timeout connecting to the client'],
      [new LinkFailure('x'), 'IOERR error or timeout writing to target instance'],
    ] as const) {
      target.refusal = failure;
      client.raw('MIGRATE', 'host', '1', 'k', '0', '100');
      await turns();
      assert.equal((client.received()[0] as Error).message, text);
    }
    assert.equal(redis.engine.gates, 0);
  });
});

/**
 * What must not happen between clients: what one does, or suffers, at the expense of the others or of the server.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STOP_CLOSING } from '../../src/engine/client.ts';
import { ReplyWriter } from '../../src/resp/reply-writer.ts';
import { ArenaFull } from '../../src/structures/arena.ts';
import { inProcess } from '../support/in-process.ts';
import { ErrorReply } from '../support/reply-framer.ts';

describe('between clients', () => {
  it('a reply that nobody wants takes no memory (CLIENT REPLY OFF, SKIP, and EXEC under them)', () => {
    const redis = inProcess();
    const quiet = redis.connect();
    const { writer } = redis.engine;
    redis.call('SET', 'k', 'x'.repeat(100_000));
    const many = ['MGET', ...new Array<string>(100).fill('k')];
    const atMost = (): void => assert.ok(writer.buf.length <= 1024 * 1024, `${writer.buf.length} bytes`);
    quiet.raw('CLIENT', 'REPLY', 'OFF');
    assert.equal(quiet.raw(...many).length, 0);
    atMost();
    for (const command of [['MULTI'], many, many, ['EXEC']]) assert.equal(quiet.raw(...command).length, 0);
    atMost();
    assert.equal(quiet.call('CLIENT', 'REPLY', 'ON'), 'OK');
    quiet.raw('CLIENT', 'REPLY', 'SKIP');
    assert.equal(quiet.raw(...many).length, 0);
    atMost();
    assert.equal(quiet.call('PING'), 'PONG');
    // What is wanted again within EXEC is there as a whole.
    quiet.raw('CLIENT', 'REPLY', 'OFF');
    for (const command of [['MULTI'], many, ['CLIENT', 'REPLY', 'ON'], many]) quiet.raw(...command);
    const raw = quiet.raw('EXEC');
    assert.equal(raw.toString('latin1', 0, 11), '+OK\r\n*100\r\n');
    assert.equal(raw.length, 11 + 100 * (9 + 100_000 + 2));
  });

  it('a writer drops only what is not wanted', () => {
    const sent: string[] = [];
    const out = new ReplyWriter(
      { send: (buf, length) => sent.push(buf.toString('latin1', 0, length)) > 0 },
      32,
    );
    out.bulkText('wanted');
    out.hold = true;
    out.unwantedFrom = out.pos;
    const written = out.flushed + out.pos;
    for (let i = 0; i < 1000; i++) out.bulkText('unwanted');
    assert.ok(out.buf.length <= 64);
    assert.equal(out.flushed + out.pos - written, 1000 * 14);
    out.pos = out.unwantedFrom;
    out.unwantedFrom = -1;
    out.hold = false;
    out.ok();
    out.flush();
    assert.equal(sent.join(''), '$6\r\nwanted\r\n+OK\r\n');
  });

  it('one element pushed looks at one of 10,000 who wait for it', () => {
    const redis = inProcess();
    const waiting = Array.from({ length: 10_000 }, () => redis.connect());
    for (const client of waiting) client.raw('BLPOP', 'l', 0);
    let looks = 0;
    const { keyspace } = redis.engine;
    const peek = keyspace.peek.bind(keyspace);
    keyspace.peek = (...args) => {
      looks++;
      return peek(...args);
    };
    for (let i = 0; i < 100; i++) redis.call('RPUSH', 'l', i);
    assert.ok(looks <= 300, `${looks} looks`);
    assert.deepEqual(waiting[99]!.received(), [['l', '99']]);
    assert.deepEqual(waiting[100]!.received(), []);
    redis.call('SET', 'l', 'x');
    assert.ok(looks <= 310, `${looks} looks`);
    for (const client of waiting) client.close();
    assert.equal(redis.engine.blocking.count, 0);
  });

  it('an element is not given to a client that is being closed', () => {
    const redis = inProcess();
    const closing = redis.connect();
    const next = redis.connect();
    closing.raw('BLPOP', 'l', 0);
    next.raw('BLPOP', 'l', 0);
    // As when it has left too much unread: closed at once, forgotten when the command is over.
    closing.client.stopped |= STOP_CLOSING;
    redis.call('RPUSH', 'l', 'a');
    assert.deepEqual(next.received(), [['l', 'a']]);
    closing.close();
    assert.equal(redis.engine.blocking.count, 0);
  });

  it('a command that is served late when memory is at its end fails, the server does not', () => {
    const redis = inProcess();
    const waiting = redis.connect();
    waiting.raw('BLMOVE', 'from', 'to', 'LEFT', 'LEFT', 0);
    const { blocking } = redis.engine;
    const command = waiting.client.lastCommand!;
    const { run } = command;
    Object.assign(command, {
      run: () => {
        throw new ArenaFull();
      },
    });
    try {
      assert.equal(redis.call('RPUSH', 'from', 'x'), 1);
    } finally {
      Object.assign(command, { run });
    }
    const [reply] = waiting.received();
    assert.ok(reply instanceof ErrorReply && reply.message.startsWith('OOM'));
    assert.equal(blocking.count, 0);
    assert.equal(redis.engine.clients.get(waiting.client.id), undefined);
    assert.equal(redis.call('PING'), 'PONG');
  });

  it('what a client waits with counts as its memory, and is limited', async () => {
    const redis = inProcess({ 'maxmemory-clients': '1mb' });
    const big = redis.connect();
    const { limits } = redis.engine.clients;
    const before = limits.bytesOf(big.client);
    big.raw('BLPOP', 'k'.repeat(100_000), 0);
    assert.ok(limits.bytesOf(big.client) - before > 100_000);
    const bigger = redis.connect();
    bigger.raw('BLPOP', 'k'.repeat(1_000_000), 0);
    await Promise.resolve();
    assert.equal(redis.engine.clients.get(bigger.client.id), undefined);
    assert.equal(redis.engine.stats.evictedClients, 1);
    assert.equal(redis.engine.blocking.count, 1);
    redis.call('CLIENT', 'UNBLOCK', big.client.id);
    assert.equal(limits.bytesOf(big.client), before);
  });

  it('the keys that a client watches count as its memory', () => {
    const redis = inProcess();
    const { limits } = redis.engine.clients;
    const before = limits.bytesOf(redis.client);
    for (let i = 0; i < 10; i++) redis.call('WATCH', `${i}${'k'.repeat(100_000)}`);
    assert.ok(limits.bytesOf(redis.client) - before > 1_000_000);
    redis.call('UNWATCH');
    assert.equal(limits.bytesOf(redis.client), before);
  });

  it('a command put off by CLIENT PAUSE has no time-out of its own', () => {
    const redis = inProcess();
    const paused = redis.connect();
    redis.call('CLIENT', 'PAUSE', 1000, 'WRITE');
    paused.raw('SET', 'k', 'v');
    const info = String(redis.call('INFO', 'clients'));
    assert.match(info, /blocked_clients:1\r/);
    assert.match(info, /clients_in_timeout_table:0\r/);
  });
});

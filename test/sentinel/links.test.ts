/** The sockets of a sentinel against peers that are no good: what they send, and how they go. */
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import type { Channel, Event, Tag } from '../../src/sentinel/core/protocol.ts';
import { Links, REPLY_BYTES_MAX, requestBytes, UNSENT_BYTES_MAX } from '../../src/sentinel/shell/links.ts';
import { LOOKUPS_MAX, Names } from '../../src/sentinel/shell/names.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';

const TAG: Tag = { instance: 1, purpose: 'ping' };
const servers: Server[] = [];
const sockets: Socket[] = [];
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** A peer that does what it is told with each connection. */
async function peer(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

function open(port: number, channel: Channel = 'command', address: string | Promise<string> = '127.0.0.1') {
  const events: Event[] = [];
  const links = new Links({ localAddress: () => '', onEvent: (event) => events.push(event) });
  links.open({ link: 7, generation: 1, channel }, address, port);
  const down = () => events.find((event) => event.type === 'linkDown');
  return {
    links,
    events,
    down,
    closed: () => waitFor(() => down() !== undefined, { what: 'the end of the link' }),
  };
}

/** News but for the link's coming up. */
function told(events: readonly Event[]): Event[] {
  return events.filter(({ type }) => type !== 'linkUp');
}

describe('a link', () => {
  test('sends what waited for it, and gives each reply the tag of its request', async () => {
    let got = '';
    const port = await peer((socket) => {
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
        if (got.endsWith('PING\r\n')) socket.write('+OK\r\n-ERR x\r\n$3\r\nab');
        setTimeout(() => socket.write('c\r\n'), 5);
      });
    });
    const { links, events } = open(port);
    for (const purpose of ['discard', 'info', 'ping'] as const)
      links.send(1, ['PING'], { instance: 2, purpose });
    await waitFor(() => told(events).length === 3, { what: 'three replies' });
    assert.equal(got, '*1\r\n$4\r\nPING\r\n'.repeat(3));
    const [first, second, third] = told(events) as Extract<Event, { type: 'reply' }>[];
    assert.deepEqual([first!.tag.purpose, String(first!.reply)], ['discard', 'OK']);
    assert.ok(second!.reply instanceof Error);
    assert.deepEqual([third!.tag.purpose, String(third!.reply)], ['ping', 'abc']);
    assert.deepEqual(events[0], { type: 'linkUp', link: 7, generation: 1, localIp: '127.0.0.1' });
    links.closeAll();
    assert.equal(links.count, 0);
  });

  test('tells of nothing once it is closed', async () => {
    const port = await peer((socket) => socket.on('data', () => socket.write('+PONG\r\n')));
    const { links, events } = open(port);
    links.send(1, ['PING'], TAG);
    await waitFor(() => told(events).length === 1, { what: 'a reply' });
    links.send(1, ['PING'], TAG);
    links.close(1);
    assert.equal(links.send(1, ['PING'], TAG), false);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(told(events).length, 1);
  });

  test('Pub/Sub: messages, and anything else', async () => {
    const port = await peer((socket) => {
      socket.once('data', () =>
        socket.write(
          '+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n',
        ),
      );
    });
    const { links, events } = open(port, 'pubsub');
    links.send(1, ['AUTH', 'x'], TAG);
    links.send(1, ['SUBSCRIBE', 'c'], TAG);
    await waitFor(() => events.length === 3, { what: 'three events' });
    const base = { type: 'message', link: 7, generation: 1 };
    assert.deepEqual(events, [
      { ...base, channel: '', payload: null },
      { ...base, channel: '', payload: null },
      { ...base, channel: 'c', payload: 'hi' },
    ]);
    links.closeAll();
  });
});

describe('a peer that', () => {
  const bad: readonly (readonly [name: string, bytes: string])[] = [
    ['is no Redis', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['says a thing nobody asked for', '+PONG\r\n+PONG\r\n'],
    ['refuses us', '-ERR max number of clients reached\r\n-ERR again\r\n'],
    ['nests arrays without end', '*1\r\n'.repeat(200_000)],
    ['announces an array of absurd length', `*${10 ** 15}\r\n`],
    ['announces a negative length', '*-7\r\n$-9\r\n+x\r\n+y\r\n'],
  ];
  for (const [name, bytes] of bad) {
    test(`${name} is left`, async () => {
      const port = await peer((socket) => socket.once('data', () => socket.write(bytes)));
      const { links, closed } = open(port);
      links.send(1, ['PING'], TAG);
      await closed();
      assert.equal(links.count, 0);
    });
  }

  test('sends a reply without end is left, before it fills our memory', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(256 * 1024, 'x');
    const port = await peer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.writable) {
          sent += chunk.length;
          if (!socket.write(chunk)) break;
        }
      };
      socket.once('data', () => {
        socket.write(`$${512 * 1024 * 1024}\r\n`);
        more();
      });
      socket.on('drain', more);
    });
    const { links, closed, down } = open(port);
    links.send(1, ['INFO'], TAG);
    await closed();
    assert.match((down() as { reason: string }).reason, /a reply of more than \d+ bytes/);
    // What lies in the buffers of the sockets was sent, too.
    assert.ok(sent < 4 * REPLY_BYTES_MAX + 24 * 1024 * 1024, `${sent}`);
  });

  test('never reads is left when too much waits', async () => {
    const port = await peer((socket) => socket.pause());
    const { links, events, closed } = open(port);
    await waitFor(() => events.length === 1, { what: 'the link' });
    const words = ['PUBLISH', 'c', 'x'.repeat(64 * 1024)];
    for (let sent = 0; sent < 64 * UNSENT_BYTES_MAX && links.count === 1; sent += words[2]!.length) {
      links.send(1, words, TAG);
      if (sent % (1024 * 1024) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await closed();
  });

  test('is not there', async () => {
    const { closed, down } = open(await freePort());
    await closed();
    assert.equal((down() as { reason: string }).reason, 'Connection refused');
  });

  test('has no port that can be', async () => {
    const { events, closed } = open(70_000);
    assert.equal(events.length, 0, 'told later, not at once');
    await closed();
  });

  test('closes', async () => {
    const port = await peer((socket) => socket.once('data', () => socket.end()));
    const { links, closed, down } = open(port);
    links.send(1, ['PING'], TAG);
    await closed();
    assert.equal((down() as { reason: string }).reason, 'Server closed the connection');
  });

  test('sends a message without a text is left', async () => {
    const port = await peer((socket) => socket.write('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n:5\r\n'));
    const { closed } = open(port, 'pubsub');
    await closed();
  });
});

describe('names', () => {
  test('are looked up each time; those who ask meanwhile share one look-up', async () => {
    let asked = 0;
    let answer: (ip: string) => void = () => {};
    const names = new Names((host) => {
      asked++;
      assert.equal(host, 'redis-0');
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    assert.equal(names.addressOf('10.0.0.1'), '10.0.0.1');
    assert.equal(names.addressOf('::1'), '::1');
    const both = Promise.all([names.addressOf('redis-0'), names.addressOf('redis-0')]);
    answer('10.0.0.7');
    assert.deepEqual(await both, ['10.0.0.7', '10.0.0.7']);
    assert.equal(asked, 1);
    void names.addressOf('redis-0');
    assert.equal(asked, 2);
  });

  test('a name that does not resolve ends the attempt; a link that was given up meanwhile is not made', async () => {
    const port = await peer(() => assert.fail('nobody may come'));
    const failed = open(port, 'command', Promise.reject(new Error("Can't resolve: x")));
    await failed.closed();
    assert.equal((failed.down() as { reason: string }).reason, "Can't resolve: x");
    let answer: (ip: string) => void = () => {};
    const given = open(port, 'command', new Promise((resolve) => (answer = resolve)));
    given.links.close(1);
    answer('127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(given.events, []);
  });

  test('so many at once, and no more', async () => {
    const names = new Names(() => new Promise(() => {}));
    for (let i = 0; i < LOOKUPS_MAX; i++) void names.lookUp(`host-${i}`);
    await assert.rejects(names.lookUp('one-more'), /Too many names to resolve: one-more/);
  });

  test("the system's resolver", async () => {
    assert.match(await new Names().lookUp('localhost'), /^(127\.0\.0\.1|::1)$/);
    await assert.rejects(new Names().lookUp('no-such-host.invalid'), /Can't resolve: no-such-host\.invalid/);
  });
});

test('requests are counted in bytes', () => {
  assert.equal(requestBytes(['AUTH', 'p\xe4ss']).toString('latin1'), '*2\r\n$4\r\nAUTH\r\n$4\r\np\xe4ss\r\n');
});

/**
 * What connections may do and what they may take, where the real server of the differential tests cannot say: what
 * 7.2 added, limits and their log lines, time-outs, and peers that half close or do not read.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { inProcess } from '../support/in-process.ts';
import { type Arg, encodeCommand, RawClient } from '../support/raw-client.ts';
import { ErrorReply, type Reply } from '../support/reply-framer.ts';
import { type Directives, type ServerProcess, startServer } from '../support/server-process.ts';
import { sleep, waitFor } from '../support/wait-for.ts';

let server: ServerProcess;
let clients: RawClient[] = [];

/** A server for the tests of one `describe`, and clients that are closed after each of them. */
function withServer(directives: Directives = {}): void {
  before(async () => {
    server = await startServer({ directives });
  });
  after(() => server.stop());
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  });
}

async function open(): Promise<RawClient> {
  const client = await RawClient.connect({ port: server.port });
  clients.push(client);
  return client;
}

async function fields(client: RawClient, ...args: readonly Arg[]): Promise<Map<string, string>> {
  const line = String(await client.call('CLIENT', 'LIST', ...args)).trim();
  return new Map(line.split(' ').map((field) => field.split(/=(.*)/s) as [string, string]));
}

async function infoField(client: RawClient, section: string, name: string): Promise<string> {
  const text = String(await client.call('INFO', section));
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

function isListed(admin: RawClient, name: string): Promise<boolean> {
  return admin.call('CLIENT', 'LIST').then((list) => String(list).includes(` name=${name} `));
}

function assertError(reply: Reply, text: string): void {
  assert.ok(reply instanceof ErrorReply, `an error, not ${String(reply)}`);
  assert.equal(reply.message, text);
}

describe('connections', () => {
  withServer();

  it('CLIENT LIST shows all fields of 7.2', async () => {
    const client = await open();
    await client.call('CLIENT', 'SETINFO', 'LIB-NAME', 'lib');
    await client.call('CLIENT', 'SETINFO', 'lib-ver', '1.2');
    await client.call('CLIENT', 'NO-TOUCH', 'ON');
    assert.match(
      String(await client.call('CLIENT', 'LIST')),
      /^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name= age=\d+ idle=0 flags=T db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=\d+ argv-mem=10 multi-mem=0 rbs=\d+ rbp=\d+ obl=0 oll=0 omem=0 tot-mem=\d+ events=r cmd=client\|list user=default redir=-1 resp=2 lib-name=lib lib-ver=1\.2\n$/,
    );
    assert.equal(await client.call('RESET'), 'RESET');
    const after = await fields(client);
    assert.equal(after.get('flags'), 'N');
    assert.equal(after.get('lib-name'), 'lib', 'RESET does not change the library');
  });

  it('CLIENT SETINFO takes visible characters only', async () => {
    const client = await open();
    const set = (...args: Arg[]): Promise<Reply> => client.call('CLIENT', 'SETINFO', ...args);
    assertError(await set('lib-x', 'v'), "ERR Unrecognized option 'lib-x'");
    assertError(
      await set('lib-name', 'a b'),
      'ERR lib-name cannot contain spaces, newlines or special characters.',
    );
    assertError(
      await set('LIB-VER', 'a\nb'),
      'ERR LIB-VER cannot contain spaces, newlines or special characters.',
    );
    assert.equal(await set('lib-name', ''), 'OK');
  });

  it('an incomplete request is seen in qbuf and argv-mem', async () => {
    const admin = await open();
    const client = await open();
    const id = (await client.call('CLIENT', 'ID')) as number;
    client.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n${'v'.repeat(150_000)}`);
    await waitFor(async () => (await fields(admin, 'ID', id)).get('qbuf') === '150000');
    const seen = await fields(admin, 'ID', id);
    assert.equal(seen.get('argv-mem'), '4');
    assert.ok(Number(seen.get('tot-mem')) > 200_000);
    client.write(`${'v'.repeat(50_000)}\r\n`);
    assert.equal(String(await client.nextReply()), '+OK\r\n');
    assert.equal((await fields(admin, 'ID', id)).get('qbuf'), '0');
  });

  it('DEBUG is guarded', async () => {
    const client = await open();
    const reply = await client.call('DEBUG', 'SLEEP', '0');
    assert.match(
      String(reply),
      /DEBUG command not allowed\. If the enable-debug-command option is set to "local"/,
    );
    assertError(await client.call('DEBUG'), "ERR wrong number of arguments for 'debug' command");
    assert.match(await infoField(client, 'commandstats', 'cmdstat_debug'), /rejected_calls=2,/);
  });

  it('a peer that closes its side gets the replies to all it has sent', async () => {
    const client = await open();
    await client.call('SET', 'big', Buffer.alloc(1_000_000, 'x'));
    const socket = connect({ port: server.port, allowHalfOpen: true });
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.pause();
    socket.end(Buffer.concat(Array.from({ length: 20 }, () => encodeCommand(['GET', 'big']))));
    await sleep(50);
    socket.resume();
    await new Promise((resolve) => socket.once('end', resolve));
    assert.equal(received, 20 * (1_000_000 + '$1000000\r\n\r\n'.length));
    socket.destroy();
    await waitFor(async () => (await infoField(client, 'clients', 'connected_clients')) === '1');
  });

  it('QUIT and what comes behind it', async () => {
    const client = await open();
    client.write(Buffer.concat([encodeCommand(['QUIT']), encodeCommand(['SET', 'quit', '1'])]));
    assert.equal(String(await client.nextReply()), '+OK\r\n');
    await client.waitClosed();
    assert.equal(await (await open()).call('EXISTS', 'quit'), 0);
  });

  it('a client that is silenced is closed all the same', async () => {
    // The real server forgets to close it.
    const client = await open();
    client.sendNoReply('CLIENT', 'REPLY', 'OFF');
    client.write('*x\r\n');
    await client.waitClosed();
  });

  it('CLIENT REPLY SKIP lasts over a pause', async () => {
    const admin = await open();
    const client = await open();
    await admin.call('CLIENT', 'PAUSE', 10_000, 'WRITE');
    client.sendNoReply('CLIENT', 'REPLY', 'SKIP');
    client.sendNoReply('SET', 'skipped', '1');
    await waitFor(async () => (await infoField(admin, 'clients', 'blocked_clients')) === '1');
    await admin.call('CLIENT', 'UNPAUSE');
    assert.equal(await client.call('GET', 'skipped'), '1');
  });

  it('a pause among the resumed commands holds those behind it', async () => {
    const admin = await open();
    const first = await open();
    const second = await open();
    await admin.call('CLIENT', 'PAUSE', 150, 'ALL');
    const paused = first.call('CLIENT', 'PAUSE', 150, 'WRITE');
    await sleep(20);
    const started = performance.now();
    const set = second.call('SET', 'behind', '1');
    assert.equal(await paused, 'OK');
    const between = performance.now();
    assert.equal(await set, 'OK');
    assert.ok(performance.now() - between > 100 && performance.now() - started > 200);
  });

  it('a client that leaves while paused takes its command along', async () => {
    const admin = await open();
    const client = await open();
    await admin.call('CLIENT', 'PAUSE', 10_000, 'WRITE');
    client.sendNoReply('SET', 'gone', '1');
    await waitFor(async () => (await infoField(admin, 'clients', 'blocked_clients')) === '1');
    await client.close();
    await waitFor(async () => (await infoField(admin, 'clients', 'connected_clients')) === '1');
    await admin.call('CLIENT', 'UNPAUSE');
    assert.equal(await admin.call('EXISTS', 'gone'), 0);
  });

  it('a pause may last longer than a timer can', async () => {
    const admin = await open();
    const client = await open();
    await admin.call('CLIENT', 'PAUSE', 2 ** 33, 'WRITE');
    const set = client.call('SET', 'k', '1');
    await sleep(30);
    assert.equal(await infoField(admin, 'clients', 'blocked_clients'), '1');
    await admin.call('CLIENT', 'UNPAUSE');
    assert.equal(await set, 'OK');
  });

  it('a CLIENT PAUSE that ends beyond 64 bits is refused, and no id is out of range for CLIENT UNBLOCK', async () => {
    const client = await open();
    const reply = await client.call('CLIENT', 'PAUSE', '9223372036854775807');
    assert.ok(reply instanceof ErrorReply && reply.message === 'ERR timeout is out of range');
    assert.equal(await client.call('CLIENT', 'UNBLOCK', '9223372036854775807'), 0);
  });

  it('CLIENT UNBLOCK does not end a pause', async () => {
    const admin = await open();
    const client = await open();
    const id = (await client.call('CLIENT', 'ID')) as number;
    await admin.call('CLIENT', 'PAUSE', 10_000, 'WRITE');
    const set = client.call('SET', 'k', '1');
    await waitFor(async () => (await infoField(admin, 'clients', 'blocked_clients')) === '1');
    assert.equal(await admin.call('CLIENT', 'UNBLOCK', id), 0);
    await admin.call('CLIENT', 'UNPAUSE');
    assert.equal(await set, 'OK');
  });

  it('timeout closes the idle', async () => {
    const admin = await open();
    const idle = await open();
    const monitor = await open();
    await monitor.call('MONITOR');
    await idle.call('CLIENT', 'SETNAME', 'idle');
    await admin.call('CONFIG', 'SET', 'timeout', 1);
    await waitFor(async () => !(await isListed(admin, 'idle')), { intervalMs: 100 });
    assert.ok(idle.isClosed);
    assert.ok(!monitor.isClosed, 'a monitor is never idle');
    await admin.call('CONFIG', 'SET', 'timeout', 0);
  });

  it('many monitors see the same, and each its own commands between its replies', async () => {
    const monitors = await Promise.all([open(), open(), open()]);
    for (const monitor of monitors) assert.equal(await monitor.call('MONITOR'), 'OK');
    const client = await open();
    await client.pipeline(Array.from({ length: 1000 }, (_, i) => ['SET', 'key', String(i)]));
    for (const monitor of monitors) {
      for (let i = 0; i < 1000; i++)
        assert.ok(String(await monitor.nextReply()).endsWith(`"key" "${i}"\r\n`));
    }
    monitors[0]!.write(Buffer.concat([encodeCommand(['ECHO', 'a']), encodeCommand(['ECHO', 'b'])]));
    const own: string[] = [];
    for (let i = 0; i < 4; i++) own.push(String(await monitors[0]!.nextReply()));
    assert.deepEqual(
      own.map((reply) => reply.replace(/^.*\] /, '')),
      ['$1\r\na\r\n', '"ECHO" "a"\r\n', '$1\r\nb\r\n', '"ECHO" "b"\r\n'],
    );
    assert.ok(String(await monitors[1]!.nextReply()).endsWith('"ECHO" "a"\r\n'));
  });
});

describe('limits of connections', () => {
  withServer({ 'enable-debug-command': 'local' });

  /** Sets parameters for one test. */
  async function configured(
    admin: RawClient,
    settings: Readonly<Record<string, string>>,
    test: () => Promise<void>,
  ) {
    const names = Object.keys(settings);
    const old = (await admin.call('CONFIG', 'GET', ...names)) as string[];
    assert.equal(await admin.call('CONFIG', 'SET', ...Object.entries(settings).flat()), 'OK');
    try {
      await test();
    } finally {
      await admin.call('CONFIG', 'SET', ...old);
    }
  }

  it('a reply beyond the hard limit is not begun', async () => {
    const admin = await open();
    await admin.call('SET', 'big', 'x'.repeat(300_000));
    await admin.call('SET', 'small', 'x'.repeat(10_000));
    await configured(admin, { 'client-output-buffer-limit': 'normal 100000 0 0' }, async () => {
      const one = await open();
      await assert.rejects(one.call('GET', 'big'), /closed/);
      assert.equal(one.socket.bytesRead, 0);
      const many = await open();
      await many.call('CLIENT', 'SETNAME', 'many');
      const before = many.socket.bytesRead;
      await assert.rejects(many.pipeline(Array.from({ length: 20 }, () => ['GET', 'small'])), /closed/);
      assert.equal(many.socket.bytesRead, before);
      assert.equal(await isListed(admin, 'many'), false);
      assert.match(
        server.output,
        /# Client id=\d+ .* name=many .* cmd=get .* scheduled to be closed ASAP for overcoming of output buffer limits\./,
      );
      assert.equal(await infoField(admin, 'stats', 'client_output_buffer_limit_disconnections'), '2');
    });
  });

  it('the soft limit gives some seconds', async () => {
    const admin = await open();
    await admin.call('SET', 'big', 'x'.repeat(1_000_000));
    await configured(admin, { 'client-output-buffer-limit': 'normal 0 100000 1' }, async () => {
      const slow = await open();
      await slow.call('CLIENT', 'SETNAME', 'slow');
      slow.socket.pause();
      const started = performance.now();
      for (let i = 0; i < 20; i++) slow.sendNoReply('GET', 'big');
      await sleep(100);
      assert.ok(await isListed(admin, 'slow'));
      await waitFor(async () => !(await isListed(admin, 'slow')), { intervalMs: 50 });
      assert.ok(performance.now() - started >= 1000);
    });
  });

  it('a monitor that does not read is closed', async () => {
    const admin = await open();
    await configured(admin, { 'client-output-buffer-limit': 'normal 1000000 0 0' }, async () => {
      const monitor = await open();
      await monitor.call('CLIENT', 'SETNAME', 'monitor');
      await monitor.call('MONITOR');
      monitor.socket.pause();
      const value = 'x'.repeat(60_000);
      await waitFor(
        async () => {
          for (let i = 0; i < 20; i++) await admin.call('SET', 'k', value);
          return !(await isListed(admin, 'monitor'));
        },
        { intervalMs: 0, timeoutMs: 10_000 },
      );
    });
  });

  it('an endless request is cut off', async () => {
    const admin = await open();
    await configured(admin, { 'client-query-buffer-limit': '1mb' }, async () => {
      const client = await open();
      await client.call('CLIENT', 'SETNAME', 'endless');
      client.write(`*2\r\n$4\r\nECHO\r\n$2000000\r\n${'x'.repeat(1_500_000)}`);
      await client.waitClosed();
      assert.match(
        server.output,
        /# Closing client that reached max query buffer length: id=\d+ .* name=endless .* \(qbuf initial bytes: "\*2\\r\\n\$4\\r\\nECHO\\r\\n\$2000000\\r\\nx+"\)/,
      );
      assert.equal(await infoField(admin, 'stats', 'client_query_buffer_limit_disconnections'), '1');
      assert.equal(await (await open()).call('ECHO', 'x'.repeat(900_000)), 'x'.repeat(900_000));
    });
  });

  it('maxmemory-clients closes the biggest first, and not who is spared', async () => {
    const admin = await open();
    await admin.call('CLIENT', 'NO-EVICT', 'ON');
    const sizes = [100_000, 900_000, 500_000, 1_200_000];
    for (const size of sizes) {
      const client = await open();
      await client.call('CLIENT', 'SETNAME', `c${size}`);
      if (size === 1_200_000) await client.call('CLIENT', 'NO-EVICT', 'ON');
      client.write(`*1\r\n$${size}\r\n${'x'.repeat(size - 1)}`);
      await waitFor(async () => String(await admin.call('CLIENT', 'LIST')).includes(` qbuf=${size - 1} `));
    }
    await configured(admin, { 'maxmemory-clients': '2mb' }, async () => {
      const list = String(await admin.call('CLIENT', 'LIST'));
      assert.deepEqual(
        sizes.filter((size) => list.includes(` name=c${size} `)),
        [100_000, 500_000, 1_200_000],
      );
      assert.equal(await infoField(admin, 'stats', 'evicted_clients'), '1');
      assert.match(server.output, /\* Evicting client: id=\d+ .* name=c900000 /);
      // Without its exception the next to go is this one.
      const spared = clients.find((_, i) => i === sizes.length)!;
      spared.write('x\r\n');
      await spared.nextReply();
      await admin.call('CONFIG', 'SET', 'maxmemory-clients', '700kb');
      assert.equal(await isListed(admin, 'c500000'), true);
    });
  });

  it('maxmemory-clients counts replies that are not read', async () => {
    const admin = await open();
    await admin.call('CLIENT', 'NO-EVICT', 'ON');
    await admin.call('SET', 'big', 'x'.repeat(1_000_000));
    await configured(admin, { 'maxmemory-clients': '5mb' }, async () => {
      const slow = await open();
      await slow.call('CLIENT', 'SETNAME', 'slow');
      slow.socket.pause();
      for (let i = 0; i < 20; i++) slow.sendNoReply('GET', 'big');
      await waitFor(async () => !(await isListed(admin, 'slow')));
    });
  });

  it('enable-debug-command local lets local clients in', async () => {
    assert.equal(await (await open()).call('DEBUG', 'SLEEP', '0'), 'OK');
  });
});

describe('clients that have not authenticated', () => {
  withServer({ requirepass: 'secret' });

  it('may leave next to nothing unread', async () => {
    const client = await open();
    client.socket.pause();
    client.timeoutMs = 10_000;
    const request = Buffer.concat(Array.from({ length: 20_000 }, () => encodeCommand(['PING'])));
    let closed = false;
    client.socket.once('error', () => {
      closed = true;
    });
    client.socket.once('close', () => {
      closed = true;
    });
    for (let i = 0; i < 200 && !closed; i++) {
      client.write(request);
      await sleep(5);
    }
    const admin = await open();
    await admin.call('AUTH', 'secret');
    await waitFor(async () => (await infoField(admin, 'clients', 'connected_clients')) === '1');
    client.socket.resume();
  });

  it('may not send endless inline requests', async () => {
    const client = await open();
    client.write('x'.repeat(70_000));
    assert.match(String(await client.nextReply()), /too big inline request/);
    await client.waitClosed();
  });

  it('stay in when the password changes, if they were', async () => {
    const client = await open();
    await client.call('AUTH', 'secret');
    await client.call('CONFIG', 'SET', 'requirepass', 'other');
    assert.equal(await client.call('PING'), 'PONG');
    const stranger = await open();
    assertError(await stranger.call('PING'), 'NOAUTH Authentication required.');
    assertError(
      await stranger.call('HELLO', 3),
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
    await client.call('CONFIG', 'SET', 'requirepass', '');
    assert.equal(await stranger.call('PING'), 'PONG');
    await client.call('CONFIG', 'SET', 'requirepass', 'secret');
    assertError(await stranger.call('PING'), 'NOAUTH Authentication required.');
  });
});

describe('clients of a unix socket', () => {
  withServer({ unixsocket: 'here.sock' });

  it('are shown by its path', async () => {
    const client = await RawClient.connect({ path: join(server.dir, 'here.sock') });
    const monitor = await open();
    await monitor.call('MONITOR');
    const seen = await fields(client, 'TYPE', 'normal');
    assert.match(seen.get('addr')!, /here\.sock:0$|^127/);
    await client.call('PING');
    assert.match(String(await monitor.nextReply()), /^\+\d+\.\d{6} \[0 unix:\S*here\.sock\] "PING"\r\n$/);
    const info = String(await client.call('CLIENT', 'INFO'));
    assert.match(info, / addr=\S*here\.sock:0 laddr=\S*here\.sock:0 .* flags=U /);
    await client.close();
  });
});

describe('MONITOR', () => {
  it('shows 8 MiB of a command, whatever its size', async () => {
    // Each byte may become four characters: of 140 MB no text can be made, and of 20 MB it took six seconds.
    const redis = inProcess();
    const none = (): void => {};
    const seen: Buffer[] = [];
    const monitor = redis.engine.connect({
      ...{ kind: 'memory', peer: '', local: '', fd: -1 },
      ...{ pendingBytes: 0, argumentBytes: 0, inputBytes: 0, inputRoom: 0 },
      ...{ resume: none, end: none, destroy: none },
      send: (buf: Buffer, length: number) => seen.push(Buffer.from(buf.subarray(0, length))) > 0,
    });
    const request = encodeCommand(['MONITOR']);
    redis.engine.serve(monitor, request, 0, request.length);
    assert.equal(redis.call('SET', 'k', Buffer.alloc(140_000_000, 0xff)), 'OK');
    await Promise.resolve();
    const line = Buffer.concat(seen.slice(1)).toString('latin1');
    assert.equal(line.slice(line.indexOf('"')).slice(0, 20), '"SET" "k" "\\xff\\xff\\');
    // The arguments before the value, and a separator for each, count as shown.
    const hidden = 140_000_000 - 8 * 1024 * 1024 + 'SET k '.length;
    assert.ok(line.endsWith(`\\xff... (${hidden} more bytes)"\r\n`), line.slice(-60));
  });
});

describe('a client closed amid a request', () => {
  it('leaves the parser clean for the next client', () => {
    const redis = inProcess();
    const request = Buffer.from('*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$3');
    const none = (): void => {};
    const client = redis.engine.connect({
      ...{ kind: 'memory', peer: '', local: '', fd: -1 },
      ...{ pendingBytes: 0, argumentBytes: 0, inputBytes: 0, inputRoom: 0 },
      ...{ resume: none, end: none, destroy: none },
      send: () => {
        redis.engine.clients.limits.closeForOutput(client);
        return true;
      },
    });
    assert.equal(redis.engine.serve(client, request, 0, request.length), request.length);
    assert.equal(redis.call('PING'), 'PONG');
  });
});

describe('CLIENT NO-TOUCH', () => {
  it('leaves the clock of keys alone, but for TOUCH', () => {
    const redis = inProcess();
    redis.call('SET', 'k', 'v');
    redis.clock.advance(100_000);
    assert.equal(redis.call('CLIENT', 'NO-TOUCH', 'ON'), 'OK');
    redis.call('GET', 'k');
    redis.call('APPEND', 'k', 'w');
    assert.equal(redis.call('OBJECT', 'IDLETIME', 'k'), 100);
    redis.call('TOUCH', 'k');
    assert.equal(redis.call('OBJECT', 'IDLETIME', 'k'), 0);
    redis.clock.advance(50_000);
    assert.equal(redis.call('CLIENT', 'NO-TOUCH', 'OFF'), 'OK');
    redis.call('GET', 'k');
    assert.equal(redis.call('OBJECT', 'IDLETIME', 'k'), 0);
  });
});

describe('CLIENT PAUSE', () => {
  it('keeps keys that are past their time', () => {
    const redis = inProcess();
    redis.call('SET', 'k', 'v', 'PX', 100);
    redis.call('CLIENT', 'PAUSE', 5000, 'WRITE');
    redis.clock.advance(1000);
    assert.equal(redis.call('GET', 'k'), null);
    assert.equal(redis.call('DBSIZE'), 1);
    redis.clock.advance(5000);
    assert.equal(redis.call('DBSIZE'), 0);
  });
});

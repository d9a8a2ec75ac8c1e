/** Where the server listens, how that changes while it runs, and whom it turns away. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { freePort } from '../support/server-process.ts';
import { waitFor } from '../support/wait-for.ts';
import { launch, messages, runToEnd, scratchFolder, startServer } from './launch.ts';

const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
const hasIPv6 = addresses.some(({ address }) => address === '::1');
const outside = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const NO_IPV6 = hasIPv6 ? false : 'this machine has no IPv6';
const NO_OUTSIDE = outside === undefined ? 'this machine has no address but the loopback' : false;

async function answers(host: string, port: number): Promise<boolean> {
  try {
    const client = await RawClient.connect({ host, port });
    const reply = await client.call('PING');
    await client.close();
    return reply === 'PONG';
  } catch {
    return false;
  }
}

/** All that a connection is told before it is closed. */
function toldAtOnce(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let told = '';
    const socket = connect({ host, port });
    socket.on('data', (data) => {
      told += data.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(told));
  });
}

describe('bind', () => {
  test('the default is every address of IPv4 and IPv6', async () => {
    const port = await freePort();
    const server = await launch(['--port', String(port)]).ready();
    assert.equal(await answers('127.0.0.1', port), true);
    if (hasIPv6) assert.equal(await answers('::1', port), true);
    await server.end();
  });

  test('one address is that address', { skip: NO_OUTSIDE }, async () => {
    const port = await freePort();
    const server = await launch(['--port', String(port), '--bind', '127.0.0.1']).ready();
    assert.equal(await answers('127.0.0.1', port), true);
    assert.equal(await answers(outside!, port), false);
    await server.end();
  });

  test('several addresses, IPv6 too', { skip: NO_IPV6 }, async () => {
    const port = await freePort();
    const server = await launch(['--port', String(port), '--bind', '127.0.0.1', '::1']).ready();
    assert.deepEqual([await answers('127.0.0.1', port), await answers('::1', port)], [true, true]);
    await server.end();
  });

  test('only IPv6', { skip: NO_IPV6 }, async () => {
    const port = await freePort();
    const server = await launch(['--port', String(port), '--bind', '::*']).ready();
    assert.deepEqual([await answers('127.0.0.1', port), await answers('::1', port)], [false, true]);
    await server.end();
  });

  test('an address that is not here is an error, unless it is marked with -', async () => {
    const port = await freePort();
    const strict = await runToEnd(['--port', String(port), '--bind', '127.0.0.1', '192.0.2.77']);
    assert.equal(strict.code, 1);
    assert.deepEqual(messages(strict.stdout).slice(-2), [
      `Warning: Could not create server TCP listening socket 192.0.2.77:${port}: bind: Cannot assign requested address`,
      `Failed listening on port ${port} (tcp), aborting.`,
    ]);
    const lenient = await launch(['--port', String(port), '--bind', '127.0.0.1 -192.0.2.77']).ready();
    assert.equal(await answers('127.0.0.1', port), true);
    await lenient.end();
  });
});

describe('unix socket', () => {
  test('has the permissions asked for, replaces what was left, and goes at the end', async () => {
    const cwd = scratchFolder();
    const path = join(cwd, 'redis.sock');
    writeFileSync(path, 'left by somebody');
    const server = await launch(['--port', '0', '--unixsocket', path, '--unixsocketperm', '700'], {
      cwd,
    }).ready();
    assert.match(server.stdout, /Ready to accept connections unix\n/);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    const client = await RawClient.connect({ path });
    assert.equal(await client.call('PING'), 'PONG');
    assert.match(String(await client.call('CLIENT', 'LIST')), new RegExp(` addr=${path}:0 `));
    await client.close();
    const { stdout } = await server.end();
    assert.ok(messages(stdout).includes('Removing the unix socket file.'));
    assert.equal(existsSync(path), false);
  });

  test('a path that cannot be is an error', async () => {
    const { code, stdout } = await runToEnd(['--port', '0', '--unixsocket', '/no/such/folder/s']);
    assert.equal(code, 1);
    assert.equal(messages(stdout).at(-1), 'Failed opening Unix socket: bind: No such file or directory');
  });
});

describe('CONFIG SET', () => {
  test('port: listens there, connections stay; a taken port changes nothing', async () => {
    const server = await startServer();
    const client = await server.connect();
    const next = await freePort();
    assert.equal(await client.call('CONFIG', 'SET', 'port', next), 'OK');
    assert.equal(await answers('127.0.0.1', next), true);
    assert.equal(await answers('127.0.0.1', server.port), false);
    assert.equal(await client.call('PING'), 'PONG');

    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const taken = (holder.address() as AddressInfo).port;
    const refusal = (await client.send('CONFIG', 'SET', 'maxmemory', '1mb', 'port', taken)).toString();
    assert.equal(
      refusal,
      "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.\r\n",
    );
    assert.deepEqual(await client.call('CONFIG', 'GET', 'port'), ['port', String(next)]);
    assert.deepEqual(await client.call('CONFIG', 'GET', 'maxmemory'), ['maxmemory', '0']);
    assert.equal(await answers('127.0.0.1', next), true);
    holder.close();
    await client.close();
    await server.stop();
  });

  test('port 0 and back', async () => {
    const server = await startServer();
    const client = await server.connect();
    assert.equal(await client.call('CONFIG', 'SET', 'port', '0'), 'OK');
    assert.equal(await answers('127.0.0.1', server.port), false);
    assert.equal(await client.call('CONFIG', 'SET', 'port', server.port), 'OK');
    assert.equal(await answers('127.0.0.1', server.port), true);
    await client.close();
    await server.stop();
  });

  test('bind: addresses that overlap with those before, none, and one that is not here', async () => {
    const server = await startServer();
    const client = await server.connect();
    const { port } = server;
    for (const bind of ['*', '127.0.0.1', '* -::*', '127.0.0.2 127.0.0.1']) {
      assert.equal(await client.call('CONFIG', 'SET', 'bind', bind), 'OK', bind);
      assert.equal(await answers('127.0.0.1', port), true, bind);
    }
    assert.equal(await answers('127.0.0.2', port), true);
    for (const bind of ['192.0.2.77', '127.0.0.3 192.0.2.77', '999.999.999.999']) {
      assert.equal(
        (await client.send('CONFIG', 'SET', 'bind', bind)).toString(),
        "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.\r\n",
      );
      assert.deepEqual(
        [
          await answers('127.0.0.1', port),
          await answers('127.0.0.2', port),
          await answers('127.0.0.3', port),
        ],
        [true, true, false],
      );
    }
    assert.equal(await client.call('CONFIG', 'SET', 'bind', ''), 'OK');
    assert.equal(await answers('127.0.0.1', port), false);
    await client.close();
    await server.stop();
  });

  test('dir: later relative paths start there', async () => {
    const server = await startServer({ directives: { 'enable-protected-configs': 'yes' } });
    const client = await server.connect();
    const folder = scratchFolder();
    assert.equal(await client.call('CONFIG', 'SET', 'dir', folder), 'OK');
    assert.deepEqual(await client.call('CONFIG', 'GET', 'dir'), ['dir', folder]);
    assert.match(
      (await client.send('CONFIG', 'SET', 'dir', '/no/such')).toString(),
      /No such file or directory/,
    );
    await client.close();
    await server.stop();
  });
});

describe('maxclients', () => {
  test('one too many is told so and counted', async () => {
    const server = await startServer({ directives: { maxclients: 3 } });
    const clients = [await server.connect(), await server.connect(), await server.connect()];
    assert.equal(await clients[2]!.call('PING'), 'PONG');
    assert.equal(await toldAtOnce('127.0.0.1', server.port), '-ERR max number of clients reached\r\n');
    await clients[1]!.close();
    const fourth = await waitFor(async () => ((await answers('127.0.0.1', server.port)) ? 'in' : null));
    assert.equal(fourth, 'in');
    assert.match(String(await clients[0]!.call('INFO', 'stats')), /\r\nrejected_connections:[1-9]/);
    for (const client of clients) await client.close();
    await server.stop();
  });

  test('is lowered to what the limit of open files allows', async () => {
    const server = await launch(['--port', String(await freePort()), '--maxclients', '4000000']).ready();
    assert.match(
      server.stdout,
      /You requested maxclients of 4000000 requiring at least 4000032 max file descriptors\./,
    );
    assert.match(server.stdout, /maxclients has been reduced to \d+ to compensate for low ulimit/);
    await server.end();
  });

  test('CONFIG SET refuses what the limit of open files does not allow', async () => {
    const server = await startServer();
    const client = await server.connect();
    const refusal = (await client.send('CONFIG', 'SET', 'maxclients', '4000000')).toString();
    assert.match(
      refusal,
      /The operating system is not able to handle the specified number of clients, try with \d+\r\n/,
    );
    assert.deepEqual(await client.call('CONFIG', 'GET', 'maxclients'), ['maxclients', '10000']);
    await client.close();
    await server.stop();
  });
});

describe('protected mode', { skip: NO_OUTSIDE }, () => {
  test('without a password, only this machine may come in', async () => {
    const server = await startServer({ directives: { bind: '*' } });
    assert.match(
      await toldAtOnce(outside!, server.port),
      /^-DENIED Redis is running in protected mode because/,
    );
    const client = await server.connect();
    assert.equal(await client.call('CONFIG', 'SET', 'protected-mode', 'no'), 'OK');
    assert.equal(await answers(outside!, server.port), true);
    assert.equal(await client.call('CONFIG', 'SET', 'protected-mode', 'yes', 'requirepass', 'secret'), 'OK');
    const stranger = await RawClient.connect({ host: outside!, port: server.port });
    assert.equal(await stranger.call('AUTH', 'secret'), 'OK');
    await stranger.close();
    await client.close();
    await server.stop();
  });
});

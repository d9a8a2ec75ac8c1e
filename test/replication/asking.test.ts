/**
 * What replicas and their like ask of a master: REPLCONF and refused PSYNCs as redis-server answers them, snapshots for
 * redis-cli --rdb and --functions-rdb, who shares a snapshot with whom, and what becomes of the file.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findOracle } from '../support/oracle.ts';
import { encodeCommand } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';
import { Node, withNodes } from './support/node.ts';

/** A connection whose bytes are only collected. */
class Wire {
  readonly #socket: Socket;
  #received = '';
  isClosed = false;

  constructor(node: Node) {
    this.#socket = connect(node.port, '127.0.0.1');
    this.#socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
  }

  get received(): string {
    return this.#received;
  }

  say(...commands: readonly string[]): void {
    for (const command of commands) this.#socket.write(encodeCommand(words(command)));
  }

  async until(what: string, test: () => boolean): Promise<void> {
    await waitFor(test, { what, timeoutMs: 20_000 });
  }

  /** Asks, and waits for the answer. */
  async ask(command: string): Promise<void> {
    const before = this.#received.length;
    this.say(command);
    await this.until(`an answer to ${command}`, () => this.isClosed || this.#received.length > before);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Words apart by blanks; '' is an empty one, _ a blank within. */
function words(command: string): string[] {
  return command.split(' ').map((word) => (word === "''" ? '' : word.replaceAll('_', ' ')));
}

const CONVERSATIONS: readonly (readonly string[])[] = [
  ['REPLCONF'],
  ['REPLCONF a'],
  ['REPLCONF listening-port x'],
  ['REPLCONF listening-port 77'],
  ['REPLCONF listening-port 99999999999999999999'],
  [`REPLCONF ip-address ${'x'.repeat(300)}`],
  [`REPLCONF ip-address ${'x'.repeat(255)}`],
  ['REPLCONF capa eof capa anything'],
  ['REPLCONF ACK 5'],
  ['REPLCONF GETACK *'],
  ['REPLCONF rdb-only 2'],
  ['REPLCONF rdb-only x'],
  ['REPLCONF rdb-only 1'],
  ['REPLCONF rdb-filter-only "'],
  ["REPLCONF rdb-filter-only ''"],
  ['REPLCONF rdb-filter-only functions_functions'],
  ['REPLCONF rdb-filter-only data'],
  ["REPLCONF rdb-filter-only ''", 'SYNC'],
  ["REPLCONF rdb-filter-only ''", 'PSYNC ? -1'],
  ['REPLCONF foo bar'],
  ['REPLCONF listening-port 7 foo bar'],
  ['PSYNC ? x'],
  ['PSYNC ?'],
  [`PSYNC ${'a'.repeat(40)} 5 FAILOVER`],
  ['MULTI', 'PSYNC ? -1'],
  ['MULTI', 'REPLCONF capa eof'],
  ['SYNC x'],
];

describe('what a master is asked', { concurrency: 1 }, () => {
  it('is answered as by redis-server', async (t) => {
    if (findOracle() === null) {
      t.skip('no redis-server in PATH');
      return;
    }
    await withNodes(async (open) => {
      const nodes = [open(await Node.start('ours')), open(await Node.start('real'))];
      for (const conversation of CONVERSATIONS) {
        const answers: string[] = [];
        for (const node of nodes) {
          const wire = new Wire(node);
          // A SYNC that comes with a command whose answer has not gone is refused for that.
          for (const command of conversation.slice(0, -1)) await wire.ask(command);
          wire.say(conversation.at(-1)!, 'ECHO over');
          await wire.until(
            conversation.join(),
            () => wire.isClosed || /over|QUEUED\r\n$/.test(wire.received),
          );
          answers.push(wire.received);
          wire.close();
        }
        assert.equal(answers[0], answers[1], conversation.join());
      }
    });
  });

  it('a replica that asks for more than the stream is disconnected', async () => {
    await withNodes(async (open) => {
      const master = open(await Node.start('ours'));
      for (const command of ['PING', 'GET a', 'REPLCONF capa eof', 'NO SUCH']) {
        const wire = new Wire(master);
        await wire.ask('REPLCONF capa eof');
        wire.say('SYNC');
        await wire.until('the payload', () => hasWholePayload(wire.received));
        const before = wire.received.length;
        // Neither of these has an answer.
        wire.say('REPLCONF ACK 0', 'PSYNC ? -1', command);
        await wire.until(`the end after ${command}`, () => wire.isClosed);
        assert.equal(wire.received.length, before);
      }
    });
  });

  it('snapshots without the stream, and of a part only', async () => {
    await withNodes(async (open) => {
      for (const diskless of ['yes', 'no']) {
        const master = open(await Node.start('ours', { 'repl-diskless-sync': diskless }));
        await master.ok('SET', 'the-key', 'the-value');
        const all = await snapshotFor(master, ['REPLCONF capa eof rdb-only 1']);
        assert.match(all, /REDIS0010[\s\S]*the-key[\s\S]*the-value/);
        const none = await snapshotFor(master, [
          'REPLCONF capa eof rdb-only 1',
          "REPLCONF rdb-filter-only ''",
        ]);
        assert.match(none, /^\+OK\r\n\+OK\r\n\n*\$EOF:[\s\S]*REDIS0010/);
        assert.doesNotMatch(none, /the-key/);
        const old = await snapshotFor(master, ['REPLCONF rdb-only 1']);
        assert.match(old, /^\+OK\r\n\n*\$\d+\r\nREDIS0010[\s\S]*the-key/);
        assert.equal(await master.figure('replication', 'connected_slaves'), 0);
      }
    });
  });

  it('shares a file that is being saved with those that ask for no more than it has', async () => {
    await withNodes(async (open) => {
      const master = open(await Node.start('ours', { 'repl-diskless-sync': 'no', save: '' }));
      await master.ok('DEBUG', 'POPULATE', '100');
      await master.ok('CONFIG', 'SET', 'rdb-key-save-delay', '20000');
      const wires = [new Wire(master), new Wire(master), new Wire(master)];
      await wires[0]!.ask('REPLCONF capa psync2');
      await wires[0]!.ask('PSYNC ? -1');
      await master.ok('SET', 'later', 'than the snapshot');
      await wires[1]!.ask('REPLCONF capa psync2 capa eof');
      await wires[1]!.ask('PSYNC ? -1');
      // It can less than the one for which the file is.
      wires[2]!.say('PSYNC ? -1');
      await waitFor(async () => (await master.figure('replication', 'connected_slaves')) === 3);
      await master.ok('CONFIG', 'SET', 'rdb-key-save-delay', '0');
      for (const wire of wires) await wire.until('what was later', () => wire.received.includes('later'));
      const [first, second, third] = wires.map(
        ({ received }) => /\+FULLRESYNC (\w+ \d+)/.exec(received)?.[1],
      );
      assert.equal(first, second);
      assert.notEqual(first, third);
      for (const { received } of wires.slice(0, 2)) {
        const stream = received.slice(received.indexOf('*2\r\n$6\r\nSELECT'));
        assert.match(stream, /^\*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n\*3\r\n\$3\r\nSET\r\n\$5\r\nlater/);
      }
      assert.match(wires[2]!.received, /later[\s\S]*than the snapshot/);
      assert.equal(await master.figure('stats', 'sync_full'), 3);
      for (const wire of wires) wire.close();
    });
  });

  it('a file that nobody waits for any more is given up, and begins anew for who comes next', async () => {
    await withNodes(async (open) => {
      for (const diskless of ['no', 'yes']) {
        const master = open(await Node.start('ours', { 'repl-diskless-sync': diskless, save: '' }));
        await master.ok('DEBUG', 'POPULATE', '100');
        await master.ok('CONFIG', 'SET', 'rdb-key-save-delay', '1000000');
        const first = new Wire(master);
        await first.ask('REPLCONF capa eof capa psync2');
        await first.ask('PSYNC ? -1');
        assert.equal(await master.figure('persistence', 'rdb_bgsave_in_progress'), 1);
        first.close();
        await waitFor(async () => (await master.figure('persistence', 'rdb_bgsave_in_progress')) === 0);
        await master.ok('CONFIG', 'SET', 'rdb-key-save-delay', '0');
        const second = new Wire(master);
        await second.ask('REPLCONF capa eof capa psync2');
        second.say('PSYNC ? -1');
        await second.until('the payload', () => hasWholePayload(second.received));
        second.close();
      }
    });
  });

  it('rdb-del-sync-files: nothing is left on disk', async () => {
    await withNodes(async (open) => {
      const directives = { 'repl-diskless-sync': 'no', 'rdb-del-sync-files': 'yes', save: '' };
      const master = open(await Node.start('ours', directives));
      await master.ok('SET', 'k', 'v');
      const wire = new Wire(master);
      wire.say('PSYNC ? -1');
      await wire.until('the payload', () => hasWholePayload(wire.received));
      await waitFor(() => !existsSync(join(master.dir, 'dump.rdb')), { what: 'the file to go' });
      await waitFor(() => master.server.output.includes('Removing the RDB file used to feed replicas'));
      wire.close();
    });
  });
});

/** All bytes that come until the master hangs up. */
async function snapshotFor(master: Node, before: readonly string[]): Promise<string> {
  const wire = new Wire(master);
  for (const command of before) await wire.ask(command);
  wire.say('SYNC');
  await wire.until('the end', () => wire.isClosed);
  return wire.received;
}

function hasWholePayload(received: string): boolean {
  const mark = /\$EOF:([0-9a-f]{40})\r\n/.exec(received);
  if (mark !== null) return received.indexOf(mark[1]!, mark.index + 45) > 0;
  const head = /\$(\d+)\r\nREDIS/.exec(received);
  return head !== null && received.length >= head.index + head[0].length - 5 + Number(head[1]);
}

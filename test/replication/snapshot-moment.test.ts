/**
 * A snapshot for replicas is of a moment at which the stream has everything that is in the data.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { encodeCommand } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';
import { Node, waitInSync, withNodes } from './support/node.ts';

const BIG_VALUES = 12;
const BIG_BYTES = 1 << 20;

describe('the moment of a snapshot', () => {
  it('is not amid a transaction, one of whose commands has ended the snapshot before', async () => {
    await withNodes(async (open) => {
      const master = open(await Node.start('ours', { save: '', 'repl-diskless-sync': 'yes' }));
      for (let i = 0; i < BIG_VALUES; i++) {
        await master.ok('SETRANGE', `big${i}`, '0', Buffer.alloc(BIG_BYTES, 'abcdefg'));
      }
      await master.ok('CONFIG', 'SET', 'rdbcompression', 'no');
      // It takes the beginning of its snapshot, and no more.
      const stalled = connect(master.port, '127.0.0.1');
      open({
        close: async () => {
          stalled.destroy();
        },
      });
      await new Promise<void>((resolve) => {
        stalled.write(encodeCommand(['REPLCONF', 'capa', 'eof']));
        stalled.once('data', () => resolve());
      });
      stalled.pause();
      stalled.write(encodeCommand(['PSYNC', '?', '-1']));
      await waitForState(master, 'slave0');
      const replica = open(await Node.start('ours', { save: '' }));
      await replica.follow(master.port);
      await waitForState(master, 'slave1');
      const list = String(await master.ok('CLIENT', 'LIST', 'TYPE', 'replica'));
      const id = /id=(\d+)/.exec(list)![1]!;
      await master.client.pipeline([
        ['MULTI'],
        ['INCR', 'count'],
        ['CLIENT', 'KILL', 'ID', id],
        ['INCR', 'count'],
        ['EXEC'],
      ]);
      await waitInSync(master, [replica]);
      assert.equal(String(await replica.ok('GET', 'count')), '2');
    });
  });
});

async function waitForState(master: Node, name: string): Promise<void> {
  await waitFor(async () => (await master.info()).get(name)?.includes('wait_bgsave') === true, {
    what: `${name} to wait`,
  });
}

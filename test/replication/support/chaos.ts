/**
 * Everything at once, at random: four nodes of either kind that follow each other through links that are cut and stand
 * still, are promoted, killed, ended with a save, told to save and to rewrite, while somebody writes to whoever is the
 * master. When it is quiet again, all hold the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../soak/soak.ts';
import { dataSet, fill } from '../../support/data-set.ts';
import { LinkProxy } from './link-proxy.ts';
import { assertCleanLog, assertConverged, type Kind, Node, withNodes } from './node.ts';
import { WriteLoad } from './write-load.ts';

export interface Chaos {
  readonly kinds: readonly Kind[];
  readonly seed: number;
  /** Events. */
  readonly rounds: number;
}

const LOADS = ['disabled', 'on-empty-db', 'swapdb'] as const;

/** Throws with the events so far if the nodes do not end equal. */
export async function chaos({ kinds, seed, rounds }: Chaos): Promise<void> {
  const below = seededRandom(seed);
  const events: string[] = [];
  await withNodes(async (open) => {
    const nodes: Node[] = [];
    const proxies: LinkProxy[] = [];
    for (const kind of kinds) {
      const node = open(
        await Node.start(kind, {
          appendonly: below(2) === 0,
          appendfsync: 'everysec',
          'repl-diskless-sync': below(2) === 0,
          'repl-diskless-load': LOADS[below(3)]!,
          'repl-backlog-size': ['16kb', '1mb', '16mb'][below(3)]!,
          'repl-ping-replica-period': 1,
          'repl-timeout': 3,
        }),
      );
      nodes.push(node);
      // In front of each, for those who follow it.
      proxies.push(open(await LinkProxy.to(node.port)));
    }
    let master = 0;
    await fill(nodes[0]!.client, dataSet({ seed, databases: [0, 3] }));
    let writes = new WriteLoad({ port: nodes[0]!.port, seed, pauseMs: 5 });
    const follow = (index: number, of: number): Promise<unknown> =>
      nodes[index]!.call('REPLICAOF', '127.0.0.1', proxies[of]!.port);
    for (let i = 1; i < nodes.length; i++) await follow(i, below(i));
    writes.begin();
    const any = (): number => below(nodes.length);
    const one = async (): Promise<void> => {
      const index = any();
      const node = nodes[index]!;
      const lot = below(100);
      const tell = (what: string): void => {
        events.push(`${index} (${node.kind}${index === master ? ', master' : ''}): ${what}`);
      };
      if (lot < 20) {
        tell('its followers are cut off');
        proxies[index]!.cut(below(2) === 0);
      } else if (lot < 27) {
        const ms = below(2) === 0 ? 300 : 4500;
        tell(`its followers' links stand still for ${ms} ms`);
        proxies[index]!.stall(true);
        await sleep(ms);
        proxies[index]!.stall(false);
      } else if (lot < 37) {
        tell('killed');
        await node.kill();
        await sleep(below(500));
        await node.restart();
        if (index !== master) await follow(index, master);
      } else if (lot < 45) {
        const save = below(2) === 0;
        tell(`ended ${save ? 'with' : 'without'} a save`);
        node.client.sendNoReply('SHUTDOWN', save ? 'SAVE' : 'NOSAVE');
        await Promise.race([node.server.exited, sleep(15_000)]);
        await node.kill();
        await node.restart();
        if (index !== master) await follow(index, master);
      } else if (lot < 60 && index !== master) {
        const of = below(2) === 0 ? master : any();
        // Who follows oneself, or one's own follower, gets nowhere, and that is fine too, for a while.
        tell(`follows ${of}`);
        if (of !== index) await follow(index, of);
      } else if (lot < 68) {
        tell('becomes the master');
        await writes.stop();
        await node.call('REPLICAOF', 'NO', 'ONE');
        master = index;
        writes = new WriteLoad({ port: node.port, seed: below(1_000_000), pauseMs: 5 });
        writes.begin();
        for (let i = 0; i < nodes.length; i++) if (i !== index) await follow(i, index);
      } else if (lot < 74) {
        tell('BGSAVE');
        await node.call('BGSAVE');
      } else if (lot < 80) {
        tell('BGREWRITEAOF');
        await node.call('BGREWRITEAOF');
      } else if (lot < 85) {
        const type = ['replica', 'master', 'normal'][below(3)]!;
        tell(`CLIENT KILL TYPE ${type}`);
        await node.call('CLIENT', 'KILL', 'TYPE', type);
      } else if (lot < 90) {
        const parameter = [
          ['repl-diskless-sync', below(2) === 0 ? 'yes' : 'no'],
          ['repl-diskless-load', LOADS[below(3)]!],
          ['appendonly', below(2) === 0 ? 'yes' : 'no'],
          ['repl-backlog-size', below(2) === 0 ? '16kb' : '2mb'],
        ][below(4)]!;
        tell(`CONFIG SET ${parameter.join(' ')}`);
        await node.call('CONFIG', 'SET', ...parameter);
      } else if (lot < 93) {
        tell('FLUSHALL');
        await node.call('FLUSHALL');
      } else if (lot < 97) {
        tell('CLIENT PAUSE 300 WRITE');
        await node.call('CLIENT', 'PAUSE', '300', below(2) === 0 ? 'WRITE' : 'ALL');
      } else {
        tell('REPLICAOF NO ONE, and back');
        if (index !== master) {
          await node.call('REPLICAOF', 'NO', 'ONE');
          await sleep(below(300));
          await follow(index, master);
        }
      }
    };
    try {
      for (let i = 0; i < rounds; i++) {
        await one();
        await sleep(below(400));
      }
    } finally {
      await writes.stop();
    }
    for (let i = 0; i < nodes.length; i++) {
      if (i === master) await nodes[i]!.promote();
      else await nodes[i]!.follow(nodes[master]!.port);
    }
    const replicas = nodes.filter((_, i) => i !== master);
    await assertConverged(nodes[master]!, replicas, `seed ${seed}`, 60_000);
    for (const node of nodes) assertCleanLog(node);
  }).catch((error: unknown) => {
    throw new Error(`${String((error as Error).stack)}\nseed ${seed}, events:\n${events.join('\n')}`);
  });
}

/** A master with replicas, all of one kind, as the scenarios of replication use them. */
import type { RawClient } from '../test/support/raw-client.ts';
import type { Directives, ServerProcess } from '../test/support/server-process.ts';
import { sleep } from '../test/support/wait-for.ts';
import { cpuSeconds } from './process-cpu.ts';
import type { Bench, Side, StartOptions } from './scenario.ts';

/** Without the wait for further replicas. */
export const AT_ONCE: Directives = { 'repl-diskless-sync-delay': 0 };

export class ReplicaSet {
  readonly master: ServerProcess;
  readonly replicas: ServerProcess[] = [];

  private constructor(master: ServerProcess) {
    this.master = master;
  }

  /** Starts a master and replicas, and waits until they are in step. */
  static async start(
    bench: Bench,
    side: Side,
    replicas: number,
    options: StartOptions = {},
  ): Promise<ReplicaSet> {
    const directives = { ...AT_ONCE, ...options.directives };
    const set = new ReplicaSet(await bench.start(side, { ...options, directives }));
    try {
      for (let i = 0; i < replicas; i++) {
        const replicaof = `127.0.0.1 ${set.master.port}`;
        const replica = await bench.start(side, { ...options, directives: { ...directives, replicaof } });
        set.replicas.push(replica);
      }
      await Promise.all(set.replicas.map((replica) => linkUp(replica, 20_000)));
      return set;
    } catch (error) {
      await set.stop();
      throw error;
    }
  }

  /** Waits until every replica has applied what the master has written until now. */
  async caughtUp(): Promise<void> {
    const end = await fieldOf(this.master, 'master_repl_offset');
    await Promise.all(this.replicas.map((replica) => applied(replica, Number(end))));
  }

  /** CPU time of all servers so far, in seconds. */
  cpuSeconds(): number {
    return [this.master, ...this.replicas].reduce((sum, server) => sum + cpuSeconds(server), 0);
  }

  async stop(): Promise<void> {
    for (const server of [...this.replicas, this.master]) await server.stop();
  }
}

/** Waits until the link to the master is up. */
export async function linkUp(replica: ServerProcess, timeoutMs = 300_000): Promise<void> {
  await poll(replica, timeoutMs, 'the link to the master', (info) => /^master_link_status:up\r$/m.test(info));
}

async function applied(replica: ServerProcess, offset: number): Promise<void> {
  await poll(replica, 60_000, `offset ${offset}`, (info) => {
    return Number(/^slave_repl_offset:(\d+)/m.exec(info)?.[1] ?? -1) >= offset;
  });
}

async function poll(
  server: ServerProcess,
  timeoutMs: number,
  what: string,
  isThere: (info: string) => boolean,
): Promise<void> {
  const client = await server.connect();
  client.timeoutMs = timeoutMs;
  try {
    const deadline = performance.now() + timeoutMs;
    let info = await replicationInfo(client);
    while (!isThere(info)) {
      if (performance.now() > deadline) throw new Error(`waited for ${what}; last seen:\n${info}`);
      await sleep(2);
      info = await replicationInfo(client);
    }
  } finally {
    await client.close();
  }
}

async function fieldOf(server: ServerProcess, name: string): Promise<string> {
  const client = await server.connect();
  try {
    return new RegExp(`^${name}:(.*)\r$`, 'm').exec(await replicationInfo(client))?.[1] ?? '';
  } finally {
    await client.close();
  }
}

async function replicationInfo(client: RawClient): Promise<string> {
  return (await client.send('INFO', 'replication')).toString('latin1');
}

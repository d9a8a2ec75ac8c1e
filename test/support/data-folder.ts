/**
 * A folder of data files that servers take turns in: ours and the real one start over the same files, one after the
 * other, and say what is in them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RawClient } from './raw-client.ts';
import { type Directives, REPOSITORY, type ServerProcess, startServer } from './server-process.ts';
import { waitFor } from './wait-for.ts';

/** Who runs: our server, or the real one by its command. */
export type Side = 'ours' | { readonly command: string };

export class DataFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'ts-redis-data-'));

  /**
   * Starts a server here, lets `body` use it and ends it without saving (with AOF, what it has written is there).
   * Fails if the server did not start or did not end by itself.
   */
  async with<T>(
    side: Side,
    directives: Directives,
    body: (client: RawClient, server: ServerProcess) => Promise<T>,
  ): Promise<T> {
    const server = await startServer({
      dir: this.path,
      directives: { 'enable-debug-command': 'yes', ...directives },
      ...(side === 'ours' ? {} : { command: [side.command] }),
    });
    try {
      const client = await server.connect();
      client.timeoutMs = 60_000;
      await waitFor(async () => String(await client.call('PING')) === 'PONG', {
        what: 'the data to be loaded',
      });
      const result = await body(client, server);
      client.sendNoReply('SHUTDOWN', 'NOSAVE');
      const code = await server.exited;
      assert.equal(code, 0, server.output);
      return result;
    } finally {
      await server.stop();
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Runs a tool over a file; its exit code must be 0. Ours are skipped as long as they are not there. Returns its output. */
export function check(tool: string, ...args: readonly string[]): string {
  const ours = join(REPOSITORY, 'bin', tool);
  const isOurs = tool.startsWith('ts-');
  if (isOurs && !existsSync(ours)) return '';
  const [command, first] = isOurs ? [process.execPath, [ours]] : [tool, []];
  const { status, stdout, stderr } = spawnSync(command, [...first, ...args], { encoding: 'latin1' });
  assert.equal(status, 0, `${tool} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Waits until no snapshot and no rewrite is running, and the last ones went well. */
export async function waitSaved(client: RawClient): Promise<void> {
  const info = await waitFor(
    async () => {
      const text = String(await client.call('INFO', 'persistence'));
      const running = /(rdb_bgsave_in_progress|aof_rewrite_(in_progress|scheduled)):1/.test(text);
      return running ? '' : text;
    },
    { timeoutMs: 60_000, what: 'the save to end' },
  );
  assert.match(info, /rdb_last_bgsave_status:ok/);
  assert.match(info, /aof_last_bgrewrite_status:ok/);
}

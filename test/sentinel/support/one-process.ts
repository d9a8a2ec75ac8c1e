/** Sentinels and data nodes in the test's own process, on one clock that is moved by hand. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as realSleep } from 'node:timers/promises';
import { ServerConfig } from '../../../src/config/config.ts';
import { commentAfterWords } from '../../../src/sentinel/config/directives.ts';
import type { Node } from '../../../src/server/node.ts';
import { SentinelNode, type SentinelNodeOptions } from '../../../src/server/sentinel-node.ts';
import { Server } from '../../../src/server/server.ts';
import { ManualClock } from '../../../src/util/clock.ts';
import { seededRandom } from '../../../src/util/random.ts';
import { freePort } from '../../support/server-process.ts';

const STEP_MS = 20;
const NOW = { save: 'nosave', now: true, force: true } as const;

export interface Watcher {
  readonly node: SentinelNode;
  readonly port: number;
  readonly file: string;
  /** Its log, line by line. */
  readonly lines: string[];
}

export class OneProcess {
  readonly clock = new ManualClock();
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'ts-redis-one-process-')));
  readonly #nodes = new Set<Node>();

  /** Ends all, and removes their files. */
  async close(): Promise<void> {
    for (const node of [...this.#nodes]) await this.end(node);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async end(node: Node): Promise<void> {
    this.#nodes.delete(node);
    await node.shutdown(NOW);
  }

  async dataNode(port: number, master: number | null): Promise<Server> {
    const config = new ServerConfig();
    const follows = master === null ? '' : `replicaof 127.0.0.1 ${master}\n`;
    const dir = mkdtempSync(join(this.folder, 'data-'));
    config.load({ options: `bind 127.0.0.1\nport ${port}\nsave ""\ndir ${dir}\n${follows}` });
    const server = new Server({ config, ...this.#surroundings(port, []) });
    this.#nodes.add(server);
    await server.start();
    return server;
  }

  /** A sentinel with these lines behind `bind` and `port`. */
  async sentinel(lines: readonly string[], more: Partial<SentinelNodeOptions> = {}): Promise<Watcher> {
    const port = await freePort();
    const file = join(this.folder, `sentinel-${port}.conf`);
    writeFileSync(file, ['bind 127.0.0.1', `port ${port}`, ...lines, ''].join('\n'));
    const config = new ServerConfig({ sentinel: { commentAfter: commentAfterWords } });
    config.load({ file });
    const log: string[] = [];
    const node = new SentinelNode({ config, ...this.#surroundings(port, log), ...more });
    this.#nodes.add(node);
    await node.start();
    return { node, port, file, lines: log };
  }

  /** Moves the clock until it is so: sockets have their turn between two steps. Gives the ms that it took. */
  async until(isSo: () => boolean, limitMs: number, what: string): Promise<number> {
    for (let passed = 0; passed <= limitMs; passed += STEP_MS) {
      if (isSo()) return passed;
      this.clock.advance(STEP_MS);
      await realSleep(1);
    }
    throw new Error(`not within ${limitMs} ms of virtual time: ${what}`);
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.monoMs() + ms;
    await this.until(() => this.clock.monoMs() >= end, ms + STEP_MS, 'time passes');
  }

  #surroundings(seed: number, lines: string[]) {
    const { clock } = this;
    const logSink = { write: (text: string) => lines.push(text), flush() {}, close() {} };
    return { clock, timers: clock, random: seededRandom(seed), logSink };
  }
}

export function saw({ lines }: Watcher, text: string): boolean {
  return lines.some((line) => line.includes(text));
}

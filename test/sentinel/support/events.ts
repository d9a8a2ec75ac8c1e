/** What sentinels publish, each message with the moment when it came. */
import type { RawClient } from '../../support/raw-client.ts';
import { parseReply } from '../../support/reply-framer.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { Member } from './member.ts';

export interface SentinelEvent {
  /** performance.now() */
  readonly atMs: number;
  /** The sentinel's port. */
  readonly by: number;
  /** +sdown, +switch-master ... */
  readonly name: string;
  readonly text: string;
}

export class Events {
  readonly all: SentinelEvent[] = [];
  readonly #clients: RawClient[] = [];

  /** Listens to all of what these publish from now on. */
  static async of(sentinels: readonly Member[]): Promise<Events> {
    const events = new Events();
    for (const sentinel of sentinels) await events.add(sentinel);
    return events;
  }

  async add(sentinel: Member): Promise<void> {
    const client = await sentinel.connect();
    client.timeoutMs = 3_600_000;
    await client.send('PSUBSCRIBE', '*');
    this.#clients.push(client);
    void this.#read(client, sentinel.port);
  }

  async #read(client: RawClient, by: number): Promise<void> {
    try {
      for (;;) {
        const message = parseReply(await client.nextReply());
        if (!Array.isArray(message) || message[0] !== 'pmessage') continue;
        this.all.push({ atMs: performance.now(), by, name: String(message[2]), text: String(message[3]) });
      }
    } catch {
      // The sentinel has ended, or stop() was called.
    }
  }

  /** The first of that name since `sinceMs` (of that sentinel, if one is named), waiting for it. */
  async wait(
    name: string,
    sinceMs: number,
    options: { timeoutMs?: number; by?: number } = {},
  ): Promise<SentinelEvent> {
    const { timeoutMs = 30_000, by } = options;
    const isIt = (event: SentinelEvent): boolean =>
      event.name === name && event.atMs >= sinceMs && (by === undefined || event.by === by);
    try {
      return await waitFor(() => this.all.find(isIt), { timeoutMs, intervalMs: 5, what: name });
    } catch (error) {
      throw new Error(`${(error as Error).message}; since then:\n${this.since(sinceMs)}`);
    }
  }

  /** Everything since then, one line each. */
  since(sinceMs: number): string {
    const lines = this.all
      .filter(({ atMs }) => atMs >= sinceMs)
      .map(({ atMs, by, name, text }) => `${Math.round(atMs - sinceMs)} ms ${by} ${name} ${text}`);
    return lines.join('\n');
  }

  stop(): void {
    for (const client of this.#clients) client.socket.destroy();
  }
}

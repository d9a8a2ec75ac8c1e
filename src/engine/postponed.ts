/**
 * Clients whose commands were put off: by CLIENT PAUSE, by MIGRATE (held-keys.ts), by a snapshot. Nothing more of what
 * such a client sends is served. Its command is kept, copied out of the read buffer, and goes through all gates again
 * when it is resumed; so one that must wait once more does.
 */
import type { Args } from '../resp/args.ts';
import type { Client } from './client.ts';
import type { Engine } from './engine.ts';
import { STOP_BLOCKED } from './gates.ts';

export class Postponed {
  readonly #engine: Engine;
  /** In the order in which they came. */
  #waiting = new Map<Client, Args>();
  #resuming = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** Whether some wait who have not been told to go on. */
  get some(): boolean {
    return this.#waiting.size > 0 && !this.#resuming;
  }

  add(client: Client, args: Args): void {
    const kept = args.copy();
    this.#waiting.set(client, kept);
    client.stopped |= STOP_BLOCKED;
    client.blocked = {
      kind: 'pause',
      unblockable: false,
      bytes: kept.buf.length,
      cancel: () => this.#waiting.delete(client),
    };
  }

  /** Serves them soon: no handler runs inside another. */
  resume(): void {
    if (this.#waiting.size === 0 || this.#resuming) return;
    this.#resuming = true;
    queueMicrotask(() => {
      this.#resuming = false;
      const waiting = this.#waiting;
      this.#waiting = new Map();
      for (const [client, args] of waiting) {
        // Closed by one that was resumed before it.
        if (client.blocked?.kind !== 'pause') continue;
        client.blocked = null;
        client.stopped &= ~STOP_BLOCKED;
        this.#engine.serveKept(client, args);
      }
    });
  }
}

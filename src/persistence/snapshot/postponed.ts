/**
 * Clients whose writing commands wait for the snapshot. Each command is kept as CLIENT PAUSE keeps those it puts off
 * (engine/pause.ts) and goes through all gates again; so one that must wait once more does.
 */
import type { Client } from '../../engine/client.ts';
import type { Engine } from '../../engine/engine.ts';
import { STOP_BLOCKED } from '../../engine/gates.ts';
import type { Args } from '../../resp/args.ts';

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

  /** Serves them soon: not within the command that may be running. */
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

/**
 * Links that the server opens itself, as far as the engine may know them: src/net/outgoing.ts makes them of sockets.
 * An engine without a network (embedded in a test) has none.
 *
 * LinkCache keeps links of MIGRATE for a while: who moves many keys by many commands connects once.
 */
import type { Reply } from '../resp/reply-reader.ts';
import type { CronJob } from './cron-job.ts';

/** Opens links. */
export interface Connector {
  /** Rejects with a LinkFailure. */
  connect(host: string, port: number, timeoutMs: number): Promise<OutgoingLink>;
}

/** A link to another server: commands go out, replies come back in order. Each call rejects with a LinkFailure. */
export interface OutgoingLink {
  readonly isOpen: boolean;
  /** Resolves when the kernel has taken all; the pieces must stay as they are until then. */
  write(pieces: readonly Uint8Array[], timeoutMs: number): Promise<void>;
  /** Replies that have come since the last call: one at least. */
  read(timeoutMs: number): Promise<Reply[]>;
  close(): void;
}

/** What came in the way of a link. */
export class LinkFailure extends Error {
  /** It took too long. */
  readonly timedOut: boolean;
  /** There was nobody to connect to: no such name, no such port, or no answer. */
  readonly unreachable: boolean;

  constructor(message: string, kind: { timedOut?: boolean; unreachable?: boolean } = {}) {
    super(message);
    this.timedOut = kind.timedOut === true;
    this.unreachable = kind.unreachable === true;
  }
}

/** A link that is nobody's for the time being. */
export interface CachedLink {
  readonly name: string;
  readonly link: OutgoingLink;
  /** Database that it has selected; -1: not known, which a MIGRATE to -1 takes for its own, in Redis, too. */
  database: number;
  /** When it was given back, on the wall clock in ms. */
  usedMs: number;
}

/** A link that nobody has used for so long is closed. */
const IDLE_MS = 10_000;
/** More links are not kept. */
const LINKS_MAX = 64;

export class LinkCache implements CronJob {
  readonly name = 'cached links';
  #idle: CachedLink[] = [];
  #lent = 0;

  /** Links that are open, at work or idle. */
  get count(): number {
    return this.#idle.length + this.#lent;
  }

  /** A link that is kept under this name; null: there is none. It comes back by `give`, or by `drop` if it failed. */
  take(name: string): CachedLink | null {
    const at = this.#idle.findIndex((cached) => cached.name === name);
    if (at < 0) return null;
    const [cached] = this.#idle.splice(at, 1);
    if (!cached!.link.isOpen) return this.take(name);
    this.#lent++;
    return cached!;
  }

  /** A link that has just been opened, and is lent at once. */
  add(name: string, link: OutgoingLink): CachedLink {
    this.#lent++;
    return { name, link, database: -1, usedMs: 0 };
  }

  give(cached: CachedLink, nowMs: number): void {
    this.#lent--;
    cached.usedMs = nowMs;
    this.#idle.push(cached);
    while (this.#idle.length > LINKS_MAX) this.#idle.shift()!.link.close();
  }

  drop(cached: CachedLink): void {
    this.#lent--;
    cached.link.close();
  }

  run(nowMs: number): void {
    if (this.#idle.length === 0) return;
    this.#idle = this.#idle.filter((cached) => {
      const stays = cached.link.isOpen && nowMs - cached.usedMs <= IDLE_MS;
      if (!stays) cached.link.close();
      return stays;
    });
  }

  /** The server ends. */
  close(): void {
    for (const { link } of this.#idle) link.close();
    this.#idle = [];
  }
}

/**
 * Keys that must stand still for a while, although the server goes on: MIGRATE has sent them, or is about to, and
 * removes them when the other side has them. Redis stops for everybody; here only those wait who would change such a
 * key.
 *
 *     hold(keys) → [a command that writes to one of them: postponed] … → release(hold) → the postponed are served
 *
 * Keys are held by name, whatever the database. Not everything that changes a key is a command with that key:
 * FLUSHALL, SWAPDB, eviction, the rest of an EXEC that contains MIGRATE itself. That is not held up but noted
 * (`HeldKey.changed`), so that nobody removes what he has not sent.
 *
 * Costs nothing while nothing is held: the gate SERVER_KEYS_HELD is not set, and nobody listens to changes.
 */
import type { Database } from '../keyspace/database.ts';
import type { Args } from '../resp/args.ts';
import { latin1Of } from '../util/latin1.ts';
import type { Client } from './client.ts';
import { RUNS_QUEUE, WRITE } from './command-spec.ts';
import type { Command } from './command-table.ts';
import type { Engine } from './engine.ts';
import { SERVER_KEYS_HELD } from './gates.ts';
import { findKeys } from './key-extraction.ts';
import type { ChangeListener } from './messages/signals.ts';
import { Postponed } from './postponed.ts';

export interface HeldKey {
  readonly db: Database;
  readonly key: Uint8Array;
  /** It is not what it was. Who sends it anew sets this back. */
  changed: boolean;
}

export class HeldKeys implements ChangeListener {
  readonly #engine: Engine;
  /** By name; a name may be held in several databases. */
  readonly #held = new Map<string, HeldKey[]>();
  readonly #postponed: Postponed;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#postponed = new Postponed(engine);
  }

  hold(db: Database, keys: readonly Uint8Array[]): HeldKey[] {
    const holds = keys.map((key): HeldKey => ({ db, key, changed: false }));
    for (const hold of holds) {
      const name = latin1Of(hold.key);
      const same = this.#held.get(name);
      if (same === undefined) this.#held.set(name, [hold]);
      else same.push(hold);
    }
    this.#engine.gates |= SERVER_KEYS_HELD;
    this.#engine.signals.listen(this);
    return holds;
  }

  release(holds: readonly HeldKey[]): void {
    for (const hold of holds) {
      const name = latin1Of(hold.key);
      const left = (this.#held.get(name) ?? []).filter((other) => other !== hold);
      if (left.length === 0) this.#held.delete(name);
      else this.#held.set(name, left);
    }
    if (this.#held.size === 0) {
      this.#engine.gates &= ~SERVER_KEYS_HELD;
      this.#engine.signals.unlisten(this);
    }
    this.#postponed.resume();
  }

  /** Whether the command would change a key that is held: it must wait. Only asked under SERVER_KEYS_HELD. */
  holds(client: Client, command: Command, args: Args): boolean {
    const { transaction } = client;
    if (transaction === null || (command.flags & RUNS_QUEUE) === 0) return this.#concerns(command, args);
    return transaction.commands.some((queued, i) => this.#concerns(queued, transaction.args[i]!));
  }

  #concerns(command: Command, args: Args): boolean {
    if ((command.flags & WRITE) === 0) return false;
    const keys = findKeys(command, args) ?? [];
    return keys.some(({ index }) => this.#held.has(args.text(index)));
  }

  /** Puts the client's command off. */
  postpone(client: Client, args: Args): void {
    this.#postponed.add(client, args);
  }

  modified(db: Database, key: Uint8Array, off: number, len: number): void {
    for (const hold of this.#held.get(latin1Of(key, off, len)) ?? []) if (hold.db === db) hold.changed = true;
  }

  flushed(db: Database | null): void {
    for (const holds of this.#held.values()) {
      for (const hold of holds) if (db === null || hold.db === db) hold.changed = true;
    }
  }

  swapped(a: Database, b: Database): void {
    this.flushed(a);
    this.flushed(b);
  }
}

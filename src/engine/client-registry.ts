/**
 * All clients of a server, by id.
 */
import { Client, GATE_UNAUTHENTICATED, type Link } from './client.ts';
import type { Engine } from './engine.ts';

export class ClientRegistry {
  readonly #engine: Engine;
  readonly #byId = new Map<number, Client>();
  #nextId = 1;
  /** Told of each client that is gone (blocked lists, subscriptions, monitors ... forget it). */
  readonly onGone: ((client: Client) => void)[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** Id that the next client gets. */
  get nextId(): number {
    return this.#nextId;
  }

  add(link: Link): Client {
    const engine = this.#engine;
    const client = new Client(engine, this.#nextId++, link, engine.keyspace.databases[0]!);
    if (engine.config.values.requirepass !== '') client.gates |= GATE_UNAUTHENTICATED;
    this.#byId.set(client.id, client);
    engine.stats.connectionsReceived++;
    return client;
  }

  /** The link is gone. */
  remove(client: Client): void {
    if (!this.#byId.delete(client.id)) return;
    client.blocked?.cancel('gone');
    for (const tell of this.onGone) tell(client);
  }

  get(id: number): Client | undefined {
    return this.#byId.get(id);
  }

  /** In the order of their ids. */
  all(): IterableIterator<Client> {
    return this.#byId.values();
  }
}

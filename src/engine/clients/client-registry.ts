/**
 * All clients of a server, by id.
 */
import { Client, type Link } from '../client.ts';
import type { Engine } from '../engine.ts';
import { GATE_UNAUTHENTICATED, STOP_CLOSING } from '../gates.ts';
import { ClientLimits } from './client-limits.ts';

export class ClientRegistry {
  readonly #engine: Engine;
  readonly limits: ClientLimits;
  readonly #byId = new Map<number, Client>();
  #nextId = 1;
  /** Told of each client that is gone (blocked lists, subscriptions, monitors ... forget it). */
  readonly onGone: ((client: Client) => void)[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
    this.limits = new ClientLimits(engine);
    engine.config.onChange('requirepass', () => this.#passwordChanged());
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
    this.resetAuthentication(client);
    this.#byId.set(client.id, client);
    engine.stats.connectionsReceived++;
    return client;
  }

  /** The link is gone. */
  remove(client: Client): void {
    if (!this.#byId.delete(client.id)) return;
    client.blocked?.cancel('gone');
    client.blocked = null;
    this.limits.forget(client);
    for (const tell of this.onGone) tell(client);
  }

  /** Closes a client: at once, or when it has got the reply to the command that it is in. */
  kill(client: Client): void {
    client.stopped |= STOP_CLOSING;
    if (client === this.#engine.current) return;
    this.remove(client);
    client.link.destroy();
  }

  /** The client is who it says it is. */
  authenticated(client: Client, user: string): void {
    client.user = user;
    client.authenticated = true;
    client.gates &= ~GATE_UNAUTHENTICATED;
  }

  /** As for a new client: without a password everybody is the default user. */
  resetAuthentication(client: Client): void {
    const open = this.#engine.config.values.requirepass === '';
    client.user = 'default';
    client.authenticated = open;
    if (open) client.gates &= ~GATE_UNAUTHENTICATED;
    else client.gates |= GATE_UNAUTHENTICATED;
  }

  /** Who is in stays in; who was kept out may come in when there is no password any more. */
  #passwordChanged(): void {
    const open = this.#engine.config.values.requirepass === '';
    for (const client of this.#byId.values()) {
      if (open || client.authenticated) client.gates &= ~GATE_UNAUTHENTICATED;
      else client.gates |= GATE_UNAUTHENTICATED;
    }
  }

  get(id: number): Client | undefined {
    return this.#byId.get(id);
  }

  /** In the order of their ids. */
  all(): IterableIterator<Client> {
    return this.#byId.values();
  }
}

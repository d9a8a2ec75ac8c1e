/**
 * All clients of a server, by id.
 */
import type { User } from '../acl/user.ts';
import { Client, type Link } from '../client.ts';
import type { Engine } from '../engine.ts';
import { GATE_LIMITED, GATE_UNAUTHENTICATED, STOP_CLOSING } from '../gates.ts';
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
  authenticated(client: Client, user: User): void {
    client.user = user;
    client.authenticated = true;
    this.#setGates(client);
  }

  /** As for a new client: it is the default user, who may need no password. */
  resetAuthentication(client: Client): void {
    const { acl } = this.#engine;
    client.user = acl.defaultUser;
    client.authenticated = !acl.isLoginNeeded;
    this.#setGates(client);
  }

  /** It is nobody any more. */
  logOut(client: Client): void {
    client.user = this.#engine.acl.defaultUser;
    client.authenticated = false;
    this.#setGates(client);
  }

  /**
   * What a user may do, or how it logs in, has changed. Who is in stays in; who was kept out may come in when the
   * default user needs no password any more.
   */
  userChanged(user: User): void {
    const { defaultUser } = this.#engine.acl;
    for (const client of this.#byId.values()) {
      if (client.user === user || user === defaultUser) this.#setGates(client);
    }
  }

  #setGates(client: Client): void {
    const mayEnter = client.authenticated || !this.#engine.acl.isLoginNeeded;
    client.gates &= ~(GATE_UNAUTHENTICATED | GATE_LIMITED);
    if (!mayEnter) client.gates |= GATE_UNAUTHENTICATED;
    if (!client.user.isUnlimited) client.gates |= GATE_LIMITED;
  }

  get(id: number): Client | undefined {
    return this.#byId.get(id);
  }

  /** In the order of their ids. */
  all(): IterableIterator<Client> {
    return this.#byId.values();
  }
}

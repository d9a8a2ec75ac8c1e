/**
 * Host names to addresses, by the system's resolver (so /etc/hosts counts, as in Redis). A name is looked up anew each
 * time it is needed: behind it may be another container by now. Who asks while a look-up is under way gets its result.
 */
import { lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';

/** More look-ups at once are refused: forged hellos may bring any number of names. */
export const LOOKUPS_MAX = 256;

/** Gives an IP address; rejects if there is none. */
export type Lookup = (host: string) => Promise<string>;

export class Names {
  readonly #lookup: Lookup;
  readonly #pending = new Map<string, Promise<string>>();

  constructor(lookup: Lookup = lookUp) {
    this.#lookup = lookup;
  }

  /** The address of a name; an address is its own, at once. */
  addressOf(host: string): string | Promise<string> {
    return isIP(host) !== 0 ? host : this.lookUp(host);
  }

  lookUp(host: string): Promise<string> {
    const pending = this.#pending.get(host);
    if (pending !== undefined) return pending;
    if (this.#pending.size >= LOOKUPS_MAX)
      return Promise.reject(new Error(`Too many names to resolve: ${host}`));
    const found = this.#lookup(host).finally(() => this.#pending.delete(host));
    this.#pending.set(host, found);
    return found;
  }
}

function lookUp(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    systemLookup(host, (error, address) => {
      if (error === null) resolve(address);
      else reject(new Error(`Can't resolve: ${host}`));
    });
  });
}

/**
 * Function libraries that have been loaded. They cannot run yet; they are kept by name and written again, so that a
 * data directory that passes through this server loses none.
 */
import type { Args } from '../../resp/args.ts';
import { latin1Of } from '../../util/latin1.ts';

/** A library begins with `#!engine name=...`; longer heads are no heads. */
const HEAD_MAX = 1024;

export class KeptFunctions {
  readonly #byName = new Map<string, Uint8Array>();

  /** Their sources. */
  get sources(): readonly Uint8Array[] {
    return [...this.#byName.values()];
  }

  clear(): void {
    this.#byName.clear();
  }

  /** These are the libraries from now on. */
  adopt(others: KeptFunctions): void {
    this.clear();
    for (const [name, source] of others.#byName) this.#byName.set(name, source);
  }

  /** Keeps a library, in place of one of the same name. Returns false if it has none. */
  add(source: Uint8Array): boolean {
    const head = latin1Of(source, 0, Math.min(source.length, HEAD_MAX)).split('\n', 1)[0]!;
    const name = /^#!.*\sname=["']?(\w+)/i.exec(head)?.[1];
    if (name === undefined) return false;
    this.#byName.set(name, source);
    return true;
  }

  /** Takes what a FUNCTION command of an append-only file does. Returns false if it is none that is known. */
  replay(args: Args): boolean {
    if (args.count < 2 || !args.is(0, 'function')) return false;
    if (args.is(1, 'load') && args.count >= 3) return this.add(args.bytes(args.count - 1));
    if (args.is(1, 'delete') && args.count === 3) {
      this.#byName.delete(args.text(2));
      return true;
    }
    if (!args.is(1, 'flush')) return false;
    this.clear();
    return true;
  }
}

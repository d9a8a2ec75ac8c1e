/**
 * The oracle: a real redis-server from PATH, asked the same as ours, so expectations need not be remembered.
 * Replies are compared byte for byte; where a command may rightly differ, the looser comparison has a name.
 *
 *     describeWithOracle('strings', (pair) => {
 *       it('sets', () => pair.compare('SET', 'k', 'v'));
 *       it('lists keys', () => pair.compareAs('sorted', 'KEYS', '*'));
 *     });
 *
 * The body runs twice, under RESP2 and under RESP3, each with fresh connections and empty databases. `pair` may
 * only be used inside tests and hooks: the servers start in a `before`.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe } from 'node:test';
import type { Arg, RawClient } from './raw-client.ts';
import { parseReply, rawElements, replyEnd } from './reply-framer.ts';
import { type Directives, findProgram, type ServerProcess, startServer } from './server-process.ts';

/** Says what is wrong between the two raw replies, or null when they agree. */
export type Comparator = (ours: Buffer, oracle: Buffer) => string | null;
export type ComparatorName = 'exact' | 'error' | 'sorted' | 'approx' | 'type';
/** Rewrites a raw reply before comparison, to take out what may differ (a run id, a version). */
export type Normaliser = (raw: Buffer) => Buffer;

export const comparators: Readonly<Record<ComparatorName, Comparator>> = {
  /** The same bytes. */
  exact: (ours, oracle) => (ours.equals(oracle) ? null : 'replies differ'),
  /** Both are errors, whatever they say. */
  error: (ours, oracle) => (isError(ours) && isError(oracle) ? null : 'not both are errors'),
  /** The same elements in any order, under the same kind of aggregate. */
  sorted(ours, oracle) {
    const a = rawElements(ours);
    const b = rawElements(oracle);
    if (!a || !b) return comparators.exact(ours, oracle);
    if (ours[0] !== oracle[0]) return 'aggregates of different types';
    a.sort(Buffer.compare);
    b.sort(Buffer.compare);
    return Buffer.concat(a).equals(Buffer.concat(b)) && a.length === b.length ? null : 'elements differ';
  },
  /** The same shape, numbers within 1 or 1%. */
  approx: (ours, oracle) => approxReplies(ours, oracle, 1, 0.01),
  /** The same type of reply; null is a type of its own. */
  type: (ours, oracle) => (replyType(ours) === replyType(oracle) ? null : 'types differ'),
};

/** `approx` with a tolerance of one's own, absolute. */
export function within(tolerance: number): Comparator {
  return (ours, oracle) => approxReplies(ours, oracle, tolerance, 0);
}

export function comparatorOf(comparator: Comparator | ComparatorName = 'exact'): Comparator {
  return typeof comparator === 'function' ? comparator : comparators[comparator];
}

function isError(raw: Buffer): boolean {
  return raw[0] === 0x2d || raw[0] === 0x21; // '-' and '!'
}

function replyType(raw: Buffer): string {
  const head = raw.toString('latin1', 0, 2);
  return head === '$-' || head === '*-' ? 'null' : head[0]!;
}

function approxReplies(ours: Buffer, oracle: Buffer, absolute: number, relative: number): string | null {
  if (replyType(ours) !== replyType(oracle)) return 'types differ';
  const a = flatElements(ours);
  const b = flatElements(oracle);
  if (a && b) {
    if (a.length !== b.length) return 'lengths differ';
    for (let i = 0; i < a.length; i++) {
      const wrong = approxReplies(a[i]!, b[i]!, absolute, relative);
      if (wrong) return `element ${i}: ${wrong}`;
    }
    return null;
  }
  if (ours.equals(oracle)) return null;
  const x = Number(parseReply(ours));
  const y = Number(parseReply(oracle));
  const allowed = Math.max(absolute, relative * Math.abs(y));
  return Math.abs(x - y) <= allowed ? null : `${x} is not within ${allowed} of ${y}`;
}

/** An aggregate's elements one by one, a map's keys and values too. */
function flatElements(raw: Buffer): Buffer[] | null {
  const elements = rawElements(raw);
  if (!elements || raw[0] !== 0x25) return elements; // '%'
  return elements.flatMap((pair) => {
    const middle = replyEnd(pair, 0);
    return [pair.subarray(0, middle), pair.subarray(middle)];
  });
}

/** The oracle's command, from `REDIS_SERVER` or PATH; null when there is none. */
export function findOracle(): string | null {
  return process.env.REDIS_SERVER || findProgram('redis-server');
}

export const NO_ORACLE =
  'skipped: no redis-server on PATH to compare with (Debian: apt-get install redis-server)';

export interface OracleOptions {
  /** For both servers. */
  readonly directives?: Directives;
  /** Protocol versions to run under; both by default. */
  readonly resp?: readonly (2 | 3)[];
}

/** Defines the same tests once for RESP2 and once for RESP3 against both servers; skips without an oracle. */
export function describeWithOracle(
  name: string,
  body: (pair: OraclePair) => void,
  options: OracleOptions = {},
): void {
  const oracle = findOracle();
  if (oracle === null) {
    describe(name, { skip: NO_ORACLE }, () => {});
    return;
  }
  describe(name, () => {
    const shared = new SharedServers();
    before(() => shared.start(oracle, options.directives));
    after(() => shared.stop());
    for (const resp of options.resp ?? [2, 3]) {
      describe(`RESP${resp}`, () => {
        const pair = new OraclePair(resp, shared);
        beforeEach(() => pair.reset());
        after(() => pair.close());
        body(pair);
      });
    }
  });
}

class SharedServers {
  ours: ServerProcess | null = null;
  oracle: ServerProcess | null = null;

  async start(oracle: string, directives: Directives = {}): Promise<void> {
    [this.ours, this.oracle] = await Promise.all([
      startServer({ directives }),
      startServer({ command: [oracle], directives }),
    ]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.ours?.stop(), this.oracle?.stop()]);
  }
}

/** Two connections of the same protocol version, one to each server. */
export class OraclePair {
  readonly resp: 2 | 3;
  readonly #servers: SharedServers;
  #clients: { ours: RawClient; oracle: RawClient } | null = null;

  constructor(resp: 2 | 3, servers: SharedServers) {
    this.resp = resp;
    this.#servers = servers;
  }

  get ours(): RawClient {
    return this.#clients!.ours;
  }

  get oracle(): RawClient {
    return this.#clients!.oracle;
  }

  get oursServer(): ServerProcess {
    return this.#servers.ours!;
  }

  get oracleServer(): ServerProcess {
    return this.#servers.oracle!;
  }

  /** Empty databases and a connection state like new, on both. Connections lost on the way are opened again. */
  async reset(): Promise<void> {
    if (!this.#clients || this.ours.isClosed || this.oracle.isClosed) {
      await this.close();
      const [ours, oracle] = await Promise.all([this.oursServer.connect(), this.oracleServer.connect()]);
      this.#clients = { ours, oracle };
    }
    const state = [['RESET'], ['HELLO', String(this.resp)], ['FLUSHALL']];
    const replies = await this.#pipelineBoth(state);
    for (const side of replies) {
      assert.equal(
        side[0]!.toString('latin1'),
        '+RESET\r\n',
        'RESET must work for the comparison to mean anything',
      );
      assert.equal(
        side[2]!.toString('latin1'),
        '+OK\r\n',
        'FLUSHALL must work for the comparison to mean anything',
      );
    }
  }

  async close(): Promise<void> {
    const clients = this.#clients;
    this.#clients = null;
    await Promise.all([clients?.ours.close(), clients?.oracle.close()]);
  }

  /** Sends the command to both and asserts the same bytes. Resolves to our raw reply. */
  compare(...args: readonly Arg[]): Promise<Buffer> {
    return this.compareAs('exact', ...args);
  }

  /** Sends the command to both and asserts that the named (or given) comparison holds. */
  async compareAs(comparator: Comparator | ComparatorName, ...args: readonly Arg[]): Promise<Buffer> {
    const [ours, oracle] = await Promise.all([this.ours.send(...args), this.oracle.send(...args)]);
    assertSame(args, ours, oracle, comparatorOf(comparator));
    return ours;
  }

  /** compare() after the normaliser has rewritten both replies. */
  async compareNormalised(normalise: Normaliser, ...args: readonly Arg[]): Promise<Buffer> {
    const [ours, oracle] = await Promise.all([this.ours.send(...args), this.oracle.send(...args)]);
    assertSame(args, normalise(ours), normalise(oracle), comparators.exact);
    return ours;
  }

  /** Runs several commands, one after the other, each compared exactly. */
  async compareAll(commands: readonly (readonly Arg[])[]): Promise<void> {
    const [ours, oracle] = await this.#pipelineBoth(commands);
    for (let i = 0; i < commands.length; i++) {
      assertSame(commands[i]!, ours[i]!, oracle[i]!, comparators.exact);
    }
  }

  /** Sends an inline command line to both. */
  async compareInline(text: string): Promise<Buffer> {
    const [ours, oracle] = await Promise.all([this.ours.inline(text), this.oracle.inline(text)]);
    assertSame(['(inline)', text], ours, oracle, comparators.exact);
    return ours;
  }

  /** Sends commands to both, one pipeline each, comparing nothing. */
  async sendBoth(commands: readonly (readonly Arg[])[]): Promise<[ours: Buffer[], oracle: Buffer[]]> {
    return this.#pipelineBoth(commands);
  }

  #pipelineBoth(commands: readonly (readonly Arg[])[]): Promise<[Buffer[], Buffer[]]> {
    return Promise.all([this.ours.pipeline(commands), this.oracle.pipeline(commands)]);
  }
}

function assertSame(args: readonly Arg[], ours: Buffer, oracle: Buffer, compare: Comparator): void {
  const wrong = compare(ours, oracle);
  if (wrong !== null) assert.fail(`${showCommand(args)}: ${wrong}\n${showReplies(ours, oracle)}`);
}

/** The command as one would type it into redis-cli. */
export function showCommand(args: readonly Arg[]): string {
  return args.map(showArg).join(' ');
}

function showArg(arg: Arg): string {
  const text = Buffer.isBuffer(arg) ? arg.toString('latin1') : Buffer.from(String(arg)).toString('latin1');
  if (/^[\w.:*?+-]+$/.test(text)) return text;
  // Redis-cli's own quoting, so that a printed sequence can be pasted there.
  const escaped = text.replace(/[^\x20-\x7e]|["\\]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}

export function showReplies(ours: Buffer, oracle: Buffer): string {
  return `  ours:   ${showRaw(ours)}\n  oracle: ${showRaw(oracle)}`;
}

function showRaw(raw: Buffer): string {
  const shown = JSON.stringify(raw.toString('latin1', 0, 2000));
  return raw.length > 2000 ? `${shown}… (${raw.length} bytes)` : shown;
}

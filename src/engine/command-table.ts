/**
 * The commands of a server at run time. A Command joins what its entry says (command-spec.ts) with what follows
 * from it (ACL categories, the old first/last/step key range, whether its keys move) and with its counters.
 *
 * `lookup` is on the way of every request. It finds a command by the bytes of argument 0 without making a string:
 * the first eight bytes, folded to lower case, become two words; they and the length are hashed into an
 * open-addressing Int32Array at most a quarter full, and compared with what stands there. That is all for names up
 * to eight bytes, which are those that are called often; of longer ones the rest is compared, too.
 */
import type { Args } from '../resp/args.ts';
import type { Histogram } from '../util/histogram.ts';
import {
  ADMIN,
  BLOCKING,
  type CommandSpec,
  FAST,
  type Handler,
  KEY_INCOMPLETE,
  KEY_VARIABLE_FLAGS,
  type KeySpec,
  MOVABLE_KEYS,
  PROTECTED,
  PUBSUB,
  READONLY,
  WRITE,
} from './command-spec.ts';

/** All ACL categories, in the order in which Redis lists them. */
export const ACL_CATEGORIES: readonly string[] = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
];

const NO_KEYS: readonly KeySpec[] = [];

/** More arguments than a request can have. */
const NEVER = 0x7fffffff;

/** Ints in a slot of the table. */
const SLOT = 4;

export class Command {
  readonly spec: CommandSpec;
  /** Lower case; a subcommand's own name. */
  readonly name: string;
  /** 'client|list' */
  readonly fullName: string;
  readonly arity: number;
  /**
   * What the engine compares the number of arguments with. That of a PROTECTED command never fits, so asking whether
   * the command is allowed costs the others nothing.
   */
  readonly guardedArity: number;
  readonly flags: number;
  readonly keys: readonly KeySpec[];
  readonly run: Handler;
  readonly parent: Command | null;
  readonly subcommands: Map<string, Command> | null;
  /** Without "@", in Redis's order. */
  readonly aclCategories: readonly string[];
  readonly movableKeys: boolean;
  /** The key range that COMMAND shows besides the key specs; all 0 where there is none. */
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;

  calls = 0;
  usec = 0;
  rejectedCalls = 0;
  failedCalls = 0;
  /** Calls in the batch being served, not yet charged (engine.ts). */
  batchCalls = 0;
  histogram: Histogram | null = null;

  constructor(spec: CommandSpec, parent: Command | null = null) {
    const keys = spec.keys ?? NO_KEYS;
    const range = keyRange(keys);
    const movable = range.partial || (spec.getKeys !== undefined && !hasFlag(keys, KEY_VARIABLE_FLAGS));
    this.spec = spec;
    this.name = spec.name;
    this.fullName = parent === null ? spec.name : `${parent.name}|${spec.name}`;
    this.arity = spec.arity;
    this.guardedArity = (spec.flags & PROTECTED) !== 0 ? NEVER : spec.arity;
    this.flags = movable ? spec.flags | MOVABLE_KEYS : spec.flags;
    this.keys = keys;
    this.run = spec.run ?? noHandler;
    this.parent = parent;
    this.subcommands =
      spec.subcommands === undefined
        ? null
        : new Map(spec.subcommands.map((sub) => [sub.name, new Command(sub, this)]));
    this.aclCategories = aclCategories(spec);
    this.movableKeys = movable;
    this.firstKey = range.first;
    this.lastKey = range.last;
    this.keyStep = range.step;
  }

  resetStats(): void {
    this.calls = 0;
    this.usec = 0;
    this.rejectedCalls = 0;
    this.failedCalls = 0;
    this.batchCalls = 0;
    this.histogram = null;
  }
}

/** An entry without a handler is our mistake; a test finds it before a user does. */
function noHandler(): void {
  throw new Error('a command without a handler was called');
}

export class CommandTable {
  /** The commands without their subcommands, those included that `rename-command` has taken away since. */
  readonly originals: readonly Command[];
  /** By the name under which it is called now. */
  readonly #byName = new Map<string, Command>();
  /** SLOT ints for each slot: first word, second word, length, index in #indexed; length 0: free. */
  #slots = new Int32Array(0);
  #indexed: Command[] = [];
  /** Names as bytes, like #indexed. */
  #names: Uint8Array[] = [];
  #mask = 0;

  constructor(specs: readonly CommandSpec[]) {
    for (const spec of specs) {
      if (this.#byName.has(spec.name)) throw new Error(`two commands named ${spec.name}`);
      this.#byName.set(spec.name, new Command(spec));
    }
    this.originals = [...this.#byName.values()];
    this.#index();
  }

  /** Number of commands, subcommands not counted. */
  get count(): number {
    return this.#byName.size;
  }

  /** The command that argument 0 names, in whatever case. */
  lookup(args: Args): Command | null {
    const { buf } = args;
    const len = args.len[0]!;
    let at = args.off[0]!;
    const half = at + Math.min(len, 4);
    const end = at + Math.min(len, 8);
    let first = 0;
    let second = 0;
    while (at < half) {
      const c = buf[at++]!;
      first = (first << 8) | (c >= 65 && c <= 90 ? c | 32 : c);
    }
    while (at < end) {
      const c = buf[at++]!;
      second = (second << 8) | (c >= 65 && c <= 90 ? c | 32 : c);
    }
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hashOf(first, second, len) & mask;
    for (;;) {
      const entry = slot * SLOT;
      const entryLen = slots[entry + 2]!;
      if (entryLen === 0) return null;
      if (entryLen === len && slots[entry] === first && slots[entry + 1] === second) {
        const index = slots[entry + 3]!;
        if (len <= 8 || restMatches(this.#names[index]!, buf, args.off[0]!)) return this.#indexed[index]!;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** The command with this name; 'client|list' names a subcommand. */
  find(name: string): Command | null {
    const words = name.toLowerCase().split('|');
    const command = this.#byName.get(words[0]!);
    if (command === undefined || words.length > 2) return null;
    if (words.length === 1) return command;
    return command.subcommands?.get(words[1]!) ?? null;
  }

  /** The subcommand that argument 1 names; the command itself when it has none, or when none is named. */
  resolve(command: Command, args: Args): Command | null {
    if (command.subcommands === null || args.count === 1) return command;
    return command.subcommands.get(args.lower(1)) ?? null;
  }

  /** The commands, without their subcommands. */
  all(): IterableIterator<Command> {
    return this.#byName.values();
  }

  /** Commands and subcommands. */
  *everything(): IterableIterator<Command> {
    for (const command of this.#byName.values()) {
      yield command;
      if (command.subcommands !== null) yield* command.subcommands.values();
    }
  }

  /** Carries out `rename-command`; to '' the command goes away. False: no such command, or the name is taken. */
  rename(from: string, to: string | ''): boolean {
    const oldName = from.toLowerCase();
    const newName = to.toLowerCase();
    const command = this.#byName.get(oldName);
    if (command === undefined) return false;
    if (newName !== '' && newName !== oldName && this.#byName.has(newName)) return false;
    this.#byName.delete(oldName);
    if (newName !== '') this.#byName.set(newName, command);
    this.#index();
    return true;
  }

  #index(): void {
    let size = 64;
    while (size < this.#byName.size * 4) size *= 2;
    const mask = size - 1;
    const slots = new Int32Array(size * SLOT);
    this.#mask = mask;
    this.#slots = slots;
    this.#indexed = [...this.#byName.values()];
    this.#names = [...this.#byName.keys()].map((text) => new Uint8Array(Buffer.from(text, 'latin1')));
    for (const [index, name] of this.#names.entries()) {
      let first = 0;
      let second = 0;
      for (const c of name.subarray(0, 4)) first = (first << 8) | c;
      for (const c of name.subarray(4, 8)) second = (second << 8) | c;
      let slot = hashOf(first, second, name.length) & mask;
      while (slots[slot * SLOT + 2] !== 0) slot = (slot + 1) & mask;
      slots.set([first, second, name.length, index], slot * SLOT);
    }
  }
}

function hashOf(first: number, second: number, len: number): number {
  const hash = Math.imul(first ^ Math.imul(second, 0x9e3779b1) ^ len, 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

/** Whether the bytes behind the first eight are the same, case aside. */
function restMatches(name: Uint8Array, buf: Uint8Array, off: number): boolean {
  for (let i = 8; i < name.length; i++) {
    let c = buf[off + i]!;
    if (c >= 65 && c <= 90) c |= 32;
    if (c !== name[i]) return false;
  }
  return true;
}

function aclCategories(spec: CommandSpec): string[] {
  const categories = new Set(spec.acl ?? []);
  const { flags } = spec;
  if ((flags & WRITE) !== 0) categories.add('write');
  // What a script reads, or an EVAL_RO, is the script's affair.
  if ((flags & READONLY) !== 0 && !categories.has('scripting')) categories.add('read');
  if ((flags & ADMIN) !== 0) categories.add('admin').add('dangerous');
  if ((flags & PUBSUB) !== 0) categories.add('pubsub');
  if ((flags & BLOCKING) !== 0) categories.add('blocking');
  categories.add((flags & FAST) !== 0 ? 'fast' : 'slow');
  return ACL_CATEGORIES.filter((category) => categories.has(category));
}

/**
 * The one range that old clients know, from the key specs: as many of them as are ranges at fixed indexes and
 * join without a gap. `partial`: it does not tell all the keys.
 */
function keyRange(keys: readonly KeySpec[]): { first: number; last: number; step: number; partial: boolean } {
  const range = { first: 0, last: 0, step: 0, partial: false };
  let previousLast = 0;
  for (const { begin, find, flags } of keys) {
    if (begin === 'unknown' || find === 'unknown' || !('index' in begin) || !('last' in find)) {
      range.partial = true;
      continue;
    }
    const last = find.last >= 0 ? begin.index + find.last : find.last;
    if (range.step === 0) {
      range.first = begin.index;
      range.step = find.step;
    } else if (find.step !== 1 || range.step !== 1 || previousLast + 1 !== begin.index) {
      range.partial = true;
      continue;
    }
    range.last = last;
    previousLast = last;
    if ((flags & KEY_INCOMPLETE) !== 0) range.partial = true;
  }
  return range;
}

function hasFlag(keys: readonly KeySpec[], flag: number): boolean {
  return keys.some(({ flags }) => (flags & flag) !== 0);
}

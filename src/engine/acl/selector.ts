/**
 * What a user may do: commands, keys and channels. A user has one selector of its own and perhaps more, each in
 * parentheses; a command must be allowed by one of them as a whole.
 *
 * Commands are a set of bits (command-set.ts). Commands of versions to come belong to it as well, or not, as the last
 * of `+@all` and `-@all` said. A command that isn't in the set may be allowed with certain first arguments
 * (`+select|0`).
 */
import type { Args } from '../../resp/args.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { bytesOf } from '../../util/latin1.ts';
import { KEY_ACCESS, KEY_DELETE, KEY_INSERT, KEY_UPDATE, type KeyRef, NO_AUTH } from '../command-spec.ts';
import type { Command } from '../command-table.ts';
import { type CommandSet, categoryBit, hasBit, type RuleCommand, setBit } from './command-set.ts';
import { describeCommands } from './describe-commands.ts';
import * as problems from './rule-problems.ts';

/** What rules mean depends on it. */
export interface RuleContext {
  readonly commands: CommandSet;
  /** acl-pubsub-default: new users and selectors may use all channels. */
  readonly allChannels: () => boolean;
  /** Something to be told in the log. */
  readonly warn: (text: string) => void;
}

// What a key pattern allows.
export const READS = 1 << 0;
const WRITES = 1 << 1;

interface KeyPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** READS, WRITES or both. */
  flags: number;
}

interface ChannelPattern {
  readonly text: string;
  readonly bytes: Uint8Array;
}

const SPACE = /[\0\t-\r ]/;

export class Selector {
  readonly #context: RuleContext;
  /** All commands, those of versions to come included, and none taken out since. */
  allCommands = false;
  allKeys = false;
  allChannels: boolean;
  readonly bits: Uint32Array;
  /** Commands of versions to come are allowed. */
  future = false;
  /** Allowed first arguments of commands that aren't, by number. */
  readonly firstArgs = new Map<number, string[]>();
  #keys: KeyPattern[] = [];
  #channels: ChannelPattern[] = [];

  constructor(context: RuleContext) {
    this.#context = context;
    this.bits = context.commands.emptyBits();
    this.allChannels = context.allChannels();
  }

  copy(): Selector {
    const copy = new Selector(this.#context);
    copy.allCommands = this.allCommands;
    copy.allKeys = this.allKeys;
    copy.allChannels = this.allChannels;
    copy.bits.set(this.bits);
    copy.future = this.future;
    for (const [id, args] of this.firstArgs) copy.firstArgs.set(id, [...args]);
    copy.#keys = this.#keys.map((pattern) => ({ ...pattern }));
    copy.#channels = [...this.#channels];
    return copy;
  }

  /** Whether nothing is forbidden. */
  get isUnlimited(): boolean {
    return this.allCommands && this.allKeys && this.allChannels;
  }

  /** Applies one rule; null, or why it is not accepted (rule-problems.ts), and then nothing has changed. */
  apply(rule: string): string | null {
    switch (rule.toLowerCase()) {
      case 'allkeys':
      case '~*':
        this.allKeys = true;
        this.#keys = [];
        return null;
      case 'resetkeys':
        this.allKeys = false;
        this.#keys = [];
        return null;
      case 'allchannels':
      case '&*':
        this.allChannels = true;
        this.#channels = [];
        return null;
      case 'resetchannels':
        this.allChannels = false;
        this.#channels = [];
        return null;
      case 'allcommands':
      case '+@all':
        this.#allowAll(true);
        return null;
      case 'nocommands':
      case '-@all':
        this.#allowAll(false);
        return null;
      default:
    }
    switch (rule[0]) {
      case '~':
      case '%':
        return this.#addKeys(rule);
      case '&':
        return this.#addChannels(rule.slice(1));
      case '+':
      case '-':
        return rule[1] === '@' ? this.#category(rule) : this.#command(rule);
      default:
        return problems.SYNTAX_ERROR;
    }
  }

  #allowAll(on: boolean): void {
    this.allCommands = on;
    this.future = on;
    this.bits.fill(on ? 0xffffffff : 0);
    this.firstArgs.clear();
  }

  /** `~pattern`, or `%R~pattern` and the like. */
  #addKeys(rule: string): string | null {
    if (this.allKeys) return problems.AFTER_ALL_KEYS;
    let flags = READS | WRITES;
    let at = 1;
    if (rule[0] === '%') {
      flags = 0;
      for (; at < rule.length && rule[at] !== '~'; at++) {
        const flag = flagOf(rule[at]!);
        if (flag === 0 || (flags & flag) !== 0) return problems.SYNTAX_ERROR;
        flags |= flag;
      }
      if (flags === 0) return problems.SYNTAX_ERROR;
      at++;
    }
    const text = rule.slice(at);
    if (SPACE.test(text)) return problems.SYNTAX_ERROR;
    const known = this.#keys.find((pattern) => pattern.text === text);
    if (known !== undefined) known.flags |= flags;
    else this.#keys.push({ text, bytes: bytesOf(text), flags });
    return null;
  }

  #addChannels(text: string): string | null {
    if (this.allChannels) return problems.AFTER_ALL_CHANNELS;
    if (SPACE.test(text)) return problems.SYNTAX_ERROR;
    if (!this.#channels.some((pattern) => pattern.text === text)) {
      this.#channels.push({ text, bytes: bytesOf(text) });
    }
    return null;
  }

  #category(rule: string): string | null {
    const bit = categoryBit(rule.slice(2));
    if (bit === 0) return problems.UNKNOWN_COMMAND;
    this.setCategory(bit, rule[0] === '+');
    return null;
  }

  /** Of a container, its subcommands go with it. */
  setCategory(bit: number, on: boolean): void {
    for (const command of this.#context.commands.list) {
      if ((command.categories & bit) !== 0) this.set(command, on);
    }
  }

  /** Allows a command, or doesn't, with its subcommands and whatever its first argument. */
  set(command: RuleCommand, on: boolean): void {
    if (!on) this.allCommands = false;
    setBit(this.bits, command.id, on);
    this.firstArgs.delete(command.id);
    for (const sub of command.subcommands.values()) setBit(this.bits, sub.id, on);
  }

  /** `+command`, `-command`, `+container|subcommand`, `+command|first-arg`. */
  #command(rule: string): string | null {
    const { commands, warn } = this.#context;
    const name = rule.slice(1);
    const command = commands.find(name);
    if (command !== null) {
      this.set(command, rule[0] === '+');
      return null;
    }
    const bar = name.lastIndexOf('|');
    if (rule[0] === '-' || bar < 0) return problems.UNKNOWN_COMMAND;
    const first = name.slice(bar + 1);
    const ofCommand = commands.find(name.slice(0, bar));
    if (ofCommand === null) return problems.UNKNOWN_COMMAND;
    if (ofCommand.isSubcommand) return problems.FIRST_ARG_OF_SUBCOMMAND;
    // Unlike in Redis: a line with a blank or a line break in it would be read back as other rules, or other users.
    if (first === '' || SPACE.test(first)) return problems.SYNTAX_ERROR;
    if (ofCommand.subcommands.size > 0) return problems.UNKNOWN_COMMAND;
    warn(problems.firstArgDeprecated(name));
    if (!hasBit(this.bits, ofCommand.id)) this.addFirstArg(ofCommand, first);
    return null;
  }

  addFirstArg(command: RuleCommand, first: string): void {
    const known = this.firstArgs.get(command.id) ?? [];
    if (known.some((other) => other.toLowerCase() === first.toLowerCase())) return;
    known.push(first);
    this.firstArgs.set(command.id, known);
  }

  /** Whether the command may be called, its keys and channels aside. `id` is its number. */
  mayRun(id: number, command: Command, args: Args): boolean {
    if (this.allCommands || (command.flags & NO_AUTH) !== 0 || hasBit(this.bits, id)) return true;
    if (this.firstArgs.size === 0 || args.count < 2) return false;
    const firsts = this.firstArgs.get(id);
    if (firsts === undefined) return false;
    const first = args.lower(1);
    return firsts.some((allowed) => allowed.toLowerCase() === first);
  }

  /** Position, among `keys`, of the first one that may not be used so; -1: they all may. */
  forbiddenKey(keys: readonly KeyRef[], args: Args): number {
    if (this.allKeys) return -1;
    for (let i = 0; i < keys.length; i++) {
      const { index, flags } = keys[i]!;
      if (!this.allowsKey(args, index, neededFor(flags))) return i;
    }
    return -1;
  }

  /** Whether the key that is argument `index` may be used so (READS, WRITES, both, or 0: in whatever way). */
  allowsKey(args: Args, index: number, needed: number): boolean {
    if (this.allKeys) return true;
    const off = args.off[index]!;
    const len = args.len[index]!;
    for (let i = 0; i < this.#keys.length; i++) {
      const { bytes, flags } = this.#keys[i]!;
      if ((flags & needed) !== needed) continue;
      if (globMatchBytes(bytes, 0, bytes.length, args.buf, off, len, false)) return true;
    }
    return false;
  }

  /** Whether all keys there are may be used so (READS, WRITES): who may, needs not name them. */
  allowsAnyKey(needed: number): boolean {
    return this.allKeys || this.#keys.some(({ text, flags }) => text === '*' && (flags & needed) === needed);
  }

  /** Whether a channel may be used. A pattern is allowed only if it stands there literally. */
  allowsChannel(buf: Uint8Array, off: number, len: number, isPattern: boolean): boolean {
    if (this.allChannels) return true;
    for (const { bytes } of this.#channels) {
      if (isPattern) {
        if (bytes.length === len && bytes.every((byte, i) => byte === buf[off + i])) return true;
      } else if (globMatchBytes(bytes, 0, bytes.length, buf, off, len, false)) return true;
    }
    return false;
  }

  /** `+@all -get`, as ACL GETUSER shows it. */
  describeCommands(): string {
    return describeCommands(this, this.#context);
  }

  describeKeys(): string {
    if (this.allKeys) return '~*';
    return this.#keys.map(({ text, flags }) => `${PREFIXES[flags]}${text}`).join(' ');
  }

  describeChannels(): string {
    if (this.allChannels) return '&*';
    return this.#channels.map(({ text }) => `&${text}`).join(' ');
  }

  /** All of it as rules that would make it from nothing. */
  describe(): string {
    const channels = this.allChannels ? '&*' : `resetchannels ${this.describeChannels()}`;
    return [this.describeKeys(), channels.trimEnd(), this.describeCommands()]
      .filter((part) => part !== '')
      .join(' ');
  }
}

/** By what it allows. */
const PREFIXES: Readonly<Record<number, string>> = { [READS]: '%R~', [WRITES]: '%W~', [READS | WRITES]: '~' };

/** What a pattern must allow for a key that is used so (KEY_* flags). */
export function neededFor(flags: number): number {
  const reads = (flags & KEY_ACCESS) !== 0 ? READS : 0;
  return (flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE)) !== 0 ? reads | WRITES : reads;
}

function flagOf(letter: string): number {
  if (letter === 'R' || letter === 'r') return READS;
  return letter === 'W' || letter === 'w' ? WRITES : 0;
}

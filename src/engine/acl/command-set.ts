/**
 * The commands as access rules know them: each command and subcommand has a number, so that a set of them is a set of
 * bits, and a bit mask of its categories. Rules name commands as Redis does, whatever `rename-command` has made of them.
 *
 * Commands of Redis 7.0 that are not there yet are numbered, too (absent-commands.ts): rules that name them come from
 * configurations that must be understood, and mean what they say the day the commands are there.
 */
import { ACL_CATEGORIES, type Command, type CommandTable } from '../command-table.ts';
import { ABSENT_COMMANDS } from './absent-commands.ts';

/** A command or a subcommand. */
export interface RuleCommand {
  /** Its number: its bit in a set. */
  readonly id: number;
  /** 'client|list' */
  readonly name: string;
  /** One bit for each of ACL_CATEGORIES. */
  readonly categories: number;
  readonly isSubcommand: boolean;
  /** By their own names; empty where there are none. */
  readonly subcommands: ReadonlyMap<string, RuleCommand>;
}

export class CommandSet {
  /** By number: a command stands before its subcommands. */
  readonly list: readonly RuleCommand[];
  readonly #list: RuleCommand[] = [];
  readonly #byName = new Map<string, RuleCommand>();
  readonly #ids = new Map<Command, number>();

  /** `withAbsent`: it is the table of a data node, so those that it lacks are to come. */
  constructor(table: CommandTable, withAbsent = true) {
    this.list = this.#list;
    for (const command of table.originals) {
      const subs = [...(command.subcommands?.values() ?? [])];
      const categories = (of: Command): readonly string[] => of.aclCategories;
      const added = this.#add(
        command.spec.name,
        categories(command),
        subs.map((sub) => [sub.name, categories(sub)] as const),
      );
      this.#ids.set(command, added.id);
      for (const sub of subs) this.#ids.set(sub, added.subcommands.get(sub.name)!.id);
    }
    if (!withAbsent) return;
    for (const { name, categories, subcommands = {} } of ABSENT_COMMANDS) {
      if (!this.#byName.has(name)) this.#add(name, categories, Object.entries(subcommands));
    }
  }

  #add(
    name: string,
    categories: readonly string[],
    subs: readonly (readonly [string, readonly string[]])[],
  ): RuleCommand {
    const id = this.#list.length;
    const subcommands = new Map<string, RuleCommand>();
    const command = { id, name, categories: maskOf(categories), isSubcommand: false, subcommands };
    this.#list.push(command);
    for (const [own, mine] of subs) {
      const sub: RuleCommand = {
        id: this.#list.length,
        name: `${name}|${own}`,
        categories: maskOf(mine),
        isSubcommand: true,
        subcommands: new Map(),
      };
      this.#list.push(sub);
      subcommands.set(own, sub);
    }
    this.#byName.set(name, command);
    return command;
  }

  /** Of 'get' or 'client|list', in whatever case. */
  find(name: string): RuleCommand | null {
    const words = name.toLowerCase().split('|');
    const command = this.#byName.get(words[0]!);
    if (command === undefined || words.length > 2) return null;
    return words.length === 1 ? command : (command.subcommands.get(words[1]!) ?? null);
  }

  /** The number of a command of the table. */
  idOf(command: Command): number {
    return this.#ids.get(command)!;
  }

  /** A set of bits with room for all of them, none set. */
  emptyBits(): Uint32Array {
    return new Uint32Array((this.#list.length + 31) >>> 5);
  }
}

/** The bit of a category, in whatever case; 0: there is none of that name. */
export function categoryBit(name: string): number {
  const index = ACL_CATEGORIES.indexOf(name.toLowerCase());
  return index < 0 ? 0 : 1 << index;
}

function maskOf(categories: readonly string[]): number {
  return categories.reduce((mask, name) => mask | categoryBit(name), 0);
}

export function hasBit(bits: Uint32Array, id: number): boolean {
  return (bits[id >>> 5]! & (1 << (id & 31))) !== 0;
}

export function setBit(bits: Uint32Array, id: number, on: boolean): void {
  if (on) bits[id >>> 5]! |= 1 << (id & 31);
  else bits[id >>> 5]! &= ~(1 << (id & 31));
}

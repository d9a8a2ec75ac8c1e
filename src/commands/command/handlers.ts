/**
 * COMMAND: what the server says of its own commands. Everything comes from the command table; what a reply looks
 * like under RESP2 and RESP3 (maps and sets) is left to the writer. `docs.ts` writes COMMAND DOCS.
 */
import type { Client } from '../../engine/client.ts';
import {
  FLAG_NAMES,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INCOMPLETE,
  KEY_INSERT,
  KEY_NOT_KEY,
  KEY_OW,
  KEY_RM,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  KEY_VARIABLE_FLAGS,
  type KeyRef,
  type KeySpec,
} from '../../engine/command-spec.ts';
import { ACL_CATEGORIES, type Command } from '../../engine/command-table.ts';
import { SYNTAX } from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import { extractKeys, INVALID_COMMAND } from '../../engine/key-extraction.ts';
import { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { globMatch } from '../../util/glob.ts';
import { writeDocs } from './docs.ts';

/** Names of the key flags, in Redis's order. */
const KEY_FLAG_NAMES: readonly (readonly [number, string])[] = [
  [KEY_RO, 'RO'],
  [KEY_RW, 'RW'],
  [KEY_OW, 'OW'],
  [KEY_RM, 'RM'],
  [KEY_ACCESS, 'access'],
  [KEY_UPDATE, 'update'],
  [KEY_INSERT, 'insert'],
  [KEY_DELETE, 'delete'],
  [KEY_NOT_KEY, 'not_key'],
  [KEY_INCOMPLETE, 'incomplete'],
  [KEY_VARIABLE_FLAGS, 'variable_flags'],
];

const HELP = [
  '(no subcommand)',
  '    Return details about all Redis commands.',
  'COUNT',
  '    Return the total number of commands in this Redis server.',
  'LIST',
  '    Return a list of all commands in this Redis server.',
  'INFO [<command-name> ...]',
  '    Return details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple Redis commands.',
  '    If no command names are given, documentation details for all',
  '    commands are returned.',
  'GETKEYS <full-command>',
  '    Return the keys from a full Redis command.',
  'GETKEYSANDFLAGS <full-command>',
  '    Return the keys and the access flags from a full Redis command.',
];

/** COMMAND */
export function command(client: Client): void {
  const { commands } = client.engine;
  client.out.array(commands.count);
  for (const each of commands.all()) writeInfo(client.out, each);
}

/** COMMAND COUNT */
export function commandCount(client: Client): void {
  client.out.int(client.engine.commands.count);
}

/** COMMAND INFO [name ...] */
export function commandInfo(client: Client, args: Args): void {
  if (args.count === 2) {
    command(client);
    return;
  }
  const { out } = client;
  out.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const found = client.engine.commands.find(args.text(i));
    if (found === null) out.null();
    else writeInfo(out, found);
  }
}

/** COMMAND DOCS [name ...] */
export function commandDocs(client: Client, args: Args): void {
  const { commands } = client.engine;
  let found: Command[];
  if (args.count === 2) found = [...commands.all()];
  else {
    found = [];
    for (let i = 2; i < args.count; i++) {
      const each = commands.find(args.text(i));
      // Names that are unknown are left out.
      if (each !== null) found.push(each);
    }
  }
  client.out.map(found.length);
  for (const each of found) {
    client.out.bulkText(each.fullName);
    writeDocs(client.out, each);
  }
}

/** COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] */
export function commandList(client: Client, args: Args): void {
  const names: string[] = [];
  const accepts = listFilter(args);
  for (const each of client.engine.commands.everything()) if (accepts(each)) names.push(each.fullName);
  client.out.array(names.length);
  for (const name of names) client.out.bulkText(name);
}

function listFilter(args: Args): (command: Command) => boolean {
  if (args.count === 2) return () => true;
  if (args.count !== 5 || !args.is(2, 'filterby')) throw SYNTAX;
  if (args.is(3, 'module')) return () => false;
  if (args.is(3, 'aclcat')) {
    const category = args.lower(4);
    if (!ACL_CATEGORIES.includes(category)) return () => false;
    return ({ aclCategories }) => aclCategories.includes(category);
  }
  if (args.is(3, 'pattern')) {
    const pattern = args.text(4);
    return ({ fullName }) => globMatch(pattern, fullName, true);
  }
  throw SYNTAX;
}

/** COMMAND GETKEYS command [arg ...] */
export function commandGetkeys(client: Client, args: Args): void {
  const inner = innerCommand(args);
  const keys = keysOf(client, inner);
  client.out.array(keys.length);
  for (const { index } of keys) client.out.bulk(inner.buf, inner.off[index]!, inner.len[index]!);
}

/** COMMAND GETKEYSANDFLAGS command [arg ...] */
export function commandGetkeysandflags(client: Client, args: Args): void {
  const inner = innerCommand(args);
  const keys = keysOf(client, inner);
  const { out } = client;
  out.array(keys.length);
  for (const { index, flags } of keys) {
    out.array(2);
    out.bulk(inner.buf, inner.off[index]!, inner.len[index]!);
    writeFlags(out, flags, KEY_FLAG_NAMES);
  }
}

/** COMMAND HELP */
export function commandHelp(client: Client): void {
  replyHelp(client, 'COMMAND', HELP);
}

/** The command that stands behind the subcommand's name. */
function innerCommand(args: Args): Args {
  const inner = new Args();
  inner.buf = args.buf;
  inner.count = args.count - 2;
  inner.off = args.off.slice(2, args.count);
  inner.len = args.len.slice(2, args.count);
  return inner;
}

function keysOf(client: Client, args: Args): KeyRef[] {
  const { commands } = client.engine;
  const outer = commands.lookup(args);
  const found = outer === null ? null : commands.resolve(outer, args);
  if (found === null) throw INVALID_COMMAND;
  const keys = extractKeys(found, args);
  if (!Array.isArray(keys)) throw keys;
  return keys;
}

/** One command as COMMAND and COMMAND INFO show it. */
function writeInfo(out: ReplyWriter, shown: Command): void {
  out.array(10);
  out.bulkText(shown.fullName);
  out.int(shown.arity);
  writeFlags(out, shown.flags, FLAG_NAMES);
  out.int(shown.firstKey);
  out.int(shown.lastKey);
  out.int(shown.keyStep);
  out.set(shown.aclCategories.length);
  for (const category of shown.aclCategories) out.simple(`@${category}`);
  const tips = shown.spec.tips ?? [];
  out.set(tips.length);
  for (const tip of tips) out.bulkText(tip);
  out.set(shown.keys.length);
  for (const spec of shown.keys) writeKeySpec(out, spec);
  if (shown.subcommands === null) {
    out.set(0);
    return;
  }
  out.array(shown.subcommands.size);
  for (const sub of shown.subcommands.values()) writeInfo(out, sub);
}

function writeKeySpec(out: ReplyWriter, spec: KeySpec): void {
  out.map(spec.notes === undefined ? 3 : 4);
  if (spec.notes !== undefined) {
    out.bulkText('notes');
    out.bulkText(spec.notes);
  }
  out.bulkText('flags');
  writeFlags(out, spec.flags, KEY_FLAG_NAMES);
  out.bulkText('begin_search');
  const { begin, find } = spec;
  if (begin === 'unknown') writeSearch(out, 'unknown', []);
  else if ('index' in begin) writeSearch(out, 'index', [['index', begin.index]]);
  else {
    writeSearch(out, 'keyword', [
      ['keyword', begin.keyword],
      ['startfrom', begin.startFrom],
    ]);
  }
  out.bulkText('find_keys');
  if (find === 'unknown') writeSearch(out, 'unknown', []);
  else if ('last' in find) {
    writeSearch(out, 'range', [
      ['lastkey', find.last],
      ['keystep', find.step],
      ['limit', find.limit],
    ]);
  } else {
    writeSearch(out, 'keynum', [
      ['keynumidx', find.numkeysAt],
      ['firstkey', find.firstKey],
      ['keystep', find.step],
    ]);
  }
}

function writeSearch(
  out: ReplyWriter,
  type: string,
  spec: readonly (readonly [string, string | number])[],
): void {
  out.map(2);
  out.bulkText('type');
  out.bulkText(type);
  out.bulkText('spec');
  out.map(spec.length);
  for (const [name, value] of spec) {
    out.bulkText(name);
    if (typeof value === 'number') out.int(value);
    else out.bulkText(value);
  }
}

function writeFlags(out: ReplyWriter, flags: number, names: readonly (readonly [number, string])[]): void {
  const set = names.filter(([flag]) => (flags & flag) !== 0);
  out.set(set.length);
  for (const [, name] of set) out.simple(name);
}

/**
 * ACL. What users and rules are is in engine/acl/; the file that they can be kept in, in config/acl-file.ts.
 */
import { aclFilePath, readAclFile, saveAclFile } from '../../config/acl-file.ts';
import { systemErrorText } from '../../config/system-errors.ts';
import { categoryBit } from '../../engine/acl/command-set.ts';
import type { Selector } from '../../engine/acl/selector.ts';
import type { Client } from '../../engine/client.ts';
import { ACL_CATEGORIES } from '../../engine/command-table.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import { replyLater } from '../../engine/later.ts';
import { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { parseInt64Big } from '../../util/number-text.ts';
import { randomHex } from '../../util/random.ts';

const GENPASS_BITS_DEFAULT = 256n;
const GENPASS_BITS_MAX = 4096n;
const LOG_COUNT_DEFAULT = 10;

export function whoami(client: Client): void {
  client.out.bulkText(client.user.name);
}

export function users(client: Client): void {
  const all = client.engine.acl.users();
  client.out.array(all.length);
  for (const { name } of all) client.out.bulkText(name);
}

export function list(client: Client): void {
  const lines = client.engine.acl.lines();
  client.out.array(lines.length);
  for (const line of lines) client.out.bulkText(line);
}

export function setuser(client: Client, args: Args): void {
  client.engine.acl.setUser(args.text(2), textsFrom(args, 3));
  client.out.ok();
}

export function deluser(client: Client, args: Args): void {
  const { acl } = client.engine;
  const names = textsFrom(args, 2);
  if (names.includes(acl.defaultUser.name)) throw errors.DEFAULT_USER_STAYS;
  client.out.int(names.filter((name) => acl.deleteUser(name)).length);
}

function textsFrom(args: Args, from: number): string[] {
  const texts: string[] = [];
  for (let i = from; i < args.count; i++) texts.push(args.text(i));
  return texts;
}

export function getuser(client: Client, args: Args): void {
  const { out } = client;
  const user = client.engine.acl.get(args.text(2));
  if (user === null) {
    out.null();
    return;
  }
  out.map(6);
  out.bulkText('flags');
  out.set(user.flags.length);
  for (const flag of user.flags) out.bulkText(flag);
  out.bulkText('passwords');
  out.array(user.passwords.length);
  for (const hash of user.passwords) out.bulkText(hash);
  writeSelector(out, user.root);
  out.bulkText('selectors');
  const others = user.selectors.slice(1);
  out.array(others.length);
  for (const selector of others) {
    out.map(3);
    writeSelector(out, selector);
  }
}

function writeSelector(out: ReplyWriter, selector: Selector): void {
  out.bulkText('commands');
  out.bulkText(selector.describeCommands());
  out.bulkText('keys');
  out.bulkText(selector.describeKeys());
  out.bulkText('channels');
  out.bulkText(selector.describeChannels());
}

export function cat(client: Client, args: Args): void {
  const { out } = client;
  if (args.count > 3) throw errors.subcommandSyntax(args.text(1), 'acl');
  if (args.count === 2) {
    out.array(ACL_CATEGORIES.length);
    for (const name of ACL_CATEGORIES) out.bulkText(name);
    return;
  }
  const bit = categoryBit(args.text(2));
  if (bit === 0) throw errors.err(`Unknown category '${errors.shown(args.text(2))}'`);
  const found = client.engine.acl.commands.list.filter(({ categories }) => (categories & bit) !== 0);
  out.array(found.length);
  for (const { name } of found) out.bulkText(name);
}

export function genpass(client: Client, args: Args): void {
  if (args.count > 3) throw errors.subcommandSyntax(args.text(1), 'acl');
  let bits: bigint | null = GENPASS_BITS_DEFAULT;
  if (args.count === 3) bits = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
  if (bits === null) throw errors.NOT_INTEGER;
  if (bits <= 0n || bits > GENPASS_BITS_MAX) throw errors.GENPASS_BITS;
  client.out.bulkText(randomHex(client.engine.random, Number((bits + 3n) / 4n)));
}

/** What would happen if that user sent the rest. */
export function dryrun(client: Client, args: Args): void {
  const { acl, commands } = client.engine;
  const user = acl.get(args.text(2));
  if (user === null) throw errors.err(`User '${errors.shown(args.text(2), Infinity)}' not found`);
  const wanted = argsFrom(args, 3);
  const named = commands.lookup(wanted);
  const command = named === null ? null : commands.resolve(named, wanted);
  if (command === null) throw errors.err(`Command '${errors.shown(args.text(3), Infinity)}' not found`);
  if (command.arity > 0 ? wanted.count !== command.arity : wanted.count < -command.arity) {
    throw errors.wrongArity(command.fullName);
  }
  const denial = acl.denial(user, command, wanted);
  if (denial === null) client.out.ok();
  else if (denial.reason === 'command') {
    client.out.bulkText(`This user has no permissions to run the '${command.fullName}' command`);
  } else {
    const object = errors.shown(wanted.text(denial.index), Infinity);
    client.out.bulkText(`This user has no permissions to access the '${object}' ${denial.reason}`);
  }
}

function argsFrom(args: Args, from: number): Args {
  const words: Uint8Array[] = [];
  for (let i = from; i < args.count; i++) words.push(args.bytes(i));
  return Args.from(words);
}

export function log(client: Client, args: Args): void {
  const { out, engine } = client;
  const { entries } = engine.acl.log;
  if (args.count > 3) throw errors.subcommandSyntax(args.text(1), 'acl');
  let count = LOG_COUNT_DEFAULT;
  if (args.count === 3) {
    if (args.is(2, 'reset')) {
      engine.acl.log.clear();
      out.ok();
      return;
    }
    const given = parseInt64Big(args.buf, args.off[2]!, args.len[2]!);
    if (given === null) throw errors.NOT_INTEGER;
    count = Math.max(0, Number(given));
  }
  const shown = entries.slice(0, count);
  out.array(shown.length);
  for (const entry of shown) {
    out.map(7);
    out.bulkText('count');
    out.int(entry.count);
    const fields = ['reason', 'context', 'object', 'username'] as const;
    for (const field of fields) {
      out.bulkText(field);
      out.bulkText(entry[field]);
    }
    out.bulkText('age-seconds');
    out.double(String(Math.max(0, engine.nowMs - entry.timeMs) / 1000));
    out.bulkText('client-info');
    out.bulkText(entry.clientInfo);
  }
}

export function load(client: Client): void {
  const { acl, config } = client.engine;
  const path = aclFilePath(config);
  if (path === null) throw errors.NO_ACL_FILE;
  const shownPath = config.values.aclfile;
  let text: string;
  try {
    text = readAclFile(path);
  } catch (error) {
    throw errors.err(`Error loading ACLs, opening file '${shownPath}': ${systemErrorText(error)}`);
  }
  const problem = acl.load(text, shownPath);
  if (problem !== null) throw errors.err(problem);
  client.out.ok();
}

export function save(client: Client): void {
  const { acl, config, log: serverLog, stats } = client.engine;
  const path = aclFilePath(config);
  if (path === null) throw errors.NO_ACL_FILE;
  const command = client.lastCommand;
  const saved = acl.saveInTurn(() => saveAclFile(path, acl.lines()));
  replyLater(client, saved, (out, problem) => {
    if (problem === null) {
      out.ok();
      return;
    }
    serverLog.warning(problem);
    if (command !== null) command.failedCalls++;
    stats.countError(errors.ACL_NOT_SAVED);
    out.error(errors.ACL_NOT_SAVED);
  });
}

export function help(client: Client): void {
  replyHelp(client, 'ACL', [
    'CAT [<category>]',
    '    List all commands that belong to <category>, or all command categories',
    '    when no category is specified.',
    'DELUSER <username> [<username> ...]',
    '    Delete a list of users.',
    'DRYRUN <username> <command> [<arg> ...]',
    '    Returns whether the user can execute the given command without executing the command.',
    'GETUSER <username>',
    "    Get the user's details.",
    'GENPASS [<bits>]',
    '    Generate a secure 256-bit user password. The optional `bits` argument can',
    '    be used to specify a different size.',
    'LIST',
    '    Show users details in config file format.',
    'LOAD',
    '    Reload users from the ACL file.',
    'LOG [<count> | RESET]',
    '    Show the ACL log entries.',
    'SAVE',
    '    Save the current config to the ACL file.',
    'SETUSER <username> <attribute> [<attribute> ...]',
    '    Create or modify a user with the specified attributes.',
    'USERS',
    '    List all the registered usernames.',
    'WHOAMI',
    '    Return the current connection username.',
  ]);
}

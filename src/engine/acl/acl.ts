/**
 * Access control lists: the users of a server, who may log in, and what each may do.
 *
 * Every client has a user (`client.user`). One to whom nothing is forbidden costs nothing: its clients have no gate.
 * The others' have GATE_LIMITED, and each of their commands is asked here (admission.ts, and once more when EXEC runs
 * it): may the user run it, and use the keys (key-extraction.ts) and the channels that it names? What the master or the
 * append-only file sends is not asked.
 *
 * Changes take hold at once: clients of a user that is gone are closed, and those that listen to channels which their
 * user may not use any more. The default user is that of clients who have not logged in; `requirepass` is its password.
 */
import type { ServerConfig } from '../../config/config.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import { bytesOf } from '../../util/latin1.ts';
import type { Client } from '../client.ts';
import { type CommandSpec, KEY_INCOMPLETE, KEY_NOT_KEY, type KeyRef, type KeySpec } from '../command-spec.ts';
import { type Command, CommandTable } from '../command-table.ts';
import type { Engine } from '../engine.ts';
import * as errors from '../errors.ts';
import { findKeys, takesKeys } from '../key-extraction.ts';
import type { Subscriptions } from '../messages/pubsub.ts';
import { AclLog, type DenialContext, type DenialReason } from './acl-log.ts';
import { CommandSet } from './command-set.ts';
import * as problems from './rule-problems.ts';
import { neededFor, READS, type RuleContext, type Selector } from './selector.ts';
import { joinSelectors, User } from './user.ts';
import { applyDeclaration, declarationProblem, isUserName, parseUsersFile } from './users-file.ts';

export const DEFAULT_USER = 'default';
/** What the default user may do before anybody says otherwise. */
const FIRST_RULES: readonly string[] = ['+@all', '~*', '&*', 'on', 'nopass'];

/** Later ones say more about how far the user got. */
const REASONS: readonly DenialReason[] = ['command', 'key', 'channel'];

/** What a user is refused. */
export interface Denial {
  readonly reason: Exclude<DenialReason, 'auth'>;
  /** Of the key or channel; 0 where it is the command. */
  readonly index: number;
}

const NO_KEYS: readonly KeyRef[] = [];

/** What is asked of a command each time it is checked. */
interface CommandFacts {
  readonly id: number;
  /** Of a command with one key, always in the same place: where, and what it needs of a pattern. Else 0. */
  readonly onlyKey: number;
  readonly needed: number;
  readonly channels: 'none' | 'one' | 'all' | 'patterns';
}

const CHANNELS: Readonly<Record<string, CommandFacts['channels']>> = {
  publish: 'one',
  spublish: 'one',
  subscribe: 'all',
  ssubscribe: 'all',
  psubscribe: 'patterns',
};

export class Acl {
  readonly #engine: Engine;
  readonly #context: RuleContext;
  #users = new Map<string, User>();
  /** The same object for ever, whatever becomes of its rules. */
  readonly defaultUser: User;
  readonly log = new AclLog();
  /** Has no password, and may not log in. */
  readonly #nobody: User;
  readonly #facts = new Map<Command, CommandFacts>();
  #saving: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine) {
    const { config, commands } = engine;
    this.#engine = engine;
    this.#context = {
      commands: newCommandSet(commands),
      allChannels: () => config.values['acl-pubsub-default'] === 'allchannels',
      warn: (text) => engine.log.warning(text),
    };
    this.defaultUser = new User(DEFAULT_USER, this.#context);
    for (const rule of FIRST_RULES) this.defaultUser.apply(rule);
    this.#users.set(DEFAULT_USER, this.defaultUser);
    this.#nobody = new User('', this.#context);
    this.#applyPassword();
    config.onChange('requirepass', () => {
      this.#applyPassword();
      engine.clients.userChanged(this.defaultUser);
    });
  }

  /** Commands and categories, as rules know them. */
  get commands(): CommandSet {
    return this.#context.commands;
  }

  /** Whether clients must log in before they may do anything. */
  get isLoginNeeded(): boolean {
    return !this.defaultUser.nopass || !this.defaultUser.enabled;
  }

  get(name: string): User | null {
    return this.#users.get(name) ?? null;
  }

  /** In the order of their names. */
  users(): User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Lines of ACL LIST, which are those of the configuration and of ACL files. */
  lines(): string[] {
    return this.users().map((user) => `user ${user.name} ${user.describe()}`);
  }

  /** `requirepass`: the default user has this password and no other. */
  #applyPassword(): void {
    const { requirepass } = this.#engine.config.values;
    this.defaultUser.apply('resetpass');
    this.defaultUser.apply(requirepass === '' ? 'nopass' : `>${requirepass}`);
  }

  /** ACL SETUSER: applies all rules, or none and throws. */
  setUser(name: string, rules: readonly string[]): void {
    if (!isUserName(name)) throw errors.USER_NAME_WITH_SPACES;
    const joined = joinSelectors(rules);
    if (!Array.isArray(joined)) throw errors.unmatchedSelector(joined.unmatched);
    const existing = this.get(name);
    const changed = existing === null ? new User(name, this.#context) : existing.copy();
    for (const rule of joined) {
      const problem = changed.apply(rule);
      if (problem !== null) throw errors.badRule(rule, problem);
    }
    if (existing === null) {
      this.#users.set(name, changed);
      return;
    }
    existing.become(changed);
    this.#engine.clients.userChanged(existing);
    this.#closeListeners(existing);
  }

  /** Removes a user and closes its clients; false: there is none of that name. */
  deleteUser(name: string): boolean {
    if (name === DEFAULT_USER) throw errors.DEFAULT_USER_STAYS;
    const user = this.#users.get(name);
    if (user === undefined) return false;
    this.#users.delete(name);
    this.#closeClients(user);
    return true;
  }

  /** The users of the configuration, at the start. Null, or why they cannot be. */
  declare(lines: ServerConfig['users']): string | null {
    const { log } = this.#engine;
    for (const [name = '', ...rules] of lines) {
      if (!isUserName(name)) return problems.SPACES_IN_NAME;
      const user = this.get(name) ?? new User(name, this.#context);
      if (user === this.defaultUser) user.apply('reset');
      const problem = applyDeclaration(user, rules);
      if (problem !== null) return problem;
      this.#users.set(name, user);
      if (!user.enabled) {
        log.notice(
          `The user '${name}' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error.`,
        );
      }
    }
    this.#engine.clients.userChanged(this.defaultUser);
    return null;
  }

  /**
   * Replaces all users by those of an ACL file and closes the clients of those that were there before, the default
   * user's excepted. Null, or what is wrong with the file; then nothing has changed.
   */
  load(text: string, path: string): string | null {
    const users = parseUsersFile(text, path, this.#context);
    if (typeof users === 'string') return users;
    const old = this.#users;
    old.delete(DEFAULT_USER);
    this.#users = users;
    const newDefault = users.get(DEFAULT_USER);
    if (newDefault !== undefined) this.defaultUser.become(newDefault);
    else {
      // Not in the file: as it was at the very first.
      for (const rule of ['reset', ...FIRST_RULES]) this.defaultUser.apply(rule);
      this.defaultUser.sanitize = null;
    }
    users.set(DEFAULT_USER, this.defaultUser);
    this.#engine.clients.userChanged(this.defaultUser);
    for (const user of old.values()) this.#closeClients(user);
    return null;
  }

  /** Runs `save`, which puts the users into their file, when those before are done: all make the same temporary file. */
  saveInTurn<T>(save: () => Promise<T>): Promise<T> {
    const saved = this.#saving.then(save, save);
    this.#saving = saved;
    return saved;
  }

  #closeClients(user: User): void {
    const { clients } = this.#engine;
    for (const client of [...clients.all()]) {
      if (client.user !== user || client.mustObey) continue;
      clients.logOut(client);
      clients.kill(client);
    }
  }

  /** Closes clients that listen to what their user may not hear any more. */
  #closeListeners(user: User): void {
    if (user.selectors.some(({ allChannels }) => allChannels)) return;
    const { clients } = this.#engine;
    for (const client of [...clients.all()]) {
      if (client.user !== user || client.subscriptions === null) continue;
      if (!mayListen(user.selectors, client.subscriptions)) clients.kill(client);
    }
  }

  /** The user, if that is its password and it may log in; else null, and it is logged that `by` (AUTH, HELLO) was refused. */
  authenticate(client: Client, name: string, password: Uint8Array, by: string): User | null {
    const user = this.#users.get(name) ?? null;
    // Nobody takes as long as somebody.
    if ((user ?? this.#nobody).accepts(password)) return user;
    this.#note(client, 'auth', client.transaction === null ? 'toplevel' : 'multi', by, name);
    return null;
  }

  /**
   * Why this user may not run the command with these arguments; null: it may. Of several selectors' reasons the one that
   * is furthest on counts.
   */
  denial(user: User, command: Command, args: Args): Denial | null {
    const facts = this.#factsOf(command);
    const { id, onlyKey, needed } = facts;
    let keys: readonly KeyRef[] | null = null;
    let stage = -1;
    let index = 0;
    for (const selector of user.selectors) {
      if (!selector.mayRun(id, command, args)) {
        stage = Math.max(stage, 0);
        continue;
      }
      let key = 0;
      if (onlyKey !== 0) {
        if (!selector.allowsKey(args, onlyKey, needed)) key = onlyKey;
      } else if (!selector.allKeys) {
        keys ??= keysOf(command, args);
        const forbidden = selector.forbiddenKey(keys, args);
        if (forbidden >= 0) key = keys[forbidden]!.index;
      }
      if (key !== 0) {
        if (stage < 1 || (stage === 1 && key > index)) index = key;
        stage = Math.max(stage, 1);
        continue;
      }
      const channel = facts.channels === 'none' ? 0 : forbiddenChannel(selector, facts.channels, args);
      if (channel === 0) return null;
      if (stage < 2 || channel > index) index = channel;
      stage = 2;
    }
    return { reason: REASONS[stage] as Denial['reason'], index: stage === 0 ? 0 : index };
  }

  #factsOf(command: Command): CommandFacts {
    let facts = this.#facts.get(command);
    if (facts === undefined) {
      const [spec] = command.keys;
      const isOnly = command.keys.length === 1 && command.spec.getKeys === undefined;
      const isPlain = isOnly && hasOnePlace(spec!);
      facts = {
        id: this.commands.idOf(command),
        onlyKey: isPlain ? command.firstKey : 0,
        needed: isPlain ? neededFor(spec!.flags) : 0,
        channels: CHANNELS[command.spec.name] ?? 'none',
      };
      this.#facts.set(command, facts);
    }
    return facts;
  }

  /** Whether the client's command must be refused. It has been logged and counted then. */
  refusal(client: Client, command: Command, args: Args): Denial | null {
    const denial = this.denial(client.user, command, args);
    if (denial === null) return null;
    const { reason, index } = denial;
    const object = reason === 'command' ? command.fullName : args.text(index);
    this.#note(client, reason, client.transaction === null ? 'toplevel' : 'multi', object, client.user.name);
    return denial;
  }

  /** Whether the client's command may read whatever key there is (SORT's BY and GET). */
  mayReadAnyKey(client: Client, command: Command, args: Args): boolean {
    if (client.mustObey || client.user.isUnlimited) return true;
    const id = this.commands.idOf(command);
    const keys = keysOf(command, args);
    // The selector that allows it must be one that allows the command, what it writes (STORE) included.
    return client.user.selectors.some(
      (selector) =>
        selector.allowsAnyKey(READS) &&
        selector.mayRun(id, command, args) &&
        selector.forbiddenKey(keys, args) < 0,
    );
  }

  #note(client: Client, reason: DenialReason, context: DenialContext, object: string, name: string): void {
    const { stats, config } = this.#engine;
    stats.denied[reason]++;
    this.log.add(client, reason, context, object, name, config.values['acllog-max-len']);
  }
}

/** The reply to a command that is refused. */
export function denialError({ reason }: Denial, command: Command): ReplyError {
  if (reason === 'command') return errors.noPermission(command.fullName);
  return reason === 'key' ? errors.NO_KEY_PERMISSION : errors.NO_CHANNEL_PERMISSION;
}

function newCommandSet(table: CommandTable): CommandSet {
  // What a sentinel lacks it lacks on purpose.
  return new CommandSet(table, !table.originals.some(({ name }) => name === 'sentinel'));
}

/** What checks the `user` lines of a configuration for a server with these commands. */
export function userChecker(
  specs: readonly CommandSpec[],
): (words: readonly string[], allChannels: boolean) => string | null {
  let commands: CommandSet | null = null;
  return (words, allChannels) => {
    commands ??= newCommandSet(new CommandTable(specs));
    return declarationProblem(words, { commands, allChannels: () => allChannels, warn: () => {} });
  };
}

function keysOf(command: Command, args: Args): readonly KeyRef[] {
  return takesKeys(command) ? (findKeys(command, args) ?? NO_KEYS) : NO_KEYS;
}

/** Whether it is one argument at a fixed place. */
function hasOnePlace({ begin, find, flags }: KeySpec): boolean {
  if (begin === 'unknown' || find === 'unknown' || !('index' in begin) || !('last' in find)) return false;
  return find.last === 0 && (flags & (KEY_NOT_KEY | KEY_INCOMPLETE)) === 0;
}

/** Index of the first channel among the arguments that the selector does not allow; 0: there is none. */
function forbiddenChannel(selector: Selector, channels: CommandFacts['channels'], args: Args): number {
  if (selector.allChannels) return 0;
  const last = channels === 'one' ? 1 : args.count - 1;
  for (let i = 1; i <= last; i++) {
    if (!selector.allowsChannel(args.buf, args.off[i]!, args.len[i]!, channels === 'patterns')) return i;
  }
  return 0;
}

function mayListen(selectors: readonly Selector[], { topics }: Subscriptions): boolean {
  const [channels, patterns, shards] = topics;
  const allowed = (name: string, isPattern: boolean): boolean =>
    selectors.some((selector) => selector.allowsChannel(bytesOf(name), 0, name.length, isPattern));
  return (
    [...patterns].every(({ name }) => allowed(name, true)) &&
    [...channels, ...shards].every(({ name }) => allowed(name, false))
  );
}

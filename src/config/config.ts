/** The configuration of a data server: its parameters and the directives that are no parameters. */
import { Config, type ConfigOptions, type ConfigSources, type DirectiveHandler } from './base-config.ts';
import { ConfigFileError, contentError, type Directive } from './file-reader.ts';
import { type RewriteFs, rewriteConfigFile } from './rewrite.ts';
import { RETIRED_DIRECTIVES, SERVER_PARAMETERS } from './server-parameters.ts';

export interface ServerConfigOptions extends Pick<ConfigOptions, 'version' | 'cwd'> {
  /** Knows the commands by their names in lower case; without it `rename-command` is not checked. */
  readonly isCommand?: (name: string) => boolean;
  /** Says why the words after `user` are wrong, or null; `allChannels`: new users may use all channels. */
  readonly checkUser?: (words: readonly string[], allChannels: boolean) => string | null;
  /** This process is a sentinel: `sentinel` directives are taken, and some defaults differ. */
  readonly sentinel?: SentinelMode;
}

export interface SentinelMode {
  /** After how many words behind `sentinel` an option is complete, so that a comment may follow; null: never. */
  commentAfter(option: string): number | null;
}

/** A sentinel must be reachable for the others, without a password even. */
const SENTINEL_PORT = 26379;

export class ServerConfig extends Config<typeof SERVER_PARAMETERS> {
  /** Commands to rename, in order; to the empty name: remove. */
  readonly renames: (readonly [from: string, to: string])[] = [];
  /** Words of each `user` line, the name first. */
  readonly users: (readonly string[])[] = [];
  /** Words of each `loadmodule` line, the path first. */
  readonly modules: (readonly string[])[] = [];
  /** The `sentinel` lines of a sentinel, in order. */
  readonly sentinelDirectives: Directive[] = [];

  constructor(options: ServerConfigOptions = {}) {
    super(SERVER_PARAMETERS, {
      ...options,
      directives: {
        ...retired(),
        'rename-command': {
          min: 2,
          max: 2,
          commentAfter: 2,
          accept: ([from, to]) => this.#rename(from!, to!, options.isCommand),
        },
        user: {
          min: 1,
          max: Number.POSITIVE_INFINITY,
          commentAfter: null,
          accept: (words) => this.#addUser(words, options.checkUser),
        },
        loadmodule: {
          min: 1,
          max: Number.POSITIVE_INFINITY,
          commentAfter: null,
          accept: (words) => {
            this.modules.push(words);
            return null;
          },
        },
        sentinel: {
          min: 0,
          max: Number.POSITIVE_INFINITY,
          commentAfter: null,
          ...(options.sentinel && { commentAfterOption: options.sentinel.commentAfter }),
          accept: (words, location) => {
            // Without any words it passes, as in Redis.
            if (words.length === 0) return null;
            if (options.sentinel === undefined) return 'sentinel directive while not in sentinel mode';
            this.sentinelDirectives.push({ name: 'sentinel', words, location });
            return null;
          },
        },
      },
    });
    if (options.sentinel === undefined) return;
    this.assign('port', SENTINEL_PORT);
    this.assign('protected-mode', false);
  }

  /** The latest rewrite. They come one after the other, since all make the same temporary file. */
  #rewriting: Promise<unknown> = Promise.resolve();

  override load(sources: ConfigSources): void {
    super.load(sources);
    if (this.values['cluster-enabled'] && this.values.replicaof !== null) {
      throw contentError(this.version, 'replicaof directive not allowed in cluster mode');
    }
  }

  /**
   * CONFIG REWRITE: null, or Redis's error text (without "ERR"). `userLines` are the `user` directives to write, as
   * ACL LIST shows them; without them those of the file stay. `forceAll`: write defaults, too.
   */
  rewrite(
    options: { userLines?: readonly string[]; forceAll?: boolean; fs?: RewriteFs } = {},
  ): Promise<string | null> {
    const { userLines, forceAll = false, fs } = options;
    const rewrite = (): Promise<string | null> =>
      rewriteConfigFile(this, {
        forceAll,
        ...(userLines && { lines: { user: userLines } }),
        ...(fs && { fs }),
      });
    const done = this.#rewriting.then(rewrite, rewrite);
    this.#rewriting = done;
    return done;
  }

  #rename(from: string, to: string, isCommand: ServerConfigOptions['isCommand']): string | null {
    if (isCommand !== undefined) {
      if (!this.#exists(from, isCommand)) return 'No such command in rename-command';
      const taken = to.toLowerCase() !== from.toLowerCase() && to !== '' && this.#exists(to, isCommand);
      if (taken) return 'Target command name already exists';
    }
    this.renames.push([from, to]);
    return null;
  }

  /** Whether there is a command of this name after the renames so far. */
  #exists(name: string, isCommand: (name: string) => boolean): boolean {
    const lower = name.toLowerCase();
    let exists = isCommand(lower);
    for (const [from, to] of this.renames) {
      if (from.toLowerCase() === lower) exists = false;
      if (to.toLowerCase() === lower) exists = true;
    }
    return exists;
  }

  #addUser(words: readonly string[], check: ServerConfigOptions['checkUser']): string | null {
    const problem = check?.(words, this.values['acl-pubsub-default'] === 'allchannels') ?? null;
    if (problem !== null) return problem;
    if (this.users.some(([name]) => name === words[0])) {
      return `Error in user declaration '${words[0]}': Duplicate user found. A user can only be defined once in config files`;
    }
    this.users.push(words);
    return null;
  }
}

function retired(): Record<string, DirectiveHandler> {
  const handlers: Record<string, DirectiveHandler> = {};
  for (const [name, words] of Object.entries(RETIRED_DIRECTIVES)) {
    handlers[name] = { min: words, max: words, commentAfter: words, accept: () => null };
  }
  return handlers;
}

export { Config, type SetResult } from './base-config.ts';
export { bytesToText, textToBytes } from './parameter.ts';
export { ConfigFileError };

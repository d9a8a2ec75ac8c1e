/**
 * A user: whether it may log in, its passwords (as SHA-256, in hex), and what it may do.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { bytesOf } from '../../util/latin1.ts';
import * as problems from './rule-problems.ts';
import { type RuleContext, Selector } from './selector.ts';

const HASH = /^[0-9a-f]{64}$/;

export class User {
  readonly name: string;
  readonly #context: RuleContext;
  enabled = false;
  /** Any password will do. */
  nopass = false;
  /** Whether RESTORE is to look at what this user sends; Redis's word, since here it always does. */
  sanitize: 'sanitize-payload' | 'skip-sanitize-payload' | null = null;
  /** The root selector, and those in parentheses. */
  selectors: Selector[];
  /** Nothing is forbidden to it. */
  isUnlimited = false;
  #passwords: string[] = [];

  constructor(name: string, context: RuleContext) {
    this.name = name;
    this.#context = context;
    this.selectors = [new Selector(context)];
  }

  get passwords(): readonly string[] {
    return this.#passwords;
  }

  get root(): Selector {
    return this.selectors[0]!;
  }

  /** The same user with nothing shared, to try rules on. */
  copy(): User {
    const copy = new User(this.name, this.#context);
    copy.become(this);
    return copy;
  }

  /** Takes over what the other user may do and how it logs in; its selectors are shared. */
  become(other: User): void {
    this.enabled = other.enabled;
    this.nopass = other.nopass;
    this.sanitize = other.sanitize;
    this.selectors = other.selectors.map((selector) => selector.copy());
    this.#passwords = [...other.passwords];
    this.isUnlimited = other.isUnlimited;
  }

  /** Applies one rule; null, or why it is not accepted (rule-problems.ts), and then nothing has changed. */
  apply(rule: string): string | null {
    const problem = this.#apply(rule);
    this.isUnlimited = this.selectors.some((selector) => selector.isUnlimited);
    return problem;
  }

  #apply(rule: string): string | null {
    switch (rule.toLowerCase()) {
      case '':
        return null;
      case 'on':
        this.enabled = true;
        return null;
      case 'off':
        this.enabled = false;
        return null;
      case 'nopass':
        this.nopass = true;
        this.#passwords = [];
        return null;
      case 'resetpass':
        this.nopass = false;
        this.#passwords = [];
        return null;
      case 'sanitize-payload':
        this.sanitize = 'sanitize-payload';
        return null;
      case 'skip-sanitize-payload':
        this.sanitize = 'skip-sanitize-payload';
        return null;
      case 'clearselectors':
        this.selectors = [this.root];
        return null;
      case 'reset':
        this.#reset();
        return null;
      default:
    }
    switch (rule[0]) {
      case '>':
        return this.#addPassword(hashOf(bytesOf(rule.slice(1))));
      case '#':
        return HASH.test(rule.slice(1)) ? this.#addPassword(rule.slice(1)) : problems.BAD_HASH;
      case '<':
        return this.#removePassword(hashOf(bytesOf(rule.slice(1))));
      case '!':
        return HASH.test(rule.slice(1)) ? this.#removePassword(rule.slice(1)) : problems.BAD_HASH;
      case '(':
        if (rule.length > 1 && rule.endsWith(')')) return this.#addSelector(rule.slice(1, -1));
        return problems.SYNTAX_ERROR;
      default:
        return this.root.apply(rule);
    }
  }

  #reset(): void {
    const rules = ['resetpass', 'off', 'sanitize-payload', 'clearselectors'];
    for (const rule of rules) this.#apply(rule);
    this.selectors = [new Selector(this.#context)];
  }

  #addPassword(hash: string): null {
    if (!this.#passwords.includes(hash)) this.#passwords.push(hash);
    this.nopass = false;
    return null;
  }

  #removePassword(hash: string): string | null {
    if (!this.#passwords.includes(hash)) return problems.NO_SUCH_PASSWORD;
    this.#passwords = this.#passwords.filter((other) => other !== hash);
    return null;
  }

  #addSelector(rules: string): string | null {
    const selector = new Selector(this.#context);
    for (const rule of rules.split(' ')) {
      if (rule === '') continue;
      // Unlike in Redis: it would end the selector where it is read back.
      if (rule.endsWith(')')) return problems.SYNTAX_ERROR;
      const problem = selector.apply(rule);
      if (problem !== null) return problem;
    }
    this.selectors.push(selector);
    return null;
  }

  /** Whether it is a password of this user. It takes as long for a wrong one as for the right one. */
  accepts(password: Uint8Array): boolean {
    // Hashes have one length, so that not even that of the password shows.
    const given = bytesOf(hashOf(password));
    let accepted = false;
    for (const hash of this.#passwords) if (timingSafeEqual(bytesOf(hash), given)) accepted = true;
    return this.enabled && (this.nopass || accepted);
  }

  /** Words of ACL GETUSER's flags. */
  get flags(): string[] {
    const flags = [this.enabled ? 'on' : 'off'];
    if (this.nopass) flags.push('nopass');
    if (this.sanitize !== null) flags.push(this.sanitize);
    return flags;
  }

  /** Rules that would make it, as ACL LIST and the configuration have them: without `user` and the name. */
  describe(): string {
    const words = [...this.flags, ...this.#passwords.map((hash) => `#${hash}`), this.root.describe()];
    for (const selector of this.selectors.slice(1)) words.push(`(${selector.describe()})`);
    return words.join(' ');
  }
}

function hashOf(password: Uint8Array): string {
  return createHash('sha256').update(password).digest('hex');
}

/** Puts words of one selector, from `(` to `)`, together; or tells the word at which one begins that has no end. */
export function joinSelectors(words: readonly string[]): string[] | { unmatched: string } {
  const joined: string[] = [];
  let open: string | null = null;
  let openedBy = '';
  for (const word of words) {
    if (open !== null) open += ` ${word}`;
    else if (word[0] === '(' && !word.endsWith(')')) {
      open = word;
      openedBy = word;
    } else {
      joined.push(word);
      continue;
    }
    if (!open.endsWith(')')) continue;
    joined.push(open);
    open = null;
  }
  return open === null ? joined : { unmatched: openedBy };
}

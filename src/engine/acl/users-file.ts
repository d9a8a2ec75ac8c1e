/**
 * Users as texts: the `user` lines of a configuration, and the whole of an ACL file.
 */
import { shown } from '../errors.ts';
import * as problems from './rule-problems.ts';
import type { RuleContext } from './selector.ts';
import { joinSelectors, User } from './user.ts';

/** Spaces and NUL would not come back from a line. */
export function isUserName(name: string): boolean {
  return !/[\0\t-\r ]/.test(name);
}

/**
 * What is wrong with the words behind `user` of a line of the configuration, as a configuration error says it; or null.
 * As in Redis, commands that are not known, and names that cannot be, stop the start only later.
 */
export function declarationProblem(words: readonly string[], context: RuleContext): string | null {
  const joined = joinSelectors(words.slice(1));
  const bad = (word: string, problem: string): string =>
    `Error in user declaration '${shown(word, Number.POSITIVE_INFINITY)}': ${problem}`;
  if (!Array.isArray(joined)) return bad(joined.unmatched, 'Unmatched parenthesis in acl selector');
  const user = new User(words[0] ?? '', context);
  for (const rule of joined) {
    const problem = user.apply(rule);
    if (problem !== null && problem !== problems.UNKNOWN_COMMAND) return bad(rule, problem);
  }
  return null;
}

/** The user that such a line makes of `user`, changed in place; or why there can't be one, for the log. */
export function applyDeclaration(user: User, rules: readonly string[]): string | null {
  const joined = joinSelectors(rules);
  if (!Array.isArray(joined))
    return `Unmatched parenthesis in acl selector starting at '${joined.unmatched}'.`;
  for (const rule of joined) {
    const problem = user.apply(rule);
    if (problem !== null) {
      return `Error loading ACL rule '${rule}' for the user named '${user.name}': ${problem}`;
    }
  }
  return null;
}

/** Reads an ACL file: its users by name, or all that is wrong with it. `path` is for the complaints. */
export function parseUsersFile(text: string, path: string, context: RuleContext): Map<string, User> | string {
  const users = new Map<string, User>();
  let complaints = '';
  for (const [index, raw] of text.split('\n').entries()) {
    const at = `${path}:${index + 1}`;
    const line = raw.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
    if (line === '') continue;
    const [keyword, name, ...rules] = line.split(' ');
    if (keyword !== 'user' || name === undefined) {
      complaints += `${at} should start with user keyword followed by the username. `;
    } else if (!isUserName(name)) {
      complaints += `'${at}: username '${name}' contains invalid characters. `;
    } else if (users.has(name)) {
      complaints += `WARNING: Duplicate user '${name}' found on line ${index + 1}. `;
    } else {
      const user = new User(name, context);
      users.set(name, user);
      complaints += applyFileRules(user, rules, at);
    }
  }
  if (complaints === '') return users;
  return `${complaints}WARNING: ACL errors detected, no change to the previously active ACL rules was performed`;
}

/** '' or what is wrong with the first rule that is. */
function applyFileRules(user: User, rules: readonly string[], at: string): string {
  const joined = joinSelectors(rules);
  if (!Array.isArray(joined)) return `${at}: Unmatched parenthesis in selector definition.`;
  for (const word of joined) {
    const rule = word.replace(/^[\t\r\n ]+|[\t\r\n ]+$/g, '');
    const problem = user.apply(rule);
    if (problem === null) continue;
    return problem === problems.UNKNOWN_COMMAND
      ? `${at}: Error in applying operation '${rule}': ${problem}. `
      : `${at}: ${problem}. `;
  }
  return '';
}

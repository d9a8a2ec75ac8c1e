/**
 * Which arguments of a command are secrets: they are shown as "(redacted)" wherever commands are shown (SLOWLOG,
 * MONITOR, ACL LOG).
 */
import type { ServerConfig } from '../../config/config.ts';
import type { Args } from '../../resp/args.ts';
import type { Command } from '../command-table.ts';

export const REDACTED = '(redacted)';

/** Indexes of the secret arguments, or null when there are none. */
export function secretArguments(
  config: ServerConfig,
  command: Command,
  args: Args,
): ReadonlySet<number> | null {
  switch (command.fullName) {
    case 'auth':
      return range(1, args.count);
    case 'acl|setuser':
    case 'acl|deluser':
    case 'acl|getuser':
      return range(2, args.count);
    case 'hello':
      return afterOption(args, 2, { auth: 2 });
    case 'migrate':
      return afterOption(args, 6, { auth: 1, auth2: 2 });
    case 'config|set':
      return sensitiveValues(config, args);
    default:
      return null;
  }
}

function range(from: number, to: number): ReadonlySet<number> | null {
  const found = new Set<number>();
  for (let i = from; i < to; i++) found.add(i);
  return found.size === 0 ? null : found;
}

/** The arguments after these options, as often as they are given; `options` says how many are secret. */
function afterOption(
  args: Args,
  from: number,
  options: Readonly<Record<string, number>>,
): ReadonlySet<number> | null {
  const found = new Set<number>();
  for (let i = from; i < args.count; i++) {
    const word = args.lower(i);
    // Behind KEYS there are no options any more, only keys.
    if (word === 'keys') break;
    if (!Object.hasOwn(options, word)) continue;
    const last = Math.min(i + options[word]!, args.count - 1);
    while (i < last) found.add(++i);
  }
  return found.size === 0 ? null : found;
}

/** Of CONFIG SET's pairs, the values of parameters that hold passwords. */
function sensitiveValues(config: ServerConfig, args: Args): ReadonlySet<number> | null {
  const found = new Set<number>();
  for (let i = 2; i + 1 < args.count; i += 2) if (config.isSensitive(args.text(i))) found.add(i + 1);
  return found.size === 0 ? null : found;
}

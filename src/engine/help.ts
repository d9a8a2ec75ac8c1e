/**
 * Replies of the HELP subcommands.
 */
import type { Client } from './client.ts';

/** `lines` are those of the subcommands; the frame around them is the same for all commands. */
export function replyHelp(client: Client, command: string, lines: readonly string[]): void {
  const { out } = client;
  out.array(lines.length + 3);
  out.simple(`${command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) out.simple(line);
  out.simple('HELP');
  out.simple('    Prints this help.');
}

/**
 * The table of a sentinel: the commands of a data node that are flagged SENTINEL, of which three mean something else
 * here, and SENTINEL itself.
 */
import { ALL_COMMANDS } from '../../commands/all.ts';
import { type CommandSpec, type Handler, SENTINEL } from '../../engine/command-spec.ts';
import type { Sentinel } from '../parts.ts';
import { publish } from './change.ts';
import { info } from './info.ts';
import { role } from './show.ts';
import { sentinelSpec } from './specs.ts';

export function sentinelCommands(sentinel: Sentinel): readonly CommandSpec[] {
  const own: ReadonlyMap<string, Handler> = new Map<string, Handler>([
    ['info', (client, args) => info(sentinel, client, args)],
    ['publish', (client, args) => publish(sentinel, client, args)],
    ['role', (client) => role(sentinel, client)],
  ]);
  const commands: CommandSpec[] = [];
  for (const spec of ALL_COMMANDS) {
    if ((spec.flags & SENTINEL) === 0) continue;
    const run = own.get(spec.name);
    commands.push(run === undefined ? spec : { ...spec, run });
  }
  commands.push(sentinelSpec(sentinel));
  return commands;
}

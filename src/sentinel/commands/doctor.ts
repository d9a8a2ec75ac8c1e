/** SENTINEL DOCTOR [master-name], ours: what is wrong with the set-up, as a text. */
import type { Client } from '../../engine/client.ts';
import { subcommandSyntax } from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { examineMaster, examineSentinel, type Finding } from '../core/doctor/doctor.ts';
import type { Sentinel } from '../parts.ts';
import { masterAt } from './masters.ts';

export function doctor(sentinel: Sentinel, client: Client, args: Args): void {
  if (args.count > 3) throw subcommandSyntax(args.text(1), 'sentinel');
  const masters = args.count === 3 ? [masterAt(sentinel, args)] : [...sentinel.state.masters.values()];
  // The only way to know whether the file can be written is to write it.
  const canSave = sentinel.act((turn) => turn.save()).saved;
  const own = {
    canSave,
    needsPassword: client.engine.acl.isLoginNeeded,
    scripts: sentinel.pendingScripts().length,
  };
  const { value: text } = sentinel.act((turn) => {
    const chapters = [chapter('This sentinel', examineSentinel(turn, own))];
    for (const master of masters) {
      const { host, port } = master.address;
      chapters.push(chapter(`Master ${master.name} (${host}:${port})`, examineMaster(turn, master)));
    }
    return chapters.join('\n');
  });
  client.out.verbatim(text);
}

function chapter(title: string, findings: readonly Finding[]): string {
  if (findings.length === 0) return `${title}: nothing to complain of.\n`;
  const lines = findings.map(({ level, text }) => ` * ${level}: ${text}\n`);
  return `${title}:\n${lines.join('')}`;
}

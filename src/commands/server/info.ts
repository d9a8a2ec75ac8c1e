/**
 * INFO: sections of `name:value` lines. What stands in a section is in info/; features add to it and replace it
 * through `engine.info` (src/engine/info.ts).
 *
 * Fields, their order and their meaning are those of Redis 7.2; what does not exist here (forks, I/O threads, an
 * allocator) is 0, as dashboards expect a number. Our own fields come last in `# Server`.
 */
import type { Client } from '../../engine/client.ts';
import type { Engine } from '../../engine/engine.ts';
import { type InfoSection, InfoText } from '../../engine/figures/info.ts';
import type { Args } from '../../resp/args.ts';
import * as base from './info/base.ts';
import * as data from './info/data.ts';
import * as memory from './info/memory.ts';
import * as stats from './info/stats.ts';

type Writer = (out: InfoText, engine: Engine) => void;

interface Section extends InfoSection {
  readonly write: Writer;
}

const SECTIONS: readonly Section[] = [
  { name: 'server', title: 'Server', depth: 0, write: base.server },
  { name: 'clients', title: 'Clients', depth: 0, write: base.clients },
  { name: 'memory', title: 'Memory', depth: 0, write: memory.memory },
  { name: 'persistence', title: 'Persistence', depth: 0, write: data.persistence },
  { name: 'stats', title: 'Stats', depth: 0, write: stats.stats },
  { name: 'replication', title: 'Replication', depth: 0, write: data.replication },
  { name: 'cpu', title: 'CPU', depth: 0, write: base.cpu },
  { name: 'modules', title: 'Modules', depth: 0, write: () => {} },
  { name: 'commandstats', title: 'Commandstats', depth: 1, write: stats.commandstats },
  { name: 'errorstats', title: 'Errorstats', depth: 0, write: stats.errorstats },
  { name: 'latencystats', title: 'Latencystats', depth: 1, write: stats.latencystats },
  { name: 'cluster', title: 'Cluster', depth: 0, write: data.cluster },
  { name: 'keyspace', title: 'Keyspace', depth: 0, write: data.keyspace },
];

/** Words that stand for several sections: all up to a depth. */
const SETS: Readonly<Record<string, number>> = { default: 0, all: 1, everything: 2 };

export function info(client: Client, args: Args): void {
  const names = new Set<string>();
  let depth = args.count === 1 ? 0 : -1;
  for (let i = 1; i < args.count; i++) {
    const word = args.lower(i);
    if (Object.hasOwn(SETS, word)) depth = Math.max(depth, SETS[word]!);
    else names.add(word === 'module_list' ? 'modules' : word);
  }
  client.out.verbatim(
    infoText(client.engine, (section) => section.depth <= depth || names.has(section.name)),
  );
}

/** The text of the sections that are wanted. */
export function infoText(engine: Engine, wanted: (section: InfoSection) => boolean): string {
  engine.settle();
  const texts: string[] = [];
  for (const section of SECTIONS) if (wanted(section)) texts.push(textOf(engine, section, section.write));
  for (const section of engine.info.extraSections) if (wanted(section)) texts.push(textOf(engine, section));
  return texts.join('\r\n');
}

function textOf(engine: Engine, section: InfoSection, write: Writer = () => {}): string {
  const out = new InfoText(engine.info.fields);
  const registered = engine.info.writers.get(section.name);
  if (registered === undefined) write(out, engine);
  else registered(out);
  return `# ${section.title}\r\n${out.text}`;
}

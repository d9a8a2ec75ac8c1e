/** Renders the table of commands as Markdown: docs/commands.md, which a test keeps up to date. */
import {
  type ArgSpec,
  type CommandSpec,
  type Group,
  ONLY_SENTINEL,
  SENTINEL,
} from '../engine/command-spec.ts';

const INTRODUCTION = `# Commands

Made from the tables of commands (\`src/commands/*/specs*.ts\`, \`src/sentinel/commands/specs.ts\`); do not edit. Names, arguments and replies are those of
Redis 7.2; what differs from it is in [differences.md](differences.md). \`COMMAND DOCS\` and \`redis-cli\`'s \`help\`
show the same at run time.
`;

/** In the order of the document. */
const TITLES: readonly (readonly [Group, string])[] = [
  ['string', 'Strings'],
  ['generic', 'Keys of any type'],
  ['hash', 'Hashes'],
  ['list', 'Lists'],
  ['set', 'Sets'],
  ['sorted_set', 'Sorted sets'],
  ['stream', 'Streams'],
  ['bitmap', 'Bitmaps'],
  ['hyperloglog', 'HyperLogLog'],
  ['geo', 'Geo'],
  ['pubsub', 'Pub/Sub'],
  ['transactions', 'Transactions'],
  ['scripting', 'Scripts and functions'],
  ['connection', 'Connection'],
  ['server', 'Server'],
  ['cluster', 'Cluster'],
  ['sentinel', 'Sentinel'],
];

/** All of docs/commands.md. */
export function renderCommandDocs(specs: readonly CommandSpec[]): string {
  const parts = [INTRODUCTION];
  for (const [group, title] of TITLES) {
    const commands = specs.filter((spec) => spec.group === group).sort(byName);
    if (commands.length === 0) continue;
    const rows = commands.flatMap((spec) => rowsOf(spec)).join('\n');
    const remark = group === 'sentinel' ? `${sentinelRemark(specs)}\n\n` : '';
    parts.push(
      `## ${title}\n\n${remark}| Command | Meaning | Since | Cost |\n| --- | --- | --- | --- |\n${rows}\n`,
    );
  }
  return parts.join('\n');
}

/** What a sentinel has besides its own. */
function sentinelRemark(specs: readonly CommandSpec[]): string {
  const names = specs
    .filter(({ flags }) => (flags & SENTINEL) !== 0 && (flags & ONLY_SENTINEL) === 0)
    .map(({ name }) => `\`${name.toUpperCase()}\``)
    .sort();
  return [
    'Only a sentinel has these. Besides, it has',
    `${names.join(', ')}, and no others. There \`PUBLISH\` takes nothing but the`,
    'hellos of sentinels; its events come to who has subscribed to their names.',
  ].join('\n');
}

function byName(a: CommandSpec, b: CommandSpec): number {
  return a.name < b.name ? -1 : 1;
}

/** One row; of a container one for each subcommand, but for HELP, which they all have. */
function rowsOf(spec: CommandSpec, parent = ''): string[] {
  const name = `${parent}${spec.name.toUpperCase()}`;
  const subcommands = [...(spec.subcommands ?? [])].sort(byName).filter((sub) => sub.name !== 'help');
  const rows = subcommands.flatMap((sub) => rowsOf(sub, `${name} `));
  if (spec.run === undefined || (spec.subcommands !== undefined && spec.arity < -1)) return rows;
  const syntax = [name, ...(spec.args ?? []).map(argumentSyntax)].join(' ');
  const replaced = spec.replacedBy === undefined ? '' : `; use ${spec.replacedBy}`;
  const deprecated =
    spec.deprecatedSince === undefined ? '' : ` Deprecated since ${spec.deprecatedSince}${replaced}.`;
  const cost = /^O\([^)]*(?:\([^)]*\)[^)]*)*\)/.exec(spec.complexity)?.[0] ?? '';
  return [row(`\`${syntax}\``, spec.summary + deprecated, spec.since, cost), ...rows];
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** An argument as manuals write it: `[EX seconds | PX milliseconds]`, `key [key ...]`. */
function argumentSyntax(arg: ArgSpec): string {
  const inner = bareSyntax(arg);
  const withToken = arg.token !== undefined && arg.type !== 'pure-token' ? `${arg.token} ${inner}` : inner;
  const again = arg.multipleToken ? withToken : inner;
  const all = arg.multiple ? `${withToken} [${again} ...]` : withToken;
  return arg.optional ? `[${all}]` : all;
}

function bareSyntax(arg: ArgSpec): string {
  const parts = (arg.args ?? []).map(argumentSyntax);
  if (arg.type === 'oneof') return arg.optional ? parts.join(' | ') : `<${parts.join(' | ')}>`;
  if (arg.type === 'block') return parts.join(' ');
  if (arg.type === 'pure-token') return arg.token ?? arg.name.toUpperCase();
  return arg.displayText ?? arg.name;
}

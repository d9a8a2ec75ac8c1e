/** Renders the table of parameters as Markdown: docs/configuration.md, which a test keeps up to date. */
import { type AnyParameter, aliasesOf } from './parameter.ts';
import { RETIRED_DIRECTIVES, SERVER_PARAMETER_THEMES } from './server-parameters.ts';

const INTRODUCTION = `# Configuration

Made from the table of parameters in \`src/config/parameters/\`; do not edit. Every parameter can be given in the
configuration file, on the command line (\`--name value\`) and, unless it is marked "at start", with CONFIG SET.

Marks: **at start**: fixed while the server runs. **protected**: CONFIG SET needs \`enable-protected-configs\`.
**hidden**: CONFIG GET shows it only by its exact name. **no effect**: accepted and reported, so that existing files
and tools go on working, but without meaning here.

A comment may follow a directive on its line (\`appendonly yes # keep everything\`), unlike in Redis.
`;

/** All of docs/configuration.md. */
export function renderServerDocs(): string {
  const sections = SERVER_PARAMETER_THEMES.map(([title, table]) => {
    const rows = Object.entries(table).map(([name, parameter]) => row(name, parameter));
    return `## ${title}\n\n| Name | Kind | Default | Meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [INTRODUCTION, ...sections, otherDirectives()].join('\n');
}

function row(name: string, parameter: AnyParameter): string {
  const names = [name, ...aliasesOf(parameter)].map((known) => `\`${known}\``).join(', also ');
  const text = name === 'dir' ? '(the working directory)' : parameter.format(parameter.default);
  const shown = text === '' ? '(empty)' : name === 'dir' ? text : `\`${text}\``;
  const marks = [
    parameter.immutable && 'at start',
    parameter.protected && 'protected',
    parameter.hidden && 'hidden',
    parameter.noMeaning && 'no effect',
  ].filter((mark) => mark !== undefined);
  const meaning = [parameter.summary, ...marks.map((mark) => `**${mark}**`)].join(' ');
  return `| ${[names, parameter.type, shown, meaning].map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function otherDirectives(): string {
  const retired = Object.keys(RETIRED_DIRECTIVES).map((name) => `\`${name}\``);
  return `## Other directives

- \`include <path>\`: reads another file at this place; a pattern (\`*\`, \`?\`, \`[...]\`) reads all that match, sorted.
- \`rename-command <name> <new name>\`: renames a command; to \`""\` removes it.
- \`user <name> <rules...>\`: declares a user, by the rules of ACL SETUSER.
- \`sentinel <option> ...\`: what a sentinel watches, and how: [sentinel.md](sentinel.md).
- \`loadmodule <path> <arguments...>\`: stops the start: modules cannot be loaded.
- ${retired.join(', ')}: accepted and ignored, as they have no meaning any more.
`;
}

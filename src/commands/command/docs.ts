/**
 * COMMAND DOCS: a command's documentation, as maps. The fields and their order are those of 7.2, which adds
 * `display_text` to every argument that stands for itself.
 */
import type { ArgSpec } from '../../engine/command-spec.ts';
import type { Command } from '../../engine/command-table.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';

export function writeDocs(out: ReplyWriter, shown: Command): void {
  const { spec } = shown;
  const texts: readonly (readonly [string, string | undefined])[] = [
    ['summary', spec.summary],
    ['since', spec.since],
    ['group', spec.group.replace('_', '-')],
    ['complexity', spec.complexity === '' ? undefined : spec.complexity],
  ];
  const deprecation: readonly (readonly [string, string | undefined])[] = [
    ['deprecated_since', spec.deprecatedSince],
    ['replaced_by', spec.replacedBy],
  ];
  const present = [
    ...texts.map(([, text]) => text),
    ...deprecation.map(([, text]) => text),
    spec.docFlags,
    spec.history,
    spec.args,
    spec.subcommands,
  ].filter((value) => value !== undefined);
  out.map(present.length);
  writeTexts(out, texts);
  if (spec.docFlags !== undefined) {
    out.bulkText('doc_flags');
    writeNames(out, spec.docFlags);
  }
  writeTexts(out, deprecation);
  if (spec.history !== undefined) {
    out.bulkText('history');
    out.set(spec.history.length);
    for (const [since, change] of spec.history) {
      out.array(2);
      out.bulkText(since);
      out.bulkText(change);
    }
  }
  if (spec.args !== undefined) {
    out.bulkText('arguments');
    writeArguments(out, spec.args);
  }
  if (shown.subcommands !== null) {
    out.bulkText('subcommands');
    out.map(shown.subcommands.size);
    for (const sub of shown.subcommands.values()) {
      out.bulkText(sub.fullName);
      writeDocs(out, sub);
    }
  }
}

function writeArguments(out: ReplyWriter, args: readonly ArgSpec[]): void {
  out.array(args.length);
  for (const arg of args) writeArgument(out, arg);
}

function writeArgument(out: ReplyWriter, arg: ArgSpec): void {
  const flags: string[] = [];
  if (arg.optional) flags.push('optional');
  if (arg.multiple) flags.push('multiple');
  if (arg.multipleToken) flags.push('multiple_token');
  const isGroup = arg.type === 'oneof' || arg.type === 'block';
  const later: readonly (readonly [string, string | undefined])[] = [
    ['token', arg.token],
    ['summary', arg.summary],
    ['since', arg.since],
    ['deprecated_since', arg.deprecatedSince],
  ];
  const laterCount = later.filter(([, text]) => text !== undefined).length;
  // Name and type; then the display text, or the arguments of a group.
  out.map(3 + laterCount + (arg.keySpecIndex === undefined ? 0 : 1) + (flags.length === 0 ? 0 : 1));
  writeTexts(out, [
    ['name', arg.name],
    ['type', arg.type],
    ['display_text', isGroup ? undefined : (arg.displayText ?? arg.name)],
  ]);
  if (arg.keySpecIndex !== undefined) {
    out.bulkText('key_spec_index');
    out.int(arg.keySpecIndex);
  }
  writeTexts(out, later);
  if (flags.length !== 0) {
    out.bulkText('flags');
    writeNames(out, flags);
  }
  if (isGroup) {
    out.bulkText('arguments');
    writeArguments(out, arg.args ?? []);
  }
}

/** Pairs of name and text; those without a text are left out. */
function writeTexts(out: ReplyWriter, texts: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, text] of texts) {
    if (text === undefined) continue;
    out.bulkText(name);
    out.bulkText(text);
  }
}

function writeNames(out: ReplyWriter, names: readonly string[]): void {
  out.set(names.length);
  for (const name of names) out.simple(name);
}

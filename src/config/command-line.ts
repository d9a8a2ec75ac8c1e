/**
 * redis-server's command line: `[configfile] [--directive value ...] [-]`.
 *
 * Options become text that is appended to the configuration, one line for each, so that they are read by the same
 * reader and come after the file. The rules, as 7.0.15 shows them:
 * - the first argument is the file unless it starts with `-`; a lone `-` as first or last reads standard input;
 * - an argument that starts with `--` begins a directive, the following ones are its words;
 * - the word right after a directive's name is a value even if it starts with `--` (`--masterauth --secret`), except
 *   that `--save --port 1` means `save ""`;
 * - name and values may come as one argument (`"--port 6380"`), which is then taken as it is;
 * - `--port=6380` is not known, there is a directive of that name.
 */
import { textToBytes } from './parameter.ts';
import { quote, splitLine } from './words.ts';

export interface CommandLine {
  /** Path of the configuration file as given, or null. */
  readonly file: string | null;
  /** Read more configuration from standard input. */
  readonly stdin: boolean;
  /** `--sentinel` was given. */
  readonly sentinel: boolean;
  /** Configuration lines made of the options, as bytes. */
  readonly options: string;
}

/** Parses the arguments after the program's name. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const file = argv[0] !== undefined && argv[0] !== '' && !argv[0].startsWith('-') ? argv[0] : null;
  const lines: string[] = [];
  const append = (text: string) => {
    if (lines.length === 0) lines.push('');
    lines[lines.length - 1] += text;
  };
  let stdin = false;
  let valueExpected = false;
  for (let i = file === null ? 0 : 1; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === '-' && (i === 0 || i === argv.length - 1)) {
      stdin = true;
    } else if (argument.startsWith('--') && !valueExpected) {
      const text = textToBytes(argument.slice(2));
      const next = argv[i + 1];
      const isLastWord = next === undefined || next.startsWith('--');
      if (text === 'sentinel' && isLastWord) continue;
      lines.push(text);
      const words = splitLine(text);
      if (words !== null && words.length === 1 && words[0]!.toLowerCase() === 'save' && isLastWord) {
        append(' ""');
      } else {
        // With the values in the same argument, the next one that starts with -- is a directive again.
        valueExpected = words !== null && words.length <= 1;
      }
    } else {
      append(` ${quote(textToBytes(argument))}`);
      valueExpected = false;
    }
  }
  return { file, stdin, sentinel: argv.includes('--sentinel'), options: lines.join('\n') };
}

/** Configuration lines for directives that are given as words, e.g. by embedded users. */
export function optionLines(directives: readonly (readonly string[])[]): string {
  return directives
    .map(([name, ...words]) => [name, ...words.map((word) => quote(textToBytes(word)))].join(' '))
    .join('\n');
}

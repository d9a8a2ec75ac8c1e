/**
 * Words of a configuration line, quoted and unquoted as Redis does (sdssplitargs, sdscatrepr). Texts are byte
 * strings.
 *
 * "..." knows the escapes \n \r \t \b \a and \xHH, any other escaped char stands for itself; '...' knows only \'.
 * A quoted part must be followed by a blank or the end. Quotes may start inside a word: a"b" is ab.
 */
import { bytesOf, reprQuoted } from '../util/latin1.ts';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

export interface Word {
  readonly text: string;
  /** Where the word starts in the line. */
  readonly start: number;
  /** Where it ends, exclusive. */
  readonly end: number;
}

/** isspace() of C. */
function isSpace(char: string | undefined): boolean {
  return char === ' ' || (char !== undefined && char >= '\t' && char <= '\r');
}

const HEX_PAIR = /^[0-9a-fA-F]{2}$/;

/** Reads the next word at or after `from`; undefined at the end, null if quotes are unbalanced. */
export function nextWord(line: string, from: number): Word | null | undefined {
  let i = from;
  while (isSpace(line[i])) i++;
  // A NUL ends the line, as it ends a C string.
  if (i >= line.length || line[i] === '\0') return undefined;
  const start = i;
  let text = '';
  for (;;) {
    const char = line[i];
    if (char === undefined || char === '\0' || isSpace(char)) return { text, start, end: i };
    if (char === '"' || char === "'") {
      const part = quotedPart(line, i);
      if (part === null) return null;
      text += part.text;
      return { text, start, end: part.end };
    }
    text += char;
    i++;
  }
}

function quotedPart(line: string, open: number): { text: string; end: number } | null {
  const quote = line[open];
  let text = '';
  let i = open + 1;
  for (;;) {
    const char = line[i];
    if (char === undefined || char === '\0') return null;
    if (char === quote) {
      const after = line[i + 1];
      if (after !== undefined && after !== '\0' && !isSpace(after)) return null;
      return { text, end: i + 1 };
    }
    if (char !== '\\') {
      text += char;
      i++;
    } else if (quote === "'") {
      const escaped = line[i + 1] === "'";
      text += escaped ? "'" : '\\';
      i += escaped ? 2 : 1;
    } else if (line[i + 1] === 'x' && HEX_PAIR.test(line.slice(i + 2, i + 4))) {
      text += String.fromCharCode(Number.parseInt(line.slice(i + 2, i + 4), 16));
      i += 4;
    } else {
      const escaped = line[i + 1];
      if (escaped === undefined) return null;
      text += ESCAPES[escaped] ?? escaped;
      i += 2;
    }
  }
}

/** Splits a whole line; null if its quotes are unbalanced. */
export function splitLine(line: string): string[] | null {
  const words: string[] = [];
  for (let at = 0; ; ) {
    const word = nextWord(line, at);
    if (word === undefined) return words;
    if (word === null) return null;
    words.push(word.text);
    at = word.end;
  }
}

/** Quotes bytes so that `splitLine` gives them back: printable ASCII as it is, the rest escaped. */
export function quote(bytes: string): string {
  return reprQuoted(bytesOf(bytes));
}

/** Bytes that a word may be made of without quotes: no blank, no quote, nothing that does not print in ASCII. */
const PLAIN_WORD = /^[!#-&(-~\x80-\xff]+$/;

/** A word of a line: quoted only where it would not be read back as it is. */
export function quoteIfNeeded(word: string): string {
  return PLAIN_WORD.test(word) ? word : quote(word);
}

/** Quoting of configuration lines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesToText, textToBytes } from '../../../src/config/parameter.ts';
import { quote, splitLine } from '../../../src/config/words.ts';

const bytes = fc.array(fc.integer({ min: 0, max: 255 })).map((codes) => String.fromCharCode(...codes));

test('words that were quoted come back', () => {
  fc.assert(
    fc.property(fc.array(bytes), (words) => {
      assert.deepEqual(splitLine(words.map(quote).join(' ')), words);
    }),
  );
});

test('a quoted word is printable and without line breaks', () => {
  fc.assert(fc.property(bytes, (word) => assert.match(quote(word), /^"[\x20-\x7e]*"$/)));
});

test('any line splits or is unbalanced, without an error', () => {
  const char = fc.constantFrom('"', "'", '\\', 'x', 'f', '0', ' ', '\t', '#', '\0', '\xff');
  fc.assert(
    fc.property(fc.array(char), (chars) => {
      const words = splitLine(chars.join(''));
      // Splitting what was split changes nothing.
      if (words !== null) assert.deepEqual(splitLine(words.map(quote).join('\t')), words);
    }),
  );
});

test('words without quotes are split at blanks', () => {
  const word = fc.stringMatching(/^[a-z#-]{1,5}$/);
  fc.assert(
    fc.property(fc.array(word), (words) => assert.deepEqual(splitLine(` ${words.join(' \t ')} `), words)),
  );
});

test('quotes and escapes', () => {
  const cases: [line: string, words: string[] | null][] = [
    ['', []],
    [' \t\r\n', []],
    ['a b', ['a', 'b']],
    ['a"b"', ['ab']],
    ['a"b"c', null],
    ['"a" "b c"', ['a', 'b c']],
    ['""', ['']],
    ["''", ['']],
    ['"a', null],
    ["'a", null],
    ['"\\x41\\xff\\x0"', ['A\xffx0']],
    ['"\\n\\r\\t\\b\\a\\q\\"\\\\"', ['\n\r\t\b\x07q"\\']],
    ["'\\x41\\n\\''", ["\\x41\\n'"]],
    ['"a\\', null],
    ['a\\"b"', ['a\\b']],
    ['a\0b', ['a']],
  ];
  for (const [line, words] of cases) assert.deepEqual(splitLine(line), words, line);
});

test('bytes and text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) =>
      assert.equal(bytesToText(textToBytes(text)), text),
    ),
  );
});

/**
 * Random access rules and requests for them, by a seed; and a way to compare descriptions of users whose single
 * commands stand in no certain order (Redis goes through a hash table).
 */
import { randomBelow, seededRandom } from '../../src/util/random.ts';

const PATTERNS = ['a', 'b', 'a*', 'key:*', '*', 'k[ab]', '?', 'a b', '', 'app:{x}:*', '~x', '\\*'];
const PASSWORDS = ['', 'x', 'secret', 'p w', '(', '\xff\x00'];
const FIRST_ARGS = ['0', 'object', 'OBJECT', 'x|y', '*', ''];
const GARBAGE = [
  '',
  'foo',
  '(',
  ')',
  '()',
  '%',
  '%x~a',
  '%R',
  '%RR~a',
  '+',
  '-',
  '+@',
  '-@',
  '+@foo',
  '+nosuch',
  '#12',
];
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

export class RuleGenerator {
  readonly #random;
  readonly #commands: readonly string[];
  readonly #categories: readonly string[];

  /** `commands` with their subcommands as `client|list`. */
  constructor(seed: number, commands: readonly string[], categories: readonly string[]) {
    this.#random = seededRandom(seed);
    this.#commands = commands;
    this.#categories = categories;
  }

  #pick<T>(from: readonly T[]): T {
    return from[randomBelow(this.#random, from.length)]!;
  }

  /** Mostly as it is, sometimes in capitals. */
  #cased(word: string): string {
    return randomBelow(this.#random, 10) === 0 ? word.toUpperCase() : word;
  }

  #sign(): string {
    return randomBelow(this.#random, 3) === 0 ? '-' : '+';
  }

  /** A rule that a selector may have. */
  permission(): string {
    switch (randomBelow(this.#random, 14)) {
      case 0:
        return this.#cased(
          this.#pick(['allkeys', 'resetkeys', 'allchannels', 'resetchannels', 'nocommands']),
        );
      case 1:
      case 2:
        return `~${this.#pick(PATTERNS)}`;
      case 3:
        return `%${this.#pick(['R', 'W', 'RW', 'r', 'wr'])}~${this.#pick(PATTERNS)}`;
      case 4:
        return `&${this.#pick(PATTERNS)}`;
      case 5:
        return `${this.#sign()}${this.#pick(this.#commands)}|${this.#pick(FIRST_ARGS)}`;
      case 6:
      case 7:
      case 8:
        return `${this.#sign()}@${this.#cased(this.#pick(this.#categories))}`;
      case 9:
        return this.#cased(this.#pick(['+@all', '-@all', 'allcommands']));
      default:
        return `${this.#sign()}${this.#cased(this.#pick(this.#commands))}`;
    }
  }

  /** Any rule, good or bad. */
  rule(): string {
    switch (randomBelow(this.#random, 24)) {
      case 0:
        return this.#cased(this.#pick(['on', 'off', 'nopass', 'resetpass', 'reset', 'clearselectors']));
      case 1:
        return this.#pick(['sanitize-payload', 'skip-sanitize-payload']);
      case 2:
        return `${this.#pick(['>', '>', '<'])}${this.#pick(PASSWORDS)}`;
      case 3:
        return `${this.#pick(['#', '!'])}${this.#pick([HASH, HASH.toUpperCase(), HASH.slice(1)])}`;
      case 4:
      case 5: {
        const inner = Array.from({ length: randomBelow(this.#random, 5) }, () => this.permission());
        return `(${inner.join(' ')})`;
      }
      case 6:
        return this.#pick(GARBAGE);
      default:
        return this.permission();
    }
  }

  rules(): string[] {
    return Array.from({ length: 1 + randomBelow(this.#random, 8) }, () => this.rule());
  }

  /** A request for one of the commands, with arguments that may be keys, channels, counts or options. */
  request(): string[] {
    const name = this.#pick(this.#commands);
    const words = name.split('|');
    const options = [
      'get',
      'store',
      'by',
      'keys',
      'streams',
      '1',
      '2',
      'left',
      'ex',
      'a',
      'b',
      'ab',
      'key:1',
      'ka',
      'zz',
    ];
    const count = randomBelow(this.#random, 6);
    return [...words, ...Array.from({ length: count }, () => this.#pick(options))];
  }
}

/** Sorts what stands in no certain order: the single commands of each selector. */
export function sortedDescription(text: string): string {
  return text
    .split(/([()])/)
    .map((part) => {
      const words = part.split(' ');
      const isSingle = (word: string): boolean => /^[+-][^@]/.test(word);
      return [...words.filter((word) => !isSingle(word)), ...words.filter(isSingle).sort()].join(' ');
    })
    .join('');
}

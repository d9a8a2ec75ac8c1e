/**
 * LOLWUT [VERSION n [columns [rows [seed]]]]: a picture, and the version. Clients parse the last line, so it must be
 * "Redis ver. <version>".
 *
 * The picture is ours: the "wandering lattice", Truchet tiles laid by a seeded walk, drawn with box characters. Every
 * tile joins the middle of two neighbouring edges; which way it turns is chance, and from it come loops and paths.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { parseSafeInt } from '../../util/number-text.ts';
import { type Random, randomBelow, seededRandom } from '../../util/random.ts';

const COLUMNS = 66;
const ROWS = 12;
const COLUMNS_MAX = 1000;
const ROWS_MAX = 500;

export function lolwut(client: Client, args: Args): void {
  const numbers = readNumbers(args);
  const [, columns = COLUMNS, rows = ROWS, seed] = numbers;
  const random = seed === undefined ? client.engine.random : seededRandom(seed);
  const width = Math.min(Math.max(columns, 1), COLUMNS_MAX);
  const height = Math.min(Math.max(rows, 1), ROWS_MAX);
  const text = `${lattice(random, width, height)}\nWandering lattice, Truchet tiles. `;
  client.out.verbatim(utf8(`${text}Redis ver. ${client.engine.config.version}\n`));
}

/** The version and the numbers behind it. Other words are not looked at, as in Redis. */
function readNumbers(args: Args): number[] {
  const numbers: number[] = [];
  if (args.count < 2 || !args.is(1, 'version')) return numbers;
  for (let i = 2; i < args.count; i++) {
    const n = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
    if (Number.isNaN(n)) throw errors.NOT_INTEGER;
    numbers.push(n);
  }
  return numbers;
}

const TILES = '╭╮╰╯─│';

function lattice(random: Random, columns: number, rows: number): string {
  let text = '';
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      // Mostly arcs that fit the one to the left; now and then a straight line.
      const straight = randomBelow(random, 8) === 0;
      const tile = straight ? 4 + ((x + y) & 1) : ((x + y) & 1) * 2 + randomBelow(random, 2);
      text += TILES[tile]!;
    }
    text += '\n';
  }
  return text;
}

/** As bytes, one char each. */
function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

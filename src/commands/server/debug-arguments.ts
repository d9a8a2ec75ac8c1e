/** Arguments that only DEBUG has. */
import { parseMemory } from '../../config/kinds.ts';
import * as errors from '../../engine/errors.ts';

const LIMIT = 4n * 1024n ** 3n;
const BAD_SIZE = errors.err('argument must be a memory value bigger than 1 and smaller than 4gb');

/** A size below 4 GB, with a unit; 0 is the default. */
export function parseMemorySize(text: string): number {
  const bytes = parseMemory(text);
  if (bytes === null || text === '' || bytes >= LIMIT) throw BAD_SIZE;
  return Number(bytes);
}

/**
 * BITOP's arithmetic: strings combined bit by bit, a shorter one as if zeros followed.
 *
 * The result is made in slices that stay in the processor's nearest cache: the first source is copied into a slice of
 * the result, then each further source is combined into it, word by word. Values begin at any byte; a source whose
 * words are not aligned has its slice copied to a scratch slice first. Both copies cost less than what they save:
 * a loop over two aligned arrays is about half again as fast as one over three, or over DataViews.
 *
 * Of the first source a slice is read just before that slice of the result is written. So the result may lie where
 * the first source lies, but not where another does.
 */

export const AND = 0;
export const OR = 1;
export const XOR = 2;
export const NOT = 3;

const SLICE = 32768;
const scratch = new Uint8Array(SLICE);
const scratchWords = new Int32Array(scratch.buffer);

/** Whether the bytes can be the result of `combine`: their words are aligned. */
export function isAligned(bytes: Uint8Array): boolean {
  return bytes.byteOffset % 4 === 0;
}

/** The words of aligned bytes; those behind the last whole word are the caller's. */
function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

/** Fills `result`, as long as the longest source, with the sources combined; NOT takes the first alone. */
export function combine(operation: number, sources: readonly Uint8Array[], result: Uint8Array): void {
  const words = wordsOf(result);
  const aligned: (Int32Array | null)[] = [];
  for (const source of sources) aligned.push(isAligned(source) ? wordsOf(source) : null);
  const first = sources[0]!;
  const inPlace = first.buffer === result.buffer && first.byteOffset === result.byteOffset;
  for (let start = 0; start < result.length; start += SLICE) {
    const end = Math.min(start + SLICE, result.length);
    const filled = Math.max(start, Math.min(end, first.length));
    if (!inPlace && filled > start) result.set(first.subarray(start, filled), start);
    if (filled < end) result.fill(0, filled, end);
    if (operation === NOT) invert(result, words, start, end);
    for (let i = 1; i < sources.length; i++) {
      const source = sources[i]!;
      const stop = Math.max(start, Math.min(end, source.length));
      if (stop > start) combineSlice(operation, result, words, source, aligned[i]!, start, stop);
      if (operation === AND && stop < end) result.fill(0, stop, end);
    }
  }
}

/** Combines bytes `start` to `end` of a source into those of the result. */
function combineSlice(
  operation: number,
  result: Uint8Array,
  words: Int32Array,
  source: Uint8Array,
  sourceWords: Int32Array | null,
  start: number,
  end: number,
): void {
  const at = start >> 2;
  const count = (end - start) >> 2;
  let other = sourceWords;
  let from = at;
  if (other === null) {
    scratch.set(source.subarray(start, start + count * 4));
    other = scratchWords;
    from = 0;
  }
  const tail = start + count * 4;
  if (operation === AND) {
    andWords(words, at, other, from, count);
    for (let i = tail; i < end; i++) result[i]! &= source[i]!;
  } else if (operation === OR) {
    orWords(words, at, other, from, count);
    for (let i = tail; i < end; i++) result[i]! |= source[i]!;
  } else {
    xorWords(words, at, other, from, count);
    for (let i = tail; i < end; i++) result[i]! ^= source[i]!;
  }
}

// One function for each operation and eight words in each round: the loops are all that counts here.

function andWords(to: Int32Array, at: number, from: Int32Array, fromAt: number, count: number): void {
  const whole = at + (count & ~7);
  let t = at;
  let f = fromAt;
  for (; t < whole; t += 8, f += 8) {
    to[t]! &= from[f]!;
    to[t + 1]! &= from[f + 1]!;
    to[t + 2]! &= from[f + 2]!;
    to[t + 3]! &= from[f + 3]!;
    to[t + 4]! &= from[f + 4]!;
    to[t + 5]! &= from[f + 5]!;
    to[t + 6]! &= from[f + 6]!;
    to[t + 7]! &= from[f + 7]!;
  }
  for (const end = at + count; t < end; t++, f++) to[t]! &= from[f]!;
}

function orWords(to: Int32Array, at: number, from: Int32Array, fromAt: number, count: number): void {
  const whole = at + (count & ~7);
  let t = at;
  let f = fromAt;
  for (; t < whole; t += 8, f += 8) {
    to[t]! |= from[f]!;
    to[t + 1]! |= from[f + 1]!;
    to[t + 2]! |= from[f + 2]!;
    to[t + 3]! |= from[f + 3]!;
    to[t + 4]! |= from[f + 4]!;
    to[t + 5]! |= from[f + 5]!;
    to[t + 6]! |= from[f + 6]!;
    to[t + 7]! |= from[f + 7]!;
  }
  for (const end = at + count; t < end; t++, f++) to[t]! |= from[f]!;
}

function xorWords(to: Int32Array, at: number, from: Int32Array, fromAt: number, count: number): void {
  const whole = at + (count & ~7);
  let t = at;
  let f = fromAt;
  for (; t < whole; t += 8, f += 8) {
    to[t]! ^= from[f]!;
    to[t + 1]! ^= from[f + 1]!;
    to[t + 2]! ^= from[f + 2]!;
    to[t + 3]! ^= from[f + 3]!;
    to[t + 4]! ^= from[f + 4]!;
    to[t + 5]! ^= from[f + 5]!;
    to[t + 6]! ^= from[f + 6]!;
    to[t + 7]! ^= from[f + 7]!;
  }
  for (const end = at + count; t < end; t++, f++) to[t]! ^= from[f]!;
}

function invert(bytes: Uint8Array, words: Int32Array, start: number, end: number): void {
  const count = (end - start) >> 2;
  const at = start >> 2;
  for (let i = at; i < at + count; i++) words[i] = ~words[i]!;
  for (let i = start + count * 4; i < end; i++) bytes[i] = ~bytes[i]!;
}

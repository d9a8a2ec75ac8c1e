/**
 * Sorting of elements by (score, member), for what is built as a whole: ZUNIONSTORE and its kin, loading.
 *
 * A merge sort from the bottom up on typed arrays: the scores are compared as doubles, members only where those are
 * equal. Array.prototype.sort with a comparator takes five times as long and an object for each element.
 */
import type { Arena } from '../../structures/arena.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { LENGTH_WORD, MEMBER_WORD } from './score-index.ts';

/** Runs of this length are sorted by insertion. */
const RUN = 8;

/** Compares the members of two records. */
function compareMembers(arena: Arena, a: number, b: number): number {
  const pageA = arena.pages[a >>> PAGE_BITS]!;
  const pageB = arena.pages[b >>> PAGE_BITS]!;
  const atA = (a & OFFSET_MASK) << 1;
  const atB = (b & OFFSET_MASK) << 1;
  const lengthA = arena.words[a >>> PAGE_BITS]![atA + LENGTH_WORD]!;
  const lengthB = arena.words[b >>> PAGE_BITS]![atB + LENGTH_WORD]!;
  const shared = Math.min(lengthA, lengthB);
  const offA = (atA + MEMBER_WORD) << 2;
  const offB = (atB + MEMBER_WORD) << 2;
  for (let i = 0; i < shared; i++) {
    const difference = pageA[offA + i]! - pageB[offB + i]!;
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}

/** Sorts `count` elements, in place. */
export function sortElements(arena: Arena, scores: Float64Array, refs: Int32Array, count: number): void {
  const before = (s: number, r: number, t: number, q: number): boolean =>
    s < t || (s === t && compareMembers(arena, r, q) < 0);
  for (let start = 0; start < count; start += RUN) {
    const end = Math.min(start + RUN, count);
    for (let i = start + 1; i < end; i++) {
      const score = scores[i]!;
      const ref = refs[i]!;
      let j = i;
      while (j > start && before(score, ref, scores[j - 1]!, refs[j - 1]!)) {
        scores[j] = scores[j - 1]!;
        refs[j] = refs[j - 1]!;
        j--;
      }
      scores[j] = score;
      refs[j] = ref;
    }
  }
  let fromScores = scores;
  let fromRefs = refs;
  let toScores = new Float64Array(count);
  let toRefs = new Int32Array(count);
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += width * 2) {
      const middle = Math.min(start + width, count);
      const end = Math.min(start + width * 2, count);
      let a = start;
      let b = middle;
      for (let k = start; k < end; k++) {
        const takeB =
          b < end && (a >= middle || before(fromScores[b]!, fromRefs[b]!, fromScores[a]!, fromRefs[a]!));
        const i = takeB ? b++ : a++;
        toScores[k] = fromScores[i]!;
        toRefs[k] = fromRefs[i]!;
      }
    }
    [fromScores, toScores] = [toScores, fromScores as Float64Array<ArrayBuffer>];
    [fromRefs, toRefs] = [toRefs, fromRefs as Int32Array<ArrayBuffer>];
  }
  if (fromScores !== scores) {
    scores.set(fromScores);
    refs.set(fromRefs);
  }
}

/**
 * LCS: the longest common subsequence of two strings.
 *
 * Length only: one row of the classic table is kept, since each row needs just the one above. The subsequence itself,
 * or where it lies, is found by walking the whole table back from its end, so all of it is kept: 4 bytes for each pair
 * of positions, off the V8 heap. Redis refuses what would take more than proto-max-bulk-len (512 MB), and so do we,
 * in either case. Both compute in one go; the limit is what bounds the time.
 *
 * Where several subsequences are the longest, the walk decides which one is shown. It prefers a match; else it goes
 * up (a shorter first string) only if that keeps a strictly longer rest, as Redis does.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import { TYPE_STRING } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { parseInt64Big } from '../../util/number-text.ts';

/** A run of bytes that both strings have: its last positions in either, and its length. */
interface Run {
  readonly endA: number;
  readonly endB: number;
  readonly length: number;
}

interface LcsOptions {
  wantLength: boolean;
  wantRuns: boolean;
  withRunLength: boolean;
  /** Runs shorter than this are left out. */
  minRunLength: number;
}

export function lcs(client: Client, args: Args): void {
  const a = lookupStringOrEmpty(client, args, 1);
  const b = lookupStringOrEmpty(client, args, 2);
  if (a === null || b === null) throw errors.LCS_NOT_STRINGS;
  const options = readOptions(args);
  if (options.wantLength && options.wantRuns) throw errors.LCS_LEN_AND_IDX;
  if ((a.len + 1) * (b.len + 1) * 4 > client.engine.config.values['proto-max-bulk-len']) {
    throw errors.LCS_TOO_LONG;
  }
  if (options.wantLength) {
    client.out.int(lengthOf(a, b));
    return;
  }
  const runs = commonRuns(a, b, fullTable(a, b));
  if (options.wantRuns) replyRuns(client.out, runs, options);
  else replySubsequence(client.out, a, runs);
}

/** A missing key counts as the empty string; null for a key of another type. */
function lookupStringOrEmpty(client: Client, args: Args, i: number): ValueView | null {
  const view = new ValueView();
  const ref = client.engine.keyspace.lookupRead(client.db, args.buf, args.off[i]!, args.len[i]!);
  if (ref === 0) return view;
  if (client.db.type(ref) !== TYPE_STRING) return null;
  client.db.locateValue(ref, view);
  return view;
}

function readOptions(args: Args): LcsOptions {
  const options = { wantLength: false, wantRuns: false, withRunLength: false, minRunLength: 0 };
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'idx')) options.wantRuns = true;
    else if (args.is(i, 'len')) options.wantLength = true;
    else if (args.is(i, 'withmatchlen')) options.withRunLength = true;
    else if (args.is(i, 'minmatchlen') && i + 1 < args.count) {
      i++;
      const least = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
      if (least === null) throw errors.NOT_INTEGER;
      options.minRunLength = Number(least);
    } else throw errors.SYNTAX;
  }
  return options;
}

function lengthOf(a: ValueView, b: ValueView): number {
  const { bytes } = b;
  const row = new Uint32Array(b.len + 1);
  for (let i = 0; i < a.len; i++) {
    const byte = a.bytes[a.off + i]!;
    let diagonal = 0;
    let left = 0;
    for (let j = 1, at = b.off; j <= b.len; j++, at++) {
      const up = row[j]!;
      if (bytes[at] === byte) left = diagonal + 1;
      else if (up > left) left = up;
      row[j] = left;
      diagonal = up;
    }
  }
  return row[b.len]!;
}

/** Cell (i, j), at i * (b.len + 1) + j: the length for the first i bytes of `a` and the first j of `b`. */
function fullTable(a: ValueView, b: ValueView): Uint32Array {
  const width = b.len + 1;
  const { bytes } = b;
  let table: Uint32Array;
  try {
    table = new Uint32Array((a.len + 1) * width);
  } catch {
    throw errors.LCS_NO_MEMORY;
  }
  for (let i = 1; i <= a.len; i++) {
    const byte = a.bytes[a.off + i - 1]!;
    let cell = i * width + 1;
    let diagonal = 0;
    let left = 0;
    for (let at = b.off, end = b.off + b.len; at < end; at++, cell++) {
      const up = table[cell - width]!;
      if (bytes[at] === byte) left = diagonal + 1;
      else if (up > left) left = up;
      table[cell] = left;
      diagonal = up;
    }
  }
  return table;
}

/** Walks the table back: the runs of matching bytes, the last one first. */
function commonRuns(a: ValueView, b: ValueView, table: Uint32Array): Run[] {
  const width = b.len + 1;
  const runs: Run[] = [];
  let i = a.len;
  let j = b.len;
  let length = 0;
  while (i > 0 && j > 0) {
    if (a.bytes[a.off + i - 1] === b.bytes[b.off + j - 1]) {
      length++;
      i--;
      j--;
      continue;
    }
    if (length > 0) runs.push({ endA: i + length - 1, endB: j + length - 1, length });
    length = 0;
    if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i--;
    else j--;
  }
  if (length > 0) runs.push({ endA: i + length - 1, endB: j + length - 1, length });
  return runs;
}

function replySubsequence(out: ReplyWriter, a: ValueView, runs: readonly Run[]): void {
  let total = 0;
  for (const run of runs) total += run.length;
  const text = new Uint8Array(total);
  let end = total;
  for (const run of runs) {
    const from = a.off + run.endA + 1 - run.length;
    text.set(a.bytes.subarray(from, from + run.length), end - run.length);
    end -= run.length;
  }
  out.bulkBytes(text);
}

function replyRuns(out: ReplyWriter, runs: readonly Run[], options: LcsOptions): void {
  let total = 0;
  for (const run of runs) total += run.length;
  const shown = runs.filter((run) => run.length >= options.minRunLength);
  out.map(2);
  out.bulkText('matches');
  out.array(shown.length);
  for (const { endA, endB, length } of shown) {
    out.array(options.withRunLength ? 3 : 2);
    for (const end of [endA, endB]) {
      out.array(2);
      out.int(end - length + 1);
      out.int(end);
    }
    if (options.withRunLength) out.int(length);
  }
  out.bulkText('len');
  out.int(total);
}

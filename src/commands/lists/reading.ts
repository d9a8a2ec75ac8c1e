/** LRANGE, LINDEX, LPOS: lists by index and by element. */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { listAt, listLength, listMatches, listReply } from '../../values/list.ts';
import { longArg } from '../keys/arguments.ts';
import { listForReading } from './common.ts';

export function lrange(client: Client, args: Args): void {
  let start = longArg(args, 2);
  let end = longArg(args, 3);
  const { db, out } = client;
  const ref = listForReading(client, args, 1);
  const length = ref === 0 ? 0 : listLength(db, ref);
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = length + end;
  if (end >= length) end = length - 1;
  if (start > end) {
    out.emptyArray();
    return;
  }
  out.array(end - start + 1);
  listReply(db, ref, start, end - start + 1, out);
}

export function lindex(client: Client, args: Args): void {
  const { db, out } = client;
  const ref = listForReading(client, args, 1);
  if (ref === 0) {
    out.null();
    return;
  }
  let index = longArg(args, 2);
  const length = listLength(db, ref);
  if (index < 0) index += length;
  if (index < 0 || index >= length) out.null();
  else listAt(db, ref, index, out);
}

/** Has no opposite. */
const LONG_MIN = '-9223372036854775808';

export function lpos(client: Client, args: Args): void {
  let rank = 1;
  let count = -1;
  let maxLength = 0;
  for (let i = 3; i < args.count; i += 2) {
    const more = i + 1 < args.count;
    if (more && args.is(i, 'rank')) {
      rank = longArg(args, i + 1);
      if (args.is(i + 1, LONG_MIN)) throw errors.RANK_OUT_OF_RANGE;
      if (rank === 0) throw errors.RANK_ZERO;
    } else if (more && args.is(i, 'count')) {
      count = longArg(args, i + 1, errors.COUNT_NEGATIVE);
      if (count < 0) throw errors.COUNT_NEGATIVE;
    } else if (more && args.is(i, 'maxlen')) {
      maxLength = longArg(args, i + 1, errors.MAXLEN_NEGATIVE);
      if (maxLength < 0) throw errors.MAXLEN_NEGATIVE;
    } else throw errors.SYNTAX;
  }
  const { db, out } = client;
  const ref = listForReading(client, args, 1);
  if (ref === 0) {
    if (count < 0) out.null();
    else out.emptyArray();
    return;
  }
  let toPass = Math.abs(rank) - 1;
  const found: number[] = [];
  const wanted = count < 0 ? 1 : count === 0 ? Number.POSITIVE_INFINITY : count;
  listMatches(db, ref, args.buf, args.off[2]!, args.len[2]!, rank < 0, maxLength, (index) => {
    if (toPass-- > 0) return true;
    found.push(index);
    return found.length < wanted;
  });
  if (count < 0) {
    if (found.length === 0) out.null();
    else out.int(found[0]!);
    return;
  }
  out.array(found.length);
  for (const index of found) out.int(index);
}

/**
 * BLPOP, BRPOP, BLMOVE, BRPOPLPUSH and BLMPOP: each does what its other form does if there is an element, and else
 * waits until one of its keys has a list (engine/blocking.ts), which runs it again.
 */
import { parseTimeout } from '../../engine/blocking.ts';
import type { Client } from '../../engine/client.ts';
import { GATE_MULTI } from '../../engine/gates.ts';
import { TYPE_LIST } from '../../keyspace/entry.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { listForWriting, sideAt } from './common.ts';
import { popOne } from './ends.ts';
import { moveElement, PopRequest, parsePopRequest, popFirst } from './moving.ts';

export function blpop(client: Client, args: Args): void {
  blockingPop(client, args, true);
}

export function brpop(client: Client, args: Args): void {
  blockingPop(client, args, false);
}

function blockingPop(client: Client, args: Args, front: boolean): void {
  const last = args.count - 2;
  const untilMs = parseTimeout(client, args, args.count - 1);
  const { blocking } = client.engine;
  for (let k = 1; k <= last; k++) {
    if (blocking.passesOver(args, k)) continue;
    const ref = listForWriting(client, args, k);
    if (ref === 0) continue;
    client.out.array(2);
    client.out.bulk(args.buf, args.off[k]!, args.len[k]!);
    popOne(client, args, k, front, ref);
    const { propagation } = client.engine;
    if (propagation.active) {
      const effect = propagation.replace(client, 2);
      effect.text(front ? 'LPOP' : 'RPOP');
      effect.argOf(args, k);
    }
    return;
  }
  wait(client, args, 1, last, untilMs, nullArray);
}

export function blmove(client: Client, args: Args): void {
  const from = sideAt(args, 3);
  const to = sideAt(args, 4);
  if (!blockingMove(client, args, from, to, parseTimeout(client, args, 5))) return;
  const { propagation, blocking } = client.engine;
  if (!propagation.active) return;
  const effect = propagation.replace(client, 5);
  effect.text('LMOVE');
  if (blocking.served !== client) effect.argsOf(args, 1, 5);
  else {
    // Redis has forgotten by then how the client wrote it.
    effect.argsOf(args, 1, 3);
    effect.text(from ? 'left' : 'right');
    effect.text(to ? 'left' : 'right');
  }
}

export function brpoplpush(client: Client, args: Args): void {
  if (!blockingMove(client, args, false, true, parseTimeout(client, args, 3))) return;
  const { propagation } = client.engine;
  if (!propagation.active) return;
  const effect = propagation.replace(client, 3);
  effect.text('RPOPLPUSH');
  effect.argsOf(args, 1, 3);
}

/** Returns whether there was something to move. */
function blockingMove(client: Client, args: Args, from: boolean, to: boolean, untilMs: number): boolean {
  const ref = listForWriting(client, args, 1);
  if (ref !== 0) {
    moveElement(client, args, ref, from, to);
    return true;
  }
  // Within a transaction nothing to move is a null; one who has waited in vain gets a null array.
  wait(client, args, 1, 1, untilMs, (client.gates & GATE_MULTI) !== 0 ? null_ : nullArray);
  return false;
}

const request = new PopRequest();

export function blmpop(client: Client, args: Args): void {
  parsePopRequest(args, 2, request);
  const untilMs = parseTimeout(client, args, 1);
  if (!popFirst(client, args, request)) {
    wait(client, args, request.firstKey, request.lastKey, untilMs, nullArray);
  }
}

function wait(
  client: Client,
  args: Args,
  firstKey: number,
  lastKey: number,
  untilMs: number,
  onTimeout: (out: ReplyWriter) => void,
): void {
  client.engine.blocking.block(client, args, {
    kind: 'list',
    firstKey,
    lastKey,
    type: TYPE_LIST,
    untilMs,
    onTimeout,
  });
}

function nullArray(out: ReplyWriter): void {
  out.nullArray();
}

function null_(out: ReplyWriter): void {
  out.null();
}

/**
 * Millions of frames at the parser. A connection sends whole frames and, at the end, a broken one, cut into
 * writes at random places, and then closes its half. The server must have answered every whole frame, in RESP;
 * what follows them is either more replies or one protocol error as the very last, and then the end.
 *
 * Some damaged frames are still whole commands, which is why only the whole ones are counted.
 */
import { connect } from 'node:net';
import { FramingError, replyEnd } from '../support/reply-framer.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { brokenFrame, wholeFrame } from './frames.ts';
import {
  assertAlive,
  assertGrowth,
  assertNoClientsLeft,
  check,
  MB,
  rss,
  type SoakScenario,
  seededRandom,
} from './soak.ts';

const FRAMES = 2_000_000;
const CONNECTIONS = 16;
const FRAMES_EACH = 60;
/** Of a connection that sends nothing more and is not closed. */
const HANG_MS = 15_000;

interface Totals {
  frames: number;
  connections: number;
  protocolErrors: number;
  resets: number;
}

export const fuzz: SoakScenario = {
  name: 'fuzz',
  title: 'random and damaged frames at the parser',
  async run({ server, seed, scale }) {
    const random = seededRandom(seed);
    const totals: Totals = { frames: 0, connections: 0, protocolErrors: 0, resets: 0 };
    const goal = FRAMES * scale;
    const worker = async (until: number): Promise<void> => {
      while (totals.frames < until) await oneConnection(server, random, totals);
    };
    // The first tenth lets heap and buffers grow to their working size; memory is watched from there.
    await Promise.all(Array.from({ length: CONNECTIONS }, () => worker(goal / 10)));
    const before = rss(server);
    await Promise.all(Array.from({ length: CONNECTIONS }, () => worker(goal)));
    await assertAlive(server);
    await assertNoClientsLeft(server);
    const growth = await assertGrowth(server, before, 64 * MB);
    const { frames, connections, protocolErrors, resets } = totals;
    check(protocolErrors > connections / 10, 'hardly any protocol errors: the fuzzer is not doing its work');
    return `${frames} frames, ${connections} connections, ${protocolErrors} protocol errors, ${resets} resets, ${growth}`;
  },
};

async function oneConnection(
  server: ServerProcess,
  random: (below: number) => number,
  totals: Totals,
): Promise<void> {
  const whole = Array.from({ length: random(FRAMES_EACH) }, () => wholeFrame(random));
  const bytes = Buffer.concat([...whole, brokenFrame(random)]);
  const { received, reset } = await exchange(server, cut(random, bytes));
  totals.frames += whole.length + 1;
  totals.connections++;
  // A reset may throw away what was on its way to us: the server closed while we were still writing.
  if (reset) totals.resets++;
  const replies = splitReplies(received, reset, bytes);
  const describe = (): string => quote(bytes);
  check(
    reset || replies.length >= whole.length,
    `${replies.length} replies to ${whole.length} frames: ${describe()}`,
  );
  const error = replies.findIndex((reply) => reply.startsWith('-ERR Protocol error'));
  if (error < 0) return;
  totals.protocolErrors++;
  check(error === replies.length - 1, `replies after a protocol error: ${describe()}`);
  check(error >= whole.length, `a protocol error inside the whole frames: ${replies[error]!} ${describe()}`);
}

/** Writes the parts one turn after the other, so that the server may see each alone, and reads until the end. */
function exchange(
  server: ServerProcess,
  parts: readonly Buffer[],
): Promise<{ received: Buffer; reset: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let reset = false;
    const socket = connect({ port: server.port, host: server.host, allowHalfOpen: true });
    socket.setNoDelay(true);
    socket.setTimeout(HANG_MS, () => {
      socket.destroy();
      reject(new Error(`not closed ${HANG_MS} ms after our end of: ${quote(Buffer.concat(parts))}`));
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') reset = true;
      else reject(error);
    });
    socket.on('close', () => resolve({ received: Buffer.concat(chunks), reset }));
    socket.on('connect', () => {
      let next = 0;
      const write = (): void => {
        if (socket.destroyed || socket.writableEnded) return;
        if (next === parts.length) socket.end();
        else {
          socket.write(parts[next++]!);
          setImmediate(write);
        }
      };
      write();
    });
  });
}

function cut(random: (below: number) => number, bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let cuts = random(5); cuts > 0 && from < bytes.length; cuts--) {
    const to = from + 1 + random(bytes.length - from);
    parts.push(bytes.subarray(from, to));
    from = to;
  }
  if (from < bytes.length) parts.push(bytes.subarray(from));
  return parts;
}

/** The end of it, where the damage is. */
function quote(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1').slice(-400));
}

function splitReplies(received: Buffer, reset: boolean, sent: Buffer): string[] {
  const replies: string[] = [];
  let position = 0;
  try {
    while (position < received.length) {
      const end = replyEnd(received, position);
      if (end < 0) {
        check(
          reset,
          `the connection ended inside a reply: ${quote(received.subarray(position))} to ${quote(sent)}`,
        );
        break;
      }
      replies.push(received.toString('latin1', position, end));
      position = end;
    }
  } catch (error) {
    if (!(error instanceof FramingError)) throw error;
    throw new Error(`${error.message}, after ${quote(sent)}`);
  }
  return replies;
}

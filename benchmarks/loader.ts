/**
 * Fills a server with numbered keys as fast as one process can ask: each connection keeps two prepared batches of
 * SETs in flight and only rewrites their digits. A batch's buffer is touched again when all its replies are in,
 * and the replies are not parsed: +OK is five bytes.
 */
import { connect, type Socket } from 'node:net';

const BATCH = 500;
const CONNECTIONS = 4;
const KEY_DIGITS = 12;
const REPLY = '+OK\r\n';

/** `key:` and twelve digits: 16 bytes. */
export function keyName(index: number): string {
  return `key:${String(index).padStart(KEY_DIGITS, '0')}`;
}

/** Sets keys 0 to count - 1 to 32-byte values, all different. */
export async function loadKeys(port: number, count: number): Promise<void> {
  let next = 0;
  const take = (): { from: number; size: number } | null => {
    if (next >= count) return null;
    const from = next;
    next = Math.min(count, next + BATCH);
    return { from, size: next - from };
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, () => loadOverOne(port, take)));
}

function loadOverOne(port: number, take: () => { from: number; size: number } | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const inFlight: { batch: Batch; replies: number }[] = [];
    let expected = 0;
    const sendNext = (batch: Batch): void => {
      const part = take();
      if (part) {
        batch.send(socket, part.from, part.size);
        inFlight.push({ batch, replies: part.size });
      } else if (inFlight.length === 0) {
        socket.end(resolve);
      }
    };
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setNoDelay(true);
      sendNext(new Batch());
      if (inFlight.length > 0) sendNext(new Batch());
    });
    socket.on('data', (data: Buffer) => {
      if (!REPLY.includes(String.fromCharCode(data[0]!))) {
        socket.destroy(new Error(`loading failed: ${data.toString('latin1', 0, 200)}`));
        return;
      }
      expected += data.length;
      while (inFlight.length > 0 && expected >= inFlight[0]!.replies * REPLY.length) {
        const done = inFlight.shift()!;
        expected -= done.replies * REPLY.length;
        sendNext(done.batch);
      }
    });
  });
}

/** BATCH SET commands in one buffer; only the digits change between two uses. */
class Batch {
  readonly #buffer: Buffer;
  readonly #stride: number;
  readonly #digitsAt: readonly number[];

  constructor() {
    const key = keyName(0);
    const one = `*3\r\n$3\r\nSET\r\n$16\r\n${key}\r\n$32\r\n${key}${key}\r\n`;
    const first = one.indexOf(key) + 4;
    const second = one.indexOf(key, first) + 4;
    this.#digitsAt = [first, second, second + key.length];
    this.#stride = one.length;
    this.#buffer = Buffer.from(one.repeat(BATCH), 'latin1');
  }

  send(socket: Socket, from: number, size: number): void {
    const buffer = this.#buffer;
    for (let i = 0; i < size; i++) {
      for (const at of this.#digitsAt) writeDigits(buffer, i * this.#stride + at, from + i);
    }
    socket.write(buffer.subarray(0, size * this.#stride));
  }
}

function writeDigits(buffer: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = at + KEY_DIGITS - 1; i >= at; i--) {
    buffer[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

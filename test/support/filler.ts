/**
 * Sends any number of commands over one connection, as fast as the server takes them: a batch in flight while the next
 * one is made. Replies are not parsed; each batch ends with an ECHO whose reply must be the last thing that comes, and
 * an error among the others ends the filling.
 */
import { connect } from 'node:net';
import { seededRandom } from '../soak/soak.ts';

const BATCH_BYTES = 128 * 1024;
const MARK = 'end-of-batch';
const ECHO = `*2\r\n$4\r\nECHO\r\n$${MARK.length}\r\n${MARK}\r\n`;
const MARK_REPLY = Buffer.from(`$${MARK.length}\r\n${MARK}\r\n`);

/** A command as bytes on the wire, of latin1 strings. */
export function wire(...args: readonly (string | number)[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    const word = String(arg);
    text += `$${word.length}\r\n${word}\r\n`;
  }
  return text;
}

/** Sends `count` commands, made by `make` (see `wire`). */
export async function fill(port: number, count: number, make: (index: number) => string): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.setNoDelay(true);
    let answered: Promise<void> = Promise.resolve();
    for (let next = 0; next < count; ) {
      let text = '';
      while (next < count && text.length < BATCH_BYTES) text += make(next++);
      await answered;
      answered = reply();
      answered.catch(() => {});
      socket.write(text + ECHO, 'latin1');
    }
    await answered;
  } finally {
    socket.destroy();
  }

  function reply(): Promise<void> {
    return new Promise((resolve, reject) => {
      let tail = Buffer.alloc(0);
      let lineStart = true;
      const done = (error?: Error): void => {
        socket.off('data', onData);
        socket.off('close', onClose);
        if (error) reject(error);
        else resolve();
      };
      const onClose = (): void => done(new Error('the server closed the connection'));
      const onData = (data: Buffer): void => {
        if (lineStart && data[0] === 0x2d) done(new Error(data.toString('latin1', 0, 200)));
        lineStart = data.at(-1) === 0x0a;
        tail = Buffer.concat([tail, data.subarray(-MARK_REPLY.length)]).subarray(-MARK_REPLY.length);
        if (tail.equals(MARK_REPLY)) done();
      };
      socket.on('data', onData);
      socket.once('close', onClose);
    });
  }
}

/** Random text of letters and digits, the same for a seed; `next(20)` gives twenty of them. */
export function randomText(seed: number): (length: number) => string {
  const below = seededRandom(seed);
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return (length) => {
    let text = '';
    for (let i = 0; i < length; i++) text += letters[below(letters.length)];
    return text;
  };
}

/** SETs at a steady pace, so that a server has something to do besides what is measured, and both the same. */
import { connect } from 'node:net';
import { keyName } from './loader.ts';

const TURN_MS = 5;

export class PacedWrites {
  readonly #socket;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;

  /** `perSecond` SETs of 32 bytes, all over `keys` keys. */
  constructor(port: number, perSecond: number, keys: number) {
    this.#socket = connect({ port, host: '127.0.0.1' });
    this.#socket.setNoDelay(true);
    // Replies are not looked at, but must be read. What breaks shows in what is measured.
    this.#socket.on('data', () => {}).on('error', () => {});
    const start = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - start) / 1000) * perSecond);
      let batch = '';
      for (; this.#sent < due; this.#sent++) {
        const key = keyName((this.#sent * 7919) % keys);
        batch += `*3\r\n$3\r\nSET\r\n$16\r\n${key}\r\n$32\r\n${key}${key}\r\n`;
      }
      if (batch !== '' && this.#socket.writableLength < 1 << 20) this.#socket.write(batch);
    }, TURN_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

/**
 * A replica that a test drives by hand: it syncs, counts the bytes of the stream that come, acknowledges when it is told
 * to, and reads or doesn't.
 */
import { connect, type Socket } from 'node:net';
import { encodeCommand } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

const HEAD_END = Buffer.from('\r\n');
const MARK_BYTES = 40;

export class FakeReplica {
  /** The byte of the history that came last. */
  offset = 0;
  /** The stream since the sync. */
  stream: Buffer[] = [];
  id = '';
  isClosed = false;
  readonly #socket: Socket;
  #head = Buffer.alloc(0);
  #inStream = false;

  /** Attaches with a full sync straight from the master's memory; the stream has begun when this resolves. */
  static async attach(port: number, listeningPort = 1): Promise<FakeReplica> {
    const socket = connect({ host: '127.0.0.1', port });
    const replica = new FakeReplica(socket);
    replica.#send('REPLCONF', 'listening-port', String(listeningPort), 'capa', 'eof', 'capa', 'psync2');
    // SYNC and PSYNC are invalid with pending output.
    await waitFor(() => replica.#head.length > 0, { what: 'the reply to REPLCONF' });
    replica.#send('PSYNC', '?', '-1');
    await waitFor(() => replica.#inStream, { what: 'the full sync', timeoutMs: 15_000 });
    replica.ack();
    return replica;
  }

  /** Comes back with what it has: a partial resync, and nothing but the stream behind the reply. */
  static async resume(port: number, from: FakeReplica): Promise<FakeReplica> {
    const replica = new FakeReplica(connect({ host: '127.0.0.1', port }));
    replica.offset = from.offset;
    replica.id = from.id;
    replica.#send('PSYNC', from.id, String(from.offset + 1));
    await waitFor(() => replica.#inStream, { what: 'the partial resync', timeoutMs: 15_000 });
    return replica;
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  #send(...words: string[]): void {
    this.#socket.write(encodeCommand(words));
  }

  ack(): void {
    this.#send('REPLCONF', 'ACK', String(this.offset));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  get streamText(): string {
    return Buffer.concat(this.stream).toString('latin1');
  }

  #take(chunk: Buffer): void {
    if (this.#inStream) {
      this.offset += chunk.length;
      this.stream.push(chunk);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const reply = /^\+CONTINUE[^\r]*\r\n/.exec(this.#head.toString('latin1'));
    if (reply !== null) {
      this.#streamBegins(this.#head.subarray(reply[0].length));
      return;
    }
    const full = /\+FULLRESYNC ([0-9a-f]{40}) (\d+)\r\n/.exec(this.#head.toString('latin1'));
    const eof = this.#head.indexOf('$EOF:');
    if (full === null || eof < 0) return;
    const line = this.#head.indexOf(HEAD_END, eof);
    if (line < 0) return;
    const mark = this.#head.subarray(eof + 5, eof + 5 + MARK_BYTES);
    const end = this.#head.indexOf(mark, line + 2);
    if (end < 0) return;
    this.id = full[1]!;
    this.offset = Number(full[2]);
    this.#streamBegins(this.#head.subarray(end + MARK_BYTES));
  }

  #streamBegins(rest: Buffer): void {
    this.#inStream = true;
    this.#head = Buffer.alloc(0);
    if (rest.length > 0) this.#take(rest);
  }
}

/**
 * Sends a file to a replica: `$<bytes>\r\n` and the bytes. Two pieces are in memory at most: while the socket has one,
 * the next is read. The file may be replaced or removed meanwhile; what was opened is sent.
 */
import type { Link } from '../../engine/client.ts';
import type { FileSystem } from '../../persistence/files/file-system.ts';
import { lendTo } from './lend.ts';

const PIECE_BYTES = 128 * 1024;

export class FileTransfer {
  /** Bytes of the file. */
  readonly size: number;
  readonly #fs: FileSystem;
  readonly #fd: number;
  readonly #link: Link;
  readonly #onEnd: (error: Error | null) => void;
  readonly #gone: () => void;
  #position = 0;
  #sent = 0;
  /** The piece that the socket has, or is to get next, and its bytes. */
  #piece: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  #other: Buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  /** Bytes read into `#other`; -1: none yet. */
  #otherLength = -1;
  #lent: number;
  #reading = false;
  #stopped = false;
  #closed = false;

  /** Opens the file; throws if it can't. Calls `onEnd` when all has gone, or reading has failed; not after `stop`. */
  constructor(fs: FileSystem, path: string, link: Link, onEnd: (error: Error | null) => void) {
    this.#fs = fs;
    this.#link = link;
    this.#onEnd = onEnd;
    this.#fd = fs.openSync(path, 'r');
    const status = fs.statSync(path);
    this.size = status?.size ?? 0;
    this.#gone = () => this.#pieceGone();
    const head = `$${this.size}\r\n`;
    this.#lent = 0;
    this.#piece.write(head, 'latin1');
    this.#read();
    this.#lend(head.length);
  }

  /** The replica is gone. */
  stop(): void {
    this.#stopped = true;
    this.#close();
  }

  #close(): void {
    if (this.#closed || this.#reading) return;
    this.#closed = true;
    this.#fs.close(this.#fd, () => {});
  }

  #read(): void {
    if (this.#position === this.size) return;
    this.#reading = true;
    const wanted = Math.min(PIECE_BYTES, this.size - this.#position);
    this.#fs.read(this.#fd, this.#other, 0, wanted, this.#position, (error, bytes) => {
      this.#reading = false;
      if (this.#stopped) {
        this.#close();
        return;
      }
      if (error !== null || bytes === 0) {
        this.stop();
        this.#onEnd(error ?? new Error('Success'));
        return;
      }
      this.#position += bytes;
      this.#otherLength = bytes;
      if (this.#lent === 0) this.#next();
    });
  }

  /** The piece that has been read goes to the socket. */
  #next(): void {
    const piece = this.#other;
    const length = this.#otherLength;
    this.#other = this.#piece;
    this.#piece = piece;
    this.#otherLength = -1;
    this.#sent += length;
    this.#read();
    this.#lend(length);
  }

  #lend(length: number): void {
    this.#lent = length;
    if (lendTo(this.#link, this.#piece.subarray(0, length), this.#gone)) this.#pieceGone();
  }

  #pieceGone(): void {
    if (this.#stopped) return;
    this.#lent = 0;
    if (this.#otherLength >= 0) this.#next();
    else if (this.#sent === this.size) {
      this.stop();
      this.#onEnd(null);
    }
  }
}

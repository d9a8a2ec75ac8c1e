/**
 * Reads replies on the links that we open ourselves (to our own daemon at its start; to masters, replicas and
 * sentinels): redis-parser, behind the limits it lacks. It is seen only here.
 *
 * redis-parser hands out parts of the chunks it was fed; what a caller gets from here is a copy and may be kept.
 * It reads RESP2, which is what such links speak.
 */
import Parser from 'redis-parser';

/** A reply: text as bytes, errors as Error, nested for arrays. */
export type Reply = Buffer | string | number | Error | null | Reply[];

/** A reply that is not complete after so many bytes ends the link. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;

export class ReplyReader {
  readonly #parser: Parser;
  readonly #onReply: (reply: Reply) => void;
  readonly #onBroken: (reason: string) => void;
  readonly #bytesMax: number;
  /** Bytes fed since the last whole reply. */
  #waiting = 0;
  #broken = false;

  /** `onBroken` is called once, when what came is no RESP or too much of it; nothing is read after that. */
  constructor(
    onReply: (reply: Reply) => void,
    onBroken: (reason: string) => void,
    bytesMax = REPLY_BYTES_MAX,
  ) {
    this.#onReply = onReply;
    this.#onBroken = onBroken;
    this.#bytesMax = bytesMax;
    this.#parser = new Parser({
      returnReply: (reply: unknown) => this.#whole(copyOf(reply)),
      returnError: (error: Error) => this.#whole(error),
      returnFatalError: (error: Error) => this.#break(error.message),
      returnBuffers: true,
    });
  }

  /** Takes what came from the peer. */
  feed(chunk: Buffer): void {
    if (this.#broken) return;
    this.#waiting += chunk.length;
    this.#parser.execute(chunk);
    if (this.#waiting > this.#bytesMax) this.#break(`a reply of more than ${this.#bytesMax} bytes`);
  }

  #whole(reply: Reply): void {
    this.#waiting = 0;
    if (!this.#broken) this.#onReply(reply);
  }

  #break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#parser.reset();
    this.#onBroken(reason);
  }
}

function copyOf(reply: unknown): Reply {
  if (Buffer.isBuffer(reply)) return Buffer.from(reply);
  if (Array.isArray(reply)) return reply.map(copyOf);
  return reply as Reply;
}

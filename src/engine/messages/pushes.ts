/**
 * What clients are told without having asked at that moment: messages, invalidations.
 *
 * Ready-made bytes, encoded once for all who get them, wait in each client's outbox (by reference) until this turn of
 * the event loop is over, so that what many clients publish at once goes out in one write to each subscriber; what a
 * subscriber itself has sent in the same turn is answered behind it. For two clients there are other rules:
 *
 *   the one being served      after the reply of its command, if that has begun (`flushOwn`): nothing may come into
 *                             the middle of a reply. As Redis does, what comes before it goes out before it
 *   one with half a reply     until the rest has been sent (`midReply`, transactions.ts)
 *
 * Costs nothing while nobody is told anything.
 */
import type { Client } from '../client.ts';
import type { Engine } from '../engine.ts';
import { STOP_CLOSING } from '../gates.ts';
import { isQuiet } from '../transactions.ts';

/** Has something to send at the end of a turn of the event loop. */
export interface TurnEnd {
  turnEnds(): void;
}

/** Bytes that wait before they are sent without waiting for the end of the turn. */
const WAITING_MAX = 1024 * 1024;

export class Pushes {
  readonly #engine: Engine;
  /** Those with something in their outbox, the client being served among them. */
  #waiting: Client[] = [];
  #bytes = 0;
  #atEnd: TurnEnd | null = null;
  /** A command is being executed, not only admitted. */
  calling = false;
  /** Where the reply of the command being served begins, among all bytes of the writer. */
  #begin = -1;
  #scheduled = false;
  /** What was sent last in more than one piece, and the pieces: the next client often gets the same. */
  #lastPieces: readonly Buffer[] = [];
  #lastJoined: Buffer = Buffer.alloc(0);

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A client's command begins: nothing of its reply has been written. */
  commandBegins(): void {
    const { writer } = this.#engine;
    this.#begin = writer.flushed + writer.pos;
  }

  /** `who` is asked once, when this turn of the event loop ends. (Only client tracking ever asks for that.) */
  atEnd(who: TurnEnd): void {
    this.#atEnd = who;
    this.#schedule();
  }

  /** Sends `bytes`, which are not changed any more, to a client between its replies. */
  send(client: Client, bytes: Buffer): void {
    if ((client.stopped & STOP_CLOSING) !== 0) return;
    const { current, writer } = this.#engine;
    if (client === current && this.#begin === writer.flushed + writer.pos && !isQuiet(client)) {
      writer.raw(bytes);
      this.#begin += bytes.length;
      return;
    }
    this.sendAfter(client, bytes);
  }

  /** The same, but if it is the client being served: behind its reply, even if that has not begun. */
  sendAfter(client: Client, bytes: Buffer): void {
    if ((client.stopped & STOP_CLOSING) !== 0) return;
    if (client.outbox.length === 0) this.#waiting.push(client);
    client.outbox.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > WAITING_MAX) this.#flushOthers();
    else this.#schedule();
  }

  /** Writes what waits for the client being served, behind the reply to its command. */
  flushOwn(client: Client): void {
    const { outbox } = client;
    const { writer } = this.#engine;
    for (const bytes of outbox) writer.raw(bytes);
    outbox.length = 0;
  }

  /** Sends all that waits. */
  flush(): void {
    const atEnd = this.#atEnd;
    this.#atEnd = null;
    atEnd?.turnEnds();
    this.#flushOthers();
  }

  #flushOthers(): void {
    const { current } = this.#engine;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    for (const client of waiting) {
      if (client === current || client.midReply) this.#waiting.push(client);
      else this.flushTo(client);
    }
    this.#lastPieces = [];
  }

  /** Sends what waits for one client; before anything else is sent to it. */
  flushTo(client: Client): void {
    const { outbox } = client;
    if (outbox.length === 0 || client.midReply) return;
    const bytes = outbox.length === 1 ? outbox[0]! : this.#joined(outbox);
    outbox.length = 0;
    if ((client.stopped & STOP_CLOSING) === 0) client.link.send(bytes, bytes.length);
  }

  #joined(pieces: readonly Buffer[]): Buffer {
    const last = this.#lastPieces;
    if (pieces.length !== last.length || !pieces.every((piece, i) => piece === last[i])) {
      this.#lastPieces = pieces.slice();
      this.#lastJoined = Buffer.concat(pieces);
    }
    return this.#lastJoined;
  }

  /** The turn ends when every client that has sent something has been served. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}

/**
 * What goes into the stream on a server that has no master: effects, pings, and questions for acknowledgements. A
 * server with a master leaves the stream to the link, which appends what the master says, byte for byte; so replicas of
 * replicas have the same history.
 *
 *     lead(true)   engine.propagation ──> stream        lead(false)   master's link ──> stream
 *
 * The stream is opened for the first replica, and until then a write costs nothing here.
 */
import { TO_REPLICAS } from '../../engine/effects/propagation.ts';
import type { Shared } from '../parts.ts';

const PING = Buffer.from('*1\r\n$4\r\nPING\r\n');
const GETACK = Buffer.from('*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n');
const LINE_END = Buffer.from('\r\n');

export class Feed {
  readonly #shared: Shared;
  #isLeading = true;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** What this server changes is the history; false: it has a master. */
  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** The role has changed: from here on the stream takes our effects, or only what the master's link appends. */
  lead(on: boolean): void {
    if (on === this.#isLeading) return;
    this.#isLeading = on;
    if (!this.#shared.stream.isOpen) return;
    if (on) this.#attach();
    else this.#detach();
  }

  /** Opens the stream behind its end, if it is closed. */
  open(): void {
    const { stream } = this.#shared;
    if (stream.isOpen) return;
    stream.open();
    if (this.#isLeading) this.#attach();
  }

  /** Opens it for the first replica: as nothing has been kept, there is no history to go on with. */
  openAnew(): void {
    const { engine, history, stream } = this.#shared;
    if (stream.isOpen) return;
    history.renew();
    this.open();
    engine.log.notice(
      `Replication backlog created, my new replication IDs are '${history.id}' and '${history.id2}'`,
    );
  }

  /** Closes the stream; there must be no replicas. */
  close(): void {
    const { stream } = this.#shared;
    if (!stream.isOpen) return;
    if (this.#isLeading) this.#detach();
    stream.close();
  }

  #attach(): void {
    const { engine, stream } = this.#shared;
    engine.propagation.attach(stream, TO_REPLICAS);
  }

  #detach(): void {
    const { engine, stream } = this.#shared;
    engine.propagation.detach(stream);
  }

  /** Lets replicas know that we are there. */
  ping(): void {
    this.#append(PING);
  }

  /** Asks replicas how far they are. */
  getAck(): void {
    this.#append(GETACK);
  }

  /** A command that nobody runs here (DEBUG REPLICATE), without its database. */
  command(words: readonly Uint8Array[]): void {
    const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)];
    for (const word of words) parts.push(Buffer.from(`$${word.length}\r\n`), word, LINE_END);
    if (this.#shared.stream.isOpen) this.#append(Buffer.concat(parts));
  }

  #append(command: Buffer): void {
    if (!this.#isLeading) return;
    const { engine, stream } = this.#shared;
    engine.propagation.flush();
    stream.append(command, 0, command.length);
  }
}

/**
 * The socket to the master and the bytes that have come from it.
 *
 * Bytes are read into one buffer of the link's own and offered from its beginning to whoever is in charge (the
 * handshake, the snapshot, the stream), who says how many are done with; the rest stays, at the beginning again, so
 * that a command may be found where it was (`needed`: how many there must be before it is worth asking). A bulk that
 * is longer than the buffer has it grow as its bytes come, not as they are announced.
 */
import net from 'node:net';
import type { MasterAddress } from '../parts.ts';

const BUFFER_BYTES = 128 * 1024;
/** A read gets at least so much room. */
const ROOM_MIN = 32 * 1024;
/** Up to so many missing bytes are allocated at once, on the word of the master. */
const TRUST_BYTES = 1024 * 1024;

export interface MasterConnectionOptions {
  readonly address: MasterAddress;
  /** bind-source-addr; '' for whatever the system says. */
  readonly localAddress: string;
  onConnect(): void;
  /** Takes bytes of buf[0, end) and returns how many. Fewer than there are: the rest is offered again with what follows. */
  onBytes(buf: Uint8Array, end: number): number;
  /** A read has come, of so many bytes. */
  onRead(count: number): void;
  /** Called once, unless `close` has been: the link is gone, or could not be made. */
  onGone(error: Error | null): void;
}

export class MasterConnection {
  readonly #options: MasterConnectionOptions;
  readonly #socket: net.Socket;
  #bytes = new Uint8Array(BUFFER_BYTES);
  #end = 0;
  /** Length from which on it is worth offering the bytes again. */
  #needed = 0;
  /** Where the next read goes: nowhere, before node has asked. */
  #target = new Uint8Array(0);
  #targetAt = 0;
  #targetRoom = BUFFER_BYTES;
  #isPaused = false;
  #isClosed = false;
  #isOffering = false;
  #isConnected = false;
  #error: Error | null = null;

  constructor(options: MasterConnectionOptions) {
    const { address, localAddress } = options;
    this.#options = options;
    this.#socket = net.connect({
      host: address.host,
      port: address.port,
      noDelay: true,
      ...(localAddress === '' ? {} : { localAddress }),
      onread: {
        buffer: (() => this.#nextTarget()) as () => Uint8Array,
        callback: (count: number) => this.#onRead(count),
      },
    } as net.NetConnectOpts);
    this.#socket.resume();
    this.#socket.on('connect', () => {
      this.#isConnected = true;
      if (!this.#isClosed) options.onConnect();
    });
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('end', () => this.#gone());
    this.#socket.on('close', () => this.#gone());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get peer(): string {
    return addressText(this.#socket.remoteAddress, this.#socket.remotePort);
  }

  get local(): string {
    return addressText(this.#socket.localAddress, this.#socket.localPort);
  }

  get fd(): number {
    const handle = (this.#socket as unknown as { _handle?: { fd?: number } | null })._handle;
    return handle?.fd ?? -1;
  }

  /** Came, and has not been taken yet. */
  get waitingBytes(): number {
    return this.#end;
  }

  get room(): number {
    return this.#bytes.length;
  }

  get pendingBytes(): number {
    return this.#isClosed ? 0 : this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isClosed && this.#isConnected) this.#socket.write(bytes);
  }

  /** From now on bytes wait. May be called while they are being offered. */
  pause(): void {
    this.#isPaused = true;
    if (this.#isConnected) this.#socket.pause();
  }

  /** Offers what waits, and reads on. */
  resume(): void {
    if (this.#isClosed) return;
    this.#isPaused = false;
    if (this.#isOffering) return;
    this.#needed = 0;
    this.#offer();
    if (!this.#isPaused && !this.#isClosed) this.#socket.resume();
  }

  /** What waits is worth nothing before there are so many bytes. */
  need(bytes: number): void {
    this.#needed = bytes;
  }

  /** Nothing is offered or told any more. */
  close(): void {
    this.#isClosed = true;
    this.#end = 0;
    this.#socket.destroy();
  }

  #gone(): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onGone(this.#error);
  }

  #nextTarget(): Uint8Array | null {
    const missing = this.#needed - this.#end;
    if (this.#bytes.length - this.#end < Math.max(ROOM_MIN, Math.min(missing, TRUST_BYTES)))
      this.#grow(missing);
    if (this.#target === this.#bytes && this.#targetAt === this.#end) return null;
    this.#target = this.#bytes;
    this.#targetAt = this.#end;
    this.#targetRoom = this.#bytes.length - this.#end;
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  #grow(missing: number): void {
    const trusted = Math.min(missing, Math.max(TRUST_BYTES, this.#end));
    const grown = new Uint8Array(Math.max(this.#end + trusted, this.#end + ROOM_MIN, BUFFER_BYTES));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }

  #onRead(count: number): boolean {
    if (this.#isClosed) return true;
    this.#options.onRead(count);
    if (this.#target !== this.#bytes || this.#targetAt !== this.#end) {
      // What was kept has moved since this read was set up.
      const came = this.#target.slice(this.#targetAt, this.#targetAt + count);
      if (this.#bytes.length - this.#end < count) this.#grow(count);
      this.#bytes.set(came, this.#end);
    }
    this.#end += count;
    if (!this.#isPaused && this.#end >= this.#needed) this.#offer();
    if (this.#isPaused || this.#isClosed) return false;
    if (count < this.#targetRoom) return true;
    // There is more; but libuv would read on many times before anybody else has a turn.
    setImmediate(() => {
      if (!this.#isPaused && !this.#isClosed) this.#socket.resume();
    });
    return false;
  }

  #offer(): void {
    this.#isOffering = true;
    while (this.#end > 0 && !this.#isPaused) {
      this.#needed = 0;
      const done = this.#options.onBytes(this.#bytes, this.#end);
      if (this.#isClosed) break;
      if (done > 0) {
        this.#end -= done;
        if (this.#end > 0) this.#bytes.copyWithin(0, done, done + this.#end);
      }
      if (done === 0 || this.#needed > 0) break;
    }
    this.#isOffering = false;
    if (this.#end === 0 && this.#bytes.length > 2 * BUFFER_BYTES) this.#bytes = new Uint8Array(BUFFER_BYTES);
  }
}

function addressText(host: string | undefined, port: number | undefined): string {
  if (host === undefined) return '?:0';
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Writing to a socket's handle without the stream machinery above it.
 *
 * `socket.write` passes Writable's bookkeeping, makes a request object in C++ for each write and schedules a
 * callback: about a microsecond, as much as everything else this server does for a GET that comes alone
 * (measured with redis-benchmark -P 1: 3.3 µs of user time a request through socket.write, 1.8 µs this way).
 * When the kernel takes all bytes at once, which is nearly always, none of that is needed, and node leaves the
 * request object unused: one can serve all connections. Whether it was used is asked of the object itself, by its
 * async id. (The queue size does not tell: a write that had to wait may be done again before the call returns, and its
 * request is taken all the same. Using it once more ends the process.)
 *
 * The class of that request object is not exported. It is learnt from the first write, which goes the usual way
 * past a temporary `writeBuffer`. Should a future node work otherwise, nothing is learnt and every write
 * goes through `socket.write`: slower, not wrong.
 */
import type net from 'node:net';

/** The part of node's stream handles that is used here. */
export interface StreamHandle {
  fd?: number;
  /** TCP only. */
  setNoDelay?(on: boolean): void;
  /** Bytes that wait in libuv. */
  readonly writeQueueSize?: number;
  /** Returns 0 or a negative errno; takes `request` only when bytes are left to be written later. */
  writeBuffer?(request: WriteRequest, data: Uint8Array): number;
}

interface WriteRequest {
  handle: StreamHandle | null;
  buffer: Uint8Array | null;
  oncomplete: (status: number) => void;
  /** -1 as long as no write has taken the request. */
  getAsyncId(): number;
}

type RequestClass = new () => WriteRequest;

/** Who writes: told when bytes that had to wait are gone, or lost. */
export interface Writing {
  written(): void;
  writeFailed(): void;
}

export class DirectWriter {
  /** Bytes that have been written and that the kernel has not taken yet, over all connections. */
  pendingBytes = 0;
  #Request: RequestClass | null = null;
  #spare: WriteRequest | null = null;
  #learnt = false;

  /** Writes go straight to the handle: one that is done at once is not told of by `written`. */
  get isDirect(): boolean {
    return this.#Request !== null;
  }

  /** Writes; true when the kernel took all of it, so that `data` may be used again. */
  write(socket: net.Socket, handle: StreamHandle, data: Uint8Array, by: Writing): boolean {
    if (this.#Request === null) return this.#writeUsually(socket, handle, data, by);
    let request = this.#spare;
    if (request === null) {
      request = new this.#Request();
      request.handle = null;
      request.buffer = null;
      this.#spare = request;
    }
    const status = handle.writeBuffer!(request, data);
    if (status !== 0) {
      this.#spare = null;
      by.writeFailed();
      return false;
    }
    if (request.getAsyncId() < 0) return true;
    this.#spare = null;
    request.handle = handle;
    request.buffer = data;
    const { length } = data;
    this.pendingBytes += length;
    request.oncomplete = (result) => {
      this.pendingBytes -= length;
      if (result < 0) by.writeFailed();
      else by.written();
    };
    return false;
  }

  #writeUsually(socket: net.Socket, handle: StreamHandle, data: Uint8Array, by: Writing): boolean {
    const usual = handle.writeBuffer;
    if (!this.#learnt && typeof usual === 'function' && handle.writeQueueSize === 0) {
      this.#learnt = true;
      handle.writeBuffer = (request, bytes) => {
        delete handle.writeBuffer;
        if (typeof request.getAsyncId === 'function') this.#Request = request.constructor as RequestClass;
        return usual.call(handle, request, bytes);
      };
    }
    const { length } = data;
    this.pendingBytes += length;
    socket.write(data, () => {
      this.pendingBytes -= length;
      by.written();
    });
    return socket.writableLength === 0;
  }
}

/**
 * Where the bytes of a snapshot go, chunk by chunk: a file, a socket, memory.
 */
export interface ChunkSink {
  /** Takes `chunk`, filled up to `length`, and gives back a buffer to fill next: another, or the same if it is done with it. */
  take(chunk: Buffer, length: number): Buffer;
}

/** Keeps everything in memory. */
export class MemorySink implements ChunkSink {
  #parts: Buffer[] = [];

  take(chunk: Buffer, length: number): Buffer {
    this.#parts.push(Buffer.from(chunk.subarray(0, length)));
    return chunk;
  }

  /** All that has come since the last call. */
  bytes(): Buffer {
    const parts = this.#parts;
    this.#parts = [];
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

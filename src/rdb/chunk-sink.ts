/**
 * Where the bytes of a snapshot go, chunk by chunk: a file, a socket, memory.
 */
export interface ChunkSink {
  /** Takes `chunk`, filled up to `length`, and gives back a buffer to fill next: another, or the same if it is done with it. */
  take(chunk: Buffer, length: number): Buffer;
}

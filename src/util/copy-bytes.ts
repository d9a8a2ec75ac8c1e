/** Copies bytes: by hand while short, where a call would cost more than the loop. */
export function copyBytes(src: Uint8Array, from: number, len: number, dst: Uint8Array, to: number): void {
  if (len <= 48) {
    for (let i = 0; i < len; i++) dst[to + i] = src[from + i]!;
  } else if (from === 0 && len === src.length) {
    dst.set(src, to);
  } else {
    dst.set(src.subarray(from, from + len), to);
  }
}

/** A copy of bytes, in memory of their own. (`slice` of a Buffer is a view.) */
export function copyOf(bytes: Uint8Array, off: number, len: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, off, off + len);
}

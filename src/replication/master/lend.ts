/**
 * Bytes lent to a link: of a socket without a copy; a link made of memory gets one, and has them at once.
 */
import type { Link } from '../../engine/client.ts';

/** True: they have gone; else `gone` is called when they have, unless the link is lost. */
export function lendTo(link: Link, bytes: Uint8Array, gone: () => void): boolean {
  if (link.lend !== undefined) return link.lend(bytes, gone);
  link.send(Buffer.from(bytes), bytes.length);
  return true;
}

/**
 * Checking a user and password. Until there are ACL users the only one is `default`, with the password
 * `requirepass`, or with any password when that is empty.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { bytesOf } from '../../util/latin1.ts';
import type { Engine } from '../engine.ts';

export const DEFAULT_USER = 'default';

/** Whether this is the password of that user. It takes as long for a wrong one as for the right one. */
export function isPasswordOf(engine: Engine, user: string, password: Uint8Array): boolean {
  const { requirepass } = engine.config.values;
  // Hashes have one length, so that not even that of the password shows.
  const matches = timingSafeEqual(hash(password), hash(bytesOf(requirepass)));
  return user === DEFAULT_USER && (requirepass === '' || matches);
}

function hash(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

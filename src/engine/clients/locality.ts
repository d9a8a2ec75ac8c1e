/**
 * Whether a client comes from this machine: what `enable-debug-command local` and the like ask.
 */
import type { Client } from '../client.ts';

export function isLocal(client: Client): boolean {
  const { kind, peer } = client.link;
  return kind !== 'tcp' || /^(?:127\.|\[?::1\]?:|\[?::ffff:127\.)/.test(peer);
}

/** Whether a client may use what a parameter guards. */
export function mayUse(client: Client, choice: 'no' | 'yes' | 'local'): boolean {
  return choice === 'yes' || (choice === 'local' && isLocal(client));
}

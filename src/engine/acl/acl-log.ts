/**
 * ACL LOG: who was refused what. Events of one kind within a minute are one entry that counts them; the newest entry
 * comes first. What users send is cut, so that the log's size has a limit.
 */

import { bytesOf, latin1Of } from '../../util/latin1.ts';
import type { Client } from '../client.ts';
import { clientLine } from '../clients/client-line.ts';

export type DenialReason = 'auth' | 'command' | 'key' | 'channel';
export type DenialContext = 'toplevel' | 'multi' | 'lua' | 'module';

export interface AclLogEntry {
  count: number;
  readonly reason: DenialReason;
  readonly context: DenialContext;
  readonly object: string;
  readonly username: string;
  /** Wall clock of the latest event, ms. */
  timeMs: number;
  clientInfo: string;
}

/** Events that are further apart are two entries. */
const SAME_WITHIN_MS = 60_000;
/** So many of the newest entries are looked at for one that an event belongs to. */
const LOOKED_AT = 10;
/** Bytes kept of a key, a channel, a user's name, or what CLIENT LIST says of a client. */
export const ACL_LOG_TEXT_MAX = 64 * 1024;

export class AclLog {
  #entries: AclLogEntry[] = [];

  get entries(): readonly AclLogEntry[] {
    return this.#entries;
  }

  /** `username` and `object` are bytes as text. */
  add(
    client: Client,
    reason: DenialReason,
    context: DenialContext,
    fullObject: string,
    fullName: string,
    maxLength: number,
  ): void {
    const object = cut(fullObject);
    const username = cut(fullName);
    const timeMs = client.engine.nowMs;
    const clientInfo = cut(clientLine(client));
    const known = this.#entries
      .slice(0, LOOKED_AT)
      .find(
        (entry) =>
          entry.reason === reason &&
          entry.context === context &&
          Math.abs(timeMs - entry.timeMs) <= SAME_WITHIN_MS &&
          entry.object === object &&
          entry.username === username,
      );
    if (known !== undefined) {
      known.count++;
      known.timeMs = timeMs;
      known.clientInfo = clientInfo;
      this.#entries = [known, ...this.#entries.filter((entry) => entry !== known)];
      return;
    }
    this.#entries.unshift({ count: 1, reason, context, object, username, timeMs, clientInfo });
    if (this.#entries.length > maxLength) this.#entries.length = maxLength;
  }

  clear(): void {
    this.#entries = [];
  }
}

/** The beginning of a text. It is a text of its own: as a slice it would keep all of the long one alive. */
function cut(text: string): string {
  return text.length <= ACL_LOG_TEXT_MAX ? text : latin1Of(bytesOf(text.slice(0, ACL_LOG_TEXT_MAX)));
}

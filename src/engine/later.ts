/**
 * Replies that come after the command: the client is stopped until `promise` is settled, then answered.
 */
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { Client } from './client.ts';
import { STOP_BLOCKED } from './gates.ts';

/**
 * Holds the client back until `promise` settles, then writes its reply. If the client is gone by then, the work is
 * still done, and nobody is told. A rejection is our mistake and ends the process like any other.
 */
export function replyLater<T>(
  client: Client,
  promise: Promise<T>,
  write: (out: ReplyWriter, result: T) => void,
): void {
  let gone = false;
  client.stopped |= STOP_BLOCKED;
  client.blocked = {
    kind: 'work',
    unblockable: false,
    cancel: () => {
      gone = true;
    },
  };
  void promise.then((result) => {
    if (gone) return;
    client.blocked = null;
    client.engine.deliver(client, (out) => write(out, result));
    client.stopped &= ~STOP_BLOCKED;
    client.link.resume();
  });
}

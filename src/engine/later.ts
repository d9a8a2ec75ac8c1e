/**
 * Replies that come after the command: the client is stopped until `promise` is settled, then answered.
 */
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { Blocked, Client } from './client.ts';
import { GATE_REPLY_OFF, GATE_REPLY_SKIP, STOP_BLOCKED } from './gates.ts';

/**
 * Holds the client back until `promise` settles, then writes its reply. If the client is gone by then, the work is
 * still done, and nobody is told; so it is for a client that wants no replies (CLIENT REPLY OFF or SKIP). A rejection
 * is our mistake and ends the process like any other. `kind` is what INFO takes it for.
 */
export function replyLater<T>(
  client: Client,
  promise: Promise<T>,
  write: (out: ReplyWriter, result: T) => void,
  kind: Blocked['kind'] = 'work',
): void {
  const { transactions } = client.engine;
  if (transactions.isExecuting(client)) {
    transactions.replyLater(
      client,
      promise.then((result) => (out: ReplyWriter) => write(out, result)),
    );
    return;
  }
  let gone = false;
  client.stopped |= STOP_BLOCKED;
  client.blocked = {
    kind,
    unblockable: false,
    cancel: () => {
      gone = true;
    },
  };
  void promise.then((result) => {
    const quiet = gone || (client.gates & (GATE_REPLY_OFF | GATE_REPLY_SKIP)) !== 0;
    // What is written may also be counted or logged, heard or not.
    if (quiet) write(new ReplyWriter(NOBODY, 256), result);
    else client.engine.deliver(client, (out) => write(out, result));
    if (gone) return;
    client.gates &= ~GATE_REPLY_SKIP;
    client.blocked = null;
    client.stopped &= ~STOP_BLOCKED;
    client.link.resume();
  });
}

const NOBODY = { send: (): boolean => true };

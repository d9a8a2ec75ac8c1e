/**
 * What SRANDMEMBER, ZRANDMEMBER and HRANDFIELD give for a negative count: as many elements as were asked for, the same
 * ones again and again. Nobody takes 2^63 of them. Redis, which buffers the whole reply, ends with its memory or at the
 * output limit; here the client is closed.
 */
import { type Client, STOP_CLOSING } from '../engine/client.ts';

/** A longer reply ends the connection. */
const REPLY_BYTES_MAX = 2 ** 30;
/** With an output limit up to this, a reply that will exceed it isn't begun: who has its head waits for all the rest. */
const HELD_MAX = 64 * 1024 * 1024;

/** Calls `give`, which writes one element to the client's reply, `count` times; fewer if the client is lost by that. */
export function replyRepeatedly(client: Client, count: number, give: () => void): void {
  const { out } = client;
  const { hardBytes } = client.engine.config.values['client-output-buffer-limit'].normal;
  const end =
    out.flushed + out.pos + (hardBytes === 0 ? REPLY_BYTES_MAX : Math.min(hardBytes, REPLY_BYTES_MAX));
  const { hold } = out;
  if (hardBytes !== 0 && hardBytes <= HELD_MAX) out.hold = true;
  for (let i = 0; i < count && (client.stopped & STOP_CLOSING) === 0; i++) {
    give();
    if (out.flushed + out.pos > end) client.engine.clients.limits.closeForOutput(client);
  }
  out.hold = hold;
}

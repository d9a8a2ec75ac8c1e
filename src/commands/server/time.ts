/** TIME: the wall clock, as seconds and the microseconds of the second. */
import type { Client } from '../../engine/client.ts';

export function time(client: Client): void {
  const us = client.engine.wallClock.wallUs();
  const seconds = Math.floor(us / 1e6);
  client.out.array(2);
  client.out.bulkInt(seconds);
  client.out.bulkInt(us - seconds * 1e6);
}

/**
 * DUMP: a value as bytes that RESTORE takes, here or on a real server.
 */
import type { Client } from '../../engine/client.ts';
import { dumpValue } from '../../rdb/save/dump.ts';
import type { Args } from '../../resp/args.ts';

export function dump(client: Client, args: Args): void {
  const { keyspace, config } = client.engine;
  const ref = keyspace.lookupRead(client.db, args.buf, args.off[1]!, args.len[1]!);
  if (ref === 0) {
    client.out.null();
    return;
  }
  const payload = dumpValue(client.db, ref, config.values.rdbcompression);
  client.out.bulk(payload, 0, payload.length);
}

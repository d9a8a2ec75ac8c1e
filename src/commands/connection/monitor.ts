/**
 * MONITOR. The stream itself is engine/monitors.ts.
 */
import { type Client, GATE_MONITOR } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';

export function monitor(client: Client): void {
  // It will not be answered command by command any more, which EXEC relies on.
  if (client.engine.transactions.isExecuting(client)) {
    throw errors.err("MONITOR isn't allowed for DENY BLOCKING client");
  }
  // A second MONITOR is not answered, as in Redis: its reply would stand among the lines.
  if ((client.gates & GATE_MONITOR) !== 0) return;
  client.out.ok();
  client.engine.monitors.add(client);
}

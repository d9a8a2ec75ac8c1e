/**
 * MONITOR. The stream itself is engine/monitors.ts.
 */
import { type Client, GATE_MONITOR } from '../../engine/client.ts';

export function monitor(client: Client): void {
  // A second MONITOR is not answered, as in Redis: its reply would stand among the lines.
  if ((client.gates & GATE_MONITOR) !== 0) return;
  client.out.ok();
  client.engine.monitors.add(client);
}

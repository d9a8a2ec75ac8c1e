/**
 * INFO of a sentinel. It has five sections; of those that it shares with a data node the lines are the same. Names of
 * sections that it does not have are passed over, as are names of none.
 */

import * as base from '../../commands/server/info/base.ts';
import { stats } from '../../commands/server/info/stats.ts';
import type { Client } from '../../engine/client.ts';
import type { Engine } from '../../engine/engine.ts';
import { InfoText } from '../../engine/figures/info.ts';
import type { Args } from '../../resp/args.ts';
import { announced } from '../core/address.ts';
import { has, ODOWN, SDOWN } from '../core/instance.ts';
import type { Sentinel } from '../parts.ts';

interface Section {
  readonly name: string;
  readonly title: string;
  readonly write: (out: InfoText, engine: Engine, sentinel: Sentinel) => void;
}

const SECTIONS: readonly Section[] = [
  { name: 'server', title: 'Server', write: base.server },
  { name: 'clients', title: 'Clients', write: base.clients },
  { name: 'stats', title: 'Stats', write: stats },
  { name: 'cpu', title: 'CPU', write: base.cpu },
  { name: 'sentinel', title: 'Sentinel', write: (out, _engine, sentinel) => sentinelLines(out, sentinel) },
];

/** Words that stand for all sections. */
const ALL: readonly string[] = ['default', 'all', 'everything'];

export function info(sentinel: Sentinel, client: Client, args: Args): void {
  const { engine } = client;
  const words = new Set<string>();
  for (let i = 1; i < args.count; i++) words.add(args.lower(i));
  const all = args.count === 1 || ALL.some((word) => words.has(word));
  engine.settle();
  const texts: string[] = [];
  for (const { name, title, write } of SECTIONS) {
    if (!all && !words.has(name)) continue;
    const out = new InfoText(engine.info.fields);
    write(out, engine, sentinel);
    texts.push(`# ${title}\r\n${out.text}`);
  }
  // Not verbatim, under RESP3 neither.
  client.out.bulkText(texts.join('\r\n'));
}

function sentinelLines(out: InfoText, sentinel: Sentinel): void {
  const { state, now } = sentinel;
  out.field('sentinel_masters', state.masters.size);
  out.field('sentinel_tilt', state.tilt ? 1 : 0);
  out.field('sentinel_tilt_since_seconds', state.tilt ? Math.floor((now - state.tiltSince) / 1000) : -1);
  out.field('sentinel_running_scripts', sentinel.runningScripts);
  out.field('sentinel_scripts_queue_length', sentinel.pendingScripts().length);
  out.field(
    'sentinel_simulate_failure_flags',
    (state.crashAfterElection ? 1 : 0) + (state.crashAfterPromotion ? 2 : 0),
  );
  let number = 0;
  for (const master of state.masters.values()) {
    const status = has(master, ODOWN) ? 'odown' : has(master, SDOWN) ? 'sdown' : 'ok';
    const address = `${announced(master.address, state.announceHostnames)}:${master.address.port}`;
    out.field(
      `master${number++}`,
      `name=${master.name},status=${status},address=${address},` +
        `slaves=${master.replicas.size},sentinels=${master.sentinels.size + 1}`,
    );
  }
}

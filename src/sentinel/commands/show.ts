/** The subcommands of SENTINEL that only tell, and ROLE. */
import type { Client } from '../../engine/client.ts';
import type { Args } from '../../resp/args.ts';
import { announced } from '../core/address.ts';
import { has, type Instance, NEVER, ODOWN, SDOWN } from '../core/instance.ts';
import { currentAddress } from '../core/registry.ts';
import type { PendingScript, Sentinel } from '../parts.ts';
import * as errors from './errors.ts';
import { writeInstance, writeInstances } from './instance-reply.ts';
import { masterAt } from './masters.ts';

export function masters({ state, now }: Sentinel, { out }: Client): void {
  writeInstances(out, state, [...state.masters.values()], now);
}

export function master(sentinel: Sentinel, { out }: Client, args: Args): void {
  writeInstance(out, sentinel.state, masterAt(sentinel, args), sentinel.now);
}

/** One that has `replica-announced no` is watched, but not shown. */
export function replicas(sentinel: Sentinel, { out }: Client, args: Args): void {
  const known = [...masterAt(sentinel, args).replicas.values()];
  const shown = known.filter(({ replicaAnnounced }) => replicaAnnounced);
  writeInstances(out, sentinel.state, shown, sentinel.now);
}

export function sentinels(sentinel: Sentinel, { out }: Client, args: Args): void {
  writeInstances(out, sentinel.state, [...masterAt(sentinel, args).sentinels.values()], sentinel.now);
}

export function myId({ state }: Sentinel, { out }: Client): void {
  out.bulkText(state.myId);
}

/** The address that clients should use: that of the promoted replica already while the others are reconfigured. */
export function address({ state }: Sentinel, { out }: Client, args: Args): void {
  const found = state.masters.get(args.text(2));
  if (found === undefined) {
    out.nullArray();
    return;
  }
  const current = currentAddress(found);
  out.array(2);
  out.bulkText(announced(current, state.announceHostnames));
  out.bulkInt(current.port);
}

/** For each master that is named: its name, and the age and text of the last INFO of it and of its replicas. */
export function infoCache({ state, now }: Sentinel, { out }: Client, args: Args): void {
  const found = new Set<Instance>();
  for (let i = 2; i < args.count; i++) {
    const named = state.masters.get(args.text(i));
    if (named !== undefined) found.add(named);
  }
  out.array(found.size * 2);
  for (const one of found) {
    out.bulkText(one.name);
    out.array(one.replicas.size + 1);
    for (const instance of [one, ...one.replicas.values()]) {
      out.array(2);
      out.int(instance.infoAt === NEVER ? 0 : Math.max(0, Math.floor(now - instance.infoAt)));
      if (instance.info === '') out.null();
      else out.bulkText(instance.info);
    }
  }
}

/** Counts this sentinel and all others that are not known to be down. */
export function ckQuorum(sentinel: Sentinel, { out }: Client, args: Args): void {
  const found = masterAt(sentinel, args);
  const others = [...found.sentinels.values()];
  const usable = 1 + others.filter((other) => !has(other, SDOWN | ODOWN)).length;
  const reasons: string[] = [];
  if (usable < found.quorum) {
    reasons.push('Not enough available Sentinels to reach the specified quorum for this master');
  }
  if (usable < Math.floor((others.length + 1) / 2) + 1) {
    reasons.push('Not enough available Sentinels to reach the majority and authorize a failover');
  }
  if (reasons.length > 0) throw errors.noQuorum(usable, reasons);
  out.simple(`OK ${usable} usable Sentinels. Quorum and failover authorization can be reached`);
}

export function pendingScripts(sentinel: Sentinel, { out }: Client): void {
  const scripts = sentinel.pendingScripts();
  out.array(scripts.length);
  for (const script of scripts) {
    const fields = scriptFields(script);
    out.map(fields.length + 1);
    out.bulkText('argv');
    out.array(script.words.length);
    for (const word of script.words) out.bulkText(word);
    for (const [name, value] of fields) {
      out.bulkText(name);
      out.bulkText(value);
    }
  }
}

function scriptFields(script: PendingScript): (readonly [string, string])[] {
  const waits: readonly [string, string] = script.running
    ? ['run-time', String(Math.floor(script.runTimeMs))]
    : ['run-delay', String(Math.max(0, Math.floor(script.delayMs)))];
  return [
    ['flags', script.running ? 'running' : 'scheduled'],
    ['pid', String(script.pid)],
    waits,
    ['retry-num', String(script.retries)],
  ];
}

export function role({ state }: Sentinel, { out }: Client): void {
  out.array(2);
  out.bulkText('sentinel');
  out.array(state.masters.size);
  for (const name of state.masters.keys()) out.bulkText(name);
}

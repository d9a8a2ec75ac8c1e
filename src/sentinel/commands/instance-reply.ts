/**
 * An instance as SENTINEL MASTERS, REPLICAS and SENTINELS show it: a map of texts. Times are told as how long ago they
 * were. Which fields there are, and in which order, is redis-sentinel's; clients go by their names.
 */
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { announced } from '../core/address.ts';
import {
  FAILOVER_IN_PROGRESS,
  FORCE_FAILOVER,
  has,
  type Instance,
  type Kind,
  MASTER_DOWN,
  MASTER_REBOOT,
  NEVER,
  ODOWN,
  PROMOTED,
  RECONF_DONE,
  RECONF_INPROG,
  RECONF_SENT,
  SCRIPT_KILL_SENT,
  SDOWN,
} from '../core/instance.ts';
import type { SentinelState } from '../core/state.ts';

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  master: 'master',
  replica: 'slave',
  sentinel: 'sentinel',
};

/** Behind the kind and "disconnected". */
const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [MASTER_DOWN, 'master_down'],
  [FAILOVER_IN_PROGRESS, 'failover_in_progress'],
  [PROMOTED, 'promoted'],
  [RECONF_SENT, 'reconf_sent'],
  [RECONF_INPROG, 'reconf_inprog'],
  [RECONF_DONE, 'reconf_done'],
  [FORCE_FAILOVER, 'force_failover'],
  [SCRIPT_KILL_SENT, 'script_kill_sent'],
  [MASTER_REBOOT, 'master_reboot'],
];

type Field = readonly [name: string, value: string | number];

/** @param now Monotonic ms, as the core has it. */
export function writeInstance(out: ReplyWriter, state: SentinelState, instance: Instance, now: number): void {
  const fields = fieldsOf(state, instance, now);
  out.map(fields.length);
  for (const [name, value] of fields) {
    out.bulkText(name);
    out.bulkText(String(value));
  }
}

export function writeInstances(
  out: ReplyWriter,
  state: SentinelState,
  instances: readonly Instance[],
  now: number,
): void {
  out.array(instances.length);
  for (const instance of instances) writeInstance(out, state, instance, now);
}

function fieldsOf(state: SentinelState, instance: Instance, now: number): Field[] {
  const { link, kind } = instance;
  const ago = (time: number): number => (time === NEVER ? 0 : elapsed(now, time));
  const fields: Field[] = [
    ['name', instance.name],
    ['ip', announced(instance.address, state.announceHostnames)],
    ['port', instance.address.port],
    ['runid', instance.runId],
    ['flags', flagWords(instance)],
    ['link-pending-commands', link.pendingCommands],
    ['link-refcount', link.users.size],
  ];
  if (has(instance, FAILOVER_IN_PROGRESS)) fields.push(['failover-state', instance.failoverState]);
  fields.push(
    ['last-ping-sent', ago(link.oldestPing)],
    ['last-ok-ping-reply', elapsed(now, link.lastAvailable)],
    ['last-ping-reply', elapsed(now, link.lastPong)],
  );
  if (has(instance, SDOWN)) fields.push(['s-down-time', elapsed(now, instance.sDownSince)]);
  if (has(instance, ODOWN)) fields.push(['o-down-time', elapsed(now, instance.oDownSince)]);
  fields.push(['down-after-milliseconds', instance.downAfterMs]);
  if (kind !== 'sentinel') {
    fields.push(
      ['info-refresh', ago(instance.infoAt)],
      ['role-reported', KIND_WORDS[instance.roleReported]],
      ['role-reported-time', elapsed(now, instance.roleReportedAt)],
    );
  }
  if (kind === 'master') fields.push(...masterFields(instance));
  else if (kind === 'replica') fields.push(...replicaFields(instance));
  else fields.push(...sentinelFields(instance, now));
  return fields;
}

function masterFields(master: Instance): Field[] {
  const fields: Field[] = [
    ['config-epoch', master.configEpoch],
    ['num-slaves', master.replicas.size],
    ['num-other-sentinels', master.sentinels.size],
    ['quorum', master.quorum],
    ['failover-timeout', master.failoverTimeoutMs],
    ['parallel-syncs', master.parallelSyncs],
  ];
  if (master.notificationScript !== '') fields.push(['notification-script', master.notificationScript]);
  if (master.clientReconfigScript !== '')
    fields.push(['client-reconfig-script', master.clientReconfigScript]);
  return fields;
}

function replicaFields(replica: Instance): Field[] {
  return [
    ['master-link-down-time', replica.masterLinkDownMs],
    ['master-link-status', replica.masterLinkUp ? 'ok' : 'err'],
    ['master-host', replica.masterHost === '' ? '?' : replica.masterHost],
    ['master-port', replica.masterPort],
    ['slave-priority', replica.priority],
    ['slave-repl-offset', replica.replOffset],
    ['replica-announced', replica.replicaAnnounced ? 1 : 0],
  ];
}

function sentinelFields(sentinel: Instance, now: number): Field[] {
  return [
    ['last-hello-message', elapsed(now, sentinel.lastHello)],
    ['voted-leader', sentinel.leader === '' ? '?' : sentinel.leader],
    ['voted-leader-epoch', sentinel.leaderEpoch],
  ];
}

function elapsed(now: number, since: number): number {
  return Math.max(0, Math.floor(now - since));
}

function flagWords(instance: Instance): string {
  const words: string[] = [];
  if (has(instance, SDOWN)) words.push('s_down');
  if (has(instance, ODOWN)) words.push('o_down');
  words.push(KIND_WORDS[instance.kind]);
  if (instance.link.disconnected) words.push('disconnected');
  for (const [flag, word] of FLAG_WORDS) if (has(instance, flag)) words.push(word);
  return words.join(',');
}

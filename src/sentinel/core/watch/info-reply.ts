/**
 * What INFO of a master or a replica says, and what we make of it: replicas are found, roles are compared with what we
 * expect, replicas that strayed are called back, and a failover goes on.
 *
 * Reading comes first and always; nothing of the acting half is done in TILT or after a stall.
 */
import { type Address, sameAddress } from '../address.ts';
import type { Turn } from '../context.ts';
import { onPromotedIsMaster } from '../failover/failover.ts';
import { mayFollow } from '../failover/lineage.ts';
import { noteReconfiguration, sendReplicaOf } from '../failover/reconfigure.ts';
import {
  FAILOVER_IN_PROGRESS,
  has,
  type Instance,
  MASTER_REBOOT,
  ODOWN,
  PROMOTED,
  RUN_ID_LENGTH,
  SDOWN,
} from '../instance.ts';
import { addressOf, createReplica, findReplicaAt, isUsable, replicaName } from '../registry.ts';
import { isPassive } from './tilt.ts';

/** Hello periods that a replica may call itself a master before it is called back: newer news may be on their way. */
const STRAY_HELLOS = 4;
/** Replicas of one master; INFO of somebody who lies could list more than we can watch. */
const REPLICAS_MAX = 1000;

type Role = Instance['roleReported'];

/** Takes the text of INFO. */
export function onInfo(turn: Turn, instance: Instance, text: string): void {
  instance.info = text;
  const role = read(turn, instance, text);
  instance.infoAt = turn.now;
  if (role === null) return;
  noteRole(turn, instance, role);
  if (isPassive(turn)) return;
  const { master } = instance;
  // A master that calls itself a replica is not available (down.ts): nothing is done about it here.
  if (master === null) return;
  if (role === 'master') turnedMaster(turn, instance, master);
  else followsOther(turn, instance, master);
}

/** The lines that matter. The role that it says it has; null: none. */
function read(turn: Turn, instance: Instance, text: string): Role | null {
  let role: Role | null = null;
  // What is only there in some states.
  instance.masterLinkDownMs = 0;
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    if (name === 'role') {
      if (value.startsWith('master')) role = 'master';
      else if (value.startsWith('slave')) role = 'replica';
    } else if (name === 'run_id') {
      noteRunId(turn, instance, value);
    } else if (instance.kind === 'master' && /^slave\d/.test(name)) {
      noteReplica(turn, instance, value);
    } else {
      readField(turn, instance, name, value, role);
    }
  }
  return role;
}

function readField(turn: Turn, instance: Instance, name: string, value: string, role: Role | null): void {
  switch (name) {
    case 'master_link_down_since_seconds':
      instance.masterLinkDownMs = whole(value) * 1000;
      return;
    case 'master_replid':
      instance.replId = value;
      return;
    case 'master_replid2':
      instance.replId2 = /^0*$/.test(value) ? '' : value;
      return;
    case 'master_repl_offset':
      if (role === 'master') instance.replOffset = whole(value);
      return;
    case 'second_repl_offset':
      instance.secondReplOffset = whole(value);
      return;
  }
  if (role !== 'replica') return;
  switch (name) {
    case 'master_host':
      if (value.toLowerCase() === instance.masterHost.toLowerCase()) break;
      instance.masterHost = value;
      instance.replicaConfChangedAt = turn.now;
      break;
    case 'master_port': {
      const port = whole(value);
      if (port === instance.masterPort) break;
      instance.masterPort = port;
      instance.replicaConfChangedAt = turn.now;
      break;
    }
    case 'master_link_status':
      instance.masterLinkUp = value.toLowerCase() === 'up';
      break;
    case 'slave_priority':
      instance.priority = whole(value);
      break;
    case 'slave_repl_offset':
      instance.replOffset = whole(value);
      break;
    case 'replica_announced':
      instance.replicaAnnounced = whole(value) !== 0;
      break;
  }
}

function whole(word: string): number {
  const n = Number.parseInt(word, 10);
  return Number.isSafeInteger(n) ? n : 0;
}

/** Another run id: it was started anew. */
function noteRunId(turn: Turn, instance: Instance, value: string): void {
  if (value.length < RUN_ID_LENGTH) return;
  const runId = value.slice(0, RUN_ID_LENGTH);
  if (instance.runId !== '' && instance.runId !== runId) {
    turn.event('notice', '+reboot', instance);
    if (instance.kind === 'master' && instance.masterRebootDownAfterMs !== 0) {
      instance.flags |= MASTER_REBOOT;
      instance.masterRebootSince = turn.now;
    }
  }
  instance.runId = runId;
}

/** A replica in INFO of its master: "ip=127.0.0.1,port=6380,...", or "127.0.0.1,6380,..." before Redis 2.8. */
function noteReplica(turn: Turn, master: Instance, value: string): void {
  const found = /ip=([^,]*),(?:.*,)?port=([^,]*)/.exec(value) ?? /^([^,=]*),([^,=]*)/.exec(value);
  if (found === null) return;
  const [, host = '', portWord = ''] = found;
  const port = whole(portWord);
  if (!isUsable(turn.state, host, port) || master.replicas.size >= REPLICAS_MAX) return;
  const address = addressOf(turn, host, port);
  // Its own name ("ip:port") and whether we know it already are told by what its host name resolves to: see onResolved.
  if (address.ip === '' || master.replicas.has(replicaName(turn.state, address))) return;
  if (findReplicaAt(master, address) !== null) return;
  const replica = createReplica(turn, master, host, port);
  turn.event('notice', '+slave', replica);
  turn.saveSoon();
}

/** "+role-change" if it says what we expect, "-role-change" if not. */
function noteRole(turn: Turn, instance: Instance, role: Role): void {
  if (role === instance.roleReported) return;
  instance.roleReported = role;
  instance.roleReportedAt = turn.now;
  if (role === 'replica') instance.replicaConfChangedAt = turn.now;
  turn.event(
    'verbose',
    instance.kind === role ? '+role-change' : '-role-change',
    instance,
    `new reported role is ${role === 'master' ? 'master' : 'slave'}`,
  );
}

/** A replica says that it is a master: because we made it one, or it has strayed. */
function turnedMaster(turn: Turn, replica: Instance, master: Instance): void {
  const ours = has(replica, PROMOTED) && has(master, FAILOVER_IN_PROGRESS);
  if (ours && master.failoverState === 'wait_promotion') {
    onPromotedIsMaster(turn, replica);
    return;
  }
  if (has(replica, PROMOTED)) return;
  const wait = turn.state.intervals.publishPeriod * STRAY_HELLOS;
  if (!looksSane(turn, master) || !noDownFor(turn, replica, wait)) return;
  if (turn.now - replica.roleReportedAt <= wait) return;
  callBack(turn, replica, master, '+convert-to-slave');
}

/** A replica says whom it follows. */
function followsOther(turn: Turn, replica: Instance, master: Instance): void {
  const { now } = turn;
  if (!sameAddress(followed(turn, replica), master.address)) {
    const wait = master.failoverTimeoutMs;
    if (
      looksSane(turn, master) &&
      noDownFor(turn, replica, wait) &&
      now - replica.replicaConfChangedAt > wait
    ) {
      callBack(turn, replica, master, '+fix-slave-config');
    }
  }
  noteReconfiguration(turn, replica);
}

function followed(turn: Turn, replica: Instance): Address {
  const { masterHost, masterPort } = replica;
  if (!isUsable(turn.state, masterHost, masterPort)) return { host: masterHost, ip: '', port: masterPort };
  return addressOf(turn, masterHost, masterPort);
}

/** Has a replica that has strayed follow the master, if it may be the same that we knew. */
function callBack(turn: Turn, replica: Instance, master: Instance, event: string): void {
  if (!mayFollow(turn, replica, master)) return;
  if (sendReplicaOf(turn, replica, master.address)) turn.event('notice', event, replica);
}

/** The master works, and says so: what differs from it may be put right. */
function looksSane(turn: Turn, master: Instance): boolean {
  const fresh = turn.now - master.infoAt < turn.state.intervals.infoPeriod * 2;
  return master.roleReported === 'master' && !has(master, SDOWN | ODOWN) && master.infoAt !== 0 && fresh;
}

function noDownFor(turn: Turn, instance: Instance, ms: number): boolean {
  const last = Math.max(instance.sDownSince, instance.oDownSince);
  return last === 0 || turn.now - last > ms;
}

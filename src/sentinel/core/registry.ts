/**
 * Who is known: masters, their replicas, and the sentinels of each master; how they come, go and change their address.
 *
 * A replica is known by its address, a sentinel by its run id. The sentinels of one run id that watch several masters
 * with us share one link. Nothing here tells the log of what it does, save where said: who calls knows why it is done.
 */
import { type Address, announced, isIpAddress, sameAddress } from './address.ts';
import type { Turn } from './context.ts';
import {
  FAILOVER_IN_PROGRESS,
  has,
  type Instance,
  type Kind,
  type Link,
  MASTER_DOWN,
  NEVER,
} from './instance.ts';
import type { SentinelState } from './state.ts';
import { askInfoNow } from './watch/ask.ts';
import { closeLink } from './watch/links.ts';

const DEFAULT_PRIORITY = 100;
export const DEFAULT_PARALLEL_SYNCS = 1;
/** Names whose addresses are kept; who sends us hellos could have us look up any. */
const NAMES_MAX = 10_000;

/** A new master. The caller has seen to it that the name is free. */
export function createMaster(
  state: SentinelState,
  now: number,
  given: { name: string; host: string; port: number; quorum: number },
): Instance {
  const address = knownAddress(state, given.host, given.port);
  const master = createInstance(state, now, 'master', given.name, address, null);
  master.quorum = given.quorum;
  state.masters.set(given.name, master);
  return master;
}

/** A new replica, or the one that is known at this address. */
export function createReplica(turn: Turn, master: Instance, host: string, port: number): Instance {
  return createReplicaAt(turn, master, addressOf(turn, host, port));
}

/** A new sentinel, or the one that is known with this run id. It shares the link of its namesakes. */
export function createSentinel(
  turn: Turn,
  master: Instance,
  given: { runId: string; host: string; port: number },
): Instance {
  const known = master.sentinels.get(given.runId);
  if (known !== undefined) return known;
  const address = addressOf(turn, given.host, given.port);
  const sentinel = createInstance(turn.state, turn.now, 'sentinel', given.runId, address, master);
  sentinel.runId = given.runId;
  master.sentinels.set(given.runId, sentinel);
  shareLink(turn, sentinel);
  return sentinel;
}

function createReplicaAt(turn: Turn, master: Instance, address: Address): Instance {
  const name = replicaName(turn.state, address);
  const known = master.replicas.get(name);
  if (known !== undefined) return known;
  const replica = createInstance(turn.state, turn.now, 'replica', name, address, master);
  master.replicas.set(name, replica);
  return replica;
}

/** "ip:port", "[ip]:port" where the address has colons, "host:port" with announce-hostnames. */
export function replicaName(state: SentinelState, address: Address): string {
  const host = announced(address, state.announceHostnames);
  return host.includes(':') ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

/** Forgets a replica or a sentinel. */
export function removeInstance(turn: Turn, instance: Instance): void {
  const { state } = turn;
  const { master } = instance;
  if (master !== null) {
    if (instance.kind === 'replica') master.replicas.delete(instance.name);
    else master.sentinels.delete(instance.name);
    if (master.promoted === instance) master.promoted = null;
  }
  state.instances.delete(instance.id);
  releaseLink(turn, instance);
}

/** Forgets a master with all that belongs to it. */
export function removeMaster(turn: Turn, master: Instance): void {
  for (const replica of [...master.replicas.values()]) removeInstance(turn, replica);
  for (const sentinel of [...master.sentinels.values()]) removeInstance(turn, sentinel);
  turn.state.masters.delete(master.name);
  turn.state.instances.delete(master.id);
  releaseLink(turn, master);
}

/** SENTINEL RESET: its replicas and sentinels are found anew, its failover is forgotten. Tells of +reset-master. */
export function resetMaster(turn: Turn, master: Instance, options: { keepSentinels?: boolean } = {}): void {
  forget(turn, master, options.keepSentinels === true);
  turn.event('warning', '+reset-master', master);
}

function forget(turn: Turn, master: Instance, keepSentinels: boolean): void {
  const { now } = turn;
  for (const replica of [...master.replicas.values()]) removeInstance(turn, replica);
  if (!keepSentinels) {
    for (const sentinel of [...master.sentinels.values()]) removeInstance(turn, sentinel);
  }
  closeLink(turn, master.link);
  master.flags = 0;
  master.leader = '';
  master.failoverState = 'none';
  master.failoverStateChangedAt = NEVER;
  // A new failover may begin at once.
  master.failoverStartAt = NEVER;
  master.promoted = null;
  master.runId = '';
  master.masterHost = '';
  master.link.oldestPing = now;
  master.link.lastPing = NEVER;
  master.link.lastAvailable = now;
  master.link.lastPong = now;
  // The new address is tried at the next tick: waiting for the pace of the old one would look like silence.
  master.link.lastReconnect = NEVER;
  master.roleReported = 'master';
  master.roleReportedAt = now;
  // What INFO said was said by another instance, perhaps; it is asked as soon as there is a connection.
  master.infoAt = NEVER;
  master.replId = '';
  master.replId2 = '';
  master.replOffset = 0;
  master.secondReplOffset = 0;
}

/**
 * The master is another instance from now on. The replicas stay, but for the one that is the master now; the old
 * address is a replica. Tells of +slave for each, and saves.
 */
export function changeMasterAddress(turn: Turn, master: Instance, host: string, port: number): void {
  const target = addressOf(turn, host, port);
  const before = master.address;
  const others = [...master.replicas.values()]
    .map((replica) => replica.address)
    .filter((address) => !sameAddress(address, target));
  if (!sameAddress(before, target)) others.push(before);
  forget(turn, master, true);
  // They have said so of the old address.
  for (const sentinel of master.sentinels.values()) sentinel.flags &= ~MASTER_DOWN;
  master.address = target;
  master.oDownSince = NEVER;
  master.sDownSince = NEVER;
  for (const address of others) {
    const size = master.replicas.size;
    const replica = createReplicaAt(turn, master, { ...address });
    if (master.replicas.size > size) turn.event('notice', '+slave', replica);
  }
  turn.save();
}

export function findMaster(state: SentinelState, name: string): Instance | null {
  return state.masters.get(name) ?? null;
}

/** By the name or the address that it is known by. */
export function findReplica(master: Instance, host: string, port: number): Instance | null {
  for (const replica of master.replicas.values()) {
    const { address } = replica;
    if (address.port === port && (address.host === host || address.ip === host)) return replica;
  }
  return null;
}

/** The same for an address whose name may have been resolved. */
export function findReplicaAt(master: Instance, address: Address): Instance | null {
  for (const replica of master.replicas.values()) {
    if (sameAddress(replica.address, address)) return replica;
  }
  return null;
}

/** Where clients should go: to the promoted replica as soon as it has said that it is a master. */
export function currentAddress(master: Instance): Address {
  const { promoted, failoverState } = master;
  const through = failoverState === 'reconf_slaves' || failoverState === 'update_config';
  return through && promoted !== null && has(master, FAILOVER_IN_PROGRESS)
    ? promoted.address
    : master.address;
}

/** An address as somebody has told it. A name that is not known yet is looked up; until then its `ip` is ''. */
export function addressOf(turn: Turn, host: string, port: number): Address {
  const address = knownAddress(turn.state, host, port);
  if (address.ip === '' && turn.state.resolveHostnames) turn.actions.push({ type: 'resolve', host });
  return address;
}

/** Whether somebody may be told by this address: a port that there is, a name only with resolve-hostnames. */
export function isUsable(state: SentinelState, host: string, port: number): boolean {
  if (!Number.isInteger(port) || port < 0 || port > 65535 || host === '') return false;
  // A name stands in our file as one word.
  return isIpAddress(host) || (state.resolveHostnames && /^[!-~]{1,255}$/.test(host));
}

/**
 * A name was looked up. Until that succeeds again, its last address counts. If it is new, it may be that of a replica
 * in a master's INFO, which is asked for once more.
 */
export function onResolved(turn: Turn, host: string, ip: string): void {
  const { names, instances, masters } = turn.state;
  if (!names.delete(host)) for (const master of masters.values()) askInfoNow(turn, master);
  names.set(host, ip);
  for (const { address } of instances.values()) if (address.host === host) address.ip = ip;
  if (names.size <= NAMES_MAX) return;
  // The one that was looked up the longest ago: those that are in use are, again and again.
  for (const oldest of names.keys()) {
    names.delete(oldest);
    break;
  }
}

function knownAddress(state: SentinelState, host: string, port: number): Address {
  return { host, ip: isIpAddress(host) ? host : (state.names.get(host) ?? ''), port };
}

/** A sentinel that watches several masters with us needs one link only. */
function shareLink(turn: Turn, sentinel: Instance): void {
  if (sentinel.runId === '' || sentinel.link.users.size > 1) return;
  for (const master of turn.state.masters.values()) {
    const namesake = master.sentinels.get(sentinel.runId);
    if (namesake === undefined || namesake === sentinel) continue;
    releaseLink(turn, sentinel);
    sentinel.link = namesake.link;
    sentinel.link.users.add(sentinel);
    return;
  }
}

function releaseLink(turn: Turn, instance: Instance): void {
  const { link } = instance;
  link.users.delete(instance);
  if (link.users.size > 0) return;
  closeLink(turn, link);
  turn.state.links.delete(link.id);
}

function createLink(state: SentinelState, now: number): Link {
  const link: Link = {
    id: state.nextId++,
    users: new Set(),
    command: 0,
    pubsub: 0,
    localIp: '',
    disconnected: true,
    pendingCommands: 0,
    commandSince: NEVER,
    pubsubSince: NEVER,
    pubsubActivity: NEVER,
    lastAvailable: now,
    // As if a PING had been sent: who never answers at all is down after its time, too.
    oldestPing: now,
    lastPing: NEVER,
    lastPong: now,
    lastReconnect: NEVER,
  };
  state.links.set(link.id, link);
  return link;
}

function createInstance(
  state: SentinelState,
  now: number,
  kind: Kind,
  name: string,
  address: Address,
  master: Instance | null,
): Instance {
  const { intervals } = state;
  const instance: Instance = {
    id: state.nextId++,
    kind,
    name,
    flags: 0,
    runId: '',
    configEpoch: 0,
    address,
    link: createLink(state, now),
    master,
    lastPublished: now,
    lastHello: now,
    lastMasterDownReply: now,
    sDownSince: NEVER,
    oDownSince: NEVER,
    downAfterMs: master?.downAfterMs ?? intervals.defaultDownAfter,
    masterRebootDownAfterMs: 0,
    masterRebootSince: NEVER,
    infoAt: NEVER,
    info: '',
    infoWaits: 0,
    helloWaits: 0,
    renamedCommands: new Map(),
    roleReported: kind === 'replica' ? 'replica' : 'master',
    roleReportedAt: now,
    replicaConfChangedAt: now,
    replId: '',
    replId2: '',
    replOffset: 0,
    secondReplOffset: 0,
    sentinels: new Map(),
    replicas: new Map(),
    quorum: master?.quorum ?? 0,
    parallelSyncs: DEFAULT_PARALLEL_SYNCS,
    authPass: '',
    authUser: '',
    requireSameLineage: false,
    notificationScript: '',
    clientReconfigScript: '',
    masterLinkDownMs: 0,
    priority: DEFAULT_PRIORITY,
    replicaAnnounced: true,
    reconfSentAt: NEVER,
    masterHost: '',
    masterPort: 0,
    masterLinkUp: false,
    leader: '',
    leaderEpoch: 0,
    failoverEpoch: 0,
    failoverState: 'none',
    failoverStateChangedAt: NEVER,
    failoverStartAt: NEVER,
    failoverTimeoutMs: intervals.defaultFailoverTimeout,
    electionAt: NEVER,
    failoverDelayLogged: NEVER,
    promoted: null,
  };
  instance.link.users.add(instance);
  state.instances.set(instance.id, instance);
  return instance;
}

/**
 * What a sentinel knows of the instances it watches: masters, their replicas, and the other sentinels of each master.
 * Plain data; who changes what stands in the files by sense. Times are the core's monotonic ms; NEVER means that it
 * has not happened.
 */
import type { Address } from './address.ts';

export type Kind = 'master' | 'replica' | 'sentinel';

export const NEVER = 0;

/** Hex digits of a run id, and of a sentinel's own id. */
export const RUN_ID_LENGTH = 40;

// Flags of an instance. In brackets the word that SENTINEL MASTERS shows.
/** [s_down] It does not answer us. */
export const SDOWN = 1 << 0;
/** [o_down] Enough sentinels say so (masters only). */
export const ODOWN = 1 << 1;
/** [master_down] This sentinel has told us that the master is down. */
export const MASTER_DOWN = 1 << 2;
/** [failover_in_progress] */
export const FAILOVER_IN_PROGRESS = 1 << 3;
/** [promoted] The replica that this failover makes a master. */
export const PROMOTED = 1 << 4;
/** [reconf_sent] It was told to follow the new master. */
export const RECONF_SENT = 1 << 5;
/** [reconf_inprog] It says that it follows the new master, and is not there yet. */
export const RECONF_INPROG = 1 << 6;
/** [reconf_done] */
export const RECONF_DONE = 1 << 7;
/** [force_failover] Asked for by SENTINEL FAILOVER. */
export const FORCE_FAILOVER = 1 << 8;
/** [script_kill_sent] */
export const SCRIPT_KILL_SENT = 1 << 9;
/** [master_reboot] It has started anew, with another run id, and may be empty. */
export const MASTER_REBOOT = 1 << 10;
/** Asked for by SENTINEL FAILOVER ... COORDINATED. Ours. */
export const COORDINATED = 1 << 11;

export type FailoverState =
  | 'none'
  | 'wait_start'
  | 'select_slave'
  | 'send_slaveof_noone'
  | 'wait_promotion'
  | 'reconf_slaves'
  | 'update_config';

/** The two connections to an instance; shared by the sentinels of one run id that watch several masters with us. */
export interface Link {
  readonly id: number;
  /** Instances that use it. */
  readonly users: Set<Instance>;
  /** The generation of the command connection (see protocol.ts), 0: there is none. */
  command: number;
  /** The same of the Pub/Sub connection. */
  pubsub: number;
  /** The address of our end of the command connection, '' until it is open: what hellos tell as our own. */
  localIp: string;
  /** A connection is missing. */
  disconnected: boolean;
  /** Commands on the command connection that wait for their reply. */
  pendingCommands: number;
  commandSince: number;
  pubsubSince: number;
  /** Something came on the Pub/Sub connection. */
  pubsubActivity: number;
  /** A reply to PING came that says that it works, or the link was made. */
  lastAvailable: number;
  /** When the PING was sent that waits for its reply for the longest; NEVER: none waits. */
  oldestPing: number;
  lastPing: number;
  /** Any reply to PING came. */
  lastPong: number;
  /** We tried to connect. */
  lastReconnect: number;
}

export interface Instance {
  readonly id: number;
  readonly kind: Kind;
  /** master: from the configuration; replica: "ip:port"; sentinel: its run id. */
  name: string;
  flags: number;
  /** '' unknown. */
  runId: string;
  configEpoch: number;
  address: Address;
  link: Link;
  /** Replicas and sentinels: whose. */
  readonly master: Instance | null;
  /** A hello of ours was published through it. */
  lastPublished: number;
  /** A hello of this sentinel came. */
  lastHello: number;
  /** This sentinel has answered IS-MASTER-DOWN-BY-ADDR. */
  lastMasterDownReply: number;
  sDownSince: number;
  oDownSince: number;
  downAfterMs: number;
  masterRebootDownAfterMs: number;
  masterRebootSince: number;
  /** The last INFO came. */
  infoAt: number;
  /** Its text, for SENTINEL INFO-CACHE; '' none. */
  info: string;
  /** The command connection on which an INFO (a hello) of ours waits for its reply, 0 none: one at a time. */
  infoWaits: number;
  helloWaits: number;
  renamedCommands: Map<string, string>;

  /** What INFO says, and since when. */
  roleReported: 'master' | 'replica';
  roleReportedAt: number;
  /** Its master, as INFO tells it, has changed. */
  replicaConfChangedAt: number;
  /** master_replid, master_replid2 and where the second ends; '' unknown. Of masters and replicas. */
  replId: string;
  replId2: string;
  replOffset: number;
  secondReplOffset: number;

  // Masters.
  readonly sentinels: Map<string, Instance>;
  readonly replicas: Map<string, Instance>;
  quorum: number;
  parallelSyncs: number;
  authPass: string;
  authUser: string;
  requireSameLineage: boolean;
  notificationScript: string;
  clientReconfigScript: string;

  // Replicas.
  masterLinkDownMs: number;
  priority: number;
  replicaAnnounced: boolean;
  reconfSentAt: number;
  masterHost: string;
  masterPort: number;
  masterLinkUp: boolean;

  // Failover. Masters; `leader` and `leaderEpoch` also of sentinels: for whom they have voted.
  leader: string;
  leaderEpoch: number;
  failoverEpoch: number;
  failoverState: FailoverState;
  failoverStateChangedAt: number;
  /** The last failover that we tried or voted for begins. */
  failoverStartAt: number;
  failoverTimeoutMs: number;
  /** The master is objectively down: we do not stand for election before this, so that not all do at once. */
  electionAt: number;
  /** For which start the log has said that there is a delay. */
  failoverDelayLogged: number;
  promoted: Instance | null;
}

export function has(instance: Instance, flag: number): boolean {
  return (instance.flags & flag) !== 0;
}

/**
 * INFO replication and ROLE: what the two sides know, under Redis's names and in its order.
 */
import type { Engine } from '../engine/engine.ts';
import type { InfoText } from '../engine/figures/info.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { History } from './history.ts';
import type { Replica } from './master/replica.ts';
import type { Replicas } from './master/replicas.ts';
import type { MasterAddress } from './parts.ts';
import type { ReplicaSide } from './replica/replica-side.ts';
import type { ReplicationStream } from './stream/replication-stream.ts';

/** What there is to tell about. */
export interface ReplicationSources {
  readonly engine: Engine;
  readonly history: History;
  readonly stream: ReplicationStream;
  readonly replicas: Replicas;
  readonly link: ReplicaSide;
  /** no-failover, waiting-for-sync or failover-in-progress. */
  readonly failoverState: string;
}

export function writeReplicationInfo(out: InfoText, sources: ReplicationSources): void {
  const { engine, history, stream, link } = sources;
  if (link.address === null) out.field('role', 'master');
  else writeLink(out, engine, link, link.address);
  writeReplicas(out, sources);
  out.field('master_failover_state', sources.failoverState);
  out.field('master_replid', history.id);
  out.field('master_replid2', history.id2);
  out.field('master_repl_offset', stream.end);
  out.field('second_repl_offset', history.secondOffset);
  out.field('repl_backlog_active', stream.isOpen ? 1 : 0);
  out.field('repl_backlog_size', engine.config.values['repl-backlog-size']);
  out.field('repl_backlog_first_byte_offset', stream.isOpen ? stream.firstByte : 0);
  out.field('repl_backlog_histlen', stream.isOpen ? stream.keptBytes : 0);
}

function writeLink(out: InfoText, engine: Engine, link: ReplicaSide, address: MasterAddress): void {
  const { values } = engine.config;
  const isUp = link.state === 'connected';
  out.field('role', 'slave');
  out.field('master_host', address.host);
  out.field('master_port', address.port);
  out.field('master_link_status', isUp ? 'up' : 'down');
  out.field('master_last_io_seconds_ago', isUp ? secondsSince(engine, link.lastIoMs) : -1);
  out.field('master_sync_in_progress', link.state === 'sync' ? 1 : 0);
  // Without a place in a history it is its first byte.
  const hasPlace = link.client !== null || link.cached !== null;
  out.field('slave_read_repl_offset', hasPlace ? link.readOffset : 1);
  out.field('slave_repl_offset', hasPlace ? link.appliedOffset : 1);
  if (link.state === 'sync') writeTransfer(out, engine, link);
  if (!isUp) out.field('master_link_down_since_seconds', secondsDown(engine, link));
  out.field('slave_priority', values['replica-priority']);
  out.field('slave_read_only', values['replica-read-only'] ? 1 : 0);
  out.field('replica_announced', values['replica-announced'] ? 1 : 0);
}

/** Before the master has said how long it is, the snapshot has -1 bytes; one without a length has 0. */
function writeTransfer(out: InfoText, engine: Engine, { payload, lastIoMs }: ReplicaSide): void {
  const total = payload?.totalBytes ?? -1;
  const taken = payload?.taken ?? 0;
  const percent = total <= 0 ? 0 : (taken / total) * 100;
  out.field('master_sync_total_bytes', total);
  out.field('master_sync_read_bytes', taken);
  out.field('master_sync_left_bytes', total - taken);
  out.field('master_sync_perc', percent.toFixed(2));
  out.field('master_sync_last_io_seconds_ago', secondsSince(engine, lastIoMs));
}

/** -1: there has never been a link. */
function secondsDown({ clock }: Engine, { downSinceMs }: ReplicaSide): number {
  if (downSinceMs === 0) return -1;
  return Math.max(0, Math.floor(clock.wallMs() / 1000) - Math.floor(downSinceMs / 1000));
}

function writeReplicas(out: InfoText, { engine, replicas }: ReplicationSources): void {
  const { values } = engine.config;
  out.field('connected_slaves', replicas.all.length);
  if (values['min-replicas-to-write'] !== 0 && values['min-replicas-max-lag'] !== 0) {
    out.field('min_slaves_good_slaves', replicas.goodCount);
  }
  for (const [i, replica] of replicas.all.entries()) {
    const { state, stateName, ackOffset, ackMs } = replica;
    const lag = state === 'online' ? secondsSince(engine, ackMs) : 0;
    out.field(
      `slave${i}`,
      `ip=${ipOf(replica)},port=${replica.about.listeningPort},state=${stateName},offset=${ackOffset},lag=${lag}`,
    );
  }
}

/** As Redis counts: by whole seconds of the wall clock. So a replica that answers once a second has a lag of 0 or 1. */
function secondsSince(engine: Engine, monoMs: number): number {
  const nowMs = engine.clock.wallMs();
  const thenMs = nowMs - (engine.clock.monoMs() - monoMs);
  return Math.max(0, Math.floor(nowMs / 1000) - Math.floor(thenMs / 1000));
}

/** The address that a replica has told, or the one that it comes from. */
export function ipOf({ about, client }: Replica): string {
  if (about.announcedIp !== '') return about.announcedIp;
  const { peer } = client.link;
  return peer.slice(0, peer.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}

export function writeRole(out: ReplyWriter, { stream, replicas, link }: ReplicationSources): void {
  const { address } = link;
  if (address !== null) {
    out.array(5);
    out.bulkText('slave');
    out.bulkText(address.host);
    out.int(address.port);
    out.bulkText(link.state);
    out.int(link.state === 'connected' ? link.appliedOffset : -1);
    return;
  }
  const online = replicas.all.filter(({ state }) => state === 'online');
  out.array(3);
  out.bulkText('master');
  out.int(stream.end);
  out.array(online.length);
  for (const replica of online) {
    out.array(3);
    out.bulkText(ipOf(replica));
    out.bulkText(String(replica.about.listeningPort));
    out.bulkText(String(replica.ackOffset));
  }
}

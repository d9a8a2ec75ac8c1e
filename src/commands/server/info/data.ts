/**
 * INFO persistence, replication, cluster and keyspace. Persistence and replication are those of a server that saves
 * nothing and replicates nobody; the features replace them (engine.info.section) when they are there.
 */
import type { Engine } from '../../../engine/engine.ts';
import type { InfoText } from '../../../engine/figures/info.ts';
import { SERVER_LOADING } from '../../../engine/gates.ts';

export function persistence(out: InfoText, engine: Engine): void {
  const startedSeconds = Math.floor((engine.host?.startedMs ?? engine.nowMs) / 1000);
  out.field('loading', (engine.gates & SERVER_LOADING) !== 0 ? 1 : 0);
  out.field('async_loading', 0);
  out.field('current_cow_peak', 0);
  out.field('current_cow_size', 0);
  out.field('current_cow_size_age', 0);
  out.field('current_fork_perc', '0.00');
  out.field('current_save_keys_processed', 0);
  out.field('current_save_keys_total', 0);
  out.field('rdb_changes_since_last_save', engine.keyspace.dirty);
  out.field('rdb_bgsave_in_progress', 0);
  out.field('rdb_last_save_time', startedSeconds);
  out.field('rdb_last_bgsave_status', 'ok');
  out.field('rdb_last_bgsave_time_sec', -1);
  out.field('rdb_current_bgsave_time_sec', -1);
  out.field('rdb_saves', 0);
  out.field('rdb_last_cow_size', 0);
  out.field('rdb_last_load_keys_expired', 0);
  out.field('rdb_last_load_keys_loaded', 0);
  out.field('aof_enabled', 0);
  out.field('aof_rewrite_in_progress', 0);
  out.field('aof_rewrite_scheduled', 0);
  out.field('aof_last_rewrite_time_sec', -1);
  out.field('aof_current_rewrite_time_sec', -1);
  out.field('aof_last_bgrewrite_status', 'ok');
  out.field('aof_rewrites', 0);
  out.field('aof_rewrites_consecutive_failures', 0);
  out.field('aof_last_write_status', 'ok');
  out.field('aof_last_cow_size', 0);
  out.field('module_fork_in_progress', 0);
  out.field('module_fork_last_cow_size', 0);
}

export function replication(out: InfoText, engine: Engine): void {
  out.field('role', 'master');
  out.field('connected_slaves', 0);
  out.field('master_failover_state', 'no-failover');
  out.field('master_replid', engine.replicationId);
  out.field('master_replid2', '0'.repeat(40));
  out.field('master_repl_offset', 0);
  out.field('second_repl_offset', -1);
  out.field('repl_backlog_active', 0);
  out.field('repl_backlog_size', engine.config.values['repl-backlog-size']);
  out.field('repl_backlog_first_byte_offset', 0);
  out.field('repl_backlog_histlen', 0);
}

export function cluster(out: InfoText, engine: Engine): void {
  out.field('cluster_enabled', engine.config.values['cluster-enabled'] ? 1 : 0);
}

export function keyspace(out: InfoText, engine: Engine): void {
  for (const db of engine.keyspace.databases) {
    if (db.size === 0) continue;
    const { count } = db.expires;
    out.field(`db${db.id}`, `keys=${db.size},expires=${count},avg_ttl=${Math.round(db.avgTtl)}`);
  }
}

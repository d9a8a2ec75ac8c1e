/**
 * INFO persistence, replication, cluster and keyspace. Persistence is told by the data files (persistence/info.ts); here
 * is what holds for an engine that has none. So it is with replication (replication/info.ts).
 */
import type { Engine } from '../../../engine/engine.ts';
import type { InfoText } from '../../../engine/figures/info.ts';

export function persistence(out: InfoText, engine: Engine): void {
  out.field('loading', 0);
  out.field('async_loading', 0);
  out.field('rdb_changes_since_last_save', engine.keyspace.dirty);
  out.field('rdb_bgsave_in_progress', 0);
  out.field('aof_enabled', 0);
}

export function replication(out: InfoText, engine: Engine): void {
  out.field('role', 'master');
  out.field('connected_slaves', 0);
  out.field('master_failover_state', 'no-failover');
  out.field('master_replid', engine.replication?.id ?? '0'.repeat(40));
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

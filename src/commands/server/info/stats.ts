/** INFO stats, commandstats, errorstats and latencystats. */
import type { Engine } from '../../../engine/engine.ts';
import type { InfoText } from '../../../engine/figures/info.ts';
import { eventLoop } from '../../../util/process-stats.ts';

export function stats(out: InfoText, engine: Engine): void {
  const { keyspace, metrics } = engine;
  const counted = engine.stats;
  const { expiry } = engine.upkeep;
  const loop = eventLoop();
  out.field('total_connections_received', counted.connectionsReceived);
  // Without this INFO itself, which has not been processed yet.
  out.field('total_commands_processed', Math.max(0, counted.commandsProcessed - 1));
  out.field('instantaneous_ops_per_sec', Math.round(metrics.commands.perSecond));
  out.field('total_net_input_bytes', counted.netInputBytes);
  out.field('total_net_output_bytes', counted.netOutputBytes);
  out.field('total_net_repl_input_bytes', counted.netReplInputBytes);
  out.field('total_net_repl_output_bytes', counted.netReplOutputBytes);
  out.field('instantaneous_input_kbps', kbps(metrics.inputBytes.perSecond));
  out.field('instantaneous_output_kbps', kbps(metrics.outputBytes.perSecond));
  out.field('instantaneous_input_repl_kbps', kbps(metrics.replInputBytes.perSecond));
  out.field('instantaneous_output_repl_kbps', kbps(metrics.replOutputBytes.perSecond));
  out.field('rejected_connections', counted.rejectedConnections);
  out.field('sync_full', counted.syncFull);
  out.field('sync_partial_ok', counted.syncPartialOk);
  out.field('sync_partial_err', counted.syncPartialErr);
  out.field('expired_keys', keyspace.expiredKeys);
  out.field('expired_stale_perc', (expiry.staleShare * 100).toFixed(2));
  out.field('expired_time_cap_reached_count', expiry.timeCapReached);
  out.field('expire_cycle_cpu_milliseconds', Math.floor(expiry.spentUs / 1000));
  out.field('evicted_keys', keyspace.evictedKeys);
  out.field('evicted_clients', counted.evictedClients);
  out.field('total_eviction_exceeded_time', 0);
  out.field('current_eviction_exceeded_time', 0);
  out.field('keyspace_hits', keyspace.hits);
  out.field('keyspace_misses', keyspace.misses);
  out.field('pubsub_channels', 0);
  out.field('pubsub_patterns', 0);
  out.field('pubsubshard_channels', 0);
  out.field('latest_fork_usec', 0);
  out.field('total_forks', 0);
  out.field('migrate_cached_sockets', engine.links.count);
  out.field('slave_expires_tracked_keys', keyspace.ownExpiries.count);
  out.field('active_defrag_hits', 0);
  out.field('active_defrag_misses', 0);
  out.field('active_defrag_key_hits', 0);
  out.field('active_defrag_key_misses', 0);
  out.field('total_active_defrag_time', 0);
  out.field('current_active_defrag_time', 0);
  out.field('tracking_total_keys', 0);
  out.field('tracking_total_items', 0);
  out.field('tracking_total_prefixes', 0);
  out.field('unexpected_error_replies', counted.unexpectedErrors);
  out.field('total_error_replies', counted.errorReplies);
  out.field('dump_payload_sanitizations', 0);
  out.field('total_reads_processed', counted.readsProcessed);
  out.field('total_writes_processed', counted.writesProcessed);
  out.field('io_threaded_reads_processed', 0);
  out.field('io_threaded_writes_processed', 0);
  // Of 7.4; too useful to be left out.
  out.field('client_query_buffer_limit_disconnections', counted.queryLimitDisconnections);
  out.field('client_output_buffer_limit_disconnections', counted.outputLimitDisconnections);
  out.field('reply_buffer_shrinks', 0);
  out.field('reply_buffer_expands', 0);
  out.field('eventloop_cycles', loop.cycles);
  out.field('eventloop_duration_sum', loop.activeUs);
  out.field('eventloop_duration_cmd_sum', commandUs(engine));
  out.field('instantaneous_eventloop_cycles_per_sec', Math.round(metrics.loopCycles.perSecond));
  out.field('instantaneous_eventloop_duration_usec', meanCycleUs(engine));
  out.field('acl_access_denied_auth', counted.denied.auth);
  out.field('acl_access_denied_cmd', counted.denied.command);
  out.field('acl_access_denied_key', counted.denied.key);
  out.field('acl_access_denied_channel', counted.denied.channel);
}

function kbps(bytesPerSecond: number): string {
  return (bytesPerSecond / 1024).toFixed(2);
}

function commandUs(engine: Engine): number {
  let us = 0;
  for (const command of engine.commands.everything()) us += command.usec;
  return Math.round(us);
}

function meanCycleUs({ metrics }: Engine): number {
  const cycles = metrics.loopCycles.perSecond;
  return cycles === 0 ? 0 : Math.round(metrics.loopUs.perSecond / cycles);
}

export function commandstats(out: InfoText, engine: Engine): void {
  for (const command of engine.commands.everything()) {
    const { calls, usec, rejectedCalls, failedCalls } = command;
    if (calls === 0 && rejectedCalls === 0 && failedCalls === 0) continue;
    const each = calls === 0 ? 0 : usec / calls;
    out.field(
      `cmdstat_${command.fullName}`,
      `calls=${calls},usec=${Math.round(usec)},usec_per_call=${each.toFixed(2)},` +
        `rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`,
    );
  }
}

export function errorstats(out: InfoText, engine: Engine): void {
  const counts = [...engine.stats.errors].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [code, count] of counts) out.field(`errorstat_${code}`, `count=${count}`);
}

export function latencystats(out: InfoText, engine: Engine): void {
  const percentiles = engine.config.values['latency-tracking-info-percentiles'];
  for (const { fullName, histogram } of engine.commands.everything()) {
    if (histogram === null || histogram.total === 0) continue;
    const texts = percentiles.map((percent) => `p${percent}=${histogram.percentile(percent).toFixed(3)}`);
    out.field(`latency_percentiles_usec_${fullName}`, texts.join(','));
  }
}

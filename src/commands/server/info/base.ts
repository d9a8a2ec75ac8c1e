/** INFO server, clients and cpu. */
import type { Client } from '../../../engine/client.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { InfoText } from '../../../engine/figures/info.ts';
import { mainThreadCpu, processCpu, systemName } from '../../../util/process-stats.ts';
import { TS_REDIS_VERSION } from '../../../util/version.ts';

const SECONDS_PER_DAY = 86400;

export function server(out: InfoText, engine: Engine): void {
  const { config, host, metrics } = engine;
  const uptime = Math.floor((engine.clock.monoMs() - metrics.startedMonoMs) / 1000);
  out.field('redis_version', config.version);
  out.field('redis_git_sha1', '00000000');
  out.field('redis_git_dirty', 0);
  out.field('redis_build_id', '0000000000000000');
  out.field('redis_mode', config.values['cluster-enabled'] ? 'cluster' : engine.mode);
  out.field('os', systemName());
  out.field('arch_bits', 64);
  out.field('monotonic_clock', 'POSIX clock_gettime');
  out.field('multiplexing_api', process.platform === 'linux' ? 'epoll' : 'libuv');
  out.field('atomicvar_api', 'none');
  out.field('gcc_version', '0.0.0');
  out.field('process_id', host?.pid ?? process.pid);
  out.field('process_supervised', host?.supervised ?? 'no');
  out.field('run_id', host?.runId ?? '0'.repeat(40));
  out.field('tcp_port', config.values.port);
  out.field('server_time_usec', engine.wallClock.wallUs());
  out.field('uptime_in_seconds', uptime);
  out.field('uptime_in_days', Math.floor(uptime / SECONDS_PER_DAY));
  out.field('hz', config.values.hz);
  out.field('configured_hz', config.values.hz);
  out.field('lru_clock', Math.floor(engine.nowMs / 1000) & 0xffffff);
  out.field('executable', host?.executable ?? '');
  out.field('config_file', host?.configFile ?? '');
  out.field('io_threads_active', 0);
  if (host?.isShuttingDown === true) out.field('shutdown_in_milliseconds', host.shutdownInMs);
  for (const [i, { name, addresses, port }] of (host?.listeners ?? []).entries()) {
    const bound = addresses.map((address) => `,bind=${address}`).join('');
    out.field(`listener${i}`, `name=${name}${bound}${port === 0 ? '' : `,port=${port}`}`);
  }
  out.field('ts_redis_version', TS_REDIS_VERSION);
  out.field('node_version', process.versions.node);
}

export function clients(out: InfoText, engine: Engine): void {
  let blocked = 0;
  let timed = 0;
  let replicas = 0;
  let input = 0;
  let output = 0;
  for (const client of engine.clients.all()) {
    if (isBlocked(client)) blocked++;
    if (client.replica !== null) replicas++;
    if (client.blocked?.timed === true) timed++;
    input = Math.max(input, client.link.inputBytes);
    output = Math.max(output, client.link.pendingBytes);
  }
  out.field('connected_clients', engine.clients.count - replicas);
  out.field('cluster_connections', 0);
  out.field('maxclients', engine.config.values.maxclients);
  out.field('client_recent_max_input_buffer', input);
  out.field('client_recent_max_output_buffer', output);
  out.field('blocked_clients', blocked);
  out.field('tracking_clients', 0);
  out.field('clients_in_timeout_table', timed);
  const awaited = engine.blocking.awaitedKeys();
  out.field('total_blocking_keys', awaited.keys);
  out.field('total_blocking_keys_on_nokey', awaited.onGone);
}

/** In the sense of Redis, where CONFIG SET and REWRITE never wait. */
function isBlocked(client: Client): boolean {
  return client.blocked !== null && client.blocked.kind !== 'work';
}

export function cpu(out: InfoText): void {
  const all = processCpu();
  const main = mainThreadCpu();
  out.field('used_cpu_sys', all.system.toFixed(6));
  out.field('used_cpu_user', all.user.toFixed(6));
  out.field('used_cpu_sys_children', '0.000000');
  out.field('used_cpu_user_children', '0.000000');
  out.field('used_cpu_sys_main_thread', main.system.toFixed(6));
  out.field('used_cpu_user_main_thread', main.user.toFixed(6));
}

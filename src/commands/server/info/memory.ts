/** INFO memory. */
import type { Engine } from '../../../engine/engine.ts';
import type { InfoText } from '../../../engine/figures/info.ts';
import { systemMemoryBytes } from '../../../util/process-stats.ts';
import { humanBytes, memoryFigures, ratio } from '../memory-figures.ts';

export function memory(out: InfoText, engine: Engine): void {
  const figures = memoryFigures(engine);
  const { used, peak, rss, allocated, active, resident } = figures;
  const { lazyFree } = engine.keyspace;
  const { maxmemory } = engine.config.values;
  sized(out, 'used_memory', used);
  sized(out, 'used_memory_rss', rss);
  sized(out, 'used_memory_peak', peak);
  out.field('used_memory_peak_perc', `${figures.peakPercent.toFixed(2)}%`);
  out.field('used_memory_overhead', figures.overhead);
  out.field('used_memory_startup', figures.startup);
  out.field('used_memory_dataset', figures.dataset);
  out.field('used_memory_dataset_perc', `${figures.datasetPercent.toFixed(2)}%`);
  out.field('allocator_allocated', allocated);
  out.field('allocator_active', active);
  out.field('allocator_resident', resident);
  sized(out, 'total_system_memory', systemMemoryBytes());
  out.field('used_memory_lua', 0);
  out.field('used_memory_vm_eval', 0);
  out.field('used_memory_lua_human', '0B');
  out.field('used_memory_scripts_eval', 0);
  out.field('number_of_cached_scripts', 0);
  out.field('number_of_functions', 0);
  out.field('number_of_libraries', 0);
  out.field('used_memory_vm_functions', 0);
  sized(out, 'used_memory_vm_total', 0);
  out.field('used_memory_functions', 0);
  sized(out, 'used_memory_scripts', 0);
  sized(out, 'maxmemory', maxmemory);
  out.field('maxmemory_policy', engine.config.values['maxmemory-policy']);
  out.field('allocator_frag_ratio', ratio(active, allocated).toFixed(2));
  out.field('allocator_frag_bytes', active - allocated);
  out.field('allocator_rss_ratio', ratio(resident, active).toFixed(2));
  out.field('allocator_rss_bytes', resident - active);
  out.field('rss_overhead_ratio', ratio(rss, resident).toFixed(2));
  out.field('rss_overhead_bytes', rss - resident);
  out.field('mem_fragmentation_ratio', ratio(rss, used).toFixed(2));
  out.field('mem_fragmentation_bytes', rss - used);
  out.field('mem_not_counted_for_evict', figures.uncounted);
  out.field('mem_replication_backlog', figures.backlog);
  out.field('mem_total_replication_buffers', figures.backlog + figures.replicas);
  out.field('mem_clients_slaves', figures.replicas);
  out.field('mem_clients_normal', figures.clients);
  out.field('mem_cluster_links', 0);
  out.field('mem_aof_buffer', 0);
  out.field('mem_allocator', 'arena');
  out.field('active_defrag_running', 0);
  out.field('lazyfree_pending_objects', lazyFree.pending);
  out.field('lazyfreed_objects', lazyFree.freed);
}

function sized(out: InfoText, name: string, bytes: number): void {
  out.field(name, bytes);
  out.field(`${name}_human`, humanBytes(bytes));
}

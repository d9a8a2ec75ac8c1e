/** MEMORY USAGE, STATS, DOCTOR, PURGE, MALLOC-STATS and HELP. */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import { entryBytes } from '../../engine/memory/memory-usage.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { formatDouble, parseSafeInt } from '../../util/number-text.ts';
import { heapReport } from '../../util/process-stats.ts';
import { examine } from './memory-doctor.ts';
import { memoryFigures, ratio } from './memory-figures.ts';

/** Elements of a collection that MEMORY USAGE looks at, unless it is told. */
const DEFAULT_SAMPLES = 5;

export function memoryUsage(client: Client, args: Args): void {
  let samples = DEFAULT_SAMPLES;
  for (let i = 3; i < args.count; i += 2) {
    if (!args.is(i, 'samples') || i + 1 >= args.count) throw errors.SYNTAX;
    samples = parseSafeInt(args.buf, args.off[i + 1]!, args.len[i + 1]!);
    if (Number.isNaN(samples)) throw errors.NOT_INTEGER;
    if (samples < 0) throw errors.SYNTAX;
  }
  const ref = client.engine.keyspace.lookupUntouched(client.db, args.buf, args.off[2]!, args.len[2]!);
  if (ref === 0) client.out.null();
  else client.out.int(entryBytes(client.db, ref, samples));
}

/** A figure of MEMORY STATS; those with a `ratio` name are doubles. */
type Figure = readonly [name: string, value: number, isDouble?: true];

export function memoryStats(client: Client): void {
  const { engine, out } = client;
  const figures = memoryFigures(engine);
  const { used, peak, rss, allocated, active, resident } = figures;
  const before: Figure[] = [
    ['peak.allocated', peak],
    ['total.allocated', used],
    ['startup.allocated', figures.startup],
    ['replication.backlog', figures.backlog],
    ['clients.slaves', figures.replicas],
    ['clients.normal', figures.clients],
    ['cluster.links', 0],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
  ];
  const after: Figure[] = [
    ['overhead.total', figures.overhead],
    ['keys.count', figures.keys],
    ['keys.bytes-per-key', figures.bytesPerKey],
    ['dataset.bytes', figures.dataset],
    ['dataset.percentage', figures.datasetPercent, true],
    ['peak.percentage', figures.peakPercent, true],
    ['allocator.allocated', allocated],
    ['allocator.active', active],
    ['allocator.resident', resident],
    ['allocator-fragmentation.ratio', ratio(active, allocated), true],
    ['allocator-fragmentation.bytes', active - allocated],
    ['allocator-rss.ratio', ratio(resident, active), true],
    ['allocator-rss.bytes', resident - active],
    ['rss-overhead.ratio', ratio(rss, resident), true],
    ['rss-overhead.bytes', rss - resident],
    ['fragmentation', ratio(rss, used), true],
    ['fragmentation.bytes', rss - used],
  ];
  const databases = engine.keyspace.databases.filter((db) => db.size > 0);
  out.map(before.length + databases.length + after.length);
  for (const figure of before) replyFigure(out, figure);
  for (const db of databases) {
    out.bulkText(`db.${db.id}`);
    out.map(3);
    replyFigure(out, ['overhead.hashtable.main', db.dict.bytes]);
    replyFigure(out, ['overhead.hashtable.expires', db.expires.bytes]);
    replyFigure(out, ['overhead.hashtable.slot-to-keys', 0]);
  }
  for (const figure of after) replyFigure(out, figure);
}

function replyFigure(out: ReplyWriter, [name, value, isDouble]: Figure): void {
  out.bulkText(name);
  if (isDouble) out.double(formatDouble(value));
  else out.int(value);
}

export function memoryDoctor(client: Client): void {
  client.out.verbatim(examine(client.engine));
}

export function memoryMallocStats(client: Client): void {
  const { arenaLive, arenaPages, externals, tables } = memoryFigures(client.engine);
  client.out.verbatim(
    `arena: ${arenaLive} bytes in slots, ${arenaPages} bytes of pages\n` +
      `long values: ${externals} bytes\nhash tables: ${tables} bytes\n${heapReport()}`,
  );
}

export function memoryPurge(client: Client): void {
  client.engine.upkeep.memoryReturn.purge();
  client.out.ok();
}

export function memoryHelp(client: Client): void {
  replyHelp(client, 'MEMORY', [
    'DOCTOR',
    '    Return memory problems reports.',
    'MALLOC-STATS',
    '    Return internal statistics report from the memory allocator.',
    'PURGE',
    '    Attempt to purge dirty pages for reclamation by the allocator.',
    'STATS',
    '    Return information about the memory usage of the server.',
    'USAGE <key> [SAMPLES <count>]',
    '    Return memory in bytes used by <key> and its value. Nested values are',
    '    sampled up to <count> times (default: 5, 0 means sample all).',
  ]);
}

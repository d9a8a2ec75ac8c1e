/**
 * used_memory: how much memory this server has taken for its users, and what `maxmemory` is compared with.
 *
 *   startup    buffers that an empty server needs (a constant)
 * + data       Keyspace.bytes: slots handed out by the arena, hash tables, long values: exact at any moment
 * + values     what V8 needs around each value outside of the arena
 * + clients    CLIENT_BASE_BYTES each, with their request and reply buffers (client-limits.ts)
 * + stream     blocks that replication keeps for replicas; what goes beyond the backlog is not compared with maxmemory
 * + heap       growth of V8's heap that none of the above explains
 * - snapshot   what only a running snapshot keeps
 *
 * Why not simply ask the process? `maxmemory` is compared before every write, and process.memoryUsage() takes
 * 20 µs. And what V8 reports is mostly garbage: its heap climbs by megabytes under load, to fall back when the
 * collector comes by. A limit of "used_memory plus 100 kB", as tests and careful operators set, must not be hit by
 * that, so each part is either counted exactly or changes only with what clients do.
 *
 * The heap. What V8 holds when the server has started is the program, which Redis has outside of its heap, and
 * used_memory never counted. From then on the cron samples the heap's size; the least of the samples of the last
 * seconds is close to what is alive. If that exceeds the size at the start and what clients account for by more
 * than HEAP_TOLERANCE, the excess counts: something does grow there, and used_memory must not hide it. Below the
 * tolerance, which is what uncollected garbage and compiled code may amount to, it is not counted.
 *
 * Where the heap is not ours alone (embedded in a test or an application), set `readHeap` to null.
 */
import { getHeapStatistics } from 'node:v8';
import type { Database } from '../../keyspace/database.ts';
import { EXTERNAL, HAS_EXPIRE } from '../../keyspace/entry.ts';
import { OFFSET_MASK, PAGE_BITS } from '../../structures/arena.ts';
import { CLIENT_BASE_BYTES } from '../clients/client-limits.ts';
import type { Engine } from '../engine.ts';

/** The read area, the reply buffer, tables of the arena, and the command table. */
const STARTUP_BYTES = 768 * 1024;
/** Objects around a value outside of the arena: array, buffer, entry of the table. */
const EXTERNAL_OVERHEAD = 200;
/** A slot of a dictionary: hash and ref. */
const SLOT_BYTES = 8;
const HEAP_TOLERANCE = 32 * 1024 * 1024;
const SAMPLE_PERIOD_MS = 100;
/** Samples whose least counts: six seconds. */
const SAMPLES = 64;
/** Clients whose buffers are summed up whenever used_memory is shown. */
const CLIENTS_AT_ONCE = 1000;
/** How old that sum may be when it is compared with maxmemory: so much for each thousand clients. */
const SUM_MAX_AGE_MS = 10;
const SUM_MAX_AGE_LIMIT_MS = 100;

/** The parts of used_memory, as INFO memory and MEMORY STATS show them. */
export interface MemoryReport {
  used: number;
  peak: number;
  rss: number;
  startup: number;
  /** All but the data itself: startup, clients, tables. */
  overhead: number;
  dataset: number;
  /** Percent of the memory beyond `startup` that is data. */
  datasetPercent: number;
  clients: number;
  /** The replication stream, its share as backlog, and what replicas that lag behind make it longer. */
  backlog: number;
  replicas: number;
  /** What maxmemory is not compared with. */
  uncounted: number;
  /** Slots handed out, and pages they are in. */
  arenaLive: number;
  arenaPages: number;
  /** Long values outside of the arena. */
  externals: number;
  tables: number;
  /** What V8 reports: used and reserved. */
  heapUsed: number;
  heapTotal: number;
}

/** Where the bytes for replicas are kept. */
export interface StreamMemory {
  readonly memoryBytes: number;
  /** Wanted size of the backlog. */
  readonly backlogBytes: number;
  /** How many replicas read it. */
  readonly readers: number;
}

export class MemoryUsage {
  peak = 0;
  /** The replication stream; null: there is none. */
  stream: StreamMemory | null = null;
  /** Reads how much of V8's heap is in use; null: it doesn't count. */
  readHeap: (() => number) | null = () => getHeapStatistics().used_heap_size;
  readonly startup = STARTUP_BYTES;
  readonly #engine: Engine;
  #clientBytes = 0;
  #summedMs = 0;
  #sumAgainMs = 0;
  #heapStart = -1;
  #heapGrowth = 0;
  readonly #heapSamples = new Float64Array(SAMPLES).fill(Number.POSITIVE_INFINITY);
  #nextSample = 0;
  #sampledMs = Number.NEGATIVE_INFINITY;

  constructor(engine: Engine) {
    this.#engine = engine;
    // Buffers of a client that has gone must not evict anything; with many clients one of them matters little.
    engine.clients.onGone.push(() => {
      if (engine.clients.count < CLIENTS_AT_ONCE / 10) this.#sumAgainMs = 0;
    });
  }

  /**
   * What maxmemory is compared with: used_memory, with clients' buffers as of a few milliseconds ago. What is only there
   * for a snapshot doesn't count, as with Redis, where a child has it: evicting keys would not make it less.
   */
  counted(): number {
    const { keyspace, nowMs } = this.#engine;
    if (nowMs >= this.#sumAgainMs || nowMs < this.#summedMs) this.#sumClients();
    return (
      STARTUP_BYTES +
      keyspace.bytes +
      keyspace.memory.externals.count * EXTERNAL_OVERHEAD +
      this.#clientBytes +
      this.#heapGrowth +
      (this.stream?.memoryBytes ?? 0) -
      this.uncountedBytes -
      (keyspace.snapshot?.keptBytes ?? 0)
    );
  }

  /** Of the replication stream, what is there as its backlog. */
  get backlogBytes(): number {
    const { stream } = this;
    return stream === null ? 0 : stream.memoryBytes - this.replicaBytes;
  }

  /**
   * What the stream takes beyond that, for replicas that lag behind: evicting keys would only make it more. Without
   * replicas all of it is backlog, which ends with a block, not with a byte.
   */
  get replicaBytes(): number {
    const { stream } = this;
    if (stream === null || stream.readers === 0) return 0;
    return Math.max(0, stream.memoryBytes - stream.backlogBytes);
  }

  /** What maxmemory is not compared with: the stream beyond its backlog, whether or not somebody still reads it. */
  get uncountedBytes(): number {
    const { stream } = this;
    return stream === null ? 0 : Math.max(0, stream.memoryBytes - stream.backlogBytes);
  }

  /** used_memory of this moment. */
  used(): number {
    if (this.#engine.clients.count <= CLIENTS_AT_ONCE) this.#sumClients();
    const used = this.counted() + this.uncountedBytes;
    if (used > this.peak) this.peak = used;
    return used;
  }

  /** Takes samples when it is time; called by the cron. */
  sample(monoMs: number): void {
    if (monoMs - this.#sampledMs < SAMPLE_PERIOD_MS - 5) return;
    this.#sampledMs = monoMs;
    this.#sumClients();
    this.#sampleHeap();
    const used = this.counted() + this.uncountedBytes;
    if (used > this.peak) this.peak = used;
  }

  #sumClients(): void {
    const { clients, nowMs } = this.#engine;
    this.#clientBytes = clients.limits.totalBytes();
    const ageMs = SUM_MAX_AGE_MS * (1 + clients.count / 1000);
    this.#summedMs = nowMs;
    this.#sumAgainMs = nowMs + Math.min(ageMs, SUM_MAX_AGE_LIMIT_MS);
  }

  #sampleHeap(): void {
    if (this.readHeap === null) {
      this.#heapGrowth = 0;
      return;
    }
    const heap = this.readHeap();
    this.#heapSamples[this.#nextSample] = heap;
    this.#nextSample = (this.#nextSample + 1) % SAMPLES;
    if (this.#heapStart < 0) this.#heapStart = heap;
    let least = heap;
    for (const sample of this.#heapSamples) if (sample < least) least = sample;
    const { clients, keyspace } = this.#engine;
    const explained =
      clients.count * CLIENT_BASE_BYTES +
      keyspace.memory.externals.count * EXTERNAL_OVERHEAD +
      HEAP_TOLERANCE;
    this.#heapGrowth = Math.max(0, least - this.#heapStart - explained);
  }

  report(): MemoryReport {
    const used = this.used();
    const { keyspace } = this.#engine;
    const { arena, externals } = keyspace.memory;
    let tables = keyspace.lazyFree.bytes;
    for (const db of keyspace.databases) tables += db.dict.bytes + db.expires.bytes;
    const { backlogBytes: backlog, replicaBytes: replicas } = this;
    const overhead = STARTUP_BYTES + this.#clientBytes + this.#heapGrowth + backlog + replicas + tables;
    const { rss, heapUsed, heapTotal } = process.memoryUsage();
    const dataset = used - overhead;
    return {
      used,
      peak: this.peak,
      rss,
      startup: STARTUP_BYTES,
      overhead,
      dataset,
      datasetPercent: used > STARTUP_BYTES ? (dataset * 100) / (used - STARTUP_BYTES) : 0,
      clients: this.#clientBytes,
      backlog,
      replicas,
      uncounted: this.uncountedBytes,
      arenaLive: arena.liveBytes,
      arenaPages: arena.pageBytes,
      externals: externals.bytes,
      tables,
      heapUsed,
      heapTotal,
    };
  }
}

/** used_memory. */
export function usedMemory(engine: Engine): number {
  return engine.upkeep.memory.used();
}

/** MEMORY USAGE: bytes of a key with its value, its share of the tables included. Looks at `samples` elements; 0: at all. */
export function entryBytes(db: Database, ref: number, samples = 0): number {
  const { arena, externals } = db.memory;
  const meta = db.meta(ref);
  let bytes = arena.capacity(ref) + SLOT_BYTES;
  if ((meta & HAS_EXPIRE) !== 0) bytes += SLOT_BYTES;
  if ((meta & EXTERNAL) !== 0) {
    const id = arena.words[ref >>> PAGE_BITS]![((ref & OFFSET_MASK) << 1) + 2]!;
    const collection = externals.collectionOrNull(id);
    bytes += EXTERNAL_OVERHEAD + (collection?.measure(samples) ?? externals.get(id).bytes.length);
  }
  return bytes;
}

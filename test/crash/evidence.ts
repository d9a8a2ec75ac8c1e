/** What a round leaves to be judged by, and how it is kept when the judgement is bad. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { RawClient } from '../support/raw-client.ts';
import { WriterModel } from './model.ts';
import { readState } from './state.ts';
import { type Cut, findCut, Lost } from './verify.ts';
import type { Logged } from './writer.ts';

/** Two plain numbers of a database of their own: a counter pair and a queue. */
export interface Shared {
  /** Both counters of the pair: they only ever grow together. */
  pair: number;
  /** The highest number that went into the queue. */
  queued: number;
}

export interface Evidence {
  readonly policy: string;
  /** Per writer: its databases, what they held before, what was sent, and how much of it must be there. */
  readonly writers: readonly {
    readonly dbs: readonly [number, number];
    base: WriterModel;
    readonly log: readonly Logged[];
    readonly floor: number;
  }[];
  readonly sharedDb: number;
  readonly shared: Shared;
  /** What the pair and the queue must have reached at least, and cannot have passed. */
  readonly sharedFloor: Shared;
  readonly sharedSent: Shared;
}

/** Checks a restarted server. Resolves to the state to go on from; throws Lost. */
export async function judge(
  client: RawClient,
  evidence: Evidence,
): Promise<{ models: WriterModel[]; shared: Shared }> {
  const cuts: Cut[] = [];
  const models: WriterModel[] = [];
  for (const [i, writer] of evidence.writers.entries()) {
    const state = await readState(client, writer.dbs);
    try {
      cuts.push(findCut(writer.base, writer.log, writer.floor, state));
    } catch (error) {
      if (error instanceof Lost) throw new Lost(`writer ${i}: ${error.message}`);
      throw error;
    }
    models.push(state.model);
  }
  checkHoles(evidence, cuts);
  return { models, shared: await judgeShared(client, evidence) };
}

/** What one writer was answered before another one sent cannot be missing while the other's is there. */
function checkHoles(evidence: Evidence, cuts: readonly Cut[]): void {
  for (const [i, { log }] of evidence.writers.entries()) {
    const missing = log[cuts[i]!.longest];
    if (!missing || missing.answeredAt === 0) continue;
    for (const [j, other] of evidence.writers.entries()) {
      const present = other.log[cuts[j]!.shortest - 1];
      if (present && present.sentAt > missing.answeredAt) {
        throw new Lost(
          `a hole: writer ${i}'s step ${cuts[i]!.longest} is missing, which was answered ${present.sentAt - missing.answeredAt} ms before writer ${j} sent its step ${cuts[j]!.shortest - 1}, which is there`,
        );
      }
    }
  }
}

async function judgeShared(client: RawClient, evidence: Evidence): Promise<Shared> {
  await client.send('SELECT', evidence.sharedDb);
  const [a, b] = ((await client.call('MGET', 'pair:a', 'pair:b')) as (string | null)[]).map(Number);
  if (a !== b) throw new Lost(`half a transaction: the pair is ${a} and ${b}`);
  const done = (await client.call('LRANGE', 'done', '0', '-1')) as string[];
  const queue = (await client.call('LRANGE', 'queue', '0', '-1')) as string[];
  const numbers = [...done, ...queue].map(Number);
  const gap = numbers.findIndex((number, i) => i > 0 && number !== numbers[i - 1]! + 1);
  if (gap >= 0)
    throw new Lost(`the queue goes from ${numbers[gap - 1]} to ${numbers[gap]} (${done.length} done)`);
  const shared = { pair: a!, queued: numbers.at(-1) ?? 0 };
  for (const name of ['pair', 'queued'] as const) {
    const [floor, sent] = [evidence.sharedFloor[name], evidence.sharedSent[name]];
    if (shared[name] < floor || shared[name] > sent) {
      throw new Lost(`${name} is ${shared[name]}, expected ${floor} to ${sent}`);
    }
  }
  return shared;
}

/** Keeps the data folder as it was after the kill, with what is needed to judge it again. */
export function keep(folder: string, data: string, evidence: Evidence, error: unknown, output: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(data, join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'evidence.v8'), serialize(plain(evidence)));
  writeFileSync(join(folder, 'error.txt'), `${String((error as Error).stack)}\n\n${output}`);
}

/** WriterModel's own fields, which serialize() takes. */
function plain(evidence: Evidence): unknown {
  return {
    ...evidence,
    writers: evidence.writers.map((writer) => ({ ...writer, base: writer.base.databases })),
  };
}

export function readEvidence(folder: string): Evidence {
  const evidence = deserialize(readFileSync(join(folder, 'evidence.v8'))) as Evidence;
  for (const writer of evidence.writers) {
    const base = new WriterModel();
    base.databases = writer.base as unknown as WriterModel['databases'];
    writer.base = base;
  }
  return evidence;
}

/** A copy of a data folder, from scratch. */
export function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  if (existsSync(from)) cpSync(from, to, { recursive: true });
}

/** Reads what a server really holds, in the model's terms. */
import type { RawClient } from '../support/raw-client.ts';
import { parseReply, type Reply } from '../support/reply-framer.ts';
import { type Args, type DatabaseModel, type KeyModel, WriterModel } from './model.ts';

/** The two databases, and between which times (ms since the epoch) they were read. */
export interface State {
  readonly model: WriterModel;
  readonly readFrom: number;
  readonly readTo: number;
}

const READERS: Readonly<Record<string, (key: string) => Args>> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  hash: (key) => ['HGETALL', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', '0'],
};

export async function readState(client: RawClient, dbs: readonly [number, number]): Promise<State> {
  const readFrom = Date.now();
  const model = new WriterModel();
  for (const db of [0, 1]) model.databases[db] = await readDatabase(client, dbs[db]!);
  return { model, readFrom, readTo: Date.now() };
}

async function readDatabase(client: RawClient, db: number): Promise<DatabaseModel> {
  await client.send('SELECT', db);
  const keys = parseReply(await client.send('KEYS', '*'), 'latin1') as string[];
  const types = await ask(
    client,
    keys.map((key) => ['TYPE', key]),
  );
  const expiries = await ask(
    client,
    keys.map((key) => ['PEXPIRETIME', key]),
  );
  const values = await ask(
    client,
    keys.map((key, i) => READERS[types[i] as string]?.(key) ?? ['EXISTS', key]),
  );
  const database: DatabaseModel = new Map();
  keys.forEach((key, i) => {
    const when = Number(expiries[i]);
    // Gone between two questions.
    if (types[i] === 'none' || values[i] === null || when === -2) return;
    const value = readValue(types[i] as string, values[i]!);
    if (value) database.set(key, { value, expiry: when === -1 ? null : [when, when] });
  });
  return database;
}

async function ask(client: RawClient, commands: readonly Args[]): Promise<Reply[]> {
  return (await client.pipeline(commands)).map((raw) => parseReply(raw, 'latin1'));
}

function readValue(type: string, reply: Reply): KeyModel['value'] | null {
  const items = reply as string[];
  switch (type) {
    case 'string':
      return { kind: 'string', text: reply as string };
    case 'list':
      return { kind: 'list', items };
    case 'set':
      return { kind: 'set', members: new Set(items), unknown: 0 };
    case 'hash':
      return { kind: 'hash', fields: new Map(pairs(items)) };
    case 'zset':
      return {
        kind: 'zset',
        scores: new Map(pairs(items).map(([member, score]) => [member, Number(score)])),
      };
    case 'stream':
      return streamOf(reply as Reply[]);
    default:
      throw new Error(`a key of type ${type}`);
  }
}

function pairs(items: readonly string[]): [string, string][] {
  return Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i]!, items[2 * i + 1]!]);
}

/** Names and values of an XINFO reply. */
function record(reply: Reply): Record<string, Reply> {
  const items = reply as Reply[];
  const entries = Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]);
  return Object.fromEntries(entries) as Record<string, Reply>;
}

function streamOf(reply: Reply[]): KeyModel['value'] {
  const info = record(reply);
  const groups = (info.groups as Reply[]).map((each) => {
    const group = record(each);
    const pending = (group.pending as [string, string, number, number][]).map(
      ([id, consumer, , count]) => [id, { consumer, count }] as const,
    );
    const consumers = (group.consumers as Reply[]).map((consumer) => record(consumer).name as string);
    const last = group['last-delivered-id'] as string;
    return [
      group.name as string,
      { last, consumers: new Set(consumers), pending: new Map(pending) },
    ] as const;
  });
  return {
    kind: 'stream',
    entries: info.entries as [string, string[]][],
    last: info['last-generated-id'] as string,
    added: Number(info['entries-added']),
    groups: new Map(groups),
  };
}

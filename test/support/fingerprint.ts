/**
 * What a server holds, key by key, in words that two servers must agree about: type, encoding, digest, expiry, and of
 * streams all that XINFO tells. DEBUG DIGEST alone does not know of consumer groups, and does not say which key differs.
 */
import assert from 'node:assert/strict';
import type { Arg, RawClient } from './raw-client.ts';
import { parseReply, type Reply } from './reply-framer.ts';

export interface Fingerprint {
  /** DEBUG DIGEST. */
  readonly digest: string;
  /** `db/key` (latin1) to what is told of it. */
  readonly keys: ReadonlyMap<string, string>;
}

export interface FingerprintOptions {
  /** When consumers were last seen; not the same where two servers were filled. */
  readonly seenTimes?: boolean;
  /** What commands in an append-only file do not tell of streams: how entries are spread over nodes, what groups read. */
  readonly streamForms?: boolean;
  /** Keys whose encoding is not compared. */
  readonly encodingsExcept?: RegExp;
}

const BATCH = 500;
/** What 7.2 tells and 7.0 does not. */
const NEWER_FIELDS = ['active-time'];
const STREAM_FORM_FIELDS = ['radix-tree-keys', 'radix-tree-nodes', 'entries-read', 'lag'];

/** The client is left in database 0. */
export async function fingerprint(client: RawClient, options: FingerprintOptions = {}): Promise<Fingerprint> {
  const { seenTimes = true, streamForms = true, encodingsExcept = null } = options;
  const left = new Set<unknown>(NEWER_FIELDS);
  if (!seenTimes) left.add('seen-time');
  if (!streamForms) for (const name of STREAM_FORM_FIELDS) left.add(name);
  const keys = new Map<string, string>();
  const digest = String(await client.call('DEBUG', 'DIGEST'));
  for (const db of await databasesInUse(client)) {
    await client.call('SELECT', db);
    const names = parseReply(await client.send('KEYS', '*'), 'latin1') as string[];
    names.sort();
    for (let i = 0; i < names.length; i += BATCH) {
      const part = names.slice(i, i + BATCH).map((name) => Buffer.from(name, 'latin1'));
      const replies = await client.pipeline(part.flatMap(questions));
      const streams: Buffer[] = [];
      part.forEach((key, j) => {
        const [type, encoding, value, expiry] = replies.slice(j * 4, j * 4 + 4).map(textOf);
        if (type === 'stream') streams.push(key);
        const form = encodingsExcept?.test(key.toString('latin1')) ? '' : encoding;
        const words = [type, form, value, `expires ${expiry}`];
        keys.set(`${db}/${key.toString('latin1')}`, words.join(' '));
      });
      for (const key of streams) {
        const info = parseReply(await client.send('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0'), 'latin1');
        const name = `${db}/${key.toString('latin1')}`;
        keys.set(name, `${keys.get(name)} ${JSON.stringify(plain(info, left))}`);
      }
    }
  }
  await client.call('SELECT', 0);
  return { digest, keys };
}

/** Asserts that both hold the same; tells the first few keys that differ. */
export function assertSameData(actual: Fingerprint, expected: Fingerprint, what = 'data'): void {
  const wrong: string[] = [];
  for (const [key, words] of expected.keys) {
    const other = actual.keys.get(key);
    if (other === words) continue;
    wrong.push(
      other === undefined ? `${show(key)}: missing` : `${show(key)}: ${firstDifference(other, words)}`,
    );
  }
  for (const key of actual.keys.keys()) if (!expected.keys.has(key)) wrong.push(`${show(key)}: too much`);
  if (wrong.length > 0) {
    assert.fail(
      `${what}: ${wrong.length} of ${expected.keys.size} keys differ\n${wrong.slice(0, 10).join('\n')}`,
    );
  }
  assert.equal(actual.digest, expected.digest, `${what}: DEBUG DIGEST`);
}

/** Fills nothing, compares: what both clients' servers hold is the same. Both must speak the same protocol. */
export async function assertSameServers(
  actual: RawClient,
  expected: RawClient,
  what?: string,
  options?: FingerprintOptions,
): Promise<void> {
  assertSameData(await fingerprint(actual, options), await fingerprint(expected, options), what);
}

function questions(key: Buffer): Arg[][] {
  return [
    ['TYPE', key],
    ['OBJECT', 'ENCODING', key],
    ['DEBUG', 'DIGEST-VALUE', key],
    ['PEXPIRETIME', key],
  ];
}

async function databasesInUse(client: RawClient): Promise<number[]> {
  const info = String(parseReply(await client.send('INFO', 'keyspace'), 'latin1'));
  return [...info.matchAll(/^db(\d+):/gm)].map((match) => Number(match[1]));
}

function textOf(raw: Buffer): string {
  const reply = parseReply(raw, 'latin1');
  return Array.isArray(reply) ? reply.map(String).join(',') : String(reply);
}

/** Without some fields. Under RESP2 maps are flat arrays. */
function plain(reply: Reply, left: ReadonlySet<unknown>): unknown {
  if (reply instanceof Map) {
    const pairs = [...reply].filter(([name]) => !left.has(name));
    return pairs.map(([name, value]) => [name, plain(value, left)]);
  }
  if (Array.isArray(reply)) {
    const kept = reply.filter((item, i) => !left.has(item) && !(i > 0 && left.has(reply[i - 1])));
    return kept.map((item) => plain(item, left));
  }
  return typeof reply === 'bigint' ? String(reply) : reply;
}

function firstDifference(actual: string, expected: string): string {
  let at = 0;
  while (actual[at] === expected[at]) at++;
  const from = Math.max(0, at - 60);
  return `…${show(actual.slice(from, at + 80))} instead of …${show(expected.slice(from, at + 80))}`;
}

function show(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

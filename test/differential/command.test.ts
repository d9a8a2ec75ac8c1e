/**
 * COMMAND against the real server: what it says of every command that we have. The oracle may be older (7.0.15)
 * than the version we follow (7.2.4); what 7.2 changed is named below, and checked to be different, so that the
 * lists don't outlive their reason.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { CommandTable } from '../../src/engine/command-table.ts';
import { describeWithOracle, type OraclePair } from '../support/oracle.ts';
import { parseReply, type Reply, rawElements } from '../support/reply-framer.ts';

const TABLE = new CommandTable(ALL_COMMANDS);

/** Commands that 7.0 doesn't have. */
const NEW_IN_72 = new Set(['client|no-touch', 'client|setinfo', 'waitaof']);

/** COMMAND INFO: 7.2 changed the tips of these. */
const INFO_CHANGED_IN_72 = new Set([
  'client|setname',
  'config|resetstat',
  'config|rewrite',
  'latency|reset',
  'msetnx',
  'randomkey',
  'scan',
]);

/** COMMAND INFO: 7.2 changed the flags of these, and what follows from them. */
const FLAGS_CHANGED_IN_72 = new Set(['wait']);

/** COMMAND INFO: 7.2 let these have one more argument. */
const ARITY_CHANGED_IN_72 = new Set(['zrank', 'zrevrank']);

/** COMMAND DOCS: fields that 7.2 changed, besides the summaries and the display texts of all commands. */
const DOCS_CHANGED_IN_72: Readonly<Record<string, readonly string[]>> = {
  bitcount: ['arguments'],
  bitfield: ['arguments'],
  bitfield_ro: ['arguments'],
  bitop: ['arguments'],
  bitpos: ['arguments'],
  'client|kill': ['arguments'],
  'client|list': ['arguments'],
  'client|reply': ['arguments'],
  'client|unblock': ['arguments'],
  'command|getkeys': ['arguments'],
  'command|getkeysandflags': ['arguments'],
  'config|get': ['arguments'],
  'config|set': ['arguments'],
  flushall: ['arguments'],
  flushdb: ['arguments'],
  geoadd: ['arguments'],
  geodist: ['complexity'],
  geohash: ['arguments', 'complexity'],
  geopos: ['arguments', 'complexity'],
  georadius: ['arguments'],
  georadius_ro: ['arguments', 'history'],
  georadiusbymember: ['arguments', 'history'],
  georadiusbymember_ro: ['arguments', 'history'],
  geosearch: ['arguments'],
  geosearchstore: ['arguments'],
  hello: ['arguments'],
  hmset: ['arguments'],
  hscan: ['complexity'],
  hset: ['arguments'],
  lcs: ['arguments'],
  migrate: ['arguments'],
  mset: ['arguments'],
  msetnx: ['arguments'],
  pfmerge: ['arguments'],
  psetex: ['doc_flags', 'deprecated_since', 'replaced_by'],
  quit: ['doc_flags', 'deprecated_since', 'replaced_by'],
  setex: ['doc_flags', 'deprecated_since', 'replaced_by'],
  setnx: ['doc_flags', 'deprecated_since', 'replaced_by'],
  shutdown: ['arguments'],
  sort: ['arguments'],
  sort_ro: ['arguments'],
  xadd: ['arguments'],
  xclaim: ['arguments'],
  'xgroup|create': ['arguments'],
  'xgroup|createconsumer': ['arguments'],
  'xgroup|delconsumer': ['arguments'],
  'xgroup|destroy': ['arguments'],
  'xgroup|setid': ['arguments'],
  'xinfo|consumers': ['arguments'],
  'xinfo|stream': ['arguments'],
  xreadgroup: ['arguments'],
  xsetid: ['arguments'],
  zadd: ['arguments'],
  zrange: ['arguments'],
  zrangebylex: ['arguments'],
  zrangebyscore: ['arguments'],
  zrangestore: ['arguments'],
  zrank: ['arguments', 'history'],
  zrevrangebylex: ['arguments'],
  zrevrangebyscore: ['arguments'],
  zrevrank: ['arguments', 'history'],
  zscan: ['complexity'],
};

const SHARED = [...TABLE.everything()].filter(({ fullName }) => !NEW_IN_72.has(fullName));

describeWithOracle('COMMAND', (pair) => {
  it('INFO tells the same of every command', async () => {
    const isOld = await oracleIsOld(pair);
    const [ours, oracle] = await askBoth(pair, 'INFO');
    for (const [i, { fullName, subcommands }] of SHARED.entries()) {
      const a = infoWithoutSubcommands(ours[i]!, subcommands !== null);
      const b = infoWithoutSubcommands(oracle[i]!, subcommands !== null);
      if (isOld && INFO_CHANGED_IN_72.has(fullName)) {
        assert.notEqual(a, b, `${fullName} is the same: take it off the list`);
        assert.equal(withoutTips(ours[i]!), withoutTips(oracle[i]!), fullName);
      } else if (isOld && ARITY_CHANGED_IN_72.has(fullName)) {
        assert.notEqual(a, b, `${fullName} is the same: take it off the list`);
        assert.equal(withoutArity(ours[i]!), withoutArity(oracle[i]!), fullName);
      } else if (isOld && FLAGS_CHANGED_IN_72.has(fullName)) {
        assert.notEqual(a, b, `${fullName} is the same: take it off the list`);
      } else assert.equal(a, b, fullName);
    }
  });

  it('DOCS tells the same of every command', async () => {
    const isOld = await oracleIsOld(pair);
    const [ours, oracle] = await askBoth(pair, 'DOCS');
    for (const [i, { fullName }] of SHARED.entries()) {
      const a = docsOf(ours[i]!, fullName);
      const b = docsOf(oracle[i]!, fullName);
      for (const field of isOld ? (DOCS_CHANGED_IN_72[fullName] ?? []) : []) {
        assert.notDeepEqual(a.get(field), b.get(field), `${fullName} ${field}: take it off the list`);
        a.delete(field);
        b.delete(field);
      }
      assert.deepEqual([...a], [...b], fullName);
    }
  });

  it('DOCS has a display text for each argument that is no group', async () => {
    const [get] = (await pair.ours.pipeline([['COMMAND', 'DOCS', 'get']])) as [Buffer];
    const docs = [...asMap(parseReply(get)).values()][0]!;
    const [key] = asMap(docs).get('arguments') as Reply[];
    assert.deepEqual([...asMap(key!).keys()], ['name', 'type', 'display_text', 'key_spec_index']);
  });

  it('GETKEYS and GETKEYSANDFLAGS', async () => {
    const lines = [
      'get k',
      'GET k',
      'get',
      'get a b',
      'nosuch a',
      'ping x',
      'client list',
      'client nosuch',
      'object freq k',
      'object nosuch k',
      'config get',
      'set k v',
      'set k v get',
      'set k v ex 10 GeT',
      'set k',
      'mset a 1 b 2',
      'mset a 1 b',
      'mset a',
      'mget a b c',
      'del a b',
      'lcs a b',
      'lcs a b len',
      'rename a b',
      'copy a b db 1',
      'memory usage k',
      'memory usage',
      'command getkeys get k',
      'select 1',
    ];
    for (const line of lines) {
      await pair.compare('COMMAND', 'GETKEYS', ...line.split(' '));
      await pair.compare('COMMAND', 'GETKEYSANDFLAGS', ...line.split(' '));
    }
  });

  it('LIST with its filters', async () => {
    const shared = new Set(SHARED.map(({ fullName }) => fullName));
    const list = (raw: Buffer): string[] =>
      (parseReply(raw) as string[]).filter((name) => shared.has(name)).sort();
    for (const category of ['connection', 'READ', 'keyspace', 'dangerous', 'fast', 'nosuch']) {
      const [ours, oracle] = await pair.sendBoth([['COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', category]]);
      assert.deepEqual(list(ours[0]!), list(oracle[0]!), category);
    }
    for (const pattern of ['*', 'CLIENT|*', 'g*t', '[ab]*', 'nosuch']) {
      const [ours, oracle] = await pair.sendBoth([['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', pattern]]);
      assert.deepEqual(list(ours[0]!), list(oracle[0]!), pattern);
    }
    const [ours, oracle] = await pair.sendBoth([['COMMAND', 'LIST']]);
    assert.deepEqual(list(ours[0]!), list(oracle[0]!));
    await pair.compare('COMMAND', 'LIST', 'FILTERBY', 'MODULE', 'nosuch');
  });

  it('unknown names, wrong arguments, help', async () => {
    await pair.compareAll([
      ['COMMAND', 'HELP'],
      ['COMMAND', 'HELP', 'x'],
      ['COMMAND', 'nosuch'],
      ['COMMAND', 'COUNT', 'x'],
      ['COMMAND', 'INFO', 'nosuch', 'client|nosuch', 'get|x', 'PING'],
      ['COMMAND', 'DOCS', 'nosuch'],
      ['COMMAND', 'GETKEYS'],
      ['COMMAND', 'LIST', 'x'],
      ['COMMAND', 'LIST', 'FILTERBY'],
      ['COMMAND', 'LIST', 'FILTERBY', 'x', 'y'],
      ['COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'read', 'z'],
    ]);
  });

  it('COUNT is the number of commands in COMMAND and in COMMAND INFO', async () => {
    const [count, all, info] = await pair.ours.pipeline([
      ['COMMAND', 'COUNT'],
      ['COMMAND'],
      ['COMMAND', 'INFO'],
    ]);
    assert.equal(parseReply(count!), rawElements(all!)!.length);
    assert.ok(all!.equals(info!));
  });
});

async function oracleIsOld(pair: OraclePair): Promise<boolean> {
  return /redis_version:7\.0\./.test(String(await pair.oracle.call('INFO', 'server')));
}

/** COMMAND INFO or DOCS of each shared command, from both. */
async function askBoth(pair: OraclePair, subcommand: string): Promise<[Buffer[], Buffer[]]> {
  return pair.sendBoth(SHARED.map(({ fullName }) => ['COMMAND', subcommand, fullName]));
}

function infoElements(raw: Buffer): string[] {
  const [info] = rawElements(raw)!;
  return rawElements(info!)!.map((element) => element.toString('latin1'));
}

/** The bytes of COMMAND INFO for one command; subcommands come in any order, and are asked for one by one. */
function infoWithoutSubcommands(raw: Buffer, container: boolean): string {
  return infoElements(raw)
    .slice(0, container ? 9 : 10)
    .join('');
}

function withoutTips(raw: Buffer): string {
  return infoElements(raw).toSpliced(7, 1).join('');
}

function withoutArity(raw: Buffer): string {
  return infoElements(raw).toSpliced(1, 1).join('');
}

/** A map under RESP3, pairs in an array under RESP2. */
function asMap(reply: Reply): Map<Reply, Reply> {
  if (reply instanceof Map) return reply;
  const map = new Map<Reply, Reply>();
  const pairs = reply as Reply[];
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i]!, pairs[i + 1]!);
  return map;
}

/** What COMMAND DOCS says of a command, without what is worded anew in 7.2. */
function docsOf(raw: Buffer, fullName: string): Map<Reply, Reply> {
  const outer = asMap(parseReply(raw));
  assert.deepEqual([...outer.keys()], [fullName]);
  const docs = new Map(asMap(outer.get(fullName)!));
  assert.equal(typeof docs.get('summary'), 'string');
  docs.delete('summary');
  docs.delete('subcommands');
  const args = docs.get('arguments');
  if (args !== undefined) docs.set('arguments', argumentsOf(args));
  return docs;
}

function argumentsOf(args: Reply): Reply {
  return (args as Reply[]).map((arg) => {
    const map = new Map(asMap(arg));
    map.delete('display_text');
    const inner = map.get('arguments');
    if (inner !== undefined) map.set('arguments', argumentsOf(inner));
    return map;
  });
}

/**
 * Random writes of all types, made blindly: the names of keys tell the type, so nothing is ever of the wrong one,
 * and whether a key is there is for the server (and the model) to see. Members, fields and stream ids carry the
 * number of the command, so that a state tells how far it goes.
 */
import type { Args } from './model.ts';

export type Below = (below: number) => number;

/** What a writer sends in one go: one command, or several that must all be there or none (MULTI). */
export interface Step {
  /** 0 or 1: which of the writer's two databases. */
  readonly db: number;
  readonly commands: readonly Args[];
}

type Maker = (at: At) => Args;

/** Where a command is made. */
class At {
  readonly below: Below;
  readonly sequence: number;
  /** Commands of a transaction share the sequence number; this one is their own. */
  readonly part: number;
  readonly otherDb: number;
  readonly now: number;

  constructor(below: Below, sequence: number, part: number, otherDb: number, now: number) {
    this.below = below;
    this.sequence = sequence;
    this.part = part;
    this.otherDb = otherDb;
    this.now = now;
  }

  key(family: string, count = 4): string {
    return `${family}${this.below(count)}`;
  }

  /** Unique text, mostly short. */
  text(): string {
    const pad = this.below(20) === 0 ? 'x'.repeat(this.below(3000)) : '\x00\xff\r\n'.slice(0, this.below(5));
    return `${this.sequence}.${this.part}${pad}`;
  }

  texts(upTo: number): string[] {
    return Array.from({ length: 1 + this.below(upTo) }, (_, i) => `${this.text()}:${i}`);
  }

  member(domain = 40): string {
    return `m${this.below(domain)}`;
  }

  members(upTo: number, domain = 40): string[] {
    return Array.from({ length: 1 + this.below(upTo) }, () => this.member(domain));
  }

  quarter(): string {
    return String((this.below(400) - 100) / 4);
  }

  side(): string {
    return this.below(2) === 0 ? 'LEFT' : 'RIGHT';
  }

  id(): string {
    return `${this.sequence}-${this.part}`;
  }
}

const FAMILIES = ['s', 'n', 'f', 'b', 'l', 't', 'i', 'p', 'h', 'z', 'x'];

const STRINGS: readonly Maker[] = [
  (at) => ['SET', at.key('s'), at.text()],
  (at) => ['SET', at.key('s'), at.text(), 'EX', String(10_000 + at.below(1000))],
  (at) => ['MSET', 's0', at.text(), 's1', at.text(), 's2', at.text()],
  (at) => ['APPEND', at.key('s'), at.text().slice(0, 30)],
  (at) => ['SETRANGE', at.key('s'), String(at.below(50)), at.text().slice(0, 20)],
  (at) => ['SETBIT', at.key('b'), String(at.below(500)), String(at.below(2))],
  (at) => ['INCRBY', at.key('n'), String(1 + at.below(100))],
  (at) => ['INCRBY', at.key('n'), '1'],
  (at) => ['INCRBYFLOAT', at.key('f'), at.quarter()],
  (at) => ['GETDEL', at.key('s')],
  (at) => ['GETEX', at.key('s'), 'PXAT', String(at.now + 1e8 + at.below(1000))],
];

const LISTS: readonly Maker[] = [
  (at) => ['RPUSH', at.key('l'), ...at.texts(5)],
  (at) => ['LPUSH', at.key('l'), ...at.texts(5)],
  (at) => ['RPUSH', 'l9', ...at.texts(200)],
  (at) => ['LPOP', at.key('l'), String(1 + at.below(4))],
  (at) => ['RPOP', at.key('l'), String(1 + at.below(4))],
  (at) => ['LPOP', 'l9', String(1 + at.below(200))],
  (at) => ['LTRIM', at.key('l'), String(at.below(3)), String(5 + at.below(30))],
  (at) => ['LSET', at.key('l'), String(at.below(6)), at.text()],
  (at) => ['LINSERT', at.key('l'), 'BEFORE', at.member(), at.text()],
  (at) => ['RPUSH', at.key('l'), at.member()],
  (at) => ['LREM', at.key('l'), '0', at.member()],
  (at) => ['LMOVE', at.key('l'), at.key('l'), at.side(), at.side()],
  (at) => ['LMOVE', 'l9', at.key('l'), at.side(), at.side()],
  (at) => ['SORT', at.key('l'), 'ALPHA', 'STORE', at.key('l')],
];

const SETS: readonly Maker[] = [
  (at) => ['SADD', at.key('t'), ...at.members(6)],
  (at) => ['SADD', 't9', ...at.members(300, 3000)],
  (at) => ['SADD', at.key('i'), ...Array.from({ length: 1 + at.below(9) }, () => String(at.below(90_000)))],
  (at) => ['SREM', at.key('t'), ...at.members(6)],
  (at) => ['SREM', 't9', ...at.members(200, 3000)],
  (at) => ['SMOVE', at.key('t'), at.key('t'), at.member()],
  (at) => ['SADD', at.key('p'), ...at.texts(6)],
  (at) => ['SPOP', at.key('p'), String(1 + at.below(4))],
  (at) => ['SUNIONSTORE', at.key('t'), at.key('t'), at.key('t')],
  (at) => ['SINTERSTORE', at.key('t'), at.key('t'), 't9'],
  (at) => ['SDIFFSTORE', at.key('t'), at.key('t'), at.key('t')],
];

const HASHES: readonly Maker[] = [
  (at) => ['HSET', at.key('h'), ...at.members(4).flatMap((field) => [field, at.text()])],
  (at) => ['HSET', 'h9', ...at.members(200, 2000).flatMap((field) => [field, `${at.sequence}`])],
  (at) => ['HDEL', at.key('h'), ...at.members(4)],
  (at) => ['HDEL', 'h9', ...at.members(200, 2000)],
  (at) => ['HINCRBY', at.key('h'), 'count', String(at.below(100))],
  (at) => ['HINCRBYFLOAT', at.key('h'), 'sum', at.quarter()],
];

const SORTED_SETS: readonly Maker[] = [
  (at) => ['ZADD', at.key('z'), ...at.members(4).flatMap((member) => [at.quarter(), member])],
  (at) => ['ZADD', at.key('z'), 'GT', at.quarter(), at.member()],
  (at) => ['ZADD', 'z9', ...at.members(200, 2000).flatMap((member) => [String(at.sequence), member])],
  (at) => ['ZINCRBY', at.key('z'), at.quarter(), at.member()],
  (at) => ['ZREM', at.key('z'), ...at.members(4)],
  (at) => ['ZPOPMIN', at.key('z'), String(1 + at.below(3))],
  (at) => ['ZPOPMIN', 'z9', String(1 + at.below(200))],
  (at) => ['ZREMRANGEBYSCORE', at.key('z'), '0', at.quarter()],
  (at) => ['ZUNIONSTORE', at.key('z'), '2', at.key('z'), at.key('z')],
];

const STREAMS: readonly Maker[] = [
  (at) => ['XADD', at.key('x'), at.id(), 'field', at.text()],
  (at) => ['XADD', at.key('x'), at.id(), 'field', at.text(), 'other', at.member()],
  (at) => ['XADD', at.key('x'), at.id(), 'number', String(at.sequence)],
  (at) => ['XTRIM', at.key('x'), 'MAXLEN', '=', String(20 + at.below(60))],
  (at) => ['XDEL', at.key('x'), `${Math.max(1, at.sequence - at.below(60))}-0`],
  (at) => ['XGROUP', 'CREATE', at.key('x'), at.key('g', 2), '0', 'MKSTREAM'],
  (at) => ['XGROUP', 'CREATECONSUMER', at.key('x'), at.key('g', 2), at.key('c')],
  (at) => ['XGROUP', 'DELCONSUMER', at.key('x'), at.key('g', 2), at.key('c')],
  (at) => ['XREADGROUP', 'GROUP', at.key('g', 2), at.key('c'), 'COUNT', '3', 'STREAMS', at.key('x'), '>'],
  (at) => ['XREADGROUP', 'GROUP', at.key('g', 2), at.key('c'), 'COUNT', '9', 'STREAMS', at.key('x'), '>'],
  (at) => ['XACK', at.key('x'), at.key('g', 2), ...recentIds(at)],
  (at) => ['XCLAIM', at.key('x'), at.key('g', 2), at.key('c'), '0', ...recentIds(at)],
];

const KEYS: readonly Maker[] = [
  (at) => ['DEL', anyKey(at), anyKey(at)],
  (at) => ['UNLINK', anyKey(at)],
  (at) => ['EXPIRE', anyKey(at), String(10_000 + at.below(1000))],
  (at) => ['PEXPIREAT', anyKey(at), String(at.now + 1e8 + at.below(1000))],
  (at) => ['PERSIST', anyKey(at)],
  (at) => inFamily(at, (from, to) => ['RENAME', from, to]),
  (at) => inFamily(at, (from, to) => ['COPY', from, to]),
  (at) => ['MOVE', anyKey(at), String(at.otherDb)],
];

/** A key with a short life, made once and never touched again. */
const SHORT_LIVED: readonly Maker[] = [
  (at) => ['SET', `v${at.sequence}.${at.part}`, at.text(), 'PXAT', String(at.now + 100 + at.below(4000))],
];

const ALL = [STRINGS, LISTS, SETS, HASHES, SORTED_SETS, STREAMS, KEYS, SHORT_LIVED];

function anyKey(at: At): string {
  const family = FAMILIES[at.below(FAMILIES.length)]!;
  // The big ones are worth having: they go less often.
  return at.below(15) === 0 ? `${family}9` : at.key(family);
}

function inFamily(at: At, make: (from: string, to: string) => Args): Args {
  const family = FAMILIES[at.below(FAMILIES.length)]!;
  const names = [0, 1, 2, 3, 9];
  return make(`${family}${names[at.below(5)]!}`, `${family}${names[at.below(5)]!}`);
}

function recentIds(at: At): string[] {
  const newest = at.sequence - at.below(40);
  return Array.from({ length: 40 }, (_, i) => `${Math.max(1, newest - i)}-0`);
}

/** The step with this number. `dbs` are the two databases' numbers at the server. */
export function randomStep(
  below: Below,
  sequence: number,
  dbs: readonly [number, number],
  now: number,
): Step {
  const db = below(2);
  const make = (part: number): Args => {
    const family = ALL[below(ALL.length)]!;
    return family[below(family.length)]!(new At(below, sequence, part, dbs[1 - db]!, now));
  };
  const several = (count: number): Args[] =>
    Array.from({ length: count }, (_, part) => make(part)).flatMap(withConsumer);
  const lot = below(1000);
  if (lot < 2) return { db, commands: [['FLUSHDB']] };
  if (lot < 5) return { db, commands: [['SWAPDB', String(dbs[0]), String(dbs[1])]] };
  return { db, commands: several(lot < 150 ? 2 + below(4) : 1) };
}

/** Whether a consumer is made by asking for nothing differs among versions: it is there before it asks. */
function withConsumer(args: Args): Args[] {
  if (args[0] === 'XREADGROUP') return [['XGROUP', 'CREATECONSUMER', args.at(-2)!, args[2]!, args[3]!], args];
  if (args[0] === 'XCLAIM') return [['XGROUP', 'CREATECONSUMER', args[1]!, args[2]!, args[3]!], args];
  return [args];
}

/**
 * What a writer's keys must hold after a number of its commands: a small Redis of two databases, in plain
 * JavaScript values. It interprets the very commands that were sent, so a log of them is all that a failed round
 * has to keep.
 *
 * Two things a command does cannot be known without its reply, and a crash takes replies away:
 *
 * - SPOP's members. Until the reply is known the set counts as "these members but `unknown` of them".
 * - The moment an expiry in relative time starts from. It is a range: from sending to answering.
 *
 * Keys whose time is over are not removed here: who compares knows at what time the server was asked.
 */
import { ErrorReply, type Reply } from '../support/reply-framer.ts';

export type Args = readonly string[];

interface Pending {
  readonly consumer: string;
  readonly count: number;
}

interface Group {
  last: string;
  readonly consumers: Set<string>;
  readonly pending: Map<string, Pending>;
}

export interface StreamModel {
  readonly kind: 'stream';
  entries: [id: string, fields: Args][];
  last: string;
  added: number;
  readonly groups: Map<string, Group>;
}

export interface SetModel {
  readonly kind: 'set';
  readonly members: Set<string>;
  /** So many of the members are gone, nobody knows which. */
  unknown: number;
}

export type ValueModel =
  | { readonly kind: 'string'; text: string }
  | { readonly kind: 'list'; items: string[] }
  | { readonly kind: 'hash'; readonly fields: Map<string, string> }
  | { readonly kind: 'zset'; readonly scores: Map<string, number> }
  | SetModel
  | StreamModel;

/** When a key ends, ms since the epoch: a range, because the server's clock is only known so far. */
export type Expiry = readonly [from: number, to: number];

export interface KeyModel {
  value: ValueModel;
  expiry: Expiry | null;
}

export type DatabaseModel = Map<string, KeyModel>;

/** Between which times (ms since the epoch) a command ran. */
export interface Moment {
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** Database and key, as one word; `*` stands for every key of the writer. */
export type Touched = string;

export class WriterModel {
  /** Exchanged by SWAPDB. */
  databases: [DatabaseModel, DatabaseModel] = [new Map(), new Map()];
  readonly touched = new Set<Touched>();

  /** Runs one command of database `db` (0 or 1, the writer's own numbering). Wrong commands change nothing. */
  apply(db: number, args: Args, reply: Reply | undefined, moment: Moment): void {
    new Run(this, db, args, reply, moment).run();
  }

  copy(): WriterModel {
    const copy = new WriterModel();
    copy.databases = structuredClone(this.databases);
    return copy;
  }
}

export function compareIds(a: string, b: string): number {
  const [aMs, aSeq] = idParts(a);
  const [bMs, bSeq] = idParts(b);
  return aMs - bMs || aSeq - bSeq;
}

function idParts(id: string): [number, number] {
  const [ms, seq] = id.split('-');
  return [Number(ms), Number(seq ?? 0)];
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

class Run {
  readonly #model: WriterModel;
  readonly #db: number;
  readonly #args: Args;
  readonly #reply: Reply | undefined;
  readonly #moment: Moment;

  constructor(model: WriterModel, db: number, args: Args, reply: Reply | undefined, moment: Moment) {
    this.#model = model;
    this.#db = db;
    this.#args = args;
    this.#reply = reply;
    this.#moment = moment;
  }

  run(): void {
    const [name, key = '', a = '', b = '', c = ''] = this.#args;
    const rest = this.#args.slice(2);
    switch (name) {
      case 'SET':
        this.#set(key, a, b, c);
        break;
      case 'MSET':
        for (let i = 1; i < this.#args.length; i += 2)
          this.#store(this.#args[i]!, string(this.#args[i + 1]!));
        break;
      case 'APPEND':
        this.#string(key, (text) => text + a);
        break;
      case 'SETRANGE':
        this.#string(key, (text) => overwrite(text, Number(a), b));
        break;
      case 'SETBIT':
        this.#string(key, (text) => setBit(text, Number(a), Number(b)));
        break;
      case 'INCRBY':
      case 'INCRBYFLOAT':
        this.#string(key, (text) => String(Number(text === '' ? 0 : text) + Number(a)));
        break;
      case 'GETDEL':
      case 'DEL':
      case 'UNLINK':
        for (const each of this.#args.slice(1)) this.#remove(each);
        break;
      case 'GETEX':
      case 'PEXPIREAT':
        this.#expire(key, name === 'GETEX' ? [Number(b), Number(b)] : [Number(a), Number(a)]);
        break;
      case 'EXPIRE':
        this.#expire(key, this.#relative(Number(a)));
        break;
      case 'PERSIST':
        this.#expire(key, null);
        break;
      case 'RENAME':
        this.#move(this.#db, key, this.#db, a, true);
        break;
      case 'MOVE':
        if (!this.#find(key, 1 - this.#db)) this.#move(this.#db, key, 1 - this.#db, key, true);
        break;
      case 'COPY':
        this.#move(this.#db, key, this.#db, a, false);
        break;
      case 'FLUSHDB':
        this.#model.databases[this.#db]!.clear();
        this.#model.touched.add('*');
        break;
      case 'SWAPDB':
        this.#model.databases.reverse();
        this.#model.touched.add('*');
        break;
      case 'RPUSH':
        this.#list(key, (items) => [...items, ...rest]);
        break;
      case 'LPUSH':
        this.#list(key, (items) => [...rest.reverse(), ...items]);
        break;
      case 'LPOP':
        this.#list(key, (items) => items.slice(Number(a)));
        break;
      case 'RPOP':
        this.#list(key, (items) => items.slice(0, Math.max(0, items.length - Number(a))));
        break;
      case 'LTRIM':
        this.#list(key, (items) => items.slice(Number(a), Number(b) + 1));
        break;
      case 'LSET':
        this.#list(key, (items) => (items.length > Number(a) ? items.with(Number(a), b) : items));
        break;
      case 'LINSERT':
        this.#list(key, (items) => {
          const at = items.indexOf(b);
          return at < 0 || items.length === 0 ? items : items.toSpliced(a === 'BEFORE' ? at : at + 1, 0, c);
        });
        break;
      case 'LREM':
        this.#list(key, (items) => items.filter((item) => item !== b));
        break;
      case 'LMOVE':
      case 'BLMOVE':
        this.#moveItem(key, a, b, c);
        break;
      case 'BLPOP':
        this.#list(key, (items) => items.slice(1));
        break;
      case 'SORT':
        this.#sort(key, this.#args.at(-1)!);
        break;
      case 'SADD':
        this.#members(key, (members) => each(rest, (member) => members.add(member)));
        break;
      case 'SREM':
        this.#members(key, (members) => each(rest, (member) => members.delete(member)));
        break;
      case 'SMOVE':
        this.#moveMember(key, a, b);
        break;
      case 'SPOP':
        this.#pop(key, Number(a));
        break;
      case 'SUNIONSTORE':
      case 'SINTERSTORE':
      case 'SDIFFSTORE':
        this.#algebra(name, key, a, b);
        break;
      case 'HSET':
        this.#hash(key, (fields) => {
          for (let i = 0; i < rest.length; i += 2) fields.set(rest[i]!, rest[i + 1]!);
        });
        break;
      case 'HDEL':
        this.#hash(key, (fields) => each(rest, (field) => fields.delete(field)));
        break;
      case 'HINCRBY':
      case 'HINCRBYFLOAT':
        this.#hash(key, (fields) => fields.set(a, String(Number(fields.get(a) ?? 0) + Number(b))));
        break;
      case 'ZADD':
        this.#zset(key, (scores) => {
          const greater = a === 'GT';
          for (let i = greater ? 1 : 0; i < rest.length; i += 2) {
            const score = Number(rest[i]);
            const old = scores.get(rest[i + 1]!);
            if (!greater || old === undefined || score > old) scores.set(rest[i + 1]!, score);
          }
        });
        break;
      case 'ZINCRBY':
        this.#zset(key, (scores) => scores.set(b, (scores.get(b) ?? 0) + Number(a)));
        break;
      case 'ZREM':
        this.#zset(key, (scores) => each(rest, (member) => scores.delete(member)));
        break;
      case 'ZPOPMIN':
        this.#zset(key, (scores) => {
          for (const [member] of ordered(scores).slice(0, Number(a))) scores.delete(member);
        });
        break;
      case 'ZREMRANGEBYSCORE':
        this.#zset(key, (scores) => {
          for (const [member, score] of [...scores]) {
            if (score >= Number(a) && score <= Number(b)) scores.delete(member);
          }
        });
        break;
      case 'ZUNIONSTORE':
        this.#unionScores(key, b, c);
        break;
      case 'XADD':
      case 'XDEL':
      case 'XTRIM':
      case 'XGROUP':
      case 'XREADGROUP':
      case 'XACK':
      case 'XCLAIM':
        this.#stream(name);
        break;
      default:
        throw new Error(`the model does not know ${name}`);
    }
  }

  #find(key: string, db = this.#db): KeyModel | undefined {
    return this.#model.databases[db]!.get(key);
  }

  #touch(key: string, db = this.#db): void {
    this.#model.touched.add(`${db} ${key}`);
  }

  #remove(key: string, db = this.#db): void {
    this.#model.databases[db]!.delete(key);
    this.#touch(key, db);
  }

  /** A new value, which lives for ever. */
  #store(key: string, value: ValueModel, expiry: Expiry | null = null): void {
    this.#model.databases[this.#db]!.set(key, { value, expiry });
    this.#touch(key);
  }

  /** The value of the kind at the key; made when there is none. */
  #value<K extends ValueModel['kind']>(
    key: string,
    empty: ValueModel & { kind: K },
  ): ValueModel & { kind: K } {
    const found = this.#find(key);
    this.#touch(key);
    if (found) {
      if (found.value.kind !== empty.kind) throw new Error(`${key} is a ${found.value.kind}`);
      return found.value as ValueModel & { kind: K };
    }
    this.#store(key, empty);
    return empty;
  }

  #relative(seconds: number): Expiry {
    return [this.#moment.sentAt + seconds * 1000, this.#moment.answeredAt + seconds * 1000];
  }

  #set(key: string, text: string, option: string, when: string): void {
    let expiry: Expiry | null = null;
    if (option === 'PXAT') expiry = [Number(when), Number(when)];
    else if (option === 'EX') expiry = this.#relative(Number(when));
    this.#store(key, string(text), expiry);
  }

  #string(key: string, change: (text: string) => string): void {
    const value = this.#value(key, { kind: 'string', text: '' });
    value.text = change(value.text);
  }

  #expire(key: string, expiry: Expiry | null): void {
    const found = this.#find(key);
    if (!found) return;
    found.expiry = expiry;
    this.#touch(key);
  }

  #move(fromDb: number, from: string, toDb: number, to: string, remove: boolean): void {
    const found = this.#find(from, fromDb);
    if (!found || (fromDb === toDb && from === to)) return;
    // COPY without REPLACE leaves an existing key alone; RENAME takes its place.
    if (!remove && this.#find(to, toDb)) return;
    this.#model.databases[toDb]!.set(to, remove ? found : structuredClone(found));
    this.#touch(to, toDb);
    if (remove) this.#remove(from, fromDb);
  }

  #list(key: string, change: (items: string[]) => string[]): void {
    const value = this.#value(key, { kind: 'list', items: [] });
    value.items = change(value.items);
    if (value.items.length === 0) this.#remove(key);
  }

  #moveItem(from: string, to: string, fromEnd: string, toEnd: string): void {
    const found = this.#find(from);
    if (found?.value.kind !== 'list') return;
    const item = found.value.items.at(fromEnd === 'LEFT' ? 0 : -1)!;
    if (from === to) {
      // Turned around: the key stays, and its expiry.
      const items = fromEnd === 'LEFT' ? found.value.items.slice(1) : found.value.items.slice(0, -1);
      found.value.items = toEnd === 'LEFT' ? [item, ...items] : [...items, item];
      this.#touch(from);
      return;
    }
    this.#list(from, (items) => (fromEnd === 'LEFT' ? items.slice(1) : items.slice(0, -1)));
    this.#list(to, (items) => (toEnd === 'LEFT' ? [item, ...items] : [...items, item]));
  }

  #sort(from: string, to: string): void {
    const found = this.#find(from);
    if (found?.value.kind !== 'list') this.#remove(to);
    else this.#store(to, { kind: 'list', items: found.value.items.toSorted(byBytes) });
  }

  #members(key: string, change: (members: Set<string>) => void): void {
    const value = this.#value(key, { kind: 'set', members: new Set(), unknown: 0 });
    change(value.members);
    if (value.members.size - value.unknown <= 0) this.#remove(key);
  }

  #moveMember(from: string, to: string, member: string): void {
    const found = this.#find(from);
    if (found?.value.kind !== 'set' || !found.value.members.has(member) || from === to) return;
    this.#members(from, (members) => members.delete(member));
    this.#members(to, (members) => members.add(member));
  }

  #pop(key: string, count: number): void {
    const found = this.#find(key);
    if (found?.value.kind !== 'set') return;
    const { value } = found;
    const popped = this.#reply;
    if (Array.isArray(popped) || popped instanceof Set) {
      this.#members(key, (members) => {
        for (const member of popped as Iterable<Reply>) members.delete(String(member));
      });
      return;
    }
    value.unknown = Math.min(value.members.size, value.unknown + count);
    this.#members(key, () => {});
  }

  #algebra(name: string, to: string, a: string, b: string): void {
    const left = this.#setOf(a);
    const right = this.#setOf(b);
    const result =
      name === 'SUNIONSTORE'
        ? [...left, ...right]
        : [...left].filter((member) => right.has(member) === (name === 'SINTERSTORE'));
    this.#remove(to);
    if (result.length > 0) this.#store(to, { kind: 'set', members: new Set(result), unknown: 0 });
  }

  #setOf(key: string): Set<string> {
    const found = this.#find(key);
    return found?.value.kind === 'set' ? found.value.members : new Set();
  }

  #hash(key: string, change: (fields: Map<string, string>) => void): void {
    const value = this.#value(key, { kind: 'hash', fields: new Map() });
    change(value.fields);
    if (value.fields.size === 0) this.#remove(key);
  }

  #zset(key: string, change: (scores: Map<string, number>) => void): void {
    const value = this.#value(key, { kind: 'zset', scores: new Map() });
    change(value.scores);
    if (value.scores.size === 0) this.#remove(key);
  }

  #unionScores(to: string, a: string, b: string): void {
    const sums = new Map<string, number>();
    for (const key of [a, b]) {
      const found = this.#find(key);
      if (found?.value.kind !== 'zset') continue;
      for (const [member, score] of found.value.scores) sums.set(member, (sums.get(member) ?? 0) + score);
    }
    this.#remove(to);
    if (sums.size > 0) this.#store(to, { kind: 'zset', scores: sums });
  }

  #stream(name: string): void {
    const args = this.#args;
    const key = name === 'XGROUP' ? args[2]! : name === 'XREADGROUP' ? args.at(-2)! : args[1]!;
    const found = this.#find(key);
    if (name === 'XADD' || (name === 'XGROUP' && args.includes('MKSTREAM'))) {
      const stream = this.#value(key, {
        kind: 'stream',
        entries: [],
        last: '0-0',
        added: 0,
        groups: new Map(),
      });
      if (name === 'XADD') addEntry(stream, args[2]!, args.slice(3));
      else changeGroup(stream, args);
      return;
    }
    if (found?.value.kind !== 'stream') return;
    const stream = found.value;
    this.#touch(key);
    if (name === 'XDEL') stream.entries = stream.entries.filter(([id]) => !args.includes(id, 2));
    else if (name === 'XTRIM') stream.entries = stream.entries.slice(-Number(args[4]));
    else if (name === 'XGROUP') changeGroup(stream, args);
    else if (name === 'XREADGROUP') readGroup(stream, args[2]!, args[3]!, Number(args[5]));
    else if (name === 'XACK') for (const id of args.slice(3)) stream.groups.get(args[2]!)?.pending.delete(id);
    else if (name === 'XCLAIM') claim(stream, args[2]!, args[3]!, args.slice(5));
  }
}

function each(args: Args, run: (arg: string) => unknown): void {
  for (const arg of args) run(arg);
}

function string(text: string): ValueModel {
  return { kind: 'string', text };
}

function overwrite(text: string, offset: number, part: string): string {
  return text.slice(0, offset).padEnd(offset, '\0') + part + text.slice(offset + part.length);
}

function setBit(text: string, offset: number, bit: number): string {
  const at = offset >> 3;
  const old = text.charCodeAt(at) || 0;
  const mask = 0x80 >> (offset & 7);
  return overwrite(text, at, String.fromCharCode(bit ? old | mask : old & ~mask));
}

function ordered(scores: Map<string, number>): [string, number][] {
  return [...scores].sort(([a, x], [b, y]) => x - y || byBytes(a, b));
}

function addEntry(stream: StreamModel, id: string, fields: Args): void {
  if (compareIds(id, stream.last) <= 0) return;
  stream.entries.push([id, fields]);
  stream.last = id;
  stream.added++;
}

function changeGroup(stream: StreamModel, args: Args): void {
  const [, verb, , name, word] = args as [string, string, string, string, string];
  const group = stream.groups.get(name);
  if (verb === 'CREATE') {
    if (!group) stream.groups.set(name, { last: '0-0', consumers: new Set(), pending: new Map() });
  } else if (verb === 'DESTROY') {
    stream.groups.delete(name);
  } else if (group && verb === 'CREATECONSUMER') {
    group.consumers.add(word);
  } else if (group && verb === 'DELCONSUMER') {
    group.consumers.delete(word);
    for (const [id, { consumer }] of [...group.pending]) if (consumer === word) group.pending.delete(id);
  } else if (group && verb === 'SETID') {
    group.last = word === '0' ? '0-0' : word;
  }
}

function readGroup(stream: StreamModel, name: string, consumer: string, count: number): void {
  const group = stream.groups.get(name);
  if (!group) return;
  const fresh = stream.entries.filter(([id]) => compareIds(id, group.last) > 0).slice(0, count);
  for (const [id] of fresh) {
    // After SETID an entry may be pending already: it is then someone else's, delivered anew.
    group.pending.set(id, { consumer, count: 1 });
    group.last = id;
  }
}

function claim(stream: StreamModel, name: string, consumer: string, ids: Args): void {
  const group = stream.groups.get(name);
  if (!group) return;
  for (const id of ids) {
    const pending = group.pending.get(id);
    if (!pending) continue;
    if (stream.entries.some(([each]) => each === id)) {
      group.pending.set(id, { consumer, count: pending.count + 1 });
    } else {
      group.pending.delete(id);
    }
  }
}

/** Whether the reply is an error, or a transaction that was not run. */
export function isRefused(reply: Reply | undefined): reply is ErrorReply {
  return reply instanceof ErrorReply;
}

/** The value in words, the same for the same contents. */
export function valueText(value: ValueModel): string {
  switch (value.kind) {
    case 'string':
      return `string ${JSON.stringify(value.text)}`;
    case 'list':
      return `list ${JSON.stringify(value.items)}`;
    case 'set':
      return `set ${JSON.stringify([...value.members].sort(byBytes))}`;
    case 'hash':
      return `hash ${JSON.stringify([...value.fields].sort(([a], [b]) => byBytes(a, b)))}`;
    case 'zset':
      return `zset ${JSON.stringify(ordered(value.scores))}`;
    case 'stream': {
      const groups = [...value.groups]
        .sort(([a], [b]) => byBytes(a, b))
        .map(([name, group]) => ({
          name,
          last: group.last,
          consumers: [...group.consumers].sort(byBytes),
          pending: [...group.pending]
            .sort(([a], [b]) => compareIds(a, b))
            .map(([id, { consumer, count }]) => [id, consumer, count]),
        }));
      const { last, added, entries } = value;
      return `stream ${JSON.stringify({ last, added, entries, groups })}`;
    }
  }
}

/**
 * Streams as a structure: against a plain list of entries, and node by node against the listpacks that a real server
 * dumps.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Memory, releaseWhole } from '../../../src/datatypes/memory.ts';
import { ElementText } from '../../../src/datatypes/stream/element.ts';
import { Group } from '../../../src/datatypes/stream/group.ts';
import { compareIds, ID_WHOLE, idText, parseId, StreamId } from '../../../src/datatypes/stream/id.ts';
import { countRange, StreamIterator } from '../../../src/datatypes/stream/iterator.ts';
import { SAME_FIELDS } from '../../../src/datatypes/stream/node.ts';
import { isSealed } from '../../../src/datatypes/stream/sealed-node.ts';
import { REF, Stream } from '../../../src/datatypes/stream/stream.ts';
import { Args } from '../../../src/resp/args.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';
import { Oracle, oracleMissing } from '../util/oracle.ts';

const MAX = new StreamId().setMax();

function idOf(text: string): StreamId {
  const id = new StreamId();
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(parseId(bytes, 0, bytes.length, id, 0, true), ID_WHOLE, text);
  return id;
}

function append(
  stream: Stream,
  id: string,
  fields: readonly string[],
  maxBytes = 4096,
  maxEntries = 100,
): void {
  stream.append(Args.from(['xadd', 'k', id, ...fields]), 3, idOf(id), maxBytes, maxEntries);
}

/** The entries of a range, each as a line: id, then fields and values. */
function lines(stream: Stream, from: StreamId, to: StreamId, reverse = false): string[] {
  const found: string[] = [];
  const iterator = new StreamIterator();
  const element = new ElementText();
  const text = (): string =>
    Buffer.from(element.bytes.slice(element.off, element.off + element.len)).toString('latin1');
  iterator.start(stream, from, to, reverse);
  while (iterator.next()) {
    const { entry } = iterator;
    const words = [idText(iterator.id)];
    let field = entry.masterFields;
    let p = entry.body;
    for (let i = 0; i < entry.fields; i++) {
      if ((entry.flags & SAME_FIELDS) !== 0) field = element.read(entry.bytes, field);
      else p = element.read(entry.bytes, p);
      words.push(text());
      p = element.read(entry.bytes, p);
      words.push(text());
    }
    found.push(words.join(' '));
  }
  return found;
}

/** How many nodes are sealed, and how many are not. */
function nodeKinds(stream: Stream): { sealed: number; raw: number } {
  const { nodes } = stream;
  const { arena } = stream.memory;
  const kinds = { sealed: 0, raw: 0 };
  for (let more = nodes.first(); more; more = nodes.next()) {
    const ref = nodes.words[nodes.at + REF]!;
    kinds[isSealed(arena.words[ref >>> 17]!, (ref & 0x1ffff) << 1) ? 'sealed' : 'raw']++;
  }
  return kinds;
}

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=-_.,:; ';
const VALUES = [
  '',
  '0',
  '127',
  '128',
  '-1',
  '-4096',
  '4096',
  '-32769',
  '8388608',
  '2147483648',
  '-2147483649',
];
VALUES.push('9007199254740993', '-9223372036854775808', '9223372036854775808', '00', '+1', 'v'.repeat(63));
VALUES.push(
  'v'.repeat(64),
  'v'.repeat(125),
  'v'.repeat(127),
  'w'.repeat(4095),
  'x'.repeat(5000),
  'y'.repeat(20000),
);

class Model {
  readonly memory = new Memory(new KeyHash(1, 2));
  stream = new Stream(this.memory);
  entries: { id: StreamId; line: string }[] = [];
  readonly last = new StreamId();
  /** Nodes seen by `check`. */
  readonly seen = { sealed: 0, raw: 0 };
  /** Letters that values are made of; 0: values of all kinds. */
  letters = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(n: number): number {
    return randomBelow(this.#random, n);
  }

  fields(): string[] {
    if (this.letters > 0) return this.#texts();
    const value = (): string =>
      this.below(3) === 0 ? VALUES[this.below(VALUES.length)]! : String(this.below(100000));
    if (this.below(3) > 0) return ['a', value(), '-5', value()];
    const fields: string[] = [];
    for (let i = this.below(4); i >= 0; i--)
      fields.push(['a', 'bb', '17', 'c'.repeat(70)][this.below(4)]!, value());
    return fields;
  }

  /** Fields as most streams have them, that a node is sealed for. */
  #texts(): string[] {
    const text = (): string =>
      Array.from({ length: 3 + this.below(12) }, () => LETTERS[this.below(this.letters)]!).join('');
    return this.below(20) === 0 ? ['other', text()] : ['type', text(), 'user', text(), 'value', text()];
  }

  /** The next id: the one behind the last, or one further away by some step. */
  nextId(): StreamId {
    const { last } = this;
    switch (this.below(8)) {
      case 0:
        last.set(last.mh, last.ml + 1, 0, 0);
        break;
      case 1:
        last.set(last.mh, last.ml + this.below(1 << 20), 0, this.below(1000) + last.sl + 1);
        break;
      case 2:
        last.set(last.mh + (this.below(20) === 0 ? 1 : 0), last.ml, last.sh + 1, this.below(1 << 30));
        break;
      default:
        last.increment();
    }
    return last;
  }

  someId(): StreamId {
    const id = new StreamId();
    if (this.entries.length === 0 || this.below(10) === 0) return id;
    id.copy(this.entries[this.below(this.entries.length)]!.id);
    if (this.below(4) === 0) id.increment();
    return id;
  }

  step(): void {
    const { stream } = this;
    switch (this.below(20)) {
      case 0: {
        const id = this.someId();
        const at = this.entries.findIndex((entry) => compareIds(entry.id, id) === 0);
        assert.equal(stream.has(id), at >= 0);
        assert.equal(stream.delete(id), at >= 0);
        if (at >= 0) this.entries.splice(at, 1);
        stream.settleFirst();
        break;
      }
      case 1:
        if (this.below(4) === 0) {
          const length = this.below(this.entries.length + 10);
          assert.equal(stream.trim(length, MAX, false, 0), Math.max(0, this.entries.length - length));
          this.entries = this.entries.slice(-length || this.entries.length);
          if (length === 0) this.entries = [];
        }
        break;
      case 2:
        if (this.below(4) === 0) {
          const id = this.someId();
          stream.trim(-1, id, false, 0);
          this.entries = this.entries.filter((entry) => compareIds(entry.id, id) >= 0);
        }
        break;
      case 3:
        if (this.below(4) === 0) {
          const copy = stream.clone();
          releaseWhole(stream);
          this.stream = copy;
        }
        break;
      case 4:
        this.move();
        break;
      case 5:
        if (this.below(4) === 0) this.reload();
        break;
      default: {
        const id = new StreamId().copy(this.nextId());
        const fields = this.fields();
        const text = idText(id);
        const small = this.letters === 0;
        const maxBytes = [4096, 0, small ? 200 : 1500][this.below(3)]!;
        append(stream, text, fields, maxBytes, [100, 0, small ? 7 : 40][this.below(3)]!);
        this.entries.push({ id, line: [text, ...fields].join(' ') });
      }
    }
  }

  /** Defragmentation: everything goes to another slot, in slices. */
  move(): void {
    const { arena } = this.memory;
    const seen = new Set<number>();
    let cursor = 0;
    do {
      cursor = this.stream.defragment(cursor, 7, (ref) => {
        assert.ok(!seen.has(ref), 'offered twice');
        const bytes = arena.capacity(ref);
        const moved = arena.alloc(bytes);
        const from = (ref & 0x1ffff) << 3;
        arena.pages[moved >>> 17]!.set(
          arena.pages[ref >>> 17]!.subarray(from, from + bytes),
          (moved & 0x1ffff) << 3,
        );
        seen.add(moved);
        arena.free(ref);
        seen.delete(ref);
        return moved;
      });
    } while (cursor !== 0);
  }

  /** Through the listpacks of a file. */
  reload(): void {
    const { stream } = this;
    const fresh = new Stream(this.memory);
    for (let more = stream.nodes.first(); more; more = stream.nodes.next()) {
      assert.ok(fresh.addListpack(stream.nodes.id(new StreamId()), stream.listpack()));
    }
    assert.equal(fresh.length, stream.length);
    fresh.lastId.copy(stream.lastId);
    fresh.entriesAdded = stream.entriesAdded;
    fresh.settleFirst();
    releaseWhole(stream);
    this.stream = fresh;
  }

  check(): void {
    const { stream, entries } = this;
    const kinds = nodeKinds(stream);
    this.seen.sealed += kinds.sealed;
    this.seen.raw += kinds.raw;
    assert.equal(stream.length, entries.length);
    const all = lines(stream, new StreamId(), MAX);
    assert.deepEqual(
      all,
      entries.map(({ line }) => line),
    );
    assert.deepEqual(lines(stream, new StreamId(), MAX, true), all.reverse());
    assert.equal(compareIds(stream.firstId, entries[0]?.id ?? new StreamId()), 0);
    for (let i = 0; i < 5; i++) {
      const from = this.someId();
      const to = this.someId();
      const within = entries.filter(({ id }) => compareIds(id, from) >= 0 && compareIds(id, to) <= 0);
      const expected = within.map(({ line }) => line);
      assert.deepEqual(lines(stream, from, to), expected);
      assert.deepEqual(lines(stream, from, to, true), expected.reverse());
      const limit = this.below(100);
      assert.equal(countRange(stream, from, to, limit), Math.min(limit, within.length));
    }
  }
}

describe('stream', () => {
  it('agrees with a list of entries, and gives everything back', () => {
    const seed = systemRandom().uint32();
    try {
      const model = new Model(seededRandom(seed));
      for (let round = 0; round < 40; round++) {
        model.letters = [0, 2, 16, 26, 36, 64, 72][model.below(7)]!;
        for (let i = 0; i < 50; i++) model.step();
        model.check();
      }
      assert.ok(model.seen.raw > 0);
      releaseWhole(model.stream);
      assert.equal(model.memory.arena.liveBytes, 0);
      assert.equal(model.memory.tableBytes, 0);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });

  it('agrees with it when most nodes are sealed, whatever their alphabet', () => {
    const seed = systemRandom().uint32();
    try {
      for (const letters of [16, 22, 30, 36, 42]) {
        const model = new Model(seededRandom(seed + letters));
        model.letters = letters;
        for (let round = 0; round < 15; round++) {
          for (let i = 0; i < 100; i++) model.step();
          model.check();
        }
        assert.ok(model.seen.sealed > 0 && model.seen.raw > 0, `${letters}: ${JSON.stringify(model.seen)}`);
        // From both ends and the middle until nothing is left.
        for (let left = model.entries.length; left > 0; left--) {
          const at = [0, left - 1, model.below(left)][model.below(3)]!;
          assert.ok(model.stream.delete(model.entries[at]!.id));
          assert.equal(model.stream.has(model.entries[at]!.id), false);
          model.entries.splice(at, 1);
          model.stream.settleFirst();
          if (left % 64 === 0) model.check();
          if (left % 100 === 0) model.move();
        }
        model.check();
        assert.deepEqual(nodeKinds(model.stream), { sealed: 0, raw: 0 });
        releaseWhole(model.stream);
        assert.equal(model.memory.arena.liveBytes, 0);
        assert.equal(model.memory.tableBytes, 0);
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });

  it('seals what is full, makes raw what is changed', () => {
    const memory = new Memory(new KeyHash(1, 2));
    const stream = new Stream(memory);
    for (let i = 1; i <= 350; i++)
      append(stream, `1-${i}`, ['name', `user${i}`, 'mail', `m${i}@example.org`]);
    assert.deepEqual(nodeKinds(stream), { sealed: 3, raw: 1 });
    const whole = lines(stream, new StreamId(), MAX);
    const twin = stream.clone();
    assert.ok(stream.delete(idOf('1-150')));
    assert.deepEqual(nodeKinds(stream), { sealed: 2, raw: 2 });
    assert.equal(stream.trim(299, MAX, false, 0), 50);
    assert.deepEqual(nodeKinds(stream), { sealed: 1, raw: 3 });
    // The last node goes, so that a sealed one is the last; what comes then goes into it if it isn't full.
    for (let i = 301; i <= 350; i++) stream.delete(idOf(`1-${i}`));
    assert.deepEqual(nodeKinds(stream), { sealed: 1, raw: 2 });
    append(stream, '2-1', ['name', 'x', 'mail', 'y'], 0, 0);
    assert.deepEqual(nodeKinds(stream), { sealed: 0, raw: 3 });
    append(stream, '2-2', ['name', 'x', 'mail', 'y'], 4096, 100);
    assert.deepEqual(nodeKinds(stream), { sealed: 1, raw: 3 });
    const rest = whole.slice(50, 300).filter((line) => !line.startsWith('1-150 '));
    rest.push('2-1 name x mail y', '2-2 name x mail y');
    assert.deepEqual(lines(stream, new StreamId(), MAX), rest);
    assert.deepEqual(lines(twin, new StreamId(), MAX), whole);
    assert.deepEqual(nodeKinds(twin), { sealed: 3, raw: 1 });
    for (const each of [stream, twin]) releaseWhole(each);
    assert.equal(memory.arena.liveBytes, 0);
  });

  it('finds its edges behind a node in which nothing lives', () => {
    const memory = new Memory(new KeyHash(1, 2));
    const stream = new Stream(memory);
    for (let i = 1; i <= 7; i++) append(stream, `${i}-0`, ['f', 'v'], 0, 3);
    stream.delete(idOf('3-0'));
    assert.equal(stream.trim(-1, idOf('3-0'), false, 0), 2);
    assert.equal(stream.nodes.count, 3);
    assert.equal(idText(stream.firstId), '4-0');
    const loaded = new Stream(memory);
    for (let more = stream.nodes.first(); more; more = stream.nodes.next()) {
      assert.ok(loaded.addListpack(stream.nodes.id(new StreamId()), stream.listpack()));
    }
    assert.deepEqual(lines(loaded, new StreamId(), MAX), lines(stream, new StreamId(), MAX));
    releaseWhole(loaded);
    assert.equal(stream.trim(-1, idOf('6-1'), false, 0), 3);
    append(stream, '8-0', ['f', 'v'], 0, 3);
    stream.delete(idOf('8-0'));
    stream.trim(-1, idOf('8-0'), false, 0);
    assert.equal(stream.edge(new StreamId(), true), false);
    assert.equal(idText(stream.firstId), '0-0');
    releaseWhole(stream);
    assert.equal(memory.arena.liveBytes, 0);
  });

  it('takes for no other node what has come into the place of one that was read', () => {
    const memory = new Memory(new KeyHash(1, 2));
    for (let round = 0; round < 20; round++) {
      const stream = new Stream(memory);
      const expected: string[] = [];
      for (let i = 1; i <= 101; i++) {
        append(stream, `1-${i}`, ['field', `value${(i * 7 + round) % 100}`]);
        expected.push(`1-${i} field value${(i * 7 + round) % 100}`);
      }
      assert.equal(nodeKinds(stream).sealed, 1);
      assert.deepEqual(lines(stream, new StreamId(), MAX), expected);
      releaseWhole(stream);
    }
  });

  it('is read alone while others are read', () => {
    const memory = new Memory(new KeyHash(1, 2));
    const streams = Array.from({ length: 6 }, (_, k) => {
      const stream = new Stream(memory);
      for (let i = 1; i <= 250; i++) append(stream, `${k}-${i}`, ['field', `value ${k} ${i * k}`]);
      return stream;
    });
    const expected = streams.map((stream) => lines(stream, new StreamId(), MAX));
    const iterator = new StreamIterator(true);
    const element = new ElementText();
    iterator.start(streams[0]!, new StreamId(), MAX, false);
    for (let i = 0; iterator.next(); i++) {
      for (const other of [1, 2, 3, 4, 5]) {
        const id = idOf(`${other}-${(i % 100) + 50}`);
        assert.deepEqual(lines(streams[other]!, id, id), [expected[other]![(i % 100) + 49]]);
      }
      element.read(iterator.entry.bytes, iterator.entry.body);
      const text = Buffer.from(element.bytes.slice(element.off, element.off + element.len)).toString();
      assert.equal(text, 'value 0 0');
      assert.equal(idText(iterator.id), `0-${i + 1}`);
    }
    for (const each of streams) releaseWhole(each);
  });

  it('gives back groups and their pending entries in steps', () => {
    const memory = new Memory(new KeyHash(1, 2));
    const stream = new Stream(memory);
    for (let i = 1; i <= 1000; i++) append(stream, `${i}-0`, ['f', String(i)]);
    for (const name of ['g', 'h']) {
      const group = new Group(memory, name, new StreamId(), 0);
      stream.addGroup(group);
      const consumers = ['a', 'b', 'c'].map((consumer) => group.addConsumer(consumer, 0));
      const id = new StreamId();
      for (let i = 0; i < 2000; i++) group.deliver(id.setMs(i), consumers[i % 3]!, 5);
    }
    const copy = stream.clone();
    assert.equal(copy.group('g')!.consumers.get('b')!.pending.count, 667);
    copy.removeGroup(copy.group('g')!);
    for (const each of [stream, copy]) {
      let steps = 1;
      while (each.release(10)) steps++;
      assert.ok(steps > 5);
    }
    assert.equal(memory.arena.liveBytes, 0);
    assert.equal(memory.tableBytes, 0);
  });

  it('refuses listpacks that are no nodes', () => {
    const stream = new Stream(new Memory(new KeyHash(1, 2)));
    for (let i = 1; i <= 5; i++) append(stream, `${i}-0`, ['f', String(i), 'g', 'text']);
    stream.delete(idOf('2-0'));
    stream.nodes.first();
    const good = stream.listpack();
    const random = seededRandom(7);
    const master = new StreamId();
    for (let i = 0; i < 3000; i++) {
      const bad = good.slice(0, good.length - (i % 2) * randomBelow(random, 20));
      for (let k = randomBelow(random, 3); k >= 0; k--)
        bad[randomBelow(random, bad.length)] = randomBelow(random, 256);
      const other = new Stream(stream.memory);
      // Whatever it is taken for, reading it must come to an end.
      if (other.addListpack(master, bad)) lines(other, new StreamId(), MAX);
      releaseWhole(other);
    }
  });
});

describe('nodes of a stream, as a real server dumps them', { skip: oracleMissing }, () => {
  let oracle: Oracle;
  before(async () => {
    oracle = await Oracle.start({ rdbcompression: 'no' });
  });
  after(() => oracle?.stop());

  it('are the same listpacks', async () => {
    const seed = systemRandom().uint32();
    const random = seededRandom(seed);
    for (const [maxBytes, maxEntries] of [
      [4096, 100],
      [4096, 3],
      [300, 0],
      [0, 300],
    ] as const) {
      await oracle.command('FLUSHALL');
      await oracle.command('CONFIG', 'SET', 'stream-node-max-bytes', String(maxBytes));
      await oracle.command('CONFIG', 'SET', 'stream-node-max-entries', String(maxEntries));
      const model = new Model(random);
      const commands: string[][] = [];
      for (let i = 0; i < 400; i++) {
        model.letters = i < 200 ? 0 : 36;
        const id = idText(model.nextId());
        const fields = model.fields();
        append(model.stream, id, fields, maxBytes, maxEntries);
        commands.push(['XADD', 'k', id, ...fields]);
        model.entries.push({ id: idOf(id), line: '' });
        if (model.below(6) === 0) {
          const gone = model.someId();
          model.stream.delete(gone);
          commands.push(['XDEL', 'k', idText(gone)]);
        }
      }
      for (const reply of await oracle.pipeline(commands))
        assert.ok(!(reply instanceof Error), String(reply));
      const dump = Buffer.from(String(await oracle.command('DUMP', 'k')), 'latin1');
      const { nodes } = model.stream;
      let at = 0;
      let count = 0;
      for (let more = nodes.first(); more; more = nodes.next()) {
        const key = Buffer.alloc(16);
        for (let i = 0; i < 4; i++) key.writeInt32BE(nodes.words[nodes.at + i]!, i * 4);
        const start = dump.indexOf(key, at);
        assert.ok(start >= 0, `seed ${seed}: node ${count} begins elsewhere`);
        const listpack = model.stream.listpack();
        at = dump.indexOf(listpack, start);
        assert.ok(at >= 0 && at < start + 16 + 6, `seed ${seed}: node ${count} differs`);
        at += listpack.length;
        count++;
      }
    }
  });
});

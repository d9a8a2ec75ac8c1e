import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BulkSink, GrownList } from '../../../src/datatypes/list/grown-list.ts';
import { Memory, releaseWhole } from '../../../src/datatypes/memory.ts';
import { ReplyWriter } from '../../../src/resp/reply-writer.ts';
import { LpElement, lpEncodedSize, lpEnd, lpInit, lpInsert } from '../../../src/structures/listpack.ts';
import { type Random, randomBelow, seededRandom, systemRandom } from '../../../src/util/random.ts';
import { KeyHash } from '../../../src/util/siphash.ts';

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

function newMemory(fill: number, depth = 0): Memory {
  const memory = new Memory(new KeyHash(1, 2));
  memory.listLimits.setFill(fill);
  memory.listLimits.compressDepth = depth;
  return memory;
}

class Taken implements BulkSink {
  text = '';
  bulk(src: Uint8Array, off: number, len: number): void {
    this.text = Buffer.from(src.subarray(off, off + len)).toString('latin1');
  }
}

function contents(list: GrownList, fromEnd = false): string[] {
  const all: string[] = [];
  const element = new LpElement();
  list.each(fromEnd, (view, p, index) => {
    const { bytes, off, len } = view.get(p, element);
    all.push(Buffer.from(bytes.subarray(off, off + len)).toString('latin1'));
    assert.equal(index, fromEnd ? list.length - all.length : all.length - 1);
    return true;
  });
  return all;
}

function reply(list: GrownList, index: number, count: number): string {
  let text = '';
  const out = new ReplyWriter(
    {
      send: (buf, length) => {
        text += buf.toString('latin1', 0, length);
        return true;
      },
    },
    256,
  );
  list.reply(index, count, out);
  out.flush();
  return text;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function someText(random: Random, kind: number): string {
  let text = '';
  const letters = (count: number, of = 62): string => {
    for (text = ''; text.length < count; ) text += ALPHABET[randomBelow(random, of)];
    return text;
  };
  switch (kind) {
    case 0:
      return letters(10);
    case 1:
      return `user:${1000000 + randomBelow(random, 9000000)}`;
    case 2:
      return 'same';
    case 3:
      return String(randomBelow(random, 1 << 30) - (1 << 29));
    case 4:
      for (let i = 0; i < 12; i++) text += String.fromCharCode(randomBelow(random, 256));
      return text;
    case 5:
      return letters(randomBelow(random, 40), 3);
    case 6:
      return String(10 ** 17 + randomBelow(random, 1000) * 10 ** 13);
    default:
      return letters(1 + randomBelow(random, 3), 4).repeat(
        randomBelow(random, random.float() < 0.05 ? 20000 : 60),
      );
  }
}

function run(seed: number, fill: number, depth: number, steps: number): void {
  const random = seededRandom(seed);
  const where = `seed ${seed}, fill ${fill}, depth ${depth}`;
  const memory = newMemory(fill, depth);
  let list = new GrownList(memory);
  let model: string[] = [];
  const taken = new Taken();
  let kind = 0;
  for (let step = 0; step < steps; step++) {
    if (step % 40 === 0) kind = randomBelow(random, 8);
    const text = someText(random, randomBelow(random, 20) === 0 ? 7 : kind);
    const bytes = bytesOf(text);
    const { length } = bytes;
    const action = randomBelow(random, 24);
    const index = model.length === 0 ? 0 : randomBelow(random, model.length);
    if (action < 8 || model.length === 0) {
      const times = action < 5 ? 1 + randomBelow(random, 300) : 1;
      for (let i = 0; i < times; i++) {
        const other = i === 0 ? text : someText(random, kind);
        const src = i === 0 ? bytes : bytesOf(other);
        if (action % 2 === 0) {
          list.pushFront(src, 0, src.length);
          model.unshift(other);
        } else {
          list.pushBack(src, 0, src.length);
          model.push(other);
        }
      }
    } else if (action < 11) {
      list.popFront(taken);
      assert.equal(taken.text, model.shift(), where);
    } else if (action < 14) {
      list.popBack(taken);
      assert.equal(taken.text, model.pop(), where);
    } else if (action < 16) {
      list.set(index, bytes, 0, length);
      model[index] = text;
    } else if (action < 19) {
      list.insert(index, bytes, 0, length);
      model.splice(index, 0, text);
    } else if (action === 19) {
      const wanted = model[index]!;
      const limit = randomBelow(random, 4);
      const fromEnd = random.float() < 0.5;
      const kept: string[] = [];
      let removed = 0;
      for (const other of fromEnd ? model.toReversed() : model) {
        if (other === wanted && (limit === 0 || removed < limit)) removed++;
        else kept.push(other);
      }
      model = fromEnd ? kept.reverse() : kept;
      assert.equal(list.remove(bytesOf(wanted), 0, wanted.length, limit, fromEnd), removed, where);
    } else if (action === 20 || model.length > 6000) {
      const front = randomBelow(random, model.length);
      list.dropFront(front);
      model.splice(0, front);
      const back = randomBelow(random, model.length);
      list.dropBack(back);
      model.splice(model.length - back, back);
    } else if (action === 21) {
      const count = 1 + randomBelow(random, Math.min(700, model.length - index));
      const expected = model.slice(index, index + count).map((other) => `$${other.length}\r\n${other}\r\n`);
      assert.equal(reply(list, index, count), expected.join(''), where);
    } else if (action === 22) {
      list.at(index, taken);
      assert.equal(taken.text, model[index], where);
      const wanted = random.float() < 0.8 ? model[index]! : text;
      const limit = random.float() < 0.5 ? 0 : 1 + randomBelow(random, model.length + 5);
      const fromEnd = random.float() < 0.5;
      const most = 1 + randomBelow(random, 5);
      const found: number[] = [];
      list.matches(bytesOf(wanted), 0, wanted.length, fromEnd, limit, (at) => found.push(at) < most);
      const places = [...model.keys()].filter((at) => model[at] === wanted);
      const expected = (fromEnd ? places.reverse() : places)
        .filter((at) => limit === 0 || (fromEnd ? model.length - at : at + 1) <= limit)
        .slice(0, most);
      assert.deepEqual(found, expected, where);
    } else {
      const { arena } = memory;
      let cursor = 0;
      do {
        cursor = list.defragment(cursor, 3, (ref) => {
          const bytes = arena.capacity(ref);
          const moved = arena.alloc(bytes);
          const from = (ref & 0x1ffff) << 3;
          const source = arena.pages[ref >>> 17]!.slice(from, from + bytes);
          arena.pages[moved >>> 17]!.set(source, (moved & 0x1ffff) << 3);
          arena.free(ref);
          return moved;
        });
      } while (cursor !== 0);
      const copy = list.clone();
      releaseWhole(list);
      list = copy;
    }
    assert.equal(list.length, model.length, where);
    if (step % 25 === 0 || step === steps - 1) {
      assert.deepEqual(contents(list), model, `${where}, step ${step}`);
      assert.deepEqual(contents(list, true).reverse(), model, `${where}, step ${step}`);
    }
  }
  assert.ok(list.measure(0) > 0);
  for (let more = true; more; ) more = list.release(5);
  assert.equal(memory.arena.liveBytes, 0, where);
  assert.equal(memory.tableBytes, 0, where);
  assert.equal(memory.externals.bytes, 0, where);
  assert.equal(memory.externals.count, 0, where);
}

describe('grown list', () => {
  const base = systemRandom().uint32();
  for (const [fill, depth] of [
    [-2, 0],
    [-2, 1],
    [-1, 3],
    [-5, 0],
    [1, 0],
    [3, 0],
    [128, 1],
    [5000, 0],
  ] as const) {
    it(`behaves as an array, with nodes of ${fill} and ${depth} of them left uncompressed`, () => {
      for (let i = 0; i < 2; i++) run((base + i) >>> 0, fill, depth, 200);
    });
  }

  it('takes over a packed list', () => {
    const memory = newMemory(-2);
    const b = new Uint8Array(10000);
    lpInit(b, 5);
    const model: string[] = [];
    for (let i = 0; i < 700; i++) {
      const text = i % 2 === 0 ? `e${i}` : String(i * i);
      const src = bytesOf(text);
      assert.ok(lpEncodedSize(src, 0, src.length) < 10);
      lpInsert(b, 5, lpEnd(b, 5), src, 0, src.length);
      model.push(text);
    }
    const list = GrownList.fromListpack(memory, b, 5);
    assert.deepEqual(contents(list), model);
    list.pushFront(bytesOf('first'), 0, 5);
    list.pushBack(bytesOf('last'), 0, 4);
    assert.deepEqual(contents(list), ['first', ...model, 'last']);
    releaseWhole(list);
    assert.equal(memory.arena.liveBytes, 0);
  });

  it('keeps ten random letters and digits in less than ten bytes', () => {
    const random = seededRandom(7);
    const memory = newMemory(-2);
    const list = new GrownList(memory);
    const count = 100000;
    for (let i = 0; i < count; i++) list.pushBack(bytesOf(someText(random, 0)), 0, 10);
    assert.ok(memory.arena.liveBytes / count < 9, `${memory.arena.liveBytes / count} bytes an element`);
  });

  it('gives the memory of popped nodes back', () => {
    const memory = newMemory(-2);
    const list = new GrownList(memory);
    const src = bytesOf('some element');
    const taken = new Taken();
    for (let i = 0; i < 50000; i++) list.pushFront(src, 0, src.length);
    for (let i = 0; i < 50000; i++) list.popBack(taken);
    assert.equal(list.length, 0);
    assert.equal(memory.arena.liveBytes, 0);
  });
});

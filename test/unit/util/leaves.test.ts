import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock, MicrosecondWallClock, systemClock, systemTimers } from '../../../src/util/clock.ts';
import { errnoText } from '../../../src/util/errno-text.ts';
import { Fifo } from '../../../src/util/fifo.ts';
import { bytesOf, bytesToHuman, latin1Of, reprQuoted } from '../../../src/util/latin1.ts';
import { randomBelow, randomHex, seededRandom, systemRandom } from '../../../src/util/random.ts';

test('latin1 goes there and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      assert.deepEqual(bytesOf(latin1Of(bytes)), bytes);
    }),
  );
  assert.equal(latin1Of(bytesOf('abcdef'), 2, 3), 'cde');
});

test('sizes for people', () => {
  const cases: [number, string][] = [
    [0, '0B'],
    [1023, '1023B'],
    [1024, '1.00K'],
    [1048576, '1.00M'],
    [1289748, '1.23M'],
    [25213247488, '23.48G'],
    [2 ** 40, '1.00T'],
    [2 ** 50, '1.00P'],
  ];
  for (const [n, text] of cases) assert.equal(bytesToHuman(n), text);
});

test('quoted bytes look as in MONITOR', () => {
  const bytes = Uint8Array.of(0, 7, 8, 9, 10, 13, 27, 127, 128, 255, 34, 92, 97);
  assert.equal(reprQuoted(bytes), '"\\x00\\a\\b\\t\\n\\r\\x1b\\x7f\\x80\\xff\\"\\\\a"');
  assert.equal(reprQuoted(bytes, 12, 1), '"a"');
});

test('a fifo behaves as an array', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('push', 'push', 'shift', 'unshift', 'clear')), (steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      steps.forEach((step, i) => {
        if (step === 'push') {
          fifo.push(i);
          model.push(i);
        } else if (step === 'unshift') {
          fifo.unshift(i);
          model.unshift(i);
        } else if (step === 'shift') {
          assert.equal(fifo.shift(), model.shift());
        } else if (i % 7 === 0) {
          fifo.clear();
          model.length = 0;
        }
        assert.equal(fifo.length, model.length);
        assert.equal(fifo.peek(), model[0]);
        assert.equal(fifo.at(1), model[1]);
      });
      assert.deepEqual([...fifo], model);
    }),
  );
  const large = new Fifo<number>();
  for (let i = 0; i < 10000; i++) large.push(i);
  for (let i = 0; i < 10000; i++) assert.equal(large.shift(), i);
  assert.equal(large.shift(), undefined);
});

test('a seed replays its numbers', () => {
  const first = seededRandom(42);
  const second = seededRandom(42);
  const other = seededRandom(43);
  const drawn = Array.from({ length: 100 }, () => first.uint32());
  assert.deepEqual(
    drawn,
    Array.from({ length: 100 }, () => second.uint32()),
  );
  assert.notDeepEqual(
    drawn,
    Array.from({ length: 100 }, () => other.uint32()),
  );
  assert.notEqual(seededRandom(1).uint32(), seededRandom(1 + 2 ** 32).uint32());
});

test('both sources are even enough', () => {
  for (const random of [systemRandom(), seededRandom(7)]) {
    const buckets = new Array<number>(10).fill(0);
    let sum = 0;
    for (let i = 0; i < 20000; i++) {
      buckets[randomBelow(random, 10)]!++;
      const x = random.float();
      assert.ok(x >= 0 && x < 1);
      sum += x;
    }
    for (const count of buckets) assert.ok(count > 1700 && count < 2300, String(buckets));
    assert.ok(Math.abs(sum / 20000 - 0.5) < 0.02);
    assert.equal(random.bytes(7).length, 7);
    assert.match(randomHex(random, 40), /^[0-9a-f]{40}$/);
    assert.equal(randomHex(random, 5).length, 5);
  }
});

test('virtual time runs timers in order, at their moments', () => {
  const clock = new ManualClock(1_000_000);
  const seen: string[] = [];
  const note = (what: string) => (): void => {
    seen.push(`${what}@${clock.monoMs()}`);
  };
  clock.setTimeout(note('b'), 20);
  clock.setTimeout(note('a'), 10);
  const every = clock.setInterval(note('i'), 15);
  const never = clock.setTimeout(note('x'), 5);
  clock.clearTimeout(never);
  clock.setTimeout(() => clock.setTimeout(note('nested'), 1), 30);
  clock.advance(31);
  assert.deepEqual(seen, ['a@10', 'i@15', 'b@20', 'i@30', 'nested@31']);
  clock.clearInterval(every);
  clock.advance(1000);
  assert.equal(seen.length, 5);
  assert.equal(clock.wallMs(), 1_001_031);
  clock.jumpWallTo(5);
  assert.equal(clock.wallMs(), 5);
  assert.equal(clock.monoMs(), 1031);
});

test('microseconds of the wall clock grow, and follow a jump', () => {
  const wall = new MicrosecondWallClock(systemClock);
  let before = wall.wallUs();
  for (let i = 0; i < 10000; i++) {
    const now = wall.wallUs();
    assert.ok(now >= before && Math.abs(now - Date.now() * 1000) < 50_000);
    before = now;
  }
  const clock = new ManualClock();
  const manual = new MicrosecondWallClock(clock);
  clock.jumpWallTo(123_456);
  assert.equal(manual.wallUs(), 123_456_000);
  clock.advance(0.25);
  assert.equal(manual.wallUs(), 123_456_250);
});

test('the real timers run', async () => {
  await new Promise<void>((resolve) => {
    const never = systemTimers.setTimeout(() => assert.fail(), 1);
    systemTimers.clearTimeout(never);
    const every = systemTimers.setInterval(() => {
      systemTimers.clearInterval(every);
      systemTimers.setTimeout(resolve, 1);
    }, 1);
  });
});

test('errors of the system read as in C', () => {
  assert.equal(errnoText(Object.assign(new Error('x'), { code: 'EADDRINUSE' })), 'Address already in use');
  assert.equal(errnoText(Object.assign(new Error('own text'), { code: 'EODD' })), 'own text');
  assert.equal(errnoText(new Error('plain')), 'plain');
});

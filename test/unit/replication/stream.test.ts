import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cursor, ReplicationStream } from '../../../src/replication/stream/replication-stream.ts';

const BACKLOG = 16 * 1024;
const KIB = 1024;

/** Byte `offset` of the history of these tests. */
const byteAt = (offset: number): number => (offset * 31 + (offset >>> 8)) & 0xff;

function run(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = byteAt(from + i);
  return bytes;
}

function append(stream: ReplicationStream, length: number): void {
  const bytes = new Uint8Array(length + 3);
  bytes.set(run(stream.end + 1, length), 2);
  stream.append(bytes, 2, length);
}

/** Reads up to `most` bytes as a link would: it looks, and says later that they have gone. */
function read(cursor: Cursor, most: number): number {
  let left = most;
  while (left > 0) {
    const view = cursor.peek();
    if (view === null) break;
    const taken = Math.min(left, view.length);
    assert.deepEqual(view.subarray(0, taken), run(cursor.next, taken));
    cursor.advance(taken);
    left -= taken;
  }
  return most - left;
}

type Step =
  | { readonly kind: 'append'; readonly bytes: number }
  | { readonly kind: 'read'; readonly who: number; readonly bytes: number }
  | { readonly kind: 'peek'; readonly who: number }
  | { readonly kind: 'join'; readonly back: number }
  | { readonly kind: 'leave'; readonly who: number }
  | { readonly kind: 'resize'; readonly bytes: number }
  | { readonly kind: 'restart'; readonly end: number };

const bytes = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 40 * KIB }));
const who = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: bytes.map((n): Step => ({ kind: 'append', bytes: n })) },
  { weight: 6, arbitrary: fc.tuple(who, bytes).map(([w, n]): Step => ({ kind: 'read', who: w, bytes: n })) },
  { weight: 2, arbitrary: who.map((w): Step => ({ kind: 'peek', who: w })) },
  { weight: 2, arbitrary: fc.nat(60 * KIB).map((back): Step => ({ kind: 'join', back })) },
  { weight: 1, arbitrary: who.map((w): Step => ({ kind: 'leave', who: w })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(16, 17, 64, 300).map((k): Step => ({ kind: 'resize', bytes: k * KIB })),
  },
  { weight: 1, arbitrary: fc.nat(1e6).map((end): Step => ({ kind: 'restart', end })) },
);

test('whoever has a cursor reads every byte, and who comes back finds at least the backlog', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
      const stream = new ReplicationStream();
      stream.backlogBytes = BACKLOG;
      stream.open();
      let cursors: Cursor[] = [];
      let opened = 1;
      // What a link has been shown stays as it is, whoever else leaves meanwhile.
      const shown = new Map<Cursor, { at: number; view: Uint8Array }>();
      for (const s of steps) {
        const cursor = 'who' in s ? cursors[s.who % Math.max(1, cursors.length)] : undefined;
        if (s.kind === 'append') append(stream, s.bytes);
        else if (s.kind === 'resize') {
          stream.backlogBytes = s.bytes;
          opened = Math.max(opened, stream.firstByte);
        } else if (s.kind === 'join') {
          const from = Math.max(stream.firstByte, stream.end + 1 - s.back);
          cursors.push(stream.cursorAt(from));
        } else if (s.kind === 'restart') {
          for (const each of cursors) each.release();
          cursors = [];
          shown.clear();
          stream.startAt(s.end);
          opened = s.end + 1;
        } else if (cursor !== undefined) {
          if (s.kind === 'read') {
            shown.delete(cursor);
            const expected = Math.min(s.bytes, cursor.pendingBytes);
            assert.equal(read(cursor, s.bytes), expected);
          } else if (s.kind === 'peek') {
            const view = cursor.peek();
            assert.equal(view === null, cursor.pendingBytes === 0);
            if (view !== null) shown.set(cursor, { at: cursor.next, view });
          } else {
            cursor.release();
            cursors.splice(cursors.indexOf(cursor), 1);
          }
        }
        const first = stream.firstByte;
        assert.ok(first >= opened);
        assert.ok(first <= Math.max(opened, stream.end + 1 - stream.backlogBytes));
        for (const each of cursors) assert.ok(each.next >= first);
        assert.equal(stream.keptBytes, stream.end + 1 - first);
        assert.ok(stream.has(first) && stream.has(stream.end + 1) && !stream.has(stream.end + 2));
        assert.ok(!stream.has(first - 1));
        for (const { at, view } of shown.values()) assert.deepEqual(view, run(at, view.length));
      }
      for (const cursor of cursors) {
        const { pendingBytes } = cursor;
        assert.equal(read(cursor, Number.MAX_SAFE_INTEGER), pendingBytes);
        cursor.release();
      }
    }),
    { numRuns: 300 },
  );
});

test('three replicas that lag behind cost no more than one, and nothing when they have left', () => {
  const lagging = 8 * KIB * KIB;
  const costOf = (replicas: number): { behind: number; after: number } => {
    const stream = new ReplicationStream();
    stream.open();
    const cursors = Array.from({ length: replicas }, () => stream.cursorAt(1));
    for (let sent = 0; sent < lagging; sent += 1000) append(stream, 1000);
    const behind = stream.memoryBytes;
    for (const cursor of cursors) cursor.release();
    return { behind, after: stream.memoryBytes };
  };
  const one = costOf(1);
  assert.deepEqual(costOf(3), one);
  assert.ok(one.behind >= lagging && one.behind < lagging + 256 * KIB);
  assert.ok(one.after < 1.5 * KIB * KIB);
});

test('replicas that are level are sent the same view', () => {
  const stream = new ReplicationStream();
  stream.open();
  const cursors = [stream.cursorAt(1), stream.cursorAt(1)];
  append(stream, 100);
  assert.equal(cursors[0]!.peek(), cursors[1]!.peek());
});

test('a closed stream keeps nothing, and its offset stands still', () => {
  const stream = new ReplicationStream();
  append(stream, 10);
  assert.equal(stream.end, 0);
  assert.equal(stream.memoryBytes, 0);
  assert.ok(!stream.has(1));
  stream.open();
  append(stream, 10);
  stream.close();
  assert.equal(stream.end, 10);
  assert.equal(stream.keptBytes, 0);
  stream.open();
  assert.equal(stream.firstByte, 11);
});

test('whoever sends is told once until it has looked', () => {
  const stream = new ReplicationStream();
  let told = 0;
  stream.onAppend = () => told++;
  stream.open();
  append(stream, 1);
  append(stream, 1);
  assert.equal(told, 1);
  stream.told();
  append(stream, 1);
  assert.equal(told, 2);
});

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import { Pace } from '../../src/persistence/snapshot/pace.ts';

const SLICE_MS = 3;
const RUN_MS = 2000;

/**
 * Lets a snapshot that never ends go on for two seconds of a clock of its own, while `commandsAt` says how many commands
 * have come by a time in ms. Returns the part of the time in which it worked.
 */
function share(commandsAt: (ms: number, slices: number) => number): number {
  let nowMs = 0;
  let slices = 0;
  let worked = 0;
  let scheduled: (() => void) | null = null;
  let timer: { at: number; run: () => void } | null = null;
  const stats = { commandsProcessed: 0 };
  const timers = {
    setTimeout: (run: () => void, ms: number) => {
      timer = { at: nowMs + ms, run };
      return timer;
    },
    clearTimeout: () => {
      timer = null;
    },
  };
  const engine = { stats, timers, clock: { monoMs: () => nowMs } } as unknown as Engine;
  const pace = new Pace(
    engine,
    (budgetUs) => {
      assert.ok(budgetUs <= SLICE_MS * 1000);
      nowMs += budgetUs / 1000;
      worked += budgetUs / 1000;
      slices++;
      pace.next();
    },
    (run) => {
      scheduled = run;
    },
  );
  pace.next();
  while (nowMs < RUN_MS) {
    stats.commandsProcessed = commandsAt(nowMs, slices);
    const now: (() => void) | null = scheduled;
    const due: { at: number; run: () => void } | null = timer;
    if (now !== null) {
      scheduled = null;
      (now as () => void)();
    } else {
      assert.ok(due !== null, 'it has stopped');
      const { at, run } = due as { at: number; run: () => void };
      nowMs = at;
      stats.commandsProcessed = commandsAt(nowMs, slices);
      timer = null;
      run();
    }
  }
  return worked / nowMs;
}

it('a snapshot has nearly all of the time while nobody or hardly anybody asks', () => {
  assert.ok(share(() => 0) > 0.99);
  assert.ok(share((ms) => Math.floor(ms / 5)) > 0.9, 'a poll each 5 ms');
  assert.ok(share((ms) => Math.floor(ms / 2)) > 0.9, 'five hundred commands a second');
});

it('a snapshot leaves the larger part of the time to clients under load', () => {
  assert.ok(share((ms) => Math.floor(ms * 100)) < 0.45, 'a hundred thousand commands a second');
  assert.ok(share((ms) => Math.floor(ms * 10)) < 0.45, 'ten thousand commands a second');
});

it('a snapshot takes short breaks while clients need little of the time', () => {
  assert.ok(share((ms) => Math.floor(ms * 2)) > 0.6, 'two thousand commands a second');
  assert.ok(share((ms) => Math.floor(ms / 5) * 10) > 0.5, 'the same, ten at a time');
});

it('one client that waits for each reply is seen, though each turn sees but one command of it', () => {
  // While it works, one command waits; in the rest of the time there are twenty in a ms.
  let worked = 0;
  let last = 0;
  let count = 0;
  const commandsAt = (ms: number, slices: number): number => {
    const passed = ms - last;
    last = ms;
    if (slices !== worked) {
      worked = slices;
      count += 1;
    } else count += Math.floor(passed * 20);
    return count;
  };
  assert.ok(share(commandsAt) < 0.5);
});

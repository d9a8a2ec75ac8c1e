/** The crash rounds are only worth something if they notice: states that were never there are told from ones that were. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../soak/soak.ts';
import { WriterModel } from './model.ts';
import { randomStep } from './random-commands.ts';
import { findCut, Lost } from './verify.ts';
import type { Logged } from './writer.ts';

const NOW = 1_800_000_000_000;
const STEPS = 400;

function makeLog(seed: number): Logged[] {
  const below = seededRandom(seed);
  return Array.from({ length: STEPS }, (_, i) => ({
    ...randomStep(below, i + 1, [0, 1], NOW),
    sentAt: NOW,
    answeredAt: NOW,
    replies: null,
  }));
}

/** The state after the steps, as a server's; `left` of the last one's commands are not run. */
function stateAfter(log: readonly Logged[], left = 0) {
  const model = new WriterModel();
  const moment = { sentAt: NOW, answeredAt: NOW };
  for (const [i, { db, commands }] of log.entries()) {
    const ran = i === log.length - 1 ? commands.slice(0, commands.length - left) : commands;
    for (const args of ran) model.apply(db, args, undefined, moment);
  }
  // A server knows exactly how many are gone, and when keys end.
  for (const database of model.databases) {
    for (const { value } of database.values()) {
      if (value.kind !== 'set') continue;
      for (const member of [...value.members].slice(0, value.unknown)) value.members.delete(member);
      value.unknown = 0;
    }
  }
  return { model, readFrom: NOW, readTo: NOW };
}

describe('crash rounds', () => {
  it('find where the log was cut', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const log = makeLog(seed);
      for (const length of [0, 1, 100, 399, 400]) {
        const cut = findCut(new WriterModel(), log, 0, stateAfter(log.slice(0, length)));
        assert.ok(cut.shortest <= length && length <= cut.longest, `seed ${seed}, ${length}`);
      }
    }
  });

  it('miss what was promised', () => {
    const log = makeLog(1);
    assert.throws(() => findCut(new WriterModel(), log, 300, stateAfter(log.slice(0, 200))), Lost);
  });

  it('see a hole, and half a transaction', () => {
    let holes = 0;
    let halves = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const log = makeLog(seed);
      const without = log.toSpliced(STEPS - 30, 1);
      if (fails(log, without, 0)) holes++;
      const at = log.findLastIndex(({ commands }) => commands.length > 1);
      if (fails(log, log.slice(0, at + 1), 1)) halves++;
    }
    // Some steps change nothing, some are undone by what follows.
    assert.ok(holes >= 15, `only ${holes} of 40 holes were seen`);
    assert.ok(halves >= 15, `only ${halves} of 40 halves were seen`);
  });
});

function fails(log: readonly Logged[], ran: readonly Logged[], left: number): boolean {
  try {
    findCut(new WriterModel(), log, 0, stateAfter(ran, left));
    return false;
  } catch (error) {
    assert.ok(error instanceof Lost);
    return true;
  }
}

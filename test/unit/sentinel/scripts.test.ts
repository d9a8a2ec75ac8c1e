/** The queue of notification scripts, on a clock of its own. The rules are redis-sentinel's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultIntervals } from '../../../src/sentinel/core/intervals.ts';
import { QUEUE_MAX, RETRIES_MAX, RUNNING_MAX, Scripts } from '../../../src/sentinel/shell/scripts.ts';

interface Started {
  readonly words: readonly string[];
  readonly end: (status: number, signal?: number) => void;
  killed: boolean;
}

function setUp() {
  const time = { now: 1_000_000 };
  const started: Started[] = [];
  const events: string[] = [];
  const scripts = new Scripts({
    intervals: defaultIntervals(),
    now: () => time.now,
    event: (level, name, text) => events.push(`${level} ${name} ${text}`),
    run: (words, onEnd) => {
      if (words[0] === 'no-process') throw new Error('EAGAIN');
      const script: Started = { words, end: (status, signal = 0) => onEnd(status, signal), killed: false };
      started.push(script);
      return {
        pid: 100 + started.length,
        kill: () => {
          script.killed = true;
        },
      };
    },
  });
  return { time, started, events, scripts };
}

describe('scripts of a sentinel', () => {
  it('runs one from the next tick on, and forgets it when it ends well', () => {
    const { scripts, started, events } = setUp();
    scripts.schedule(['x.sh', '+sdown', 'master m']);
    assert.equal(started.length, 0);
    assert.deepEqual(scripts.pending[0], {
      words: ['x.sh', '+sdown', 'master m'],
      running: false,
      pid: 0,
      runTimeMs: 0,
      delayMs: 0,
      retries: 0,
    });
    scripts.tick();
    assert.deepEqual(started[0]!.words, ['x.sh', '+sdown', 'master m']);
    assert.equal(scripts.running, 1);
    assert.equal(scripts.pending[0]!.pid, 101);
    started[0]!.end(0);
    assert.equal(scripts.running, 0);
    assert.equal(scripts.pending.length, 0);
    assert.deepEqual(events, ['debug +script-child 101', 'debug -script-child 101 0 0']);
  });

  it('tries again after status 1 or a signal, each time twice as late, ten times', () => {
    const { scripts, started, events, time } = setUp();
    scripts.schedule(['x.sh']);
    let delay = 30_000;
    for (let i = 1; i <= RETRIES_MAX; i++) {
      scripts.tick();
      assert.equal(started.length, i);
      started[i - 1]!.end(i % 2 === 0 ? 1 : 0, i % 2 === 0 ? 0 : 9);
      if (i === RETRIES_MAX) break;
      assert.equal(scripts.pending[0]!.delayMs, delay);
      assert.equal(scripts.pending[0]!.retries, i);
      time.now += delay - 1;
      scripts.tick();
      assert.equal(started.length, i, 'not before its time');
      time.now += 1;
      delay *= 2;
    }
    assert.equal(scripts.pending.length, 0);
    assert.equal(events.at(-1), 'warning -script-error x.sh 0 1');
  });

  it('does not try again after any other status', () => {
    const { scripts, started, events } = setUp();
    scripts.schedule(['x.sh']);
    scripts.tick();
    started[0]!.end(2);
    assert.equal(scripts.pending.length, 0);
    assert.equal(events.at(-1), 'warning -script-error x.sh 0 2');
  });

  it('kills what runs for more than a minute', () => {
    const { scripts, started, events, time } = setUp();
    scripts.schedule(['x.sh']);
    scripts.tick();
    time.now += 60_000;
    scripts.tick();
    assert.equal(started[0]!.killed, false);
    time.now += 1;
    scripts.tick();
    assert.equal(started[0]!.killed, true);
    assert.equal(events.at(-1), 'warning -script-timeout x.sh 101');
    assert.equal(scripts.pending[0]!.runTimeMs, 60_001);
  });

  it('runs sixteen at once, in order', () => {
    const { scripts, started } = setUp();
    for (let i = 0; i < RUNNING_MAX + 2; i++) scripts.schedule([`${i}`]);
    scripts.tick();
    assert.equal(started.length, RUNNING_MAX);
    started[3]!.end(0);
    scripts.tick();
    assert.equal(started.length, RUNNING_MAX + 1);
    assert.equal(started.at(-1)!.words[0], `${RUNNING_MAX}`);
  });

  it('keeps 256: the oldest that does not run makes room', () => {
    const { scripts } = setUp();
    scripts.schedule(['first']);
    scripts.tick();
    for (let i = 1; i <= QUEUE_MAX; i++) scripts.schedule([`${i}`]);
    assert.equal(scripts.pending.length, QUEUE_MAX);
    assert.equal(scripts.pending[0]!.words[0], 'first');
    assert.equal(scripts.pending[1]!.words[0], '2');
  });

  it('says so when no process can be made, and tries at the next tick', () => {
    const { scripts, events } = setUp();
    scripts.schedule(['no-process']);
    scripts.tick();
    assert.deepEqual(events, ['warning -script-error no-process 99 0']);
    assert.equal(scripts.running, 0);
    assert.equal(scripts.pending.length, 1);
  });
});

/** TILT and stalls: a jump of the clock, and a process that stood still, are told apart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isPassive } from '../../../src/sentinel/core/watch/tilt.ts';
import { BareCore } from './bare-core.ts';

describe('tilt', () => {
  it('the wall clock jumps: thirty seconds without decisions', () => {
    const rig = new BareCore();
    rig.pass(1000, () => rig.answerAll());
    rig.clear();
    rig.wallAhead += 5000;
    rig.tick();
    assert.deepEqual(rig.events(), ['+tilt #tilt mode entered']);
    assert.equal(rig.state.tilt, true);
    // Nobody answers, nobody is judged.
    rig.pass(29_800);
    assert.deepEqual(rig.events(), ['+tilt #tilt mode entered']);
    assert.ok(rig.words(rig.master).includes('PING'));
    rig.pass(200);
    assert.deepEqual(rig.events().slice(1, 3), [
      '-tilt #tilt mode exited',
      '+sdown master mymaster 10.0.0.1 6379',
    ]);
  });

  it('backwards, too; small steps (NTP) are none', () => {
    const rig = new BareCore();
    rig.tick();
    rig.wallAhead -= 1900;
    rig.tick();
    assert.equal(rig.state.tilt, false);
    rig.wallAhead -= 2100;
    rig.tick();
    assert.equal(rig.state.tilt, true);
  });

  it('another jump prolongs it', () => {
    const rig = new BareCore();
    rig.tick();
    rig.wallAhead += 5000;
    rig.tick();
    rig.pass(20_000);
    rig.wallAhead += 5000;
    rig.tick();
    rig.pass(29_000);
    assert.equal(rig.state.tilt, true);
    rig.pass(1100);
    assert.equal(rig.state.tilt, false);
  });

  it('standing still is no TILT: what has come is read first, then it goes on', () => {
    const rig = new BareCore();
    rig.pass(1000, () => rig.answerAll());
    rig.tick(1000);
    rig.clear();
    rig.tick(60_000);
    assert.equal(rig.state.tilt, false);
    assert.equal(rig.logs().length, 1);
    assert.match(rig.logs()[0] ?? '', /^This sentinel stood still for 60000 milliseconds/);
    assert.deepEqual(rig.events(), []);
    rig.answerAll();
    rig.pass(10_000, () => rig.answerAll());
    assert.deepEqual(rig.events(), []);
  });

  it('what is read before the first tick after a stall is not acted on either', () => {
    const rig = new BareCore();
    rig.pass(1000, () => rig.answerAll());
    rig.now += 60_000;
    assert.equal(
      rig.act((turn) => isPassive(turn)),
      true,
    );
    rig.tick();
    rig.pass(4900, () => rig.answerAll());
    assert.equal(
      rig.act((turn) => isPassive(turn)),
      true,
    );
    rig.pass(200, () => rig.answerAll());
    assert.equal(
      rig.act((turn) => isPassive(turn)),
      false,
    );
  });

  it('who is silent after we stood still is judged when the grace is over', () => {
    const rig = new BareCore();
    rig.pass(1000, () => rig.answerAll());
    rig.clear();
    rig.tick(60_000);
    rig.pass(4900);
    assert.deepEqual(rig.events(), []);
    rig.pass(1000);
    assert.deepEqual(rig.events(), ['+sdown master mymaster 10.0.0.1 6379']);
  });
});

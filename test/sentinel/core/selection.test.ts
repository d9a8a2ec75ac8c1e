/** Which replica is promoted, whatever they say of themselves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sharesLineage } from '../../../src/sentinel/core/failover/lineage.ts';
import {
  compareReplicas,
  exclusionReason,
  selectReplica,
} from '../../../src/sentinel/core/failover/selection.ts';
import { type Instance, SDOWN } from '../../../src/sentinel/core/instance.ts';
import { Rig } from './rig.ts';

const choice = fc.record({
  sdown: fc.boolean(),
  disconnected: fc.boolean(),
  silentMs: fc.integer({ min: 0, max: 8000 }),
  priority: fc.integer({ min: 0, max: 3 }),
  infoAgeMs: fc.integer({ min: 0, max: 40_000 }),
  linkDownMs: fc.constantFrom(0, 1000, 9000, 12_000, 40_000),
  offset: fc.integer({ min: 0, max: 3 }),
  runId: fc.constantFrom('', 'a', 'B', 'c'),
});

function shape(rig: Rig, replica: Instance, traits: Record<string, unknown>): void {
  const { sdown, disconnected, silentMs, priority, infoAgeMs, linkDownMs, offset, runId } =
    traits as typeof choice extends fc.Arbitrary<infer T> ? T : never;
  replica.flags = sdown ? SDOWN : 0;
  replica.link.disconnected = disconnected;
  replica.link.lastAvailable = rig.now - silentMs;
  replica.priority = priority;
  replica.infoAt = rig.now - infoAgeMs;
  replica.masterLinkDownMs = linkDownMs;
  replica.replOffset = offset;
  replica.runId = runId === '' ? '' : runId.repeat(40);
}

describe('choice of a replica', () => {
  it('never takes one that the rules exclude, and of the others the best', () => {
    const rig = new Rig({ replicas: 4 });
    rig.pass(50_000);
    fc.assert(
      fc.property(fc.array(choice, { minLength: 4, maxLength: 4 }), fc.boolean(), (traits, masterDown) => {
        rig.master.flags = masterDown ? SDOWN : 0;
        rig.master.sDownSince = rig.now - 500;
        const replicas = [...rig.master.replicas.values()];
        for (const [i, replica] of replicas.entries()) shape(rig, replica, traits[i] ?? {});
        const fit = replicas.filter((_, i) => {
          const t = traits[i]!;
          const infoMax = masterDown ? 5000 : 30_000;
          const linkDownMax = 10_000 + (masterDown ? 500 : 0);
          return (
            !t.sdown &&
            !t.disconnected &&
            t.silentMs <= 5000 &&
            t.priority !== 0 &&
            t.infoAgeMs <= infoMax &&
            t.linkDownMs <= linkDownMax
          );
        });
        const [selected, reasons] = rig.act(
          (turn) =>
            [
              selectReplica(turn, rig.master),
              replicas.map((replica) => exclusionReason(turn, replica)),
            ] as const,
        );
        assert.deepEqual(
          reasons.map((reason) => reason === null),
          replicas.map((replica) => fit.includes(replica)),
        );
        if (fit.length === 0) assert.equal(selected, null);
        else {
          assert.ok(selected !== null && fit.includes(selected));
          for (const other of fit) {
            assert.ok(selected.priority <= other.priority);
            if (selected.priority === other.priority) assert.ok(selected.replOffset >= other.replOffset);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has an order that is one', () => {
    const rig = new Rig({ replicas: 3 });
    const [a, b, c] = [...rig.master.replicas.values()] as [Instance, Instance, Instance];
    fc.assert(
      fc.property(choice, choice, choice, (x, y, z) => {
        shape(rig, a, x);
        shape(rig, b, y);
        shape(rig, c, z);
        assert.equal(Math.sign(compareReplicas(a, b)), -Math.sign(compareReplicas(b, a)) + 0);
        if (compareReplicas(a, b) <= 0 && compareReplicas(b, c) <= 0) assert.ok(compareReplicas(a, c) <= 0);
      }),
    );
  });

  it('prefers known run ids, the smaller first, whatever their case', () => {
    const rig = new Rig({ replicas: 3 });
    const replicas = [...rig.master.replicas.values()];
    const ids = ['', 'b'.repeat(40), 'A'.repeat(40)];
    replicas.forEach((replica, i) => {
      replica.runId = ids[i] ?? '';
    });
    assert.deepEqual(
      replicas.sort(compareReplicas).map(({ runId }) => runId[0] ?? ''),
      ['A', 'b', ''],
    );
  });

  it('refuses another lineage where it is told to', () => {
    const rig = new Rig({ replicas: 1 });
    rig.node(1).replId = 'f'.repeat(40);
    rig.pass(11_000);
    assert.equal(sharesLineage(rig.master, rig.replica(1)), false);
    assert.equal(
      rig.act((turn) => selectReplica(turn, rig.master)),
      rig.replica(1),
    );
    rig.master.requireSameLineage = true;
    assert.match(rig.act((turn) => exclusionReason(turn, rig.replica(1))) ?? '', /shares no history/);
    // The master has been a replica itself: its former id is what this one still has.
    rig.master.replId2 = 'f'.repeat(40);
    assert.equal(
      rig.act((turn) => selectReplica(turn, rig.master)),
      rig.replica(1),
    );
    rig.master.replId = '';
    assert.equal(sharesLineage(rig.master, rig.replica(1)), null);
  });
});

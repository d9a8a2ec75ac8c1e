import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from '../../../src/util/histogram.ts';
import { Oracle, type OracleReply, oracleMissing } from './oracle.ts';

function powers(histogram: Histogram): number[] {
  const flat: number[] = [];
  histogram.visitPowersOfTwo((us, count) => flat.push(us, count));
  return flat;
}

test('an empty histogram', () => {
  const histogram = new Histogram();
  assert.equal(histogram.total, 0);
  assert.equal(histogram.percentile(50), 0);
  assert.deepEqual(powers(histogram), []);
});

test('percentiles stay within one percent of the exact ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.1, max: 100, noNaN: true }),
      (values, percent) => {
        const histogram = new Histogram();
        for (const us of values) histogram.record(us);
        const sorted = values.toSorted((a, b) => a - b);
        const rank = Math.max(1, Math.floor((percent / 100) * values.length + 0.5));
        const exact = sorted[rank - 1]!;
        const shown = histogram.percentile(percent);
        assert.ok(shown >= exact && shown <= exact * 1.01, `${shown} for ${exact}`);
      },
    ),
  );
});

test('counts, extremes and reset', () => {
  const histogram = new Histogram();
  histogram.record(0);
  histogram.record(3, 4);
  histogram.record(5e9);
  assert.equal(histogram.total, 6);
  assert.equal(histogram.percentile(0), 0.001);
  assert.deepEqual(powers(histogram), [1, 1, 4, 5, 1073741, 6]);
  histogram.reset();
  assert.equal(histogram.total, 0);
});

// A real server tells the exact durations in its slow log; the same durations must give the same two reports.
test('both reports equal those of a real server', { skip: oracleMissing }, async () => {
  const oracle = await Oracle.start({ 'enable-debug-command': true, 'slowlog-max-len': 100000 });
  try {
    await oracle.pipeline([
      ['CONFIG', 'SET', 'slowlog-log-slower-than', '0'],
      ['CONFIG', 'RESETSTAT'],
      ['SLOWLOG', 'RESET'],
    ]);
    const commands: string[][] = [];
    for (let i = 0; i < 400; i++) {
      commands.push(['SETRANGE', 'k', String((i * 40000) % 3_000_000), 'x'], ['PING']);
      commands.push(['EVAL', `local x = 0 for i = 1, ${i * i} do x = x + i end return x`, '0']);
    }
    for (let i = 0; i < 12; i++) commands.push(['DEBUG', 'SLEEP', String(0.00013 * 2 ** i)]);
    commands.push(['DEBUG', 'SLEEP', '0.6'], ['DEBUG', 'SLEEP', '1.1']);
    await oracle.pipeline(commands);
    const [log, reported, info] = (await oracle.pipeline([
      ['SLOWLOG', 'GET', '-1'],
      ['LATENCY', 'HISTOGRAM', 'setrange', 'ping', 'eval', 'debug'],
      ['INFO', 'latencystats'],
    ])) as [OracleReply[][], OracleReply[], string];
    const histograms = new Map<string, Histogram>();
    for (const entry of log) {
      const name = (entry[3] as string[])[0]!.toLowerCase();
      const histogram = histograms.get(name) ?? new Histogram();
      histograms.set(name, histogram);
      histogram.record(entry[2] as number);
    }
    assert.equal(reported.length, 8);
    for (let i = 0; i < reported.length; i += 2) {
      const name = reported[i] as string;
      const histogram = histograms.get(name)!;
      const expected = ['calls', histogram.total, 'histogram_usec', powers(histogram)];
      assert.deepEqual(expected, reported[i + 1], name);
      const line = ['50', '99', '99.9']
        .map((p) => `p${p}=${histogram.percentile(Number(p)).toFixed(3)}`)
        .join(',');
      assert.ok(info.includes(`latency_percentiles_usec_${name}:${line}\r\n`), `${name} ${line} in ${info}`);
    }
  } finally {
    await oracle.stop();
  }
});

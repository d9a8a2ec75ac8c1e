/**
 * `npm run fuzz:rdb -- --count N --seed S [--from I]`: damaged RDBs by the hundred thousand. A failure says how to
 * repeat it: `--seed S --from I --count 1`.
 */
import { parseArgs } from 'node:util';
import { RdbFuzz } from './rdb-fuzz.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
});
const seed = Number(values.seed);
const from = Number(values.from);
const count = Number(values.count);
const SHOWN = 10;

const fuzz = new RdbFuzz(seed);
const started = performance.now();
let reported = started;
for (let i = from; i < from + count; i++) {
  fuzz.run(i);
  const now = performance.now();
  if (now - reported > 10_000) {
    reported = now;
    console.log(`${fuzz.totals.cases} of ${count}, ${fuzz.totals.failures.length} failures`);
  }
  if (fuzz.totals.failures.length >= SHOWN) break;
}
const { totals } = fuzz;
for (const { number, what, payload, commands } of totals.failures) {
  console.log(`\n--seed ${seed} --from ${number} --count 1\n${what}\n  ${commands.join('\n  ')}`);
  console.log(`  ${Buffer.from(payload.subarray(0, 600)).toString('hex')}`);
}
const seconds = (performance.now() - started) / 1000;
const mib = Math.round(process.memoryUsage.rss() / 1048576);
console.log(
  `${totals.cases} cases in ${seconds.toFixed(1)} s, ${totals.accepted} accepted, ${totals.commands} commands, ` +
    `slowest ${totals.slowestMs.toFixed(0)} ms, ${mib} MiB, ${totals.failures.length} failures`,
);
process.exitCode = totals.failures.length > 0 ? 1 : 0;

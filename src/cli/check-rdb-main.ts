/**
 * bin/ts-redis-check-rdb: src/persistence/check/check-rdb.ts with the process's standard output.
 */
import { writeSync } from 'node:fs';
import { renderLine, SEVERITIES } from '../logging/redis-line.ts';
import { checkRdbMain } from '../persistence/check/check-rdb.ts';
import { realFileSystem } from '../persistence/files/file-system.ts';
import { systemClock } from '../util/clock.ts';
import { systemRandom } from '../util/random.ts';

const STDOUT = 1;
const STDERR = 2;

function write(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

process.exitCode = checkRdbMain(
  process.argv.slice(2).map((arg) => Buffer.from(arg).toString('latin1')),
  {
    fs: realFileSystem,
    clock: systemClock,
    random: systemRandom(),
    print: (text) => write(STDOUT, text),
    printError: (text) => write(STDERR, text),
    log: (text) =>
      write(STDOUT, renderLine(process.pid, 'C', SEVERITIES.warning, systemClock.wallMs(), text)),
  },
);

/**
 * bin/ts-redis-check-aof: src/persistence/check/check-aof.ts with the process's standard input and output.
 */
import { readSync, writeSync } from 'node:fs';
import { renderLine, SEVERITIES } from '../logging/redis-line.ts';
import { checkAof } from '../persistence/check/check-aof.ts';
import { checkRdb } from '../persistence/check/check-rdb.ts';
import { realFileSystem } from '../persistence/files/file-system.ts';
import { systemClock } from '../util/clock.ts';
import { systemRandom } from '../util/random.ts';

const STDIN = 0;
const STDOUT = 1;
const LF = 10;

function print(text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; ) at += writeSync(STDOUT, bytes, at);
}

/** A line of standard input; null at its end. */
function ask(): string | null {
  const byte = Buffer.alloc(1);
  let line = '';
  while (readSync(STDIN, byte, 0, 1, null) === 1) {
    line += byte.toString('latin1');
    if (byte[0] === LF) return line;
  }
  return line === '' ? null : line;
}

const io = {
  fs: realFileSystem,
  print,
  log: (text: string) => print(renderLine(process.pid, 'C', SEVERITIES.warning, systemClock.wallMs(), text)),
};

process.exitCode = checkAof(
  process.argv.slice(2).map((arg) => Buffer.from(arg).toString('latin1')),
  {
    ...io,
    ask,
    checkRdb: (name, path) =>
      checkRdb(name, path, { ...io, clock: systemClock, random: systemRandom(), printError: print }),
  },
);

/** bin/ts-redis-sentinel: a sentinel, as `ts-redis-server --sentinel`. */
import { parseCommandLine } from '../config/command-line.ts';
import { isOwnOption, launch, runOwn } from './launch.ts';
import { SENTINEL } from './sentinel-kind.ts';

const argv = process.argv.slice(2);
if (isOwnOption(argv)) await runOwn('ts-redis-sentinel', argv);
else await launch(parseCommandLine(argv), SENTINEL, argv.length > 0);

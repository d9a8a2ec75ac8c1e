/** bin/ts-redis-sentinel: says that the sentinel does not exist yet. */
import { refuseSentinel } from './sentinel-absent.ts';
import { runOwnOption } from './usage.ts';

const argv = process.argv.slice(2);
if (argv[0] === '-v' || argv[0] === '--version' || argv[0] === '-h' || argv[0] === '--help') {
  const { status, stdout = '', stderr = '' } = runOwnOption('ts-redis-sentinel', argv);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
} else refuseSentinel();

/**
 * The options that are about the program itself: -v, -h, --test-memory, --check-system. They count only as the first
 * argument, as in Redis; everything else is configuration (config/command-line.ts). Loaded only when one of them is
 * there.
 */
import { Command, CommanderError } from 'commander';
import { REDIS_VERSION, TS_REDIS_VERSION } from '../util/version.ts';
import { checkSystem } from './check-system.ts';

interface Outcome {
  readonly status: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Runs one of OWN_OPTIONS. */
export function runOwnOption(program: string, argv: readonly string[]): Outcome {
  let outcome: Outcome | null = null;
  const command = new Command(program)
    .helpOption('-h, --help')
    .version(versionLine(), '-v, --version')
    .option('--test-memory [megabytes]')
    .option('--check-system')
    .allowExcessArguments()
    .exitOverride()
    .configureHelp({ formatHelp: () => usage(program) })
    .configureOutput({
      writeOut: (text) => {
        // Redis writes its usage to standard error and fails, the version to standard output.
        outcome = text.startsWith('Usage:') ? { status: 1, stderr: text } : { status: 0, stdout: text };
      },
      writeErr: (text) => {
        outcome = { status: 1, stderr: text };
      },
    });
  try {
    command.parse(argv.slice(0, 1), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
  }
  if (outcome !== null) return outcome;
  if (command.opts().checkSystem) return checkSystem();
  return {
    status: 1,
    stderr: `--test-memory is not supported: ${program} runs inside Node.js, which does not let a program test the memory of the machine. Use memtest86 or memtester.\n`,
  };
}

/** redis-sentinel calls itself a server, too: it is one program. */
function versionLine(): string {
  return `Redis server v=${REDIS_VERSION} sha=00000000:0 malloc=v8 bits=64 build=ts-redis-${TS_REDIS_VERSION}`;
}

export function usage(program: string): string {
  const sentinel = program.includes('sentinel');
  const forms = sentinel
    ? `Usage: ./${program} /path/to/sentinel.conf [options]
       ./${program} -v or --version
       ./${program} -h or --help
`
    : `Usage: ./${program} [/path/to/redis.conf] [options] [-]
       ./${program} - (read config from stdin)
       ./${program} -v or --version
       ./${program} -h or --help
       ./${program} --check-system

Examples:
       ./${program} (run the server with default conf)
       echo 'maxmemory 128mb' | ./${program} -
       ./${program} /etc/redis/6379.conf
       ./${program} --port 7777
       ./${program} --port 7777 --replicaof 127.0.0.1 8888
       ./${program} /etc/myredis.conf --loglevel verbose -
       ./${program} /etc/myredis.conf --loglevel verbose

Sentinel mode:
       ./${program} /etc/sentinel.conf --sentinel
`;
  return forms;
}

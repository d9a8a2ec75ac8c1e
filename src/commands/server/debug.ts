/**
 * DEBUG: for test suites and for those who look for bugs; enable-debug-command guards it (the PROTECTED flag). What
 * it can do stands in one table; a subcommand that has too few or too many arguments is unknown, as in Redis.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import { replyLater } from '../../engine/later.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { blockThread } from '../../util/block-thread.ts';
import { globMatch } from '../../util/glob.ts';
import { userLines } from './config.ts';
import { parseMemorySize } from './debug-arguments.ts';
import { changeReplicationId, loadAof, reload, replicate } from './debug-data.ts';
import { DEBUG_HELP } from './debug-help.ts';
import {
  digest,
  digestValues,
  hashTableOfKey,
  hashTables,
  listpack,
  object,
  populate,
  quicklist,
  sdsLength,
} from './debug-keyspace.ts';
import { crash, heapMap, oom, panic, refuseRestart } from './debug-process.ts';
import { protocol } from './debug-protocol.ts';

/** Fewest and most arguments, `DEBUG` and the subcommand included. */
type Entry = readonly [run: (client: Client, args: Args) => void, min: number, max?: number];

const ANY = Number.POSITIVE_INFINITY;

const SUBCOMMANDS: Readonly<Record<string, Entry>> = {
  help: [help, 2],
  // Time and background work.
  sleep: [sleep, 3],
  'set-active-expire': [setActiveExpire, 3],
  'pause-cron': [pauseCron, 3],
  'aof-flush-sleep': [ok, 3],
  // Data.
  object: [object, 3, 4],
  sdslen: [sdsLength, 3],
  htstats: [hashTables, 3, 4],
  'htstats-key': [hashTableOfKey, 3, 4],
  listpack: [listpack, 3],
  ziplist: [listpack, 3],
  quicklist: [quicklist, 3, 4],
  populate: [populate, 3, 5],
  digest: [digest, 2],
  'digest-value': [digestValues, 2, ANY],
  'quicklist-packed-threshold': [quicklistPackedThreshold, 3],
  'dict-resizing': [ok, 3],
  // Saving, loading, replicating.
  reload: [reload, 2, ANY],
  loadaof: [loadAof, 2],
  'set-skip-checksum-validation': [setSkipChecksums, 3],
  'change-repl-id': [changeReplicationId, 2],
  replicate: [replicate, 3, ANY],
  'config-rewrite-force-all': [rewriteAll, 2],
  // Replies, log, scripts, cluster.
  protocol: [protocol, 3],
  error: [error, 3],
  log: [log, 3],
  'set-disable-deny-scripts': [ok, 3],
  'stringmatch-len': [stringMatch, 4],
  'stringmatch-test': [stringMatchTest, 2],
  replybuffer: [replyBuffer, 4],
  'drop-cluster-packet-filter': [ok, 3],
  clusterlink: [clusterLink, 5],
  'client-eviction': [clientEviction, 2],
  // The process.
  jmap: [heapMap, 2],
  structsize: [structSize, 2],
  leak: [ok, 3],
  mallctl: [noMallctl, 3, 4],
  'mallctl-str': [noMallctl, 3, 4],
  segfault: [crash, 2],
  panic: [panic, 2],
  assert: [panic, 2],
  oom: [oom, 2],
  restart: [refuseRestart, 2, 3],
  'crash-and-recover': [refuseRestart, 2, 3],
};

export function debug(client: Client, args: Args): void {
  const name = args.lower(1);
  const entry = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name]! : null;
  if (entry === null) throw errors.subcommandSyntax(args.text(1), 'debug');
  const [run, min, max = min] = entry;
  if (args.count < min || args.count > max) throw errors.subcommandSyntax(args.text(1), 'debug');
  run(client, args);
}

function help(client: Client): void {
  replyHelp(client, 'DEBUG', DEBUG_HELP);
}

function ok(client: Client): void {
  client.out.ok();
}

function sleep(client: Client, args: Args): void {
  // strtod's way: what is no number is 0.
  const seconds = Number.parseFloat(args.text(2));
  blockThread(Number.isNaN(seconds) ? 0 : seconds * 1000);
  // A transaction sees one time.
  if (!client.engine.transactions.isExecuting(client)) client.engine.readTime();
  client.out.ok();
}

/** atoi's way: what is no number is 0. */
function isOn(args: Args): boolean {
  return (Number.parseInt(args.text(2), 10) || 0) !== 0;
}

function setActiveExpire(client: Client, args: Args): void {
  client.engine.debug.activeExpire = isOn(args);
  client.out.ok();
}

function pauseCron(client: Client, args: Args): void {
  client.engine.debug.cronPaused = isOn(args);
  client.out.ok();
}

function setSkipChecksums(client: Client, args: Args): void {
  client.engine.debug.skipChecksums = isOn(args);
  client.out.ok();
}

function quicklistPackedThreshold(client: Client, args: Args): void {
  client.engine.debug.packedThreshold = parseMemorySize(args.text(2));
  client.out.ok();
}

/** The text as an error reply, the code included; CR and LF cannot get in. It is a reply, not a failure: no count. */
function error(client: Client, args: Args): void {
  client.out.error(new ReplyError(args.text(2)));
}

function log(client: Client, args: Args): void {
  client.engine.log.warning(`DEBUG LOG: ${args.text(2)}`);
  client.out.ok();
}

function rewriteAll(client: Client): void {
  const { config } = client.engine;
  if (config.file === null) throw errors.err('CONFIG-REWRITE-FORCE-ALL failed: Bad address');
  replyLater(
    client,
    config.rewrite({ forceAll: true, userLines: userLines(client.engine) }),
    (out, problem) => {
      if (problem === null) out.ok();
      else out.error(errors.err(`CONFIG-REWRITE-FORCE-ALL failed: ${problem}`));
    },
  );
}

/** Whether the pattern matches the text, as Redis 6 had it. */
function stringMatch(client: Client, args: Args): void {
  client.out.int(globMatch(args.text(2), args.text(3)) ? 1 : 0);
}

const FUZZ_ROUNDS = 1000;
const FUZZ_ALPHABET = 'ab?*[]^-\\';

/** Random patterns on random texts: that it comes back at all is the test. */
function stringMatchTest(client: Client): void {
  const { random } = client.engine;
  const word = (): string => {
    let text = '';
    for (const byte of random.bytes(32)) text += FUZZ_ALPHABET[byte % FUZZ_ALPHABET.length]!;
    return text;
  };
  for (let i = 0; i < FUZZ_ROUNDS; i++) globMatch(word(), word());
  client.out.simple('Apparently Redis did not crash: test passed');
}

const PEAK_RESET_TIMES = ['never', 'reset'];

/** Reply buffers are not kept for each client here, so there is nothing to resize. */
function replyBuffer(client: Client, args: Args): void {
  const what = args.lower(2);
  if (what === 'peak-reset-time') {
    const isTime = PEAK_RESET_TIMES.includes(args.lower(3)) || /^-?\d+$/.test(args.text(3));
    if (!isTime) throw errors.NOT_INTEGER;
  } else if (what !== 'resizing') throw errors.subcommandSyntax(args.text(1), 'debug');
  client.out.ok();
}

function clusterLink(_client: Client): void {
  throw errors.err('Debug option only available for cluster mode enabled setup!');
}

/** How many clients take how much, as maxmemory-clients sees them. */
function clientEviction(client: Client): void {
  const { clients, config } = client.engine;
  if (config.values['maxmemory-clients'] === 0) throw errors.err('maxmemory-clients is disabled.');
  const buckets = new Map<number, number>();
  for (const { countedBytes } of clients.all()) {
    const bucket = countedBytes === 0 ? 0 : 2 ** Math.floor(Math.log2(countedBytes));
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  const lines = [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([from, count]) => `from ${from} bytes: ${count}\n`);
  client.out.verbatim(`Clients by memory:\n${lines.join('')}`);
}

/** Sizes that monitoring scripts have looked at: those of our entries. */
function structSize(client: Client): void {
  client.out.bulkText('bits:64 entry:12 expire:8 slot:8 ');
}

function noMallctl(): void {
  throw errors.err('No such file or directory');
}

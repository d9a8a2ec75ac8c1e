/**
 * The state of a sentinel as lines of its configuration file, exactly as redis-sentinel writes them: what was set and
 * is not the default, what was promised (epochs, votes), and whom it knows.
 *
 * Unlike Redis, words that would not be read back as they are (with blanks, quotes, line breaks; empty ones) are
 * quoted: `SENTINEL SET ... auth-pass` must neither break the file nor write directives of its own into it.
 */
import type { RewriteLine } from '../../config/parameter.ts';
import type { WantedLines } from '../../config/rewrite.ts';
import { quote, quoteIfNeeded } from '../../config/words.ts';
import { type Address, announced, sameAddress } from '../core/address.ts';
import type { Instance } from '../core/instance.ts';
import { defaultIntervals } from '../core/intervals.ts';
import { currentAddress, DEFAULT_PARALLEL_SYNCS } from '../core/registry.ts';
import type { SentinelState } from '../core/state.ts';
import { optionNames } from './directives.ts';

/** Options that have had another name. */
const OLD_NAMES: Readonly<Record<string, string>> = { 'known-slave': 'known-replica' };

interface Line {
  /** The option, as in `sentinel <option>`. */
  readonly option: string;
  readonly text: string;
  /** Write it even if the file has no such line yet. */
  readonly force: boolean;
}

/** All lines, in the order in which a new file has them. */
export function sentinelLines(state: SentinelState): string[] {
  return [...linesOf(state)].filter(({ force }) => force).map(({ text }) => text);
}

/** The same for a rewrite of the file: options that are not needed any more lose their lines. */
export function wantedSentinelLines(state: SentinelState): WantedLines[] {
  const wanted: WantedLines[] = [];
  for (const { option, text, force } of linesOf(state)) wanted.push(directive(option, [{ text, force }]));
  for (const option of optionNames()) {
    if (!Object.hasOwn(OLD_NAMES, option)) wanted.push(directive(option, []));
  }
  return wanted;
}

function directive(option: string, lines: readonly RewriteLine[]): WantedLines {
  const aliases = Object.keys(OLD_NAMES).filter((old) => OLD_NAMES[old] === option);
  return { name: `sentinel ${option}`, aliases: aliases.map((old) => `sentinel ${old}`), lines };
}

/** A word of a line: as it is if it is read back so. A run id that begins with # would be taken for a comment. */
function lineWord(word: string): string {
  return word.startsWith('#') ? quote(word) : quoteIfNeeded(word);
}

function line(option: string, words: readonly (string | number)[], force = true): Line {
  const text = ['sentinel', option, ...words.map((word) => lineWord(String(word)))].join(' ');
  return { option, text, force };
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function* linesOf(state: SentinelState): Generator<Line, void, undefined> {
  if (state.myId !== '') yield line('myid', [state.myId]);
  yield line('deny-scripts-reconfig', [yesNo(state.denyScriptsReconfig)], !state.denyScriptsReconfig);
  yield line('resolve-hostnames', [yesNo(state.resolveHostnames)], state.resolveHostnames);
  yield line('announce-hostnames', [yesNo(state.announceHostnames)], state.announceHostnames);
  for (const master of state.masters.values()) yield* linesOfMaster(state, master);
  yield line('current-epoch', [state.currentEpoch]);
  if (state.announceIp !== '') {
    yield { option: 'announce-ip', text: `sentinel announce-ip ${quote(state.announceIp)}`, force: true };
  }
  if (state.announcePort !== 0) yield line('announce-port', [state.announcePort]);
  if (state.authUser !== '') yield line('sentinel-user', [state.authUser]);
  if (state.authPass !== '') yield line('sentinel-pass', [state.authPass]);
}

function* linesOfMaster(state: SentinelState, master: Instance): Generator<Line, void, undefined> {
  const { name } = master;
  const defaults = defaultIntervals();
  // During a failover clients are sent to the promoted replica already; so is who reads the file.
  const address = currentAddress(master);
  yield line('monitor', [name, ...words(state, address), master.quorum]);
  if (master.downAfterMs !== defaults.defaultDownAfter) {
    yield line('down-after-milliseconds', [name, master.downAfterMs]);
  }
  if (master.failoverTimeoutMs !== defaults.defaultFailoverTimeout) {
    yield line('failover-timeout', [name, master.failoverTimeoutMs]);
  }
  if (master.parallelSyncs !== DEFAULT_PARALLEL_SYNCS) {
    yield line('parallel-syncs', [name, master.parallelSyncs]);
  }
  if (master.notificationScript !== '') yield line('notification-script', [name, master.notificationScript]);
  if (master.clientReconfigScript !== '') {
    yield line('client-reconfig-script', [name, master.clientReconfigScript]);
  }
  if (master.authPass !== '') yield line('auth-pass', [name, master.authPass]);
  if (master.authUser !== '') yield line('auth-user', [name, master.authUser]);
  if (master.masterRebootDownAfterMs !== 0) {
    yield line('master-reboot-down-after-period', [name, master.masterRebootDownAfterMs]);
  }
  if (master.requireSameLineage) yield line('require-same-lineage', [name, 'yes']);
  yield line('config-epoch', [name, master.configEpoch]);
  yield line('leader-epoch', [name, master.leaderEpoch]);
  // Two names may resolve to one address meanwhile; twice in the file it would stop the next start.
  const written = new Set<string>();
  for (const replica of master.replicas.values()) {
    const known = sameAddress(replica.address, address) ? master.address : replica.address;
    const place = words(state, known);
    const isNew = written.size < written.add(place.join(' ')).size;
    if (isNew) yield line('known-replica', [name, ...place]);
  }
  for (const sentinel of master.sentinels.values()) {
    yield line('known-sentinel', [name, ...words(state, sentinel.address), sentinel.runId]);
  }
  for (const [from, to] of master.renamedCommands) {
    yield line('rename-command', [name, upperCase(from), to]);
  }
}

function words(state: SentinelState, address: Address): [host: string, port: number] {
  // Without resolve-hostnames a name would not be read back.
  return [announced(address, state.announceHostnames && state.resolveHostnames), address.port];
}

/** Of letters of ASCII: in capitals, others may be other bytes. */
function upperCase(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

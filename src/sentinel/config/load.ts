/** From the configuration of the process to the state that a sentinel starts with. */
import { accessSync, constants } from 'node:fs';
import type { ServerConfig } from '../../config/config.ts';
import { lineError } from '../../config/file-reader.ts';
import { systemErrorText } from '../../config/system-errors.ts';
import type { Random } from '../../util/random.ts';
import type { SentinelState } from '../core/state.ts';
import { DirectiveError, isAboutMaster, type LoadOptions, loadDirectives } from './directives.ts';

/**
 * The state that the `sentinel` directives of a loaded configuration describe. Throws ConfigFileError; what the log is
 * told before that goes to `log`.
 */
export function loadSentinel(
  config: ServerConfig,
  now: number,
  random: Random,
  options: LoadOptions & { readonly log?: (text: string) => void } = {},
): SentinelState {
  const lines = effectiveLines(config, options.log);
  let state: SentinelState;
  try {
    state = loadDirectives(
      lines.map(({ words }) => words),
      now,
      random,
      options,
    );
  } catch (error) {
    if (!(error instanceof DirectiveError)) throw error;
    if (error.logged !== '') options.log?.(error.logged);
    throw lineError(config.version, lines[error.index]!.location, error.message);
  }
  state.port = config.values.port;
  state.requirePass = config.values.requirepass;
  return state;
}

type SentinelLine = ServerConfig['sentinelDirectives'][number];

/**
 * Masters that an included file, the command line or the like declares are written into our file with all that is known
 * of them. From then on what our file says of them counts. (In Redis they are there twice, and the next start fails.)
 */
function effectiveLines(
  { file, sentinelDirectives }: ServerConfig,
  log?: (text: string) => void,
): readonly SentinelLine[] {
  const elsewhere = sentinelDirectives.filter(({ location }) => location.origin !== file);
  if (elsewhere.length === 0) return sentinelDirectives;
  const ours = sentinelDirectives.filter(({ location }) => location.origin === file);
  const known = new Set(ours.filter(({ words }) => isMonitor(words)).map(({ words }) => words[1]));
  const isStale = ({ words }: SentinelLine): boolean => isAboutMaster(words[0] ?? '') && known.has(words[1]);
  for (const { words, location } of elsewhere) {
    if (isMonitor(words) && known.has(words[1])) {
      log?.(`Master ${words[1]}: what ${location.origin} says of it is not used, since ${file} has it, too`);
    }
  }
  const used = new Set(elsewhere.filter((line) => !isStale(line)));
  return sentinelDirectives.filter((line) => line.location.origin === file || used.has(line));
}

function isMonitor([option = '']: readonly string[]): boolean {
  return option.toLowerCase() === 'monitor';
}

/** Why a sentinel cannot start with this file: the text of the log's last line, or null. */
export function configFileProblem(file: string | null): string | null {
  if (file === null) return 'Sentinel needs config file on disk to save state. Exiting...';
  try {
    accessSync(file, constants.W_OK);
    return null;
  } catch (error) {
    return `Sentinel config file ${file} is not writable: ${systemErrorText(error)}. Exiting...`;
  }
}

/** From the configuration of the process to the state that a sentinel starts with. */
import { accessSync, constants } from 'node:fs';
import type { ServerConfig } from '../../config/config.ts';
import { lineError } from '../../config/file-reader.ts';
import { systemErrorText } from '../../config/system-errors.ts';
import type { Random } from '../../util/random.ts';
import type { SentinelState } from '../core/state.ts';
import { DirectiveError, type LoadOptions, loadDirectives } from './directives.ts';

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
  const lines = config.sentinelDirectives;
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

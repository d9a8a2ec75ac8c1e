/** The title of the process, as `ps` shows it: `proc-title-template` with its variables filled in. */
import { basename } from 'node:path';
import type { ServerConfig } from '../config/config.ts';
import type { NodeMode } from '../engine/host.ts';

/**
 * The title for a configuration. `{title}` is the name of the program without its folder: a title must fit into the
 * room of the original command line, which a path would use up.
 */
export function processTitle(
  config: ServerConfig,
  executable: string,
  mode: NodeMode = 'standalone',
): string {
  const { values } = config;
  const port = values.port || values['tls-port'];
  const variables: Readonly<Record<string, string | number>> = {
    title: basename(executable),
    'listen-addr': port === 0 ? values.unixsocket : `${values.bind[0] ?? '*'}:${port}`,
    'server-mode': mode === 'sentinel' ? '[sentinel]' : values['cluster-enabled'] ? '[cluster]' : '',
    port: values.port,
    'tls-port': values['tls-port'],
    unixsocket: values.unixsocket,
    'config-file': config.file ?? '',
  };
  return values['proc-title-template']
    .replace(/\{([^{}]*)\}/g, (_all, name: string) => String(variables[name] ?? ''))
    .trim();
}

/**
 * What the configuration can ask for and this version does not have yet. What would be unsafe to leave out
 * (encryption, a cluster) stops the start, and cannot be switched on at run time.
 * docs/differences.md has the list, and each line here goes when its feature comes.
 */
import type { ServerConfig } from '../config/config.ts';

/** Why a server with this configuration must not start, or null. */
export function startRefusal(config: ServerConfig): string | null {
  const { values } = config;
  const module = config.modules[0]?.[0];
  if (module !== undefined) return `Can't load module from ${module}: server aborting`;
  if (values['tls-port'] !== 0) return 'Failed to configure TLS: this version does not have it. Exiting.';
  if (values['cluster-enabled'])
    return 'Cluster mode is configured, but this version does not have it: exiting.';
  return null;
}

/** Refuses to be told at run time to do what is not there. */
export function refuseMissing(config: ServerConfig): void {
  const { values } = config;
  config.onApply('tls-port', () => (values['tls-port'] === 0 ? null : 'this version does not have TLS'));
}

/** What Redis shows as ASCII art: who runs here, on which port, under which process id. */
import type { ServerConfig } from '../config/config.ts';
import type { NodeMode } from '../engine/host.ts';
import { REDIS_VERSION, TS_REDIS_VERSION } from '../util/version.ts';

/** Whether the banner is logged, or a line instead of it. Only in front of somebody who looks, or when asked for. */
export function showsBanner(config: ServerConfig, isTerminal: boolean): boolean {
  return (config.values.logfile === '' && isTerminal) || config.values['always-show-logo'];
}

/** Tools look for "Port:" and " PID:". */
export function banner(config: ServerConfig, pid: number, mode: NodeMode): string {
  const { values } = config;
  return `
     _                     _ _
    | |_ ___   _ _ ___  __| (_)___     ts-redis ${TS_REDIS_VERSION}, speaks Redis ${REDIS_VERSION}
    |  _(_-<  | '_/ -_)/ _\` | (_-<     Running in ${serverMode(config, mode)} mode
     \\__/__/  |_| \\___|\\__,_|_/__/     Port: ${values.port || values['tls-port']}
                                       PID: ${pid}

`;
}

export function serverMode(config: ServerConfig, mode: NodeMode): string {
  if (mode === 'sentinel') return 'sentinel';
  return config.values['cluster-enabled'] ? 'cluster' : 'standalone';
}

/**
 * Where an instance is. It is known by the name or address that somebody gave (`host`) and by the address that this
 * resolves to (`ip`, '' until it does). Names are looked up anew at each connect; what the core knows of them is in
 * `SentinelState.names`.
 */
import { isIP } from 'node:net';

export interface Address {
  /** As given: an IP address, or a name where resolve-hostnames is on. */
  host: string;
  /** An IP address, '' while the name does not resolve. */
  ip: string;
  port: number;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && (a.host === b.host || (a.ip !== '' && a.ip === b.ip));
}

/** What this sentinel tells others of an address: the name with announce-hostnames, else the IP address. */
export function announced(address: Address, hostnames: boolean): string {
  return hostnames || address.ip === '' ? address.host : address.ip;
}

export function isIpAddress(host: string): boolean {
  return isIP(host) !== 0;
}

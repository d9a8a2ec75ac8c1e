/** What SENTINEL DOCTOR finds, and small helpers that its parts share. */
import { type Address, isIpAddress } from '../address.ts';
import type { Instance } from '../instance.ts';

export interface Finding {
  /** `problem`: a failover will not happen, or harms; `warning`: it might, some day; `note`: good to know. */
  readonly level: 'problem' | 'warning' | 'note';
  /** A sentence or two: what is so, what comes of it, what to do. */
  readonly text: string;
}

export function problem(text: string): Finding {
  return { level: 'problem', text };
}

export function warning(text: string): Finding {
  return { level: 'warning', text };
}

export function note(text: string): Finding {
  return { level: 'note', text };
}

/** A field of the INFO text that an instance sent last; null: it has none. */
export function infoField(instance: Instance, name: string): string | null {
  const at = `\n${instance.info}`.indexOf(`\n${name}:`);
  if (at < 0) return null;
  const from = at + name.length + 1;
  const end = instance.info.indexOf('\n', from);
  return instance.info.slice(from, end < 0 ? undefined : end).trimEnd();
}

/** The same as a number; null where there is none. */
export function infoNumber(instance: Instance, name: string): number | null {
  const text = infoField(instance, name);
  const value = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

export function place({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback({ ip, host }: Address): boolean {
  const address = ip === '' ? host : ip;
  return address === '::1' || address === 'localhost' || /^(::ffff:)?127\./.test(address);
}

/** A name that the resolver knows nothing of. */
export function isUnresolved({ host, ip }: Address): boolean {
  return ip === '' && !isIpAddress(host);
}

const ERRORS_FOR_MS = 5000;

/**
 * It is there, but its replies to PING do not say that it works: most often it wants another password. (Then the Pub/Sub
 * connection is refused, too, and `disconnected` comes and goes.)
 */
export function answersWithErrors({ link }: Instance, now: number): boolean {
  return (
    !link.disconnected && now - link.lastPong < ERRORS_FOR_MS && now - link.lastAvailable > ERRORS_FOR_MS
  );
}

/** "1 sentinel", "3 sentinels" */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** How long, as people say it. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${Math.round(minutes)} minutes`;
  const hours = minutes / 60;
  return hours < 48 ? `${Math.round(hours)} hours` : `${Math.round(hours / 24)} days`;
}

/** Which kinds make up a group. */
import { findOracle } from '../../support/oracle.ts';
import { findRealSentinel, type Kind } from './member.ts';

export interface Mix {
  readonly sentinels: readonly Kind[];
  /** The first is the master. */
  readonly servers: readonly Kind[];
}

const OURS: readonly Kind[] = ['ours', 'ours', 'ours'];
const REAL: readonly Kind[] = ['real', 'real', 'real'];

const SENTINELS: readonly (readonly Kind[])[] = [
  OURS,
  ['ours', 'ours', 'real'],
  ['ours', 'real', 'real'],
  REAL,
];
const SERVERS: readonly (readonly Kind[])[] = [OURS, REAL, ['ours', 'real', 'ours']];

/** Every combination; only ours where the real ones are missing. */
export function allMixes(): readonly Mix[] {
  if (findOracle() === null || findRealSentinel() === null) return [{ sentinels: OURS, servers: OURS }];
  return SENTINELS.flatMap((sentinels) => SERVERS.map((servers) => ({ sentinels, servers })));
}

/** `ours,ours,real` */
export function parseKinds(text: string): readonly Kind[] {
  return text.split(',').map((word) => {
    if (word !== 'ours' && word !== 'real') throw new Error(`neither ours nor real: ${word}`);
    return word;
  });
}

/** `SENTINEL_MIX=real,real,real/ours,ours,ours` (sentinels / servers) checks the tests themselves. */
export function forcedMix(): Mix | null {
  const text = process.env.SENTINEL_MIX;
  if (!text) return null;
  const [sentinels, servers] = text.split('/');
  return { sentinels: parseKinds(sentinels!), servers: parseKinds(servers!) };
}

export function nameMix({ sentinels, servers }: Mix): string {
  return `sentinels ${sentinels.join('+')}, servers ${servers.join('+')}`;
}

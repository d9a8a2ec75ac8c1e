/** SENTINEL DOCTOR on the replicas of a master: which of them could be promoted, and why the others could not. */
import type { Turn } from '../context.ts';
import { sharesLineage } from '../failover/lineage.ts';
import { exclusionReason } from '../failover/selection.ts';
import { has, type Instance, SDOWN } from '../instance.ts';
import { count, type Finding, infoField, infoNumber, note, place, problem, warning } from './finding.ts';

export function adviseOnReplicas(turn: Turn, master: Instance): Finding[] {
  const replicas = [...master.replicas.values()];
  if (replicas.length === 0) {
    return [
      problem('It has no replica that is known: there is nobody to fail over to.'),
      ...adviseOnUnlisted(master),
    ];
  }
  const found: Finding[] = [];
  const reasons = replicas.map((replica) => exclusionReason(turn, replica));
  const fit = reasons.filter((reason) => reason === null).length;
  if (fit === 0)
    found.push(problem('None of its replicas could be promoted now: a failover would be aborted.'));
  else if (fit === 1 && replicas.length > 1) {
    found.push(warning(`Only one of ${replicas.length} replicas could be promoted now.`));
  }
  for (const [i, replica] of replicas.entries()) {
    const reason = reasons[i] ?? null;
    if (reason !== null) {
      found.push(warning(`Replica ${place(replica.address)} could not be promoted: ${reason}.`));
    }
    found.push(...adviseOnOne(master, replica));
  }
  return [...found, ...adviseOnPlaces(master, replicas), ...adviseOnUnlisted(master)];
}

function adviseOnOne(master: Instance, replica: Instance): Finding[] {
  if (replica.infoAt === 0 || has(replica, SDOWN)) return [];
  const who = `Replica ${place(replica.address)}`;
  const found: Finding[] = [];
  if (replica.roleReported === 'master') {
    found.push(problem(`${who} calls itself a master.`));
    return found;
  }
  const { host, ip, port } = master.address;
  if (replica.masterHost !== '' && replica.masterPort !== port) {
    found.push(
      problem(`${who} replicates from ${replica.masterHost}:${replica.masterPort}, not from the master.`),
    );
  } else if (replica.masterHost !== '' && replica.masterHost !== host && replica.masterHost !== ip) {
    found.push(
      warning(
        `${who} knows its master as ${replica.masterHost}, this sentinel as ${host}. If that is not the same host for ` +
          'all, use one name or address everywhere (replica-announce-ip and "sentinel announce-hostnames" say which).',
      ),
    );
  }
  if (!replica.masterLinkUp) found.push(warning(`${who} has no link to its master.`));
  if (!replica.replicaAnnounced) {
    found.push(
      note(`${who} is not told to clients (replica-announced no). It may be promoted all the same.`),
    );
  }
  if (sharesLineage(master, replica) === false && replica.masterLinkUp) {
    found.push(
      warning(
        `${who} shares no history with its master (another replication id): does this address belong to another group? ` +
          `"sentinel require-same-lineage ${master.name} yes" would refuse to promote it.`,
      ),
    );
  }
  const ours = versionOf(master);
  const theirs = versionOf(replica);
  if (ours !== null && theirs !== null && ours !== theirs) {
    found.push(
      note(
        `${who} runs version ${theirs}, its master ${ours}: an older one may not load what a newer one sends.`,
      ),
    );
  }
  return found;
}

/** "7.2" */
function versionOf(instance: Instance): string | null {
  return /^\d+\.\d+/.exec(infoField(instance, 'redis_version') ?? '')?.[0] ?? null;
}

function adviseOnPlaces(master: Instance, replicas: readonly Instance[]): Finding[] {
  const hostOf = ({ address }: Instance): string => (address.ip === '' ? address.host : address.ip);
  const host = hostOf(master);
  if (replicas.some((replica) => hostOf(replica) !== host)) return [];
  return [
    warning(`The master and all its replicas are on one host (${host}): nothing is left when it fails.`),
  ];
}

/** Replicas that the master has and that this sentinel does not know (told with an address that it cannot use). */
function adviseOnUnlisted(master: Instance): Finding[] {
  const connected = infoNumber(master, 'connected_slaves');
  if (connected === null || connected <= master.replicas.size) return [];
  return [
    warning(
      `The master has ${count(connected, 'replica')}, of which this sentinel knows ${master.replicas.size}. Do several ` +
        'announce the same address (replica-announce-ip, -port), or names while resolve-hostnames is off?',
    ),
  ];
}

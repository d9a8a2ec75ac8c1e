/** SENTINEL DOCTOR on the sentinels of a master: are there enough, does the quorum make sense, are they all there? */
import type { Turn } from '../context.ts';
import { has, type Instance, SDOWN } from '../instance.ts';
import {
  answersWithErrors,
  count,
  duration,
  type Finding,
  note,
  place,
  problem,
  warning,
} from './finding.ts';

/** Hellos come every two seconds. */
const HELLO_MISSED_MS = 30_000;
/** Who has been down for so long will hardly come back. */
const LONG_GONE_MS = 3600_000;

export function adviseOnSentinels(turn: Turn, master: Instance): Finding[] {
  return [...adviseOnNumber(master), ...adviseOnQuorum(master), ...adviseOnEach(turn, master)];
}

function adviseOnNumber(master: Instance): Finding[] {
  const voters = master.sentinels.size + 1;
  const majority = Math.floor(voters / 2) + 1;
  const usable = 1 + [...master.sentinels.values()].filter((other) => !has(other, SDOWN)).length;
  const found: Finding[] = [];
  if (voters === 1) {
    found.push(
      problem(
        'This is the only sentinel that is known. When its host fails, nobody is left to fail over, and nobody ' +
          'contradicts it when only its own network is broken. Three on three hosts are the least.',
      ),
    );
  } else if (voters === 2) {
    found.push(
      problem(
        'There are two sentinels only, and both are needed for a majority: when the host of one fails, there is no ' +
          'failover. Add a third, on a third host.',
      ),
    );
  } else if (voters % 2 === 0) {
    found.push(
      note(
        `${voters} sentinels need ${majority} for a majority: ${voters - majority} may be lost, as with ${voters - 1}. ` +
          'An odd number is enough.',
      ),
    );
  }
  if (usable < majority) {
    found.push(
      problem(
        `Only ${usable} of ${voters} sentinels can be reached; ${majority} are needed to elect who fails over.`,
      ),
    );
  }
  return [...found, ...adviseOnHosts(master, majority)];
}

/** Of those others whose host we know. */
function adviseOnHosts(master: Instance, majority: number): Finding[] {
  const onHost = new Map<string, number>();
  for (const { address } of master.sentinels.values()) {
    const host = address.ip === '' ? address.host : address.ip;
    onHost.set(host, (onHost.get(host) ?? 0) + 1);
  }
  const found: Finding[] = [];
  for (const [host, number] of onHost) {
    if (number < 2 || number < majority) continue;
    found.push(
      warning(
        `${number} other sentinels are on one host (${host}): without it there is no majority, and it alone has one.`,
      ),
    );
  }
  return found;
}

function adviseOnQuorum(master: Instance): Finding[] {
  const voters = master.sentinels.size + 1;
  const { quorum } = master;
  if (quorum > voters) {
    return [
      problem(
        `The quorum is ${quorum}, but only ${count(voters, 'sentinel')} ${voters === 1 ? 'is' : 'are'} known: the ` +
          'master will never be taken for down.',
      ),
    ];
  }
  const usable = 1 + [...master.sentinels.values()].filter((other) => !has(other, SDOWN)).length;
  if (usable < quorum) {
    return [problem(`The quorum is ${quorum}, and only ${count(usable, 'sentinel')} can be reached.`)];
  }
  if (quorum === 1 && voters > 1) {
    return [
      warning(
        'The quorum is 1: what a single sentinel takes for an outage starts a failover, be it only its own network. ' +
          `${Math.floor(voters / 2) + 1} of ${voters} would be better.`,
      ),
    ];
  }
  if (quorum === voters && voters > 2) {
    return [
      warning(
        `The quorum is all ${voters} sentinels: when one of them fails together with the master, there is no failover.`,
      ),
    ];
  }
  return [];
}

function adviseOnEach({ now }: Turn, master: Instance): Finding[] {
  const found: Finding[] = [];
  const places = new Map<string, Instance>();
  for (const other of master.sentinels.values()) {
    const who = `Sentinel ${other.runId.slice(0, 12)} (${place(other.address)})`;
    const twin = places.get(place(other.address));
    if (twin !== undefined) {
      found.push(
        problem(`${who} has the same address as ${twin.runId.slice(0, 12)}: only one of them can be there.`),
      );
    }
    places.set(place(other.address), other);
    const down = has(other, SDOWN);
    const silent = now - other.lastHello;
    if (answersWithErrors(other, now)) {
      found.push(
        problem(
          `${who} answers PING with an error: has it another password than "sentinel sentinel-pass" (or requirepass) ` +
            'says here?',
        ),
      );
    } else if (down && now - other.sDownSince > LONG_GONE_MS) {
      found.push(
        warning(
          `${who} is gone since ${duration(now - other.sDownSince)}, and still counts for the majority. If it is gone ` +
            `for good, send SENTINEL RESET ${master.name} to each sentinel, one after the other, 30 s apart.`,
        ),
      );
    } else if (down) {
      found.push(warning(`${who} is down since ${duration(now - other.sDownSince)}.`));
    } else if (silent > HELLO_MISSED_MS) {
      found.push(
        warning(
          `${who} answers, but has not been heard of for ${duration(silent)} on the master or its replicas. ` +
            'Does it monitor the same master under the same name? May its user publish to __sentinel__:hello?',
        ),
      );
    }
  }
  return found;
}

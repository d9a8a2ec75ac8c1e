/**
 * SENTINEL DOCTOR: what is wrong with a set-up, told in words before it shows in a failover that does not happen. It
 * changes nothing, and goes by what this sentinel knows.
 */
import { isIpAddress } from '../address.ts';
import type { Turn } from '../context.ts';
import { has, type Instance, MASTER_REBOOT, ODOWN, SDOWN } from '../instance.ts';
import { adviseOnData } from './data.ts';
import {
  answersWithErrors,
  count,
  duration,
  type Finding,
  isLoopback,
  isUnresolved,
  note,
  place,
  problem,
  warning,
} from './finding.ts';
import { adviseOnReplicas } from './replicas.ts';
import { adviseOnSentinels } from './sentinels.ts';

export type { Finding } from './finding.ts';

/** What the core cannot know of its own sentinel. */
export interface OwnSetup {
  /** The configuration file could be written just now. */
  readonly canSave: boolean;
  /** Clients have to give a password. */
  readonly needsPassword: boolean;
  /** Scripts that wait or run. */
  readonly scripts: number;
}

/** So many scripts that wait are a sign that they hang. */
const MANY_SCRIPTS = 32;
const DOWN_AFTER_MIN_MS = 1000;
const DOWN_AFTER_MAX_MS = 60_000;

/** Of this sentinel itself. */
export function examineSentinel(turn: Turn, own: OwnSetup): Finding[] {
  const { state, now } = turn;
  const found: Finding[] = [];
  if (!own.canSave) {
    found.push(
      problem(
        'The configuration file cannot be written. Votes and new masters are forgotten by a restart, so this ' +
          'sentinel votes for nobody. See the log, then try SENTINEL FLUSHCONFIG.',
      ),
    );
  }
  if (state.tilt) {
    found.push(
      problem(
        `This sentinel is in TILT mode since ${duration(now - state.tiltSince)}: its clock has jumped, and it ` +
          'decides nothing until it has been regular for a while.',
      ),
    );
  }
  if (state.stallUntil > now) {
    found.push(warning('This process stood still a moment ago, and decides nothing for some seconds.'));
  }
  if (state.crashAfterElection || state.crashAfterPromotion) {
    found.push(warning('SENTINEL SIMULATE-FAILURE is set: this sentinel will crash in its next failover.'));
  }
  if (!own.needsPassword) {
    found.push(
      warning(
        'Everybody who reaches this sentinel may command it, and thereby all its masters: it has no password. Set ' +
          'requirepass to the same on all sentinels.',
      ),
    );
  } else if (state.authPass === '' && state.requirePass === '') {
    found.push(
      problem(
        'This sentinel has a password, but none to give to the others ("sentinel sentinel-pass" is not set). If ' +
          'they have the same, it cannot talk to them.',
      ),
    );
  }
  found.push(...examineAnnounced(turn));
  if (own.scripts >= MANY_SCRIPTS) {
    found.push(warning(`${count(own.scripts, 'script')} wait or run: see SENTINEL PENDING-SCRIPTS.`));
  }
  if (state.masters.size === 0) found.push(note('No master is monitored.'));
  return found;
}

function examineAnnounced({ state }: Turn): Finding[] {
  const found: Finding[] = [];
  const { announceIp } = state;
  if (state.announceHostnames && !state.resolveHostnames) {
    found.push(
      problem(
        '"sentinel announce-hostnames yes" needs "sentinel resolve-hostnames yes": this sentinel tells others names ' +
          'that it does not understand itself.',
      ),
    );
  }
  if (announceIp !== '' && !isIpAddress(announceIp) && !state.resolveHostnames) {
    found.push(
      problem(
        `"sentinel announce-ip ${announceIp}" is no IP address, and "sentinel resolve-hostnames" is off: sentinels ` +
          'that do not resolve names pass over the hellos of this one.',
      ),
    );
  }
  if (announceIp === '' && state.announcePort !== 0) {
    found.push(
      note(
        `"sentinel announce-port ${state.announcePort}" without announce-ip: the port is announced with the address ` +
          'that the connections go out from.',
      ),
    );
  }
  if (
    announceIp !== '' &&
    isLoopback({ host: announceIp, ip: announceIp, port: 0 }) &&
    someoneIsElsewhere(state.masters)
  ) {
    found.push(
      problem(`"sentinel announce-ip ${announceIp}" is an address that only this host understands.`),
    );
  }
  for (const master of state.masters.values()) {
    for (const other of master.sentinels.values()) {
      if (announceIp === '' || other.runId === state.myId) continue;
      const samePort = state.announcePort !== 0 && other.address.port === state.announcePort;
      if (samePort && (other.address.ip === announceIp || other.address.host === announceIp)) {
        found.push(
          problem(
            `Sentinel ${other.runId} of ${master.name} is known at ${place(other.address)}, the address that this ` +
              'sentinel announces as its own. Each needs an address of its own.',
          ),
        );
      }
    }
  }
  return found;
}

function someoneIsElsewhere(masters: ReadonlyMap<string, Instance>): boolean {
  for (const master of masters.values()) {
    const all = [master, ...master.replicas.values(), ...master.sentinels.values()];
    if (all.some(({ address }) => !isUnresolved(address) && !isLoopback(address))) return true;
  }
  return false;
}

/** Of one master, with its replicas and its other sentinels. */
export function examineMaster(turn: Turn, master: Instance): Finding[] {
  return [
    ...examineState(turn, master),
    ...examineAddress(turn, master),
    ...adviseOnSentinels(turn, master),
    ...adviseOnReplicas(turn, master),
    ...examineTimes(master),
    ...adviseOnData(master),
  ];
}

function examineState({ now }: Turn, master: Instance): Finding[] {
  const { link } = master;
  const refuses = answersWithErrors(master, now);
  const found: Finding[] = [];
  if (has(master, ODOWN)) {
    found.push(problem(`It is down, since ${duration(now - master.oDownSince)}, and the quorum agrees.`));
  } else if (has(master, SDOWN)) {
    found.push(
      problem(
        `It is down for this sentinel since ${duration(now - master.sDownSince)}; the quorum of ${master.quorum} ` +
          'does not agree.',
      ),
    );
  } else if (link.disconnected && !refuses) {
    found.push(warning('There is no connection to it at the moment.'));
  }
  if (refuses) {
    found.push(
      problem(
        'It answers PING with an error. Most often that is a wrong or missing "sentinel auth-pass" or auth-user' +
          (has(master, SDOWN) ? '; because of it, it is taken for down.' : '.'),
      ),
    );
  }
  if (master.roleReported === 'replica') {
    const where = master.masterHost === '' ? '' : ` of ${master.masterHost}:${master.masterPort}`;
    found.push(problem(`It calls itself a replica${where}, not a master.`));
  }
  if (has(master, MASTER_REBOOT)) found.push(warning('It has been restarted a moment ago.'));
  if (!link.disconnected && !refuses && master.authPass === '') {
    found.push(
      warning(
        'It takes commands without a password ("sentinel auth-pass" is not set, and it answers). Whoever reaches it ' +
          'may write, and forge the hellos by which sentinels know of each other and of failovers.',
      ),
    );
  }
  return found;
}

function examineAddress({ state }: Turn, master: Instance): Finding[] {
  const found: Finding[] = [];
  const { address } = master;
  for (const instance of [master, ...master.replicas.values(), ...master.sentinels.values()]) {
    if (!isUnresolved(instance.address)) continue;
    const who = instance === master ? 'Its name' : `The name of ${instance.kind} ${instance.name},`;
    const why = state.resolveHostnames
      ? 'does not resolve'
      : 'is no IP address, and resolve-hostnames is off';
    found.push(problem(`${who} ${instance.address.host} ${why}.`));
  }
  const others = [...master.replicas.values(), ...master.sentinels.values()];
  const elsewhere = others.find((other) => !isUnresolved(other.address) && !isLoopback(other.address));
  if (isLoopback(address) && elsewhere !== undefined) {
    found.push(
      problem(
        `It is monitored at ${place(address)}, which means another instance on every host, while ${elsewhere.kind} ` +
          `${place(elsewhere.address)} is elsewhere. Monitor it by an address that all hosts understand.`,
      ),
    );
  }
  for (const other of state.masters.values()) {
    if (other === master || other.address.port !== address.port) continue;
    if (other.address.host !== address.host && (other.address.ip === '' || other.address.ip !== address.ip))
      continue;
    found.push(
      problem(`The master ${other.name} is at the same address: two names would fail over one instance.`),
    );
  }
  return found;
}

function examineTimes(master: Instance): Finding[] {
  const found: Finding[] = [];
  const { downAfterMs, failoverTimeoutMs, parallelSyncs } = master;
  if (downAfterMs < DOWN_AFTER_MIN_MS) {
    found.push(
      warning(
        `down-after-milliseconds ${downAfterMs} is short: a slow command, a fork or a lost packet is taken for the ` +
          'end of the master.',
      ),
    );
  } else if (downAfterMs > DOWN_AFTER_MAX_MS) {
    found.push(
      warning(
        `down-after-milliseconds ${downAfterMs}: for ${duration(downAfterMs)} nobody will do anything.`,
      ),
    );
  }
  if (failoverTimeoutMs < downAfterMs) {
    found.push(
      warning(
        `failover-timeout ${failoverTimeoutMs} is shorter than down-after-milliseconds ${downAfterMs}: a failover ` +
          'may be given up before its new master has been seen.',
      ),
    );
  }
  const replicas = master.replicas.size;
  if (replicas > 1 && parallelSyncs >= replicas) {
    found.push(
      note(
        `parallel-syncs ${parallelSyncs} for ${replicas} replicas: after a failover all may load data at once, and ` +
          'none serves reads meanwhile.',
      ),
    );
  }
  return found;
}

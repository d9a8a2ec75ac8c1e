/**
 * Hellos: every two seconds each sentinel publishes, through each instance, who it is and what it knows of the master.
 * By them sentinels find each other, and a new configuration (one with a greater epoch) reaches everybody.
 *
 *     ip,port,runid,current epoch,master's name,master's ip,master's port,master's configuration epoch
 *
 * Anybody who may publish may forge one. What is not well-formed is dropped; the rest is believed, as in Redis.
 */
import { announced, sameAddress } from '../address.ts';
import type { Turn } from '../context.ts';
import { callReconfigScript } from '../failover/reconfigure.ts';
import { COORDINATED, FAILOVER_IN_PROGRESS, has, type Instance } from '../instance.ts';
import {
  addressOf,
  changeMasterAddress,
  createSentinel,
  currentAddress,
  findMaster,
  isUsable,
  removeInstance,
} from '../registry.ts';
import { greatestEpoch, type SentinelState } from '../state.ts';
import { closeLink, HELLO_CHANNEL } from './links.ts';

const FIELDS = 8;
/** It is written into our file: nothing in it may end a word or a line there. */
const RUN_ID = /^[!-~]{40}$/;
/** Sentinels of one master: forged hellos must not have us connect to any number of addresses. */
const SENTINELS_MAX = 1000;

interface Hello {
  readonly ip: string;
  readonly port: number;
  readonly runId: string;
  readonly epoch: number;
  readonly masterName: string;
  readonly masterHost: string;
  readonly masterPort: number;
  readonly configEpoch: number;
}

/** Publishes a hello through an instance; false if it could not be sent. */
export function publishHello(turn: Turn, instance: Instance): boolean {
  const { state } = turn;
  const { link } = instance;
  const ip = state.announceIp === '' ? link.localIp : state.announceIp;
  if (link.disconnected || ip === '' || isHandingOver(instance)) return false;
  const master = instance.master ?? instance;
  const address = currentAddress(master);
  const payload = [
    ip,
    state.announcePort === 0 ? state.port : state.announcePort,
    state.myId,
    state.currentEpoch,
    master.name,
    announced(address, state.announceHostnames),
    address.port,
    master.configEpoch,
  ].join(',');
  if (!turn.send(instance, ['PUBLISH', HELLO_CHANNEL, payload], 'publish')) return false;
  instance.helloWaits = link.command;
  return true;
}

/** It holds PUBLISH back as it does writes; behind it our PINGs would wait, and it would seem to be down. */
function isHandingOver(instance: Instance): boolean {
  return has(instance, COORDINATED) && instance.failoverState === 'wait_promotion';
}

/** Has hellos about a master published at the next tick, through everybody. */
export function forceHellos(turn: Turn, master: Instance): void {
  const soon = turn.now - turn.state.intervals.publishPeriod - 1;
  for (const instance of [master, ...master.replicas.values(), ...master.sentinels.values()]) {
    instance.lastPublished = Math.min(instance.lastPublished, soon);
    // One that is under way tells what was before.
    instance.helloWaits = 0;
  }
}

/** Takes a hello, by Pub/Sub or as a command. */
export function onHello(turn: Turn, payload: string): void {
  const { state } = turn;
  const hello = parse(payload, greatestEpoch(state));
  // Our own come back to us.
  if (hello === null || hello.runId === state.myId) return;
  const master = findMaster(state, hello.masterName);
  if (master === null) return;
  const sentinel = meet(turn, master, hello);
  if (hello.epoch > state.currentEpoch) {
    state.currentEpoch = hello.epoch;
    turn.save();
    turn.say('warning', '+new-epoch', String(hello.epoch), master);
  }
  if (sentinel === null) return;
  if (hello.configEpoch > master.configEpoch) takeConfiguration(turn, master, sentinel, hello);
  sentinel.lastHello = turn.now;
}

function parse(payload: string, epochMax: number): Hello | null {
  const words = payload.split(',');
  if (words.length !== FIELDS) return null;
  const [ip = '', port, runId = '', epoch, masterName = '', masterHost = '', masterPort, configEpoch] = words;
  const hello = {
    ip,
    port: count(port),
    runId,
    epoch: count(epoch),
    masterName,
    masterHost,
    masterPort: count(masterPort),
    configEpoch: count(configEpoch),
  };
  const sane =
    hello.port <= 65535 &&
    hello.masterPort <= 65535 &&
    hello.epoch <= epochMax &&
    hello.configEpoch <= epochMax;
  return sane && RUN_ID.test(runId) ? hello : null;
}

/** A number of a hello; Infinity if it is none. */
function count(word = ''): number {
  return /^\d{1,20}$/.test(word) ? Number(word) : Number.POSITIVE_INFINITY;
}

/** The sentinel that a hello comes from: known, known elsewhere, or new. Null if it cannot be. */
function meet(turn: Turn, master: Instance, hello: Hello): Instance | null {
  const { state } = turn;
  const known = master.sentinels.get(hello.runId) ?? null;
  if (!isUsable(state, hello.ip, hello.port)) return null;
  if (known !== null && isAt(turn, known, hello)) return known;
  if (isOurselves(state, hello)) return null;
  if (known !== null) {
    turn.event(
      'notice',
      '+sentinel-address-switch',
      master,
      `ip ${hello.ip} port ${hello.port} for ${hello.runId}`,
    );
    removeInstance(turn, known);
  } else {
    const other = [...master.sentinels.values()].find((sentinel) => isAt(turn, sentinel, hello));
    if (other !== undefined) {
      // Another run id at the same address: the one that was there is no more, wherever it is known.
      turn.event('notice', '+sentinel-invalid-addr', other);
      for (const one of state.masters.values()) {
        const namesake = one.sentinels.get(other.runId);
        if (namesake !== undefined) removeInstance(turn, namesake);
      }
    }
  }
  if (master.sentinels.size >= SENTINELS_MAX) return null;
  const sentinel = createSentinel(turn, master, { runId: hello.runId, host: hello.ip, port: hello.port });
  if (known === null) turn.event('notice', '+sentinel', sentinel);
  else moveNamesakes(turn, sentinel);
  turn.saveSoon();
  return sentinel;
}

/**
 * Our own address, with another run id: what we were before our file was lost. (Redis counts it as one more sentinel,
 * asks it for its vote, and votes twice.)
 */
function isOurselves(state: SentinelState, hello: Hello): boolean {
  if (hello.port !== (state.announcePort === 0 ? state.port : state.announcePort)) return false;
  if (state.announceIp !== '') return hello.ip === state.announceIp;
  for (const { localIp } of state.links.values()) if (localIp === hello.ip) return true;
  return false;
}

/**
 * We have learnt an address of ours. A sentinel that is known there is ourselves, under the run id that we had before our
 * file was lost: its hello came when we knew no address of ours yet, or it stands in our file.
 */
export function forgetOurselves(turn: Turn, localIp: string): void {
  const { state } = turn;
  if (localIp === '' || state.announceIp !== '') return;
  const port = state.announcePort === 0 ? state.port : state.announcePort;
  for (const master of state.masters.values()) {
    for (const sentinel of [...master.sentinels.values()]) {
      if (sentinel.address.ip !== localIp || sentinel.address.port !== port) continue;
      turn.event('notice', '+sentinel-invalid-addr', sentinel);
      removeInstance(turn, sentinel);
      turn.saveSoon();
    }
  }
}

function isAt(turn: Turn, sentinel: Instance, hello: Hello): boolean {
  return (
    sentinel.address.port === hello.port &&
    sameAddress(sentinel.address, addressOf(turn, hello.ip, hello.port))
  );
}

/** A sentinel has moved: so it has for the other masters that it watches. */
function moveNamesakes(turn: Turn, sentinel: Instance): void {
  let moved = 0;
  for (const master of turn.state.masters.values()) {
    const namesake = master.sentinels.get(sentinel.runId);
    if (namesake === undefined) continue;
    closeLink(turn, namesake.link);
    if (namesake === sentinel) continue;
    namesake.address = { ...sentinel.address };
    moved++;
  }
  if (moved > 0) {
    turn.event('notice', '+sentinel-address-update', sentinel, `${moved} additional matching instances`);
  }
}

/**
 * A configuration that is newer than ours. It ends a failover of ours that is older, also if the master is back at the
 * address that we know: Redis goes on, tells everybody of its own choice under the other's epoch, and the sentinels
 * disagree from then on.
 */
function takeConfiguration(turn: Turn, master: Instance, sentinel: Instance, hello: Hello): void {
  const { state } = turn;
  // An address that nobody can be reached at would be there to stay: greater epochs are rare.
  if (!isUsable(state, hello.masterHost, hello.masterPort) || hello.masterPort === 0) return;
  master.configEpoch = hello.configEpoch;
  const target = addressOf(turn, hello.masterHost, hello.masterPort);
  const before = sameAddress(master.address, target) ? currentAddress(master) : master.address;
  if (sameAddress(before, target)) {
    const overtaken = has(master, FAILOVER_IN_PROGRESS) && master.failoverEpoch <= hello.configEpoch;
    if (overtaken) changeMasterAddress(turn, master, hello.masterHost, hello.masterPort);
    else turn.save();
    return;
  }
  turn.event('warning', '+config-update-from', sentinel);
  const from = `${announced(before, state.announceHostnames)} ${before.port}`;
  turn.say(
    'warning',
    '+switch-master',
    `${master.name} ${from} ${hello.masterHost} ${hello.masterPort}`,
    master,
  );
  changeMasterAddress(turn, master, hello.masterHost, hello.masterPort);
  callReconfigScript(turn, master, 'observer', before, master.address);
}

/**
 * The invariants. The judge sees what goes over the wire, what is on disk and what sentinels say of themselves, and
 * draws its own conclusions from that; it never asks the code under test whether all is well.
 *
 *     one-leader             a (master, epoch) has one elected leader at most
 *     one-config             a (master, configuration epoch) stands for one address, in all hellos
 *     epoch-monotonic        neither epoch of a sentinel goes back: not while it runs, and a restart never brings back
 *                            less than anybody has seen of it
 *     vote-fixed             a sentinel votes for one candidate in an epoch, whatever it forgets by a crash
 *     vote-durable           nobody hears of a vote that is not on disk
 *     sdown-true             who has given a good answer within down-after is not held for down
 *     odown-quorum           a failover begins only if as many say that the master is down as its quorum wants
 *     elected-by-majority    a leader has votes of the majority of the sentinels that it knows, and not less than quorum
 *     elected-by-all         ... and of the majority of all that there are
 *     promotion-in-order     REPLICAOF NO ONE goes only to the selected replica, from an elected (or ordered) leader
 *     promotion-allowed      the selected replica is one that Redis's rules allow
 *     promotion-best         ... and none of those that they allow is better (priority, offset, run id)
 *     passive-in-tilt        no failover begins in TILT
 *     converges              after healing, all sentinels agree on a master within a bounded time, it is one, and
 *                            everybody else in its group replicates from it
 *     quiet-when-healthy     after that, nobody is held for down and nothing fails over
 *     no-exception           the code under test does not throw
 *
 * A sentinel whose file was lost is another one, with another id, that has forgotten its votes: two leaders in one
 * epoch are then possible in Redis and here. Such a pair is excused only if the forgetful one is what made it possible:
 * it has voted for both, or a leader was elected among fewer sentinels than there are because it knew no more of them.
 */
import type { Action, Instance, Reply, SentinelState, Tag } from './core-module.ts';
import type { Outgoing, SentinelNode } from './sentinel-node.ts';
import type { World } from './world.ts';

export class Violation extends Error {
  override name = 'Violation';
  readonly invariant: string;
  constructor(invariant: string, text: string) {
    super(`${invariant}: ${text}`);
    this.invariant = invariant;
  }
}

/** SENTINEL: an answer about a master counts for so long (five periods), and for a tick more. */
const ANSWER_VALID_MS = 5000 + 150;
const PING_VALID_MS = 5000;
/** A flag of an instance. */
const MASTER_REBOOT = 1 << 10;
const INFO_VALID_MS = 30_000;
const INFO_VALID_DOWN_MS = 5000;

/** What a sentinel has heard of an address since it started. */
interface Heard {
  pongAt: number;
  infoAt: number;
  info: Map<string, string>;
  connected: boolean;
}

interface Answer {
  readonly at: number;
  readonly down: boolean;
  readonly leader: string;
  readonly epoch: number;
}

/** A failover of a sentinel for a master, as far as it has come. */
interface Attempt {
  /** By an operator: nobody need be down; `forced`: nobody is asked, either. */
  readonly ordered: boolean;
  readonly forced: boolean;
  elected: boolean;
  selected: string;
}

/** One process, from its start to its end. */
interface Life {
  readonly heard: Map<string, Heard>;
  /** master -> run id of the sentinel -> its last answer */
  readonly answers: Map<string, Map<string, Answer>>;
  readonly attempts: Map<string, Attempt>;
  currentEpoch: number;
  readonly remembered: Map<string, { configEpoch: number; leader: string; leaderEpoch: number }>;
}

/** One sentinel, over its restarts: what others may have seen of it. */
interface Identity {
  seenEpoch: number;
  readonly seenConfig: Map<string, number>;
  /** "master epoch" -> for whom */
  readonly votes: Map<string, string>;
  durableVotes: Map<string, number>;
}

interface Leader {
  readonly node: SentinelNode;
  readonly id: string;
  readonly voters: Set<string>;
  readonly few: boolean;
}

export class Judge {
  readonly #world: World;
  readonly #lives = new Map<SentinelNode, Life>();
  readonly #identities = new Map<string, Identity>();
  readonly #leaders = new Map<string, Leader>();
  readonly #configs = new Map<string, string>();
  /** Nodes by the ids that they have had: a forgetful one has several. */
  readonly #nodeOf = new Map<string, SentinelNode>();
  sentinels: readonly SentinelNode[] = [];
  /** The node whose operator has ordered a failover, while the request is carried out. */
  ordering: { readonly node: SentinelNode; readonly forced: boolean } | null = null;
  /** All is healed and has converged: nothing may happen any more. */
  expectQuiet = false;
  failovers = 0;
  switches = 0;
  excused = 0;
  maxEpoch = 0;

  constructor(world: World) {
    this.#world = world;
  }

  started(node: SentinelNode): void {
    const { state } = node.core!;
    const life: Life = {
      heard: new Map(),
      answers: new Map(),
      attempts: new Map(),
      currentEpoch: state.currentEpoch,
      remembered: new Map(),
    };
    this.#lives.set(node, life);
    if (state.myId === '') return;
    const identity = this.#identity(state.myId);
    if (state.currentEpoch < identity.seenEpoch) {
      this.#fail(
        'epoch-monotonic',
        `${node.name} starts in epoch ${state.currentEpoch}, was in ${identity.seenEpoch}`,
      );
    }
    for (const master of state.masters.values()) {
      const seen = identity.seenConfig.get(master.name) ?? 0;
      if (master.configEpoch < seen) {
        this.#fail(
          'epoch-monotonic',
          `${node.name} starts with configuration ${master.configEpoch} of ${master.name}, had ${seen}`,
        );
      }
    }
  }

  /** After each turn of its core. Nothing that is remembered may shrink, and a vote stands. */
  turn(node: SentinelNode): void {
    const life = this.#lives.get(node)!;
    const { state } = node.core!;
    if (state.currentEpoch < life.currentEpoch) {
      this.#fail('epoch-monotonic', `${node.name}: ${life.currentEpoch} -> ${state.currentEpoch}`);
    }
    life.currentEpoch = state.currentEpoch;
    if (state.currentEpoch > this.maxEpoch) this.maxEpoch = state.currentEpoch;
    for (const master of state.masters.values()) {
      const { name, configEpoch, leader, leaderEpoch } = master;
      let last = life.remembered.get(name);
      if (last === undefined) {
        last = { configEpoch, leader, leaderEpoch };
        life.remembered.set(name, last);
      }
      if (configEpoch < last.configEpoch) {
        this.#fail(
          'epoch-monotonic',
          `${node.name}: configuration ${last.configEpoch} -> ${configEpoch} of ${name}`,
        );
      }
      if (leaderEpoch < last.leaderEpoch) {
        this.#fail(
          'epoch-monotonic',
          `${node.name}: vote of ${last.leaderEpoch} -> ${leaderEpoch} for ${name}`,
        );
      }
      if (leader !== '' && last.leader !== '' && leader !== last.leader && leaderEpoch === last.leaderEpoch) {
        this.#fail(
          'vote-fixed',
          `${node.name} changes its vote in ${leaderEpoch} of ${name}: ${last.leader}, ${leader}`,
        );
      }
      last.configEpoch = configEpoch;
      if (leader !== '') last.leader = leader;
      last.leaderEpoch = leaderEpoch;
    }
  }

  /** Its file is on disk. */
  saved(node: SentinelNode): void {
    const { state } = node.core!;
    const identity = this.#identity(state.myId);
    this.#nodeOf.set(state.myId, node);
    identity.seenEpoch = Math.max(identity.seenEpoch, state.currentEpoch);
    for (const master of state.masters.values()) {
      const { name, leader, leaderEpoch, configEpoch } = master;
      identity.durableVotes.set(name, leaderEpoch);
      const seen = identity.seenConfig.get(name) ?? 0;
      if (configEpoch > seen) identity.seenConfig.set(name, configEpoch);
      if (leader !== '') this.#vote(node, state, name, leaderEpoch, leader);
    }
  }

  /** It answers a question for its vote. */
  voteTold(
    node: SentinelNode,
    asked: { host: string; port: number; epoch: number; runId: string },
    leader: string,
    epoch: number,
  ): void {
    if (asked.runId === '*' || leader === '*') return;
    const { state } = node.core!;
    for (const master of state.masters.values()) {
      if (master.address.port !== asked.port || master.address.host !== asked.host) continue;
      this.#vote(node, state, master.name, epoch, leader);
      const durable = this.#identity(state.myId).durableVotes.get(master.name) ?? 0;
      if (durable < epoch) {
        this.#fail('vote-durable', `${node.name} tells of its vote in ${epoch}, on disk is ${durable}`);
      }
    }
  }

  #vote(node: SentinelNode, state: SentinelState, master: string, epoch: number, leader: string): void {
    const key = `${master} ${epoch}`;
    const { votes } = this.#identity(state.myId);
    const voted = votes.get(key);
    if (voted === undefined) votes.set(key, leader);
    else if (voted !== leader) {
      this.#fail('vote-fixed', `${node.name} votes for ${leader} in ${key}, had voted for ${voted}`);
    }
  }

  replied(node: SentinelNode, address: string, tag: Tag, reply: Reply): void {
    const life = this.#lives.get(node)!;
    const heard = this.#heard(life, address);
    const { now } = this.#world;
    switch (tag.purpose) {
      case 'ping': {
        const text = reply instanceof Error ? reply.message : String(reply);
        if (/^(PONG|LOADING|MASTERDOWN)/.test(text)) heard.pongAt = now;
        break;
      }
      case 'info':
        if (!Buffer.isBuffer(reply)) break;
        heard.infoAt = now;
        heard.info = parseInfo(reply.toString('latin1'));
        break;
      case 'vote': {
        const sentinel = node.core?.state.instances.get(tag.instance);
        if (sentinel?.master == null || !Array.isArray(reply)) break;
        const [down, leader, epoch] = reply;
        const { name } = sentinel.master;
        const answers = life.answers.get(name) ?? new Map<string, Answer>();
        life.answers.set(name, answers);
        const before = answers.get(sentinel.runId);
        const told = String(leader);
        answers.set(sentinel.runId, {
          at: now,
          down: down === 1,
          // No vote does not take back the one before.
          leader: told === '*' ? (before?.leader ?? '*') : told,
          epoch: told === '*' ? (before?.epoch ?? 0) : Number(epoch),
        });
        break;
      }
    }
  }

  /** One of its two connections has gone. */
  disconnected(node: SentinelNode, address: string): void {
    this.#heard(this.#lives.get(node)!, address).connected = false;
  }

  acts(node: SentinelNode, action: Action, links: ReadonlyMap<number, Outgoing>): void {
    if (action.type === 'event') this.#event(node, action.name, action.text);
    else if (action.type === 'connect') {
      this.#heard(this.#lives.get(node)!, `${action.host}:${action.port}`).connected = true;
    } else if (action.type === 'send') {
      const { words } = action;
      if (words[0] === 'PUBLISH') this.#hello(node, words[2]!);
      else if (words[0] === 'SLAVEOF' && words[1] === 'NO')
        this.#promotes(node, links.get(action.generation)?.address ?? '');
    }
  }

  /** What it says to the world about the master. */
  #hello(node: SentinelNode, payload: string): void {
    const [, , id = '', epoch, master = '', ip, port, config] = payload.split(',');
    const configEpoch = Number(config);
    const identity = this.#identity(id);
    // With a broken disk it says more than it will remember; nobody relies on that.
    if (node.isSaved) identity.seenEpoch = Math.max(identity.seenEpoch, Number(epoch));
    if (configEpoch === 0) return;
    const key = `${master} ${configEpoch}`;
    const address = `${ip}:${port}`;
    const known = this.#configs.get(key);
    if (known === undefined) this.#configs.set(key, address);
    else if (known !== address && !this.#isExcused(master, configEpoch)) {
      this.#fail('one-config', `${node.name} says ${address} for ${key}, others ${known}`);
    }
  }

  #event(node: SentinelNode, name: string, text: string): void {
    const { state } = node.core!;
    const life = this.#lives.get(node)!;
    if (
      this.expectQuiet &&
      /^[+-](sdown|odown|try-failover|switch-master|tilt|convert-to-slave)$/.test(name)
    ) {
      this.#fail('quiet-when-healthy', `${node.name}: ${name} ${text}`);
    }
    const words = text.split(' ');
    switch (name) {
      case '+try-failover': {
        const master = state.masters.get(words[1]!)!;
        const ordered = this.ordering?.node === node;
        const forced = ordered && this.ordering?.forced === true;
        // Its epoch is nobody's by agreement: another may be elected in the same.
        if (forced) this.#excusedEpochs.add(`${master.name} ${master.failoverEpoch}`);
        this.failovers++;
        life.attempts.set(master.name, {
          ordered,
          forced,
          elected: false,
          selected: '',
        });
        if (!ordered) this.#mayStart(node, life, master);
        break;
      }
      case '+elected-leader': {
        const master = state.masters.get(words[1]!)!;
        const attempt = life.attempts.get(master.name);
        if (attempt === undefined)
          this.#fail('promotion-in-order', `${node.name}: elected without a failover`);
        attempt!.elected = true;
        // It may have stood again, in a later epoch than that of its +try-failover.
        if (!attempt!.forced) this.#elected(node, life, master, master.failoverEpoch);
        break;
      }
      case '+sdown':
        this.#heldForDown(node, life, words);
        break;
      case '+selected-slave':
        this.#selected(node, life, words);
        break;
      case '+switch-master':
        this.switches++;
        break;
    }
  }

  /** "<kind> <name> <ip> <port> ..." */
  #heldForDown(node: SentinelNode, life: Life, [kind, name, ip, port, , of]: string[]): void {
    const master = node.core!.state.masters.get((kind === 'master' ? name : of)!)!;
    // A master may be down for what it says of itself: a replica, or started anew.
    if (kind === 'master' && (master.roleReported !== 'master' || master.flags & MASTER_REBOOT)) return;
    const address = `${ip}:${port}`;
    // One that has lost its file is known twice for a while, by two links to the same address.
    if (this.sentinels.some((one) => one.forgetful && one.address === address)) return;
    const silence = this.#world.now - this.#heard(life, address).pongAt;
    if (silence < master.downAfterMs - 2) {
      this.#fail(
        'sdown-true',
        `${node.name} holds ${kind} ${name} for down ${silence} ms after a good answer`,
      );
    }
  }

  #mayStart(node: SentinelNode, life: Life, master: Instance): void {
    const { tilt } = node.core!.state;
    if (tilt) this.#fail('passive-in-tilt', `${node.name} starts a failover of ${master.name}`);
    const { now } = this.#world;
    let agree = 1;
    for (const [id, answer] of life.answers.get(master.name) ?? []) {
      if (master.sentinels.has(id) && answer.down && now - answer.at <= ANSWER_VALID_MS) agree++;
    }
    if (agree < master.quorum) {
      this.#fail(
        'odown-quorum',
        `${node.name}: ${agree} of ${master.quorum} say that ${master.name} is down`,
      );
    }
  }

  #elected(node: SentinelNode, life: Life, master: Instance, epoch: number): void {
    const { myId } = node.core!.state;
    const voters = new Set<string>();
    for (const [id, answer] of life.answers.get(master.name) ?? []) {
      if (master.sentinels.has(id) && answer.leader === myId && answer.epoch === epoch) voters.add(id);
    }
    if (this.#identity(myId).votes.get(`${master.name} ${epoch}`) === myId) voters.add(myId);
    const known = master.sentinels.size + 1;
    const all = this.sentinels.length;
    const where = `${node.name} in epoch ${epoch} of ${master.name}`;
    if (voters.size < Math.floor(known / 2) + 1 || voters.size < master.quorum) {
      const wanted = `${known} known, quorum ${master.quorum}`;
      this.#fail('elected-by-majority', `${where}: ${voters.size} votes, ${wanted}`);
    }
    const few = voters.size < Math.floor(all / 2) + 1;
    if (few && !(node.forgetful && known < all)) {
      this.#fail('elected-by-all', `${where}: ${voters.size} votes of ${all} sentinels, ${known} known`);
    }
    const key = `${master.name} ${epoch}`;
    const other = this.#leaders.get(key);
    const leader = { node, id: myId, voters, few };
    if (other === undefined) this.#leaders.set(key, leader);
    else if (other.id !== myId) {
      if (this.#forgiven(other, leader)) this.excused++;
      else this.#fail('one-leader', `${where}: ${other.node.name} is leader already`);
    }
  }

  readonly #excusedEpochs = new Set<string>();

  #forgiven(a: Leader, b: Leader): boolean {
    const both = [...a.voters].some((id) => {
      const node = this.#nodeOf.get(id);
      return node?.forgetful === true && [...b.voters].some((other) => this.#nodeOf.get(other) === node);
    });
    return a.few || b.few || both;
  }

  #isExcused(master: string, epoch: number): boolean {
    return this.#excusedEpochs.has(`${master} ${epoch}`) || this.excused > 0;
  }

  /** "slave 10.0.0.2:6379 10.0.0.2 6379 @ m1 10.0.0.1 6379" */
  #selected(node: SentinelNode, life: Life, words: string[]): void {
    const master = node.core!.state.masters.get(words[5]!)!;
    const attempt = life.attempts.get(master.name);
    const address = `${words[2]}:${words[3]}`;
    if (attempt?.elected !== true) {
      this.#fail('promotion-in-order', `${node.name} selects ${address} without being leader`);
    }
    attempt!.selected = address;
    const why = this.#excluded(node, life, master, address, 0);
    if (why !== null) this.#fail('promotion-allowed', `${node.name} selects ${address}: ${why}`);
    const chosen = this.#heard(life, address).info;
    for (const replica of master.replicas.values()) {
      const other = `${replica.address.ip}:${replica.address.port}`;
      if (other === address || replica.flags & 1) continue;
      if (this.#excluded(node, life, master, other, 1200) !== null) continue;
      const info = this.#heard(life, other).info;
      if (isBetter(info, chosen)) {
        this.#fail('promotion-best', `${node.name} selects ${address}, but ${other} is better`);
      }
    }
  }

  /** Why Redis would not promote it; `margin`: how clear the case must be to allow it. */
  #excluded(
    node: SentinelNode,
    life: Life,
    master: Instance,
    address: string,
    margin: number,
  ): string | null {
    const { now } = this.#world;
    const heard = this.#heard(life, address);
    const down = (master.flags & 1) !== 0;
    if (!heard.connected) return 'it is not connected';
    if (now - heard.pongAt > PING_VALID_MS - margin + 1) return `no pong for ${now - heard.pongAt} ms`;
    if (heard.info.get('role') !== 'slave' && margin > 0) return 'it is no replica';
    if (heard.info.get('slave_priority') === '0') return 'its priority is 0';
    const age = now - heard.infoAt;
    if (heard.infoAt === 0 || age > (down ? INFO_VALID_DOWN_MS : INFO_VALID_MS) - margin + 1) {
      return `its INFO is ${age} ms old`;
    }
    const linkDown = Number(heard.info.get('master_link_down_since_seconds') ?? 0) * 1000;
    const max = 10 * master.downAfterMs + (down ? node.now - master.sDownSince : 0);
    if (linkDown > max - margin + 1)
      return `it was without its master for ${linkDown} ms, ${max} are allowed`;
    return null;
  }

  #promotes(node: SentinelNode, address: string): void {
    for (const attempt of this.#lives.get(node)!.attempts.values()) {
      if (attempt.elected && attempt.selected === address) return;
    }
    this.#fail('promotion-in-order', `${node.name} promotes ${address} without election or choice`);
  }

  #heard(life: Life, address: string): Heard {
    let heard = life.heard.get(address);
    if (heard === undefined) {
      heard = { pongAt: -1e9, infoAt: 0, info: new Map(), connected: false };
      life.heard.set(address, heard);
    }
    return heard;
  }

  #identity(id: string): Identity {
    let identity = this.#identities.get(id);
    if (identity === undefined) {
      identity = { seenEpoch: 0, seenConfig: new Map(), votes: new Map(), durableVotes: new Map() };
      this.#identities.set(id, identity);
    }
    return identity;
  }

  #fail(invariant: string, text: string): never {
    throw new Violation(invariant, text);
  }
}

function parseInfo(text: string): Map<string, string> {
  const info = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return info;
}

function isBetter(a: Map<string, string>, b: Map<string, string>): boolean {
  const priority = Number(a.get('slave_priority')) - Number(b.get('slave_priority'));
  if (priority !== 0) return priority < 0;
  const offset = Number(a.get('slave_repl_offset')) - Number(b.get('slave_repl_offset'));
  if (offset !== 0) return offset > 0;
  return (a.get('run_id') ?? '') < (b.get('run_id') ?? '');
}

/** Faults that the simulator must find, each by the invariant that it breaks. */
import { bundle, type Mutation } from './bundle.ts';
import { runSeeds } from './pool.ts';

export interface WantedMutation extends Mutation {
  /** Any of these invariants may tell. */
  readonly wanted: readonly string[];
  /** It takes hundreds of seeds: left to `npm run simulate -- --mutations`. */
  readonly rare?: true;
}

/** Not found within so many seeds: not found. */
const SEEDS_MAX = 1000;

export const MUTATIONS: readonly WantedMutation[] = [
  {
    name: 'a leader needs no majority',
    file: 'sentinel/core/failover/election.ts',
    text: 'most >= majority && most >= master.quorum',
    instead: 'most >= 1',
    wanted: ['elected-by-majority', 'elected-by-all', 'one-leader'],
  },
  {
    name: 'a vote is forgotten over a restart',
    file: 'sentinel/config/directives.ts',
    text: 'master.leaderEpoch = epoch(word!);',
    instead: 'epoch(word!);',
    wanted: ['vote-fixed', 'one-leader'],
  },
  {
    name: 'the current epoch is forgotten over a restart',
    file: 'sentinel/config/directives.ts',
    text: 'state.currentEpoch = Math.max(state.currentEpoch, epoch(word));',
    instead: 'epoch(word);',
    wanted: ['epoch-monotonic'],
  },
  {
    name: 'two votes in an epoch',
    file: 'sentinel/core/failover/election.ts',
    text: 'master.leaderEpoch < epoch && state.currentEpoch <= epoch',
    instead: 'master.leaderEpoch <= epoch && state.currentEpoch <= epoch',
    wanted: ['vote-fixed', 'one-leader'],
  },
  {
    name: 'a vote is told before it is on disk',
    file: 'sentinel/core/failover/election.ts',
    text: 'if (newEpoch || voted) turn.save();',
    instead: '',
    wanted: ['vote-durable', 'vote-fixed', 'epoch-monotonic'],
  },
  {
    name: 'one sentinel is enough for objectively down',
    file: 'sentinel/core/watch/down.ts',
    text: 'agreed > 0 && agreed >= master.quorum',
    instead: 'agreed > 0',
    wanted: ['odown-quorum'],
  },
  {
    name: 'a replica of priority 0 may be promoted',
    file: 'sentinel/core/failover/selection.ts',
    text: 'replica.priority === 0',
    instead: 'replica.priority < 0',
    wanted: ['promotion-allowed'],
  },
  {
    name: 'the worst replica is promoted',
    file: 'sentinel/core/failover/selection.ts',
    text: 'compareReplicas(replica, best) < 0',
    instead: 'compareReplicas(replica, best) > 0',
    wanted: ['promotion-best'],
  },
  {
    name: 'an older failover goes on against a newer configuration, as in Redis',
    file: 'sentinel/core/watch/hello.ts',
    text: `sameAddress(master.address, target) ? currentAddress(master) : master.address;
  if (sameAddress(before, target)) {
    const overtaken = has(master, FAILOVER_IN_PROGRESS) && master.failoverEpoch <= hello.configEpoch;`,
    instead: `master.address;
  if (sameAddress(before, target)) {
    const overtaken = false;`,
    wanted: ['one-config', 'converges', 'epoch-monotonic'],
    rare: true,
  },
  {
    name: 'who strayed is not called back',
    file: 'sentinel/core/watch/info-reply.ts',
    text: "callBack(turn, replica, master, '+convert-to-slave');",
    instead: '',
    wanted: ['converges'],
  },
];

/** Runs seeds with the fault until one of the wanted invariants tells of it; null: none does. */
export async function tryMutation(
  folder: string,
  mutation: WantedMutation,
  options: { threads: number; from?: number },
): Promise<{ seed: number; tried: number; text: string } | null> {
  const { path } = await bundle(folder, mutation);
  let found: { seed: number; tried: number; text: string } | null = null;
  let tried = 0;
  await runSeeds({
    path,
    from: options.from ?? 1,
    count: SEEDS_MAX,
    threads: options.threads,
    onResult({ seed, violation }) {
      tried++;
      if (violation !== null && mutation.wanted.includes(violation.invariant)) {
        found ??= { seed, tried, text: violation.text };
      }
      return found === null;
    },
  });
  return found;
}

/** The code under test, in one object: the mutation check builds another one, from sources with a fault in them. */
import { loadLines } from '../../src/sentinel/config/directives.ts';
import { sentinelLines } from '../../src/sentinel/config/lines.ts';
import type { Turn } from '../../src/sentinel/core/context.ts';
import { SentinelCore } from '../../src/sentinel/core/core.ts';
import { answerIsMasterDown } from '../../src/sentinel/core/failover/election.ts';
import { requestFailover } from '../../src/sentinel/core/failover/failover.ts';
import { exclusionReason } from '../../src/sentinel/core/failover/selection.ts';
import { currentAddress } from '../../src/sentinel/core/registry.ts';
import type { SentinelState } from '../../src/sentinel/core/state.ts';
import { seededRandom } from '../../src/util/random.ts';

export type { Instance } from '../../src/sentinel/core/instance.ts';
export type { Action, Event, Reply, Tag } from '../../src/sentinel/core/protocol.ts';
export type { SentinelCore, SentinelState, Turn };

export interface CoreModule {
  readonly SentinelCore: typeof SentinelCore;
  readonly answerIsMasterDown: typeof answerIsMasterDown;
  readonly requestFailover: typeof requestFailover;
  readonly currentAddress: typeof currentAddress;
  readonly exclusionReason: typeof exclusionReason;
  /** What a start makes of a configuration file. */
  load(lines: readonly string[], now: number): SentinelState;
  /** What a save writes into it. */
  lines(state: SentinelState): readonly string[];
}

export const coreModule: CoreModule = {
  SentinelCore,
  answerIsMasterDown,
  requestFailover,
  currentAddress,
  exclusionReason,
  load: (lines, now) => loadLines(lines, now, seededRandom(1)),
  lines: sentinelLines,
};

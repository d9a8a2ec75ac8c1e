/** A sentinel as a program runs it. */
import { ALL_COMMANDS } from '../commands/all.ts';
import { ServerConfig } from '../config/config.ts';
import { SENTINEL as OF_SENTINELS } from '../engine/command-spec.ts';
import { commentAfterWords } from '../sentinel/config/directives.ts';
import { configFileProblem, loadSentinel } from '../sentinel/config/load.ts';
import { SentinelNode } from '../server/sentinel-node.ts';
import { systemRandom } from '../util/random.ts';
import type { Kind } from './launch.ts';

export const SENTINEL: Kind = {
  newConfig: () =>
    new ServerConfig({
      isCommand: (name) => commandNames().has(name),
      sentinel: { commentAfter: commentAfterWords },
    }),
  check: (config, log) => {
    // Read once more by the node; but whoever starts a daemon is to be told what is wrong.
    loadSentinel(config, 1, systemRandom(), { log });
    return configFileProblem(config.file);
  },
  create: (config) => new SentinelNode({ config }),
  role: 'X',
};

function commandNames(): ReadonlySet<string> {
  const names = ALL_COMMANDS.filter(({ flags }) => (flags & OF_SENTINELS) !== 0).map(({ name }) => name);
  return new Set([...names, 'sentinel']);
}

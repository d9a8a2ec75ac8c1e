/** A sentinel as a program runs it. */
import { ServerConfig } from '../config/config.ts';
import { userChecker } from '../engine/acl/acl.ts';
import { sentinelCommands } from '../sentinel/commands/commands.ts';
import { commentAfterWords } from '../sentinel/config/directives.ts';
import { configFileProblem, loadSentinel } from '../sentinel/config/load.ts';
import type { Sentinel } from '../sentinel/parts.ts';
import { SentinelNode } from '../server/sentinel-node.ts';
import { systemRandom } from '../util/random.ts';
import type { Kind } from './launch.ts';

export const SENTINEL: Kind = {
  newConfig: () => {
    // Names and flags are the same whatever sentinel stands behind the commands.
    const commands = sentinelCommands(null as unknown as Sentinel);
    const names = new Set(commands.map(({ name }) => name));
    return new ServerConfig({
      isCommand: (name) => names.has(name),
      checkUser: userChecker(commands),
      sentinel: { commentAfter: commentAfterWords },
    });
  },
  check: (config, log) => {
    // Read once more by the node; but whoever starts a daemon is to be told what is wrong.
    loadSentinel(config, 1, systemRandom(), { log });
    return configFileProblem(config.file);
  },
  create: (config) => new SentinelNode({ config }),
  role: 'X',
};

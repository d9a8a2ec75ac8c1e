/** bin/ts-redis-server: a data node, or with --sentinel a sentinel. */
import { ALL_COMMANDS } from '../commands/all.ts';
import { parseCommandLine } from '../config/command-line.ts';
import { ServerConfig } from '../config/config.ts';
import { userChecker } from '../engine/acl/acl.ts';
import { Server } from '../server/server.ts';
import { isOwnOption, type Kind, launch, runOwn } from './launch.ts';

const DATA_NODE: Kind = {
  newConfig: () => {
    const commands = new Set(ALL_COMMANDS.map(({ name }) => name));
    return new ServerConfig({
      isCommand: (name) => commands.has(name),
      checkUser: userChecker(ALL_COMMANDS),
    });
  },
  create: (config) => new Server({ config }),
  role: 'C',
};

const argv = process.argv.slice(2);
if (isOwnOption(argv)) await runOwn('ts-redis-server', argv);
else {
  const line = parseCommandLine(argv);
  // Who serves data does not wait for the sentinel to be loaded.
  const kind = line.sentinel ? (await import('./sentinel-kind.ts')).SENTINEL : DATA_NODE;
  await launch(line, kind, argv.length > 0);
}

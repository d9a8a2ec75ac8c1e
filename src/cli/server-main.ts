import { parseCommandLine } from '../config/command-line.ts';
import { ServerConfig } from '../config/config.ts';
import { Server } from '../server/server.ts';

const line = parseCommandLine(process.argv.slice(2));
const config = new ServerConfig();
config.load({ file: line.file, options: line.options });
const server = new Server({ config });
await server.start();
process.once('SIGTERM', () => process.exit(0));
process.once('SIGINT', () => process.exit(0));

import type { RawClient } from '../../support/raw-client.ts';
import { ErrorReply, parseReply, type Reply } from '../../support/reply-framer.ts';
import {
  type Directives,
  findProgram,
  type ServerProcess,
  startServer,
} from '../../support/server-process.ts';

export { ErrorReply as OracleError, type Reply as OracleReply };

/*
 * A real redis-server for helpers that must agree with it to the byte: words go in and values come out as latin1, so
 * any bytes can be asked about.
 */

/** Why tests that need redis-server are skipped, or false when they can run. */
export const oracleMissing: string | false =
  findProgram('redis-server') === null ? 'no redis-server on PATH' : false;

export class Oracle {
  readonly #server: ServerProcess;
  readonly #client: RawClient;

  private constructor(server: ServerProcess, client: RawClient) {
    this.#server = server;
    this.#client = client;
  }

  static async start(directives: Directives = {}): Promise<Oracle> {
    const server = await startServer({ command: ['redis-server'], directives: { save: '', ...directives } });
    return new Oracle(server, await server.connect());
  }

  /** Sends the commands in one pipeline; resolves to their replies in order. */
  async pipeline(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    const bytes = commands.map((words) => words.map((word) => Buffer.from(word, 'latin1')));
    return (await this.#client.pipeline(bytes)).map((raw) => parseReply(raw, 'latin1'));
  }

  async command(...words: string[]): Promise<Reply> {
    return (await this.pipeline([words]))[0]!;
  }

  async stop(): Promise<void> {
    await this.#client.close();
    await this.#server.stop();
  }
}

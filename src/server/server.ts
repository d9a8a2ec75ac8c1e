/**
 * A data node: a Node (node.ts) with a keyspace that is loaded, saved and replicated.
 *
 * While it loads, the sockets are open and commands are told so (SERVER_LOADING).
 */
import { ALL_COMMANDS } from '../commands/all.ts';
import { SERVER_LOADING } from '../engine/gates.ts';
import type { LogRole } from '../logging/logger.ts';
import { LoadError } from '../persistence/loading/context.ts';
import { DataFiles } from '../persistence/persistence.ts';
import { Replication } from '../replication/replication.ts';
import { Node, type NodeOptions, StartError } from './node.ts';

export { StartError } from './node.ts';

export type ServerOptions = NodeOptions;

export class Server extends Node {
  readonly #files: DataFiles;
  readonly #replication: Replication;

  constructor(options: ServerOptions) {
    const { databases } = options.config.values;
    super(options, {
      mode: 'standalone',
      commands: ALL_COMMANDS,
      databases,
      roles: ['C', 'M'],
      name: 'Redis',
    });
    this.#files = new DataFiles(this.engine, { fatal: () => this.fatal() });
    this.engine.persistence = this.#files;
    this.#replication = new Replication(this.engine, this.#files);
    this.engine.replication = this.#replication;
  }

  protected override logRole(): LogRole {
    return this.role === 'M' && this.engine?.replication?.role === 'replica' ? 'S' : this.role;
  }

  get shutdownInMs(): number {
    return this.#replication.lastWord.leftMs ?? 0;
  }

  get isLoading(): boolean {
    return (this.engine.gates & SERVER_LOADING) !== 0;
  }

  override start(): Promise<void> {
    // Whoever connects from here on waits for the data.
    this.engine.gates |= SERVER_LOADING;
    return super.start();
  }

  protected async getReady(): Promise<boolean> {
    const { log } = this;
    log.notice('Server initialized');
    this.onListening?.();
    try {
      if (!(await this.#files.load())) return false;
    } catch (error) {
      if (error instanceof LoadError) throw new StartError(error.message);
      throw error;
    }
    this.engine.gates &= ~SERVER_LOADING;
    const { lastWord } = this.#replication;
    this.shutdownSteps.push((options) => lastWord.begin(options));
    this.shutdownSteps.push((options) => this.#files.beforeEnd(options));
    this.#replication.loaded();
    for (const { name } of this.listeners) log.notice(`Ready to accept connections ${name}`);
    return true;
  }

  protected release(): void {
    this.#files.abandonLoading();
    this.#replication.close();
  }

  protected resumeService(): void {
    this.#replication.lastWord.cancel();
  }
}

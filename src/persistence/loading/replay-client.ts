/**
 * The client that runs the commands of an append-only file. It has no connection: what handlers reply is dropped.
 * The gates are passed by, as nothing in the file has to be allowed by anybody, and nothing is passed on or counted.
 *
 * Transactions. What stands between MULTI and EXEC is kept, and run by EXEC as for any client: half a transaction
 * at the end of a file changes nothing.
 */
import { Client, type Link } from '../../engine/client.ts';
import { BLOCKING } from '../../engine/command-spec.ts';
import type { Command } from '../../engine/command-table.ts';
import type { Engine } from '../../engine/engine.ts';
import { GATE_MULTI } from '../../engine/gates.ts';
import { disobeyed } from '../../engine/obedience.ts';
import { EXPIRE_IGNORED } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { ArenaFull } from '../../structures/arena.ts';
import type { KeptFunctions } from './kept-functions.ts';

/** The command is not known, or has another number of arguments. */
export const UNKNOWN = 0;
export const WRONG_ARITY = 1;
export const DONE = 2;

/** Clients have ids from 1 on. */
const NO_ID = 0;

const NOWHERE: Link = {
  kind: 'memory',
  peer: '',
  local: '',
  fd: -1,
  pendingBytes: 0,
  argumentBytes: 0,
  inputBytes: 0,
  inputRoom: 0,
  send: () => true,
  resume: () => {},
  end: () => {},
  destroy: () => {},
};

/** What `enter` has changed, for `leave`. */
interface Outside {
  readonly current: Client | null;
  readonly expireMode: number;
  readonly isTold: boolean;
  readonly removalsTold: boolean;
  readonly sink: Engine['writer']['sink'];
  readonly resp: number;
  readonly start: number;
  readonly hold: boolean;
  readonly unwantedFrom: number;
}

export class ReplayClient {
  readonly #engine: Engine;
  readonly #client: Client;
  readonly #functions: KeptFunctions;
  #outside: Outside | null = null;

  constructor(engine: Engine, functions: KeptFunctions) {
    this.#engine = engine;
    this.#functions = functions;
    this.#client = new Client(engine, NO_ID, NOWHERE, engine.keyspace.databases[0]!);
    this.#client.mustObey = true;
  }

  /** Between MULTI and EXEC. */
  get inTransaction(): boolean {
    return this.#client.transaction !== null;
  }

  /** Commands will be run: until `leave`, the engine is this client's. */
  enter(): void {
    const engine = this.#engine;
    const { keyspace, propagation, writer } = engine;
    this.#outside = {
      current: engine.current,
      expireMode: keyspace.expireMode,
      isTold: propagation.active,
      removalsTold: keyspace.removalsTold,
      sink: writer.sink,
      resp: writer.resp,
      start: writer.pos,
      hold: writer.hold,
      unwantedFrom: writer.unwantedFrom,
    };
    engine.current = this.#client;
    keyspace.expireMode = EXPIRE_IGNORED;
    propagation.active = false;
    keyspace.removalsTold = false;
    writer.sink = NOWHERE;
    writer.resp = 2;
    writer.hold = true;
    writer.unwantedFrom = writer.pos;
  }

  leave(): void {
    const engine = this.#engine;
    const { keyspace, propagation, writer } = engine;
    const outside = this.#outside!;
    this.#outside = null;
    engine.settle();
    engine.current = outside.current;
    keyspace.expireMode = outside.expireMode;
    propagation.active = outside.isTold;
    keyspace.removalsTold = outside.removalsTold;
    writer.sink = outside.sink;
    writer.resp = outside.resp;
    writer.pos = outside.start;
    writer.hold = outside.hold;
    writer.unwantedFrom = outside.unwantedFrom;
  }

  /** Runs a command, or keeps it for EXEC. Returns UNKNOWN, WRONG_ARITY or DONE. */
  run(args: Args): number {
    const engine = this.#engine;
    let command = engine.commands.lookup(args);
    if (command === null) return this.#functions.replay(args) ? DONE : UNKNOWN;
    if (command.subcommands !== null) {
      command = engine.commands.resolve(command, args);
      if (command === null) return UNKNOWN;
    }
    const { arity } = command;
    if (arity > 0 ? args.count !== arity : args.count < -arity) return WRONG_ARITY;
    const client = this.#client;
    const { transaction } = client;
    if (transaction !== null && command.name !== 'exec') {
      transaction.commands.push(command);
      transaction.args.push(args.copy());
      return DONE;
    }
    if ((command.flags & BLOCKING) !== 0) this.#runWithoutWaiting(command, args);
    else this.#run(command, args);
    engine.writer.pos = this.#outside!.start;
    return DONE;
  }

  #run(command: Command, args: Args): void {
    const client = this.#client;
    client.lastCommand = command;
    try {
      command.run(client, args);
    } catch (thrown) {
      this.#failed(command, thrown);
    }
  }

  /** In a transaction nobody waits for keys. */
  #runWithoutWaiting(command: Command, args: Args): void {
    this.#client.gates |= GATE_MULTI;
    this.#run(command, args);
    this.#client.gates &= ~GATE_MULTI;
  }

  /** What was done once fails now: the data is not what it was then. */
  #failed(command: Command, thrown: unknown): void {
    if (thrown instanceof ArenaFull || !(thrown instanceof ReplyError)) throw thrown;
    this.#engine.stats.countError(thrown);
    disobeyed(this.#client, command.fullName, thrown);
  }

  /** The file ends here: half a transaction is forgotten, and whatever else the client has begun. */
  end(): void {
    const client = this.#client;
    client.blocked?.cancel('gone');
    for (const tell of this.#engine.clients.onGone) tell(client);
  }
}

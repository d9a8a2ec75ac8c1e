/**
 * The stream of effects: what the append-only file and replicas are told, each change once.
 *
 * A command that changes something is passed on as it came, unless its handler has said what stands for it
 * (`instead`: SET with PXAT for SET with EX, SREM for SPOP) or that nothing does (`nothing`). Keys that go by
 * themselves are told as DEL or UNLINK. What belongs together (EXEC, a script, a command with several effects) is
 * wrapped in MULTI and EXEC; SELECT stands where the database changes.
 *
 * Costs nothing while nobody listens (`active`).
 */
import type { Database } from '../../keyspace/database.ts';
import type { Client } from '../client.ts';

/** Who takes the stream. The bytes are whole commands in RESP, and only lent. */
export interface EffectSink {
  append(bytes: Uint8Array, off: number, len: number): void;
}

/** Who an effect is for, as bits. */
export const TO_AOF = 1;
export const TO_REPLICAS = 2;
export const TO_ALL = TO_AOF | TO_REPLICAS;

export class Propagation {
  /** Somebody listens. Handlers whose effect takes work to tell look here first. */
  active = false;

  /** Adds a listener; the stream tells it the database with the first command. */
  attach(_sink: EffectSink, _target: number): void {
    throw new Error('not there yet');
  }

  detach(_sink: EffectSink): void {
    throw new Error('not there yet');
  }

  /** What stands in the stream for the command that runs; called again, one more command. */
  instead(_client: Client, ..._words: (string | Uint8Array)[]): void {}

  /** The command that runs is not passed on, whatever it has changed. `target`: to whom not. */
  nothing(_client: Client, _target = TO_ALL): void {}

  /** The command that runs is passed on although it has not changed anything (PUBLISH, to replicas). */
  force(_client: Client, _target = TO_ALL): void {}

  /** One more command for the stream, for changes that no client's command makes by its own words. */
  also(_db: Database, _target: number, ..._words: (string | Uint8Array)[]): void {}
}

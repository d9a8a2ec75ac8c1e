/**
 * The slow log: commands that took longer than slowlog-log-slower-than, newest first, at most slowlog-max-len.
 *
 * An entry keeps texts of its own, trimmed as in Redis (32 arguments, 128 bytes each), so that the log stays small
 * whatever was slow; what is secret is replaced before it gets here (redaction.ts).
 */
import type { Args } from '../../resp/args.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command-table.ts';
import { REDACTED, secretArguments } from './redaction.ts';

const ARGUMENTS_MAX = 32;
const ARGUMENT_BYTES_MAX = 128;

export interface SlowEntry {
  readonly id: number;
  /** When it ended, in seconds since the epoch. */
  readonly atSeconds: number;
  readonly us: number;
  /** Latin1, trimmed. */
  readonly args: readonly string[];
  readonly peer: string;
  readonly clientName: string;
}

export class SlowLog {
  /** Newest first. */
  readonly entries: SlowEntry[] = [];
  #maxLength = 128;
  #nextId = 0;

  /** slowlog-max-len; entries beyond it go when the next one comes, as in Redis. */
  set maxLength(length: number) {
    this.#maxLength = length;
  }

  add(client: Client, command: Command, args: Args, us: number, nowMs: number): void {
    this.entries.unshift({
      id: this.#nextId++,
      atSeconds: Math.floor(nowMs / 1000),
      us,
      args: trimmedArguments(client, command, args),
      peer: client.link.peer,
      clientName: client.name,
    });
    if (this.entries.length > this.#maxLength) this.entries.length = this.#maxLength;
  }

  reset(): void {
    this.entries.length = 0;
  }
}

function trimmedArguments(client: Client, command: Command, args: Args): string[] {
  const secret = secretArguments(client.engine.config, command, args);
  const shown = Math.min(args.count, ARGUMENTS_MAX);
  const texts: string[] = [];
  for (let i = 0; i < shown; i++) {
    if (i === ARGUMENTS_MAX - 1 && args.count > ARGUMENTS_MAX) {
      texts.push(`... (${args.count - ARGUMENTS_MAX + 1} more arguments)`);
    } else texts.push(secret?.has(i) ? REDACTED : trimmed(args, i));
  }
  return texts;
}

function trimmed(args: Args, i: number): string {
  const length = args.len[i]!;
  if (length <= ARGUMENT_BYTES_MAX) return args.text(i);
  const off = args.off[i]!;
  const head = Buffer.from(args.buf.subarray(off, off + ARGUMENT_BYTES_MAX)).toString('latin1');
  return `${head}... (${length - ARGUMENT_BYTES_MAX} more bytes)`;
}

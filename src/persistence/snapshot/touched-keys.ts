/**
 * The keys that a command may change, each looked up: what a snapshot asks before the command runs. Nothing is
 * allocated for commands whose keys stand at fixed places.
 */
import type { Client } from '../../engine/client.ts';
import { KEY_NOT_KEY, KEY_RM, KEY_RO, RUNS_QUEUE, WRITE } from '../../engine/command-spec.ts';
import type { Command } from '../../engine/command-table.ts';
import { findKeys } from '../../engine/key-extraction.ts';
import type { Database } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';

/** Keys that only go are kept for the snapshot at no cost; those that are only read need not wait, either. */
const UNTOUCHED = KEY_RM | KEY_NOT_KEY;

/** Returns true if that holds for the entry; then no other is asked about. */
export type EntryTest = (db: Database, ref: number) => boolean;

/** Whether `test` holds for an entry that the command (or one of those that EXEC is to run) may change. */
export function anyTouched(client: Client, command: Command, args: Args, test: EntryTest): boolean {
  if ((command.flags & RUNS_QUEUE) === 0 || client.transaction === null) {
    return touches(client.db, command, args, test);
  }
  const { databases } = client.engine.keyspace;
  const { commands, args: queued } = client.transaction;
  let { db } = client;
  for (let i = 0; i < commands.length; i++) {
    const inner = commands[i]!;
    if (inner.name === 'select') db = databases[Number(queued[i]!.text(1))] ?? db;
    else if ((inner.flags & WRITE) !== 0 && touches(db, inner, queued[i]!, test)) return true;
  }
  return false;
}

function touches(db: Database, command: Command, args: Args, test: EntryTest): boolean {
  // What writes although it only reads all of its keys changes something about them: XREADGROUP a group.
  const untouched = command.keys.every(({ flags }) => (flags & KEY_RO) !== 0)
    ? UNTOUCHED
    : UNTOUCHED | KEY_RO;
  if (command.spec.getKeys === undefined && command.keys.length === 1) {
    const spec = command.keys[0]!;
    if ((spec.flags & untouched) !== 0) return false;
    if (spec.begin !== 'unknown' && 'index' in spec.begin && spec.find !== 'unknown' && 'last' in spec.find) {
      if (spec.find.last === 0) return holds(db, args, spec.begin.index, test);
    }
  }
  const keys = findKeys(command, args);
  if (keys === null) return false;
  for (const { index, flags } of keys) {
    if ((flags & untouched) === 0 && holds(db, args, index, test)) return true;
  }
  return false;
}

function holds(db: Database, args: Args, i: number, test: EntryTest): boolean {
  if (i >= args.count) return false;
  const ref = db.find(args.buf, args.off[i]!, args.len[i]!);
  return ref !== 0 && test(db, ref);
}

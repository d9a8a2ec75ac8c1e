/**
 * XGROUP and XACK.
 */
import type { Count } from '../../datatypes/stream/count.ts';
import { Group, UNKNOWN } from '../../datatypes/stream/group.ts';
import { StreamId } from '../../datatypes/stream/id.ts';
import { Stream } from '../../datatypes/stream/stream.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import type { Args } from '../../resp/args.ts';
import {
  countArg,
  createConsumer,
  createStream,
  idArg,
  isChar,
  looseIdArg,
  raise,
  readStream,
  touch,
  writeStream,
} from './arguments.ts';

const DOLLAR = 36;
const id = new StreamId();

/** Options of XGROUP CREATE and SETID, from argument 5 on. */
function parseOptions(args: Args, create: boolean): { make: boolean; entriesRead: Count } {
  let make = false;
  let entriesRead: Count = UNKNOWN;
  for (let i = 5; i < args.count; i++) {
    if (create && args.is(i, 'mkstream')) make = true;
    else if (args.is(i, 'entriesread') && i + 1 < args.count) {
      entriesRead = countArg(args, ++i);
      if (entriesRead < UNKNOWN) throw errors.BAD_ENTRIES_READ;
    } else throw errors.subcommandSyntax(args.text(1), 'xgroup');
  }
  return { make, entriesRead };
}

/** The id in argument 4; `$` is that of the stream's end. SETID alone takes `-` and `+`. */
function groupId(args: Args, stream: Stream | null, loose: boolean): void {
  if (!isChar(args, 4, DOLLAR)) {
    if (loose) looseIdArg(args, 4, id);
    else idArg(args, 4, id);
  } else if (stream === null) id.clear();
  else id.copy(stream.lastId);
}

function needStream(client: Client, args: Args): Stream {
  const stream = writeStream(client, args, 2);
  if (stream === null) throw errors.XGROUP_NEEDS_KEY;
  return stream;
}

function needGroup(stream: Stream, args: Args): Group {
  const group = stream.group(args.text(3));
  if (group === null) throw errors.noSuchGroup(args.text(3), args.text(2));
  return group;
}

export function xgroupCreate(client: Client, args: Args): void {
  const { make, entriesRead } = parseOptions(args, true);
  const found = make ? writeStream(client, args, 2) : needStream(client, args);
  if (args.count > 8) throw errors.subcommandSyntax(args.text(1), 'xgroup');
  groupId(args, found, false);
  const name = args.text(3);
  if (found?.group(name)) throw errors.BUSY_GROUP;
  const { memory } = client.db;
  const stream = found ?? new Stream(memory);
  if (found === null) {
    createStream(client, args, 2, stream);
    touch(client, args, 2);
  }
  stream.addGroup(new Group(memory, name, id, entriesRead));
  client.engine.keyspace.dirty++;
  raise(client, args, 2, 'xgroup-create');
  client.out.ok();
}

export function xgroupSetid(client: Client, args: Args): void {
  const { entriesRead } = parseOptions(args, false);
  const stream = needStream(client, args);
  const group = needGroup(stream, args);
  if (args.count > 7) throw errors.subcommandSyntax(args.text(1), 'xgroup');
  groupId(args, stream, true);
  group.lastId.copy(id);
  group.entriesRead = entriesRead;
  client.engine.keyspace.dirty++;
  raise(client, args, 2, 'xgroup-setid');
  client.out.ok();
}

export function xgroupDestroy(client: Client, args: Args): void {
  const stream = needStream(client, args);
  const group = stream.group(args.text(3));
  if (group === null) {
    client.out.int(0);
    return;
  }
  stream.removeGroup(group);
  client.engine.keyspace.dirty++;
  // Clients that wait for the group are to be told; for those who watch it the stream has not changed.
  const { blocking } = client.engine;
  if (blocking.count > 0) blocking.modified(client.db, args.buf, args.off[2]!, args.len[2]!);
  raise(client, args, 2, 'xgroup-destroy');
  client.out.int(1);
}

export function xgroupCreateconsumer(client: Client, args: Args): void {
  const group = needGroup(needStream(client, args), args);
  const isNew = !group.consumers.has(args.text(4));
  if (isNew) createConsumer(client, args, 2, group, args.text(4));
  client.out.int(isNew ? 1 : 0);
}

export function xgroupDelconsumer(client: Client, args: Args): void {
  const group = needGroup(needStream(client, args), args);
  const consumer = group.consumers.get(args.text(4));
  let pending = 0;
  if (consumer !== undefined) {
    pending = group.removeConsumer(consumer);
    client.engine.keyspace.dirty++;
    raise(client, args, 2, 'xgroup-delconsumer');
  }
  client.out.int(pending);
}

export function xgroupHelp(client: Client): void {
  replyHelp(client, 'XGROUP', [
    'CREATE <key> <groupname> <id|$> [option]',
    '    Create a new consumer group. Options are:',
    '    * MKSTREAM',
    '      Create the empty stream if it does not exist.',
    '    * ENTRIESREAD entries_read',
    "      Set the group's entries_read counter (internal use).",
    'CREATECONSUMER <key> <groupname> <consumer>',
    '    Create a new consumer in the specified group.',
    'DELCONSUMER <key> <groupname> <consumer>',
    '    Remove the specified consumer.',
    'DESTROY <key> <groupname>',
    '    Remove the specified group.',
    'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
    '    Set the current group ID and entries_read counter.',
  ]);
}

export function xack(client: Client, args: Args): void {
  const group = readStream(client, args, 1, true)?.group(args.text(2)) ?? null;
  if (group === null) {
    client.out.int(0);
    return;
  }
  for (let i = 3; i < args.count; i++) idArg(args, i, id);
  let acknowledged = 0;
  for (let i = 3; i < args.count; i++) {
    idArg(args, i, id);
    if (!group.pending.find(id)) continue;
    group.forget(id);
    acknowledged++;
  }
  client.engine.keyspace.dirty += acknowledged;
  client.out.int(acknowledged);
}

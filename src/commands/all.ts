/**
 * Every command of a data node: one line a family. A new family's specs are added here, and nowhere else.
 */
import type { CommandSpec } from '../engine/command-spec.ts';
import { ACL_COMMANDS } from './acl/specs.ts';
import { BITMAP_COMMANDS } from './bitmaps/specs.ts';
import { CONNECTION_COMMANDS } from './connection/specs.ts';
import { GEO_COMMANDS } from './geo/specs.ts';
import { HASH_COMMANDS } from './hashes/specs.ts';
import { HYPERLOGLOG_COMMANDS } from './hyperloglog/specs.ts';
import { GENERIC_COMMANDS } from './keys/specs.ts';
import { LIST_COMMANDS } from './lists/specs.ts';
import { PERSISTENCE_COMMANDS } from './persistence/specs.ts';
import { PUBSUB_COMMANDS } from './pubsub/specs.ts';
import { REPLICATION_COMMANDS } from './replication/specs.ts';
import { SERIALIZATION_COMMANDS } from './serialization/specs.ts';
import { SERVER_COMMANDS } from './server/specs.ts';
import { SET_COMMANDS } from './sets/specs.ts';
import { SORT_COMMANDS } from './sort/specs.ts';
import { SORTED_SET_COMMANDS } from './sorted-sets/specs.ts';
import { STREAM_COMMANDS } from './streams/specs.ts';
import { STRING_COMMANDS } from './strings/specs.ts';
import { TRANSACTION_COMMANDS } from './transactions/specs.ts';

export const ALL_COMMANDS: readonly CommandSpec[] = [
  ...STRING_COMMANDS,
  ...BITMAP_COMMANDS,
  ...HYPERLOGLOG_COMMANDS,
  ...GEO_COMMANDS,
  ...GENERIC_COMMANDS,
  ...SERIALIZATION_COMMANDS,
  ...HASH_COMMANDS,
  ...LIST_COMMANDS,
  ...CONNECTION_COMMANDS,
  ...ACL_COMMANDS,
  ...SERVER_COMMANDS,
  ...PERSISTENCE_COMMANDS,
  ...SET_COMMANDS,
  ...SORT_COMMANDS,
  ...SORTED_SET_COMMANDS,
  ...STREAM_COMMANDS,
  ...TRANSACTION_COMMANDS,
  ...PUBSUB_COMMANDS,
  ...REPLICATION_COMMANDS,
];

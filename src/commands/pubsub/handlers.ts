/**
 * SUBSCRIBE and its kin, PUBLISH, SPUBLISH and PUBSUB; what they do is in engine/pubsub.ts.
 */
import type { Client } from '../../engine/client.ts';
import { TO_REPLICAS } from '../../engine/effects/propagation.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import type { Topics } from '../../engine/messages/pubsub.ts';
import type { Args } from '../../resp/args.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { latin1Of } from '../../util/latin1.ts';

function subscribeTo(client: Client, topics: Topics, args: Args): void {
  const { pubsub } = client.engine;
  for (let i = 1; i < args.count; i++) pubsub.subscribe(client, topics, args.text(i));
}

function unsubscribeFrom(client: Client, topics: Topics, args: Args): void {
  const { pubsub } = client.engine;
  if (args.count === 1) pubsub.unsubscribeAll(client, topics);
  for (let i = 1; i < args.count; i++) pubsub.unsubscribe(client, topics, args.text(i));
}

export function subscribe(client: Client, args: Args): void {
  subscribeTo(client, client.engine.pubsub.channels, args);
}

export function psubscribe(client: Client, args: Args): void {
  subscribeTo(client, client.engine.pubsub.patterns, args);
}

export function ssubscribe(client: Client, args: Args): void {
  subscribeTo(client, client.engine.pubsub.shards, args);
}

export function unsubscribe(client: Client, args: Args): void {
  unsubscribeFrom(client, client.engine.pubsub.channels, args);
}

export function punsubscribe(client: Client, args: Args): void {
  unsubscribeFrom(client, client.engine.pubsub.patterns, args);
}

export function sunsubscribe(client: Client, args: Args): void {
  unsubscribeFrom(client, client.engine.pubsub.shards, args);
}

export function publish(client: Client, args: Args): void {
  const { buf, off, len } = args;
  client.out.int(client.engine.pubsub.publish(buf, off[1]!, len[1]!, buf, off[2]!, len[2]!));
  client.engine.propagation.force(client, TO_REPLICAS);
}

export function spublish(client: Client, args: Args): void {
  const { pubsub } = client.engine;
  const name = latin1Of(args.buf, args.off[1]!, args.len[1]!);
  client.out.int(pubsub.publishShard(name, args.buf, args.off[2]!, args.len[2]!));
  client.engine.propagation.force(client, TO_REPLICAS);
}

export function pubsubChannels(client: Client, args: Args): void {
  replyNames(client, client.engine.pubsub.channels, args);
}

export function pubsubShardchannels(client: Client, args: Args): void {
  replyNames(client, client.engine.pubsub.shards, args);
}

function replyNames(client: Client, topics: Topics, args: Args): void {
  if (args.count > 3) throw errors.subcommandSyntax(args.text(1), 'pubsub');
  const { out } = client;
  const matches = (bytes: Uint8Array): boolean =>
    args.count === 2 || globMatchBytes(args.buf, args.off[2]!, args.len[2]!, bytes, 0, bytes.length, false);
  const found: Uint8Array[] = [];
  for (const { bytes } of topics.byName.values()) if (matches(bytes)) found.push(bytes);
  out.array(found.length);
  for (const bytes of found) out.bulkBytes(bytes);
}

export function pubsubNumsub(client: Client, args: Args): void {
  replyCounts(client, client.engine.pubsub.channels, args);
}

export function pubsubShardnumsub(client: Client, args: Args): void {
  replyCounts(client, client.engine.pubsub.shards, args);
}

function replyCounts(client: Client, topics: Topics, args: Args): void {
  const { out } = client;
  out.array((args.count - 2) * 2);
  for (let i = 2; i < args.count; i++) {
    out.bulk(args.buf, args.off[i]!, args.len[i]!);
    out.int(topics.byName.get(args.text(i))?.subscribers.size ?? 0);
  }
}

export function pubsubNumpat(client: Client): void {
  client.out.int(client.engine.pubsub.patterns.byName.size);
}

export function pubsubHelp(client: Client): void {
  replyHelp(client, 'PUBSUB', [
    'CHANNELS [<pattern>]',
    "    Return the currently active channels matching a <pattern> (default: '*').",
    'NUMPAT',
    '    Return number of subscriptions to patterns.',
    'NUMSUB [<channel> ...]',
    '    Return the number of subscribers for the specified channels, excluding',
    '    pattern subscriptions(default: no channels).',
    'SHARDCHANNELS [<pattern>]',
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    'SHARDNUMSUB [<shardchannel> ...]',
    '    Return the number of subscribers for the specified shard level channel(s)',
  ]);
}

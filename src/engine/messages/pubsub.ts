/**
 * Publish and subscribe: channels, patterns, shard channels. The three are tables of the same kind; a client's
 * subscriptions are three sets of their topics.
 *
 * A message is encoded once for all its receivers and lent to the outbox of each (pushes.ts). RESP2 and RESP3 differ
 * in its first byte only. Publishing makes no object for a receiver.
 *
 * Under RESP2 a subscribed client may do little else (GATE_SUBSCRIBED, admission.ts).
 */
import { ReplyWriter } from '../../resp/reply-writer.ts';
import { globMatchBytes } from '../../util/glob.ts';
import { bytesOf, latin1Of } from '../../util/latin1.ts';
import type { Client } from '../client.ts';
import type { Engine } from '../engine.ts';
import { GATE_SUBSCRIBED } from '../gates.ts';
import { isQuiet } from '../transactions.ts';

/** Something to subscribe to. */
interface Topic {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly subscribers: Set<Client>;
}

/** Memory of a subscription besides its name: two entries of sets. */
const SUBSCRIPTION_BYTES = 96;
const PUSH = 0x3e;

/** All topics of one kind. */
export class Topics {
  readonly byName = new Map<string, Topic>();
  /** First words of what is pushed. */
  readonly subscribed: string;
  readonly unsubscribed: string;
  readonly message: string;
  /** Position of a client's subscriptions of this kind. */
  readonly index: number;
  /** Confirmations count the subscriptions to these kinds together. */
  readonly countedWith: readonly number[];

  constructor(letter: 's' | 'p' | '', index: number, countedWith: readonly number[]) {
    this.subscribed = `${letter}subscribe`;
    this.unsubscribed = `${letter}unsubscribe`;
    this.message = `${letter}message`;
    this.index = index;
    this.countedWith = countedWith;
  }
}

/** What a client is subscribed to, by kind. */
export class Subscriptions {
  readonly topics: readonly [Set<Topic>, Set<Topic>, Set<Topic>] = [new Set(), new Set(), new Set()];
  /** Memory of all that. */
  bytes = 0;

  get count(): number {
    return this.topics[0].size + this.topics[1].size + this.topics[2].size;
  }
}

export class PubSub {
  readonly channels = new Topics('', 0, [0, 1]);
  readonly patterns = new Topics('p', 1, [0, 1]);
  readonly shards = new Topics('s', 2, [2]);
  /** Told when the first client subscribes to channels or patterns, and when the last one is gone. */
  onAudience: () => void = () => {};
  readonly #engine: Engine;
  /** Where messages are put together. */
  readonly #encoder: ReplyWriter;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#encoder = new ReplyWriter(NOWHERE, 512);
    this.#encoder.hold = true;
    engine.clients.onGone.push((client) => this.forget(client));
    const { info } = engine;
    info.field('pubsub_channels', () => this.channels.byName.size);
    info.field('pubsub_patterns', () => this.patterns.byName.size);
    info.field('pubsubshard_channels', () => this.shards.byName.size);
  }

  /** Whether anybody is subscribed to channels or patterns. */
  get hasAudience(): boolean {
    return this.channels.byName.size !== 0 || this.patterns.byName.size !== 0;
  }

  /** Subscribes and confirms it. */
  subscribe(client: Client, topics: Topics, name: string): void {
    client.subscriptions ??= new Subscriptions();
    client.gates |= GATE_SUBSCRIBED;
    let topic = topics.byName.get(name);
    if (topic === undefined) {
      topic = { name, bytes: bytesOf(name), subscribers: new Set() };
      const hadAudience = this.hasAudience;
      topics.byName.set(name, topic);
      if (!hadAudience) this.onAudience();
    }
    const mine = client.subscriptions.topics[topics.index]!;
    if (!mine.has(topic)) {
      mine.add(topic);
      topic.subscribers.add(client);
      client.subscriptions.bytes += SUBSCRIPTION_BYTES + name.length;
      this.#engine.clients.limits.grew(client);
    }
    this.#confirm(client, topics, topics.subscribed, topic.bytes);
  }

  /** Unsubscribes, if subscribed, and confirms it. */
  unsubscribe(client: Client, topics: Topics, name: string): void {
    const topic = topics.byName.get(name);
    if (topic !== undefined) this.#leave(client, topics, topic);
    this.#confirm(client, topics, topics.unsubscribed, bytesOf(name));
  }

  /** The same for all of its subscriptions of this kind; without any, that is confirmed, too. */
  unsubscribeAll(client: Client, topics: Topics): void {
    const mine = client.subscriptions?.topics[topics.index];
    if (mine === undefined || mine.size === 0) {
      this.#confirm(client, topics, topics.unsubscribed, null);
      return;
    }
    for (const topic of [...mine]) {
      this.#leave(client, topics, topic);
      this.#confirm(client, topics, topics.unsubscribed, topic.bytes);
    }
  }

  /** Ends all subscriptions without a word. */
  forget(client: Client): void {
    const { subscriptions } = client;
    if (subscriptions === null) return;
    for (const topics of [this.channels, this.patterns, this.shards]) {
      for (const topic of [...subscriptions.topics[topics.index]!]) this.#leave(client, topics, topic);
    }
    client.subscriptions = null;
    client.gates &= ~GATE_SUBSCRIBED;
  }

  #leave(client: Client, topics: Topics, topic: Topic): void {
    const { subscriptions } = client;
    if (subscriptions === null || !subscriptions.topics[topics.index]!.delete(topic)) return;
    subscriptions.bytes -= SUBSCRIPTION_BYTES + topic.name.length;
    topic.subscribers.delete(client);
    if (topic.subscribers.size === 0) {
      topics.byName.delete(topic.name);
      if (!this.hasAudience) this.onAudience();
    }
    if (subscriptions.count === 0) {
      client.subscriptions = null;
      client.gates &= ~GATE_SUBSCRIBED;
    }
  }

  /** Told by a push that CLIENT REPLY OFF does not silence. */
  #confirm(client: Client, topics: Topics, word: string, name: Uint8Array | null): void {
    let count = 0;
    const { subscriptions } = client;
    if (subscriptions !== null) for (const i of topics.countedWith) count += subscriptions.topics[i]!.size;
    const quiet = isQuiet(client);
    const out = quiet ? this.#encoder : client.out;
    if (quiet) out.resp = client.resp;
    out.push(3);
    out.bulkText(word);
    if (name === null) out.null();
    else out.bulkBytes(name);
    out.int(count);
    if (quiet) this.#engine.pushes.send(client, this.#take());
  }

  /** Publishes to a channel and to the patterns that match it. Returns how many have received it. */
  publish(
    name: Uint8Array,
    nameOff: number,
    nameLen: number,
    message: Uint8Array,
    off: number,
    len: number,
  ): number {
    const { byName: channels } = this.channels;
    const { byName: patterns } = this.patterns;
    let receivers = 0;
    if (channels.size !== 0) {
      const channel = channels.get(latin1Of(name, nameOff, nameLen));
      if (channel !== undefined) receivers = this.#send(this.channels, channel, message, off, len);
    }
    if (patterns.size === 0) return receivers;
    for (const pattern of patterns.values()) {
      const { bytes } = pattern;
      if (!globMatchBytes(bytes, 0, bytes.length, name, nameOff, nameLen, false)) continue;
      const out = this.#encoder;
      out.array(4);
      out.bulkText(this.patterns.message);
      out.bulkBytes(bytes);
      out.bulk(name, nameOff, nameLen);
      out.bulk(message, off, len);
      receivers += this.#sendEncoded(pattern.subscribers);
    }
    return receivers;
  }

  /** Publishes to a shard channel; patterns do not see it. */
  publishShard(name: string, message: Uint8Array, off: number, len: number): number {
    const channel = this.shards.byName.get(name);
    return channel === undefined ? 0 : this.#send(this.shards, channel, message, off, len);
  }

  #send(topics: Topics, topic: Topic, message: Uint8Array, off: number, len: number): number {
    const out = this.#encoder;
    out.array(3);
    out.bulkText(topics.message);
    out.bulkBytes(topic.bytes);
    out.bulk(message, off, len);
    return this.#sendEncoded(topic.subscribers);
  }

  /** Sends what stands in the encoder, as RESP2 has it, to all of them. */
  #sendEncoded(receivers: ReadonlySet<Client>): number {
    const { pushes } = this.#engine;
    const resp2 = this.#take();
    let resp3: Buffer | null = null;
    for (const client of receivers) {
      if (client.resp === 2) pushes.send(client, resp2);
      else {
        if (resp3 === null) {
          resp3 = Buffer.from(resp2);
          resp3[0] = PUSH;
        }
        pushes.send(client, resp3);
      }
    }
    return receivers.size;
  }

  /** What stands in the encoder, as bytes of its own. */
  #take(): Buffer {
    const encoder = this.#encoder;
    const bytes = Buffer.allocUnsafe(encoder.pos);
    encoder.buf.copy(bytes, 0, 0, encoder.pos);
    encoder.pos = 0;
    if (encoder.buf.length > ENCODER_MAX) encoder.buf = Buffer.allocUnsafeSlow(512);
    return bytes;
  }
}

/** The encoder keeps no more room than this after a long message. */
const ENCODER_MAX = 1024 * 1024;
const NOWHERE = { send: (): boolean => true };

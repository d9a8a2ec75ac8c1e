/**
 * Keyspace notifications: events of the keyspace, published to channels as `notify-keyspace-events` asks.
 *
 *     __keyspace@<db>__:<key>      the event         (K)
 *     __keyevent@<db>__:<event>    the key           (E)
 *
 * The keyspace raises only events whose class stands in `eventMask`. That is 0 unless somebody is subscribed to
 * anything at all, so with nobody to hear them events cost what they cost when they are off.
 */
import type { Database } from '../../keyspace/database.ts';
import { bytesOf } from '../../util/latin1.ts';
import type { Engine } from '../engine.ts';

/** Bits of `notify-keyspace-events` beside the classes. */
const KEYSPACE = 1 << 0;
const KEYEVENT = 1 << 1;

export class Notifications {
  readonly #engine: Engine;
  /** Channel of an event in a database, by `<db>:<event>`. */
  readonly #eventChannels = new Map<string, Uint8Array>();
  readonly #eventNames = new Map<string, Uint8Array>();
  /** `__keyspace@<db>__:` by database. */
  readonly #prefixes: Uint8Array[] = [];
  #wanted = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
    const { config, pubsub, signals } = engine;
    const update = (): void => this.#update();
    config.onChange('notify-keyspace-events', update);
    pubsub.onAudience = update;
    signals.onEvent = (_cls, name, db, key, off, len) => this.#publish(name, db, key, off, len);
    update();
  }

  #update(): void {
    const { config, keyspace, pubsub } = this.#engine;
    this.#wanted = config.values['notify-keyspace-events'];
    const heard = (this.#wanted & (KEYSPACE | KEYEVENT)) !== 0 && pubsub.hasAudience;
    keyspace.eventMask = heard ? this.#wanted & ~(KEYSPACE | KEYEVENT) : 0;
  }

  #publish(name: string, db: Database, key: Uint8Array, off: number, len: number): void {
    const { pubsub } = this.#engine;
    if ((this.#wanted & KEYSPACE) !== 0) {
      const prefix = this.#prefix(db);
      const channel = new Uint8Array(prefix.length + len);
      channel.set(prefix);
      channel.set(key.subarray(off, off + len), prefix.length);
      const event = this.#eventName(name);
      pubsub.publish(channel, 0, channel.length, event, 0, event.length);
    }
    if ((this.#wanted & KEYEVENT) !== 0) {
      const channel = this.#eventChannel(name, db);
      pubsub.publish(channel, 0, channel.length, key, off, len);
    }
  }

  #prefix(db: Database): Uint8Array {
    this.#prefixes[db.id] ??= bytesOf(`__keyspace@${db.id}__:`);
    return this.#prefixes[db.id]!;
  }

  #eventName(name: string): Uint8Array {
    let bytes = this.#eventNames.get(name);
    if (bytes === undefined) {
      bytes = bytesOf(name);
      this.#eventNames.set(name, bytes);
    }
    return bytes;
  }

  #eventChannel(name: string, db: Database): Uint8Array {
    const id = `${db.id}:${name}`;
    let channel = this.#eventChannels.get(id);
    if (channel === undefined) {
      channel = bytesOf(`__keyevent@${db.id}__:${name}`);
      this.#eventChannels.set(id, channel);
    }
    return channel;
  }
}

/**
 * What goes into the core and what comes out of it. The core does nothing by itself: it is told what happened and says
 * what is to be done, in this order.
 *
 * Connections have generations: numbers that the core gives, so that late news of an old one can be told from news of
 * the present one. Whatever is sent before a connection is open waits until it is.
 */
import type { Reply } from '../../resp/reply-reader.ts';
import type { Instance } from './instance.ts';

export type Channel = 'command' | 'pubsub';

/** What a command was sent for; its reply comes back with it. `instance` may be gone by then. */
export interface Tag {
  readonly instance: number;
  readonly purpose: 'ping' | 'info' | 'publish' | 'subscribe' | 'vote' | 'discard' | 'failover';
}

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

export type Event =
  /** The clockwork: about HZ_MIN to HZ_MIN + HZ_SPREAD times a second, as the last `tick` action said. */
  | { readonly type: 'tick'; readonly wallMs: number }
  /** A command connection is open. `localIp`: the address of our end of it, which our hellos tell. */
  | { readonly type: 'linkUp'; readonly link: number; readonly generation: number; readonly localIp: string }
  /** A connection has broken, or could not be made. */
  | { readonly type: 'linkDown'; readonly link: number; readonly generation: number; readonly reason: string }
  /** A reply on a command connection. On Pub/Sub connections only errors are told this way. */
  | {
      readonly type: 'reply';
      readonly link: number;
      readonly generation: number;
      readonly tag: Tag;
      readonly reply: Reply;
    }
  /** Something came on the Pub/Sub connection: a message, or (payload null) anything else. */
  | {
      readonly type: 'message';
      readonly link: number;
      readonly generation: number;
      readonly channel: string;
      readonly payload: string | null;
    }
  /** A name was looked up; ip is null if it does not resolve. */
  | { readonly type: 'resolved'; readonly host: string; readonly ip: string | null }
  /** A hello that a client has published here. */
  | { readonly type: 'hello'; readonly payload: string };

export type Action =
  | { readonly type: 'tick'; readonly afterMs: number }
  | {
      readonly type: 'connect';
      readonly link: number;
      readonly generation: number;
      readonly channel: Channel;
      /** A name is looked up anew, and told by `resolved`. */
      readonly host: string;
      readonly port: number;
    }
  | { readonly type: 'disconnect'; readonly link: number; readonly generation: number }
  | {
      readonly type: 'send';
      readonly link: number;
      readonly generation: number;
      /** Latin-1 words. */
      readonly words: readonly string[];
      readonly tag: Tag;
      readonly durable?: true;
    }
  /** Writes the state to the configuration file; what stands behind it in the list is done when it is on disk. */
  | {
      readonly type: 'save';
      /** Nothing stands behind it that relies on it: it may wait for others that come at the same time. */
      readonly soon?: true;
    }
  /**
   * An event as redis-sentinel tells it: a line in the log, a message on the channel of its name (not at `debug`), the
   * notification script of the master at `warning`.
   */
  | {
      readonly type: 'event';
      readonly level: LogLevel;
      /** "+sdown" */
      readonly name: string;
      /** "master mymaster 127.0.0.1 6379" */
      readonly text: string;
      /** Notification script of the master that it is about; '' none. */
      readonly script: string;
    }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string }
  | { readonly type: 'runScript'; readonly words: readonly string[] }
  | { readonly type: 'resolve'; readonly host: string }
  /** SENTINEL SIMULATE-FAILURE: the process ends at once, with status 99. */
  | { readonly type: 'crash' };

/** The result of a request (SENTINEL commands that change something): what to reply. */
export interface Outcome<T> {
  readonly actions: readonly Action[];
  readonly value: T;
}

export type { Instance, Reply };

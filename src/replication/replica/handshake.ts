/**
 * The handshake with the master, from PING to the reply to PSYNC, as Redis 7 does it:
 *
 *     PING ──> [AUTH] REPLCONF listening-port [REPLCONF ip-address] REPLCONF capa ──> PSYNC ──> +CONTINUE | +FULLRESYNC
 *
 * What stands between two arrows is sent together. Replies are lines; each is read by the ReplyReader by itself, since
 * behind the reply to PSYNC come bytes that are no replies. A master that is too old for PSYNC is asked by SYNC.
 */
import type { ServerConfig } from '../../config/config.ts';
import type { Logger } from '../../logging/logger.ts';
import { type Reply, ReplyReader } from '../../resp/reply-reader.ts';

const LF = 10;
const CR = 13;
/** A line that is longer is none. */
const LINE_MAX = 16 * 1024;
const ID = /^[\x21-\x7e]{40}$/;

/** How the master wants to go on. */
export type Verdict =
  /** From where we were, in the history `id` if it says so. */
  | { readonly kind: 'continue'; readonly id: string | null }
  /** With a snapshot; `offset` -1: the master is too old to have one. */
  | { readonly kind: 'full'; readonly id: string; readonly offset: number };

export interface HandshakeOptions {
  readonly config: ServerConfig;
  readonly log: Logger;
  /** listening-port that is told: the configured one, or that of the configuration. */
  readonly port: number;
  /** What is asked for; null: a full sync. Asked when its turn has come. */
  wanted(): { id: string; offset: number } | null;
  /** The order to take over, in a failover. */
  readonly failover: boolean;
  send(bytes: Uint8Array): void;
  /** The bytes behind the last that were taken are the stream, or the snapshot. */
  onVerdict(verdict: Verdict): void;
  /** It does not work out; the log knows why. */
  onFailed(): void;
  /** The failover was refused: we remain what we were. */
  onFailoverRefused(text: string): void;
}

type Step = 'ping' | 'auth' | 'port' | 'ip' | 'capa' | 'psync' | 'over';

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #reader: ReplyReader;
  /** Replies that are expected, in order. */
  #steps: Step[] = ['ping'];
  #line = '';

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#reader = new ReplyReader(
      (reply) => this.#replied(reply),
      () => this.#broken(),
    );
  }

  get isOver(): boolean {
    return this.#steps[0] === 'over';
  }

  start(): void {
    this.#options.send(words('PING'));
  }

  /** Takes whole lines; returns how many bytes. */
  take(buf: Uint8Array, end: number): number {
    let at = 0;
    while (!this.isOver) {
      const lineEnd = buf.indexOf(LF, at);
      if (lineEnd < 0 || lineEnd >= end) {
        if (end - at > LINE_MAX) this.#broken();
        break;
      }
      const textEnd = lineEnd > at && buf[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
      const text = Buffer.from(buf.subarray(at, textEnd)).toString('latin1');
      at = lineEnd + 1;
      // Empty: the master has us wait.
      if (text !== '') this.#takeLine(text);
    }
    return at;
  }

  #takeLine(text: string): void {
    this.#line = text;
    // What is no reply of one line is none that is expected here.
    if (!'+-:'.includes(text[0]!)) this.#replied(text);
    else this.#reader.feed(Buffer.from(`${text}\r\n`, 'latin1'));
  }

  #broken(): void {
    if (this.isOver) return;
    this.#options.log.warning(`Bad reply from master in replication handshake: ${printable(this.#line)}`);
    this.#fail();
  }

  #fail(): void {
    this.#steps = ['over'];
    this.#options.onFailed();
  }

  #replied(reply: Reply): void {
    const { log } = this.#options;
    const isError = reply instanceof Error;
    const line = printable(this.#line);
    switch (this.#steps.shift()) {
      case 'ping':
        // A master that wants to know who we are first is as good as one that answers.
        if (isError && !/^-(NOAUTH|NOPERM|ERR operation not permitted)/.test(line)) {
          log.warning(`Error reply to PING from master: '${line}'`);
          this.#fail();
          return;
        }
        log.notice('Master replied to PING, replication can continue...');
        this.#introduce();
        break;
      case 'auth':
        if (isError) {
          log.warning(`Unable to AUTH to MASTER: ${line}`);
          this.#fail();
          return;
        }
        break;
      case 'port':
        if (isError) log.notice(`(Non critical) Master does not understand REPLCONF listening-port: ${line}`);
        break;
      case 'ip':
        if (isError) log.notice(`(Non critical) Master does not understand REPLCONF ip-address: ${line}`);
        break;
      case 'capa':
        if (isError) log.notice(`(Non critical) Master does not understand REPLCONF capa: ${line}`);
        break;
      case 'psync':
        this.#synced(line);
        return;
    }
    if (this.#steps.length === 0) this.#ask();
  }

  #introduce(): void {
    const { config, port, send } = this.#options;
    const { masteruser, masterauth, 'replica-announce-ip': ip } = config.values;
    const commands: Buffer[] = [];
    if (masterauth !== '') {
      commands.push(masteruser === '' ? words('AUTH', masterauth) : words('AUTH', masteruser, masterauth));
      this.#steps.push('auth');
    }
    commands.push(words('REPLCONF', 'listening-port', String(port)));
    this.#steps.push('port');
    if (ip !== '') {
      commands.push(words('REPLCONF', 'ip-address', ip));
      this.#steps.push('ip');
    }
    commands.push(words('REPLCONF', 'capa', 'eof', 'capa', 'psync2'));
    this.#steps.push('capa');
    send(Buffer.concat(commands));
  }

  #ask(): void {
    const { log, send, failover } = this.#options;
    const wanted = this.#options.wanted();
    this.#steps = ['psync'];
    if (wanted === null) {
      log.notice('Partial resynchronization not possible (no cached master)');
      send(words('PSYNC', '?', '-1'));
      return;
    }
    const offset = String(wanted.offset);
    log.notice(`Trying a partial resynchronization (request ${wanted.id}:${offset}).`);
    send(failover ? words('PSYNC', wanted.id, offset, 'FAILOVER') : words('PSYNC', wanted.id, offset));
  }

  #synced(line: string): void {
    const { log } = this.#options;
    if (this.#options.failover && !line.startsWith('+CONTINUE')) {
      // A demoted master that is refused is a master again.
      if (line.startsWith('+FULLRESYNC')) this.#full(line);
      else {
        this.#steps = ['over'];
        this.#options.onFailoverRefused(line);
      }
      return;
    }
    if (line.startsWith('+FULLRESYNC')) this.#full(line);
    else if (line.startsWith('+CONTINUE')) {
      log.notice('Successful partial resynchronization with master.');
      const id = line.slice('+CONTINUE'.length).trim();
      this.#end({ kind: 'continue', id: ID.test(id) ? id : null });
    } else if (line.startsWith('-NOMASTERLINK') || line.startsWith('-LOADING')) {
      log.notice(`Master is currently unable to PSYNC but should be in the future: ${line}`);
      this.#fail();
    } else {
      if (line.startsWith('-ERR')) {
        log.notice(`Master does not support PSYNC or is in error state (reply: ${line})`);
      } else log.warning(`Unexpected reply to PSYNC from master: ${line}`);
      log.notice('Retrying with SYNC...');
      this.#options.send(Buffer.from('SYNC\r\n'));
      this.#end({ kind: 'full', id: '', offset: -1 });
    }
  }

  #full(line: string): void {
    const { log } = this.#options;
    const [, id = '', digits = ''] = line.split(' ');
    const offset = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : -1;
    if (!ID.test(id) || offset < 0) {
      log.warning('Master replied with wrong +FULLRESYNC syntax.');
      this.#fail();
      return;
    }
    log.notice(`Full resync from master: ${id}:${offset}`);
    this.#end({ kind: 'full', id, offset });
  }

  #end(verdict: Verdict): void {
    this.#steps = ['over'];
    this.#options.onVerdict(verdict);
  }
}

/** A command, from words as the configuration has them (a byte is a character). */
export function words(...list: readonly string[]): Buffer {
  let text = `*${list.length}\r\n`;
  for (const word of list) text += `$${word.length}\r\n${word}\r\n`;
  return Buffer.from(text, 'latin1');
}

/** What a peer has said, for the log: no control characters, not too long. */
export function printable(text: string): string {
  return text.slice(0, 256).replace(/[^\x20-\x7e]/g, '?');
}

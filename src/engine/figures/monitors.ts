/**
 * MONITOR: clients that see every command as the server serves it.
 *
 * The engine feeds a command here only while SERVER_MONITORED is set, so nobody pays for monitors that aren't there.
 * The lines of one read batch are collected and go to each monitor in one write. Secrets are shown as "(redacted)"
 * (redaction.ts).
 *
 * A monitor that does not read fast enough is subject to `client-output-buffer-limit normal`, which by default is
 * no limit. A stream without end must have one: PENDING_MAX.
 */

import type { Args } from '../../resp/args.ts';
import { bytesOf, reprQuoted } from '../../util/latin1.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command-table.ts';
import type { Engine } from '../engine.ts';
import { GATE_MONITOR, SERVER_MONITORED, STOP_CLOSING } from '../gates.ts';
import { REDACTED, secretArguments } from './redaction.ts';

/** Lines collected before they are sent without waiting for the end of the batch. */
const COLLECTED_MAX = 64 * 1024;
/** Unread bytes at which a monitor is closed whatever the configuration says. */
const PENDING_MAX = 64 * 1024 * 1024;

/** Bytes of a command's arguments that are shown: as text they may take four times as much. */
const SHOWN_MAX = 8 * 1024 * 1024;

export class Monitors {
  readonly #engine: Engine;
  readonly #clients = new Set<Client>();
  #lines = '';

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.clients.onGone.push((client) => this.remove(client));
  }

  get count(): number {
    return this.#clients.size;
  }

  add(client: Client): void {
    this.#send();
    this.#clients.add(client);
    client.gates |= GATE_MONITOR;
    this.#engine.gates |= SERVER_MONITORED;
  }

  remove(client: Client): void {
    if (!this.#clients.delete(client)) return;
    client.gates &= ~GATE_MONITOR;
    if (this.#clients.size === 0) this.#engine.gates &= ~SERVER_MONITORED;
  }

  /** Shows a command that has just been served. */
  feed(client: Client, command: Command, args: Args): void {
    this.#feed(client, sourceOf(client), command, args);
  }

  /** Shows a command that a script runs. */
  feedScript(client: Client, command: Command, args: Args): void {
    this.#feed(client, 'lua', command, args);
  }

  #feed(client: Client, source: string, command: Command, args: Args): void {
    if (this.#clients.size === 0) return;
    const us = this.#engine.wallClock.wallUs();
    const seconds = Math.floor(us / 1e6);
    const fraction = String(us - seconds * 1e6).padStart(6, '0');
    const secret = secretArguments(this.#engine.config, command, args);
    let line = `+${seconds}.${fraction} [${client.db.id} ${source}]`;
    let room = SHOWN_MAX;
    for (let i = 0; i < args.count && room > 0; i++) {
      line += ` ${secret?.has(i) ? `"${REDACTED}"` : shown(args, i, room)}`;
      room -= args.len[i]! + 1;
    }
    line += '\r\n';
    const { current } = this.#engine;
    if (current !== null && this.#clients.has(current)) this.#sendAmidReplies(current, bytesOf(line));
    else {
      if (this.#lines === '') queueMicrotask(() => this.#send());
      this.#lines += line;
      if (this.#lines.length > COLLECTED_MAX) this.#send();
    }
  }

  /** A monitor that sends commands sees each right behind its reply. */
  #sendAmidReplies(current: Client, line: Uint8Array): void {
    for (const client of this.#clients) {
      if (client !== current) client.link.send(Buffer.from(line), line.length);
      // Nothing comes behind the reply to QUIT.
      else if ((client.stopped & STOP_CLOSING) === 0) this.#engine.writer.raw(line);
    }
  }

  /** Sends what has been collected. */
  #send(): void {
    if (this.#lines === '') return;
    const bytes = Buffer.from(this.#lines, 'latin1');
    this.#lines = '';
    for (const client of this.#clients) {
      if ((client.stopped & STOP_CLOSING) !== 0) continue;
      if (client.link.pendingBytes > PENDING_MAX) this.#engine.clients.limits.closeForOutput(client);
      else client.link.send(bytes, bytes.length);
    }
  }
}

/** Argument i, up to `room` bytes of it; what is left out is counted, as in the slow log. */
function shown(args: Args, i: number, room: number): string {
  const length = args.len[i]!;
  const text = reprQuoted(args.buf, args.off[i]!, Math.min(length, room));
  return length <= room ? text : `${text.slice(0, -1)}... (${length - room} more bytes)"`;
}

/** Where a command came from, as a monitor's line shows it. */
function sourceOf(client: Client): string {
  const { kind, peer } = client.link;
  return kind === 'unix' ? `unix:${peer.slice(0, peer.lastIndexOf(':'))}` : peer;
}

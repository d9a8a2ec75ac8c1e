/**
 * WAIT and WAITAOF: clients that wait until what they have written has been acknowledged by so many replicas, or is on so
 * many disks.
 *
 *     handler ──> enough already? reply
 *             └─> waits ──GETACK──> acknowledgements, syncs of our file ──> enough: reply
 *                                   time-out, CLIENT UNBLOCK, another role ──> reply with what there is, or an error
 *
 * What a client waits for is where the stream was when its last writes had been served (client.writeOffset). All who
 * wait are looked at once in a turn of the event loop, however many acknowledgements have come in it.
 */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import {
  GATE_MULTI,
  GATE_REPLY_OFF,
  GATE_REPLY_SKIP,
  STOP_BLOCKED,
  STOP_CLOSING,
} from '../../engine/gates.ts';
import type { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import type { TimerHandle } from '../../util/clock.ts';
import type { Shared } from '../parts.ts';
import type { Replicas } from './replicas.ts';

/** Timers take no more; a longer wait sets its timer again. */
const TIMER_MAX_MS = 0x7fffffff;

/** What a client waits for. */
interface Goal {
  /** Byte of the history. */
  readonly offset: number;
  readonly replicas: number;
  /** WAITAOF: on disk; how many times here (0 or 1), and up to which byte of the append-only file. */
  readonly disk: { readonly local: number; readonly position: number } | null;
}

interface Waiter {
  readonly client: Client;
  readonly goal: Goal;
  /** On the monotonic clock; 0: for ever. */
  readonly untilMs: number;
  timer: TimerHandle | null;
}

export class Waits {
  readonly #shared: Shared;
  readonly #replicas: Replicas;
  readonly #waiters = new Set<Waiter>();
  #isScheduled = false;

  constructor(shared: Shared, replicas: Replicas) {
    this.#shared = shared;
    this.#replicas = replicas;
    const look = (): void => this.#lookSoon();
    replicas.onAck.push(look);
    shared.files.aof.writer.onSynced = look;
    shared.engine.cron.push({ name: 'waits', run: look });
    // Who waits for the file learns that there is none any more.
    shared.engine.config.onChange('appendonly', look);
  }

  wait(client: Client, replicas: number, timeoutMs: number): void {
    this.#begin(client, { offset: this.#offsetOf(client), replicas, disk: null }, timeoutMs);
  }

  waitAof(client: Client, local: number, replicas: number, timeoutMs: number): void {
    const offset = this.#offsetOf(client);
    const position = this.#shared.files.aof.writer.end;
    this.#begin(client, { offset, replicas, disk: { local, position } }, timeoutMs);
  }

  /** Where the stream was behind the last writes of the client, those of the batch that is being served included. */
  #offsetOf(client: Client): number {
    const { engine, stream } = this.#shared;
    engine.propagation.flush();
    const { end } = stream;
    // Beyond the end: it was of another history, which a full sync has replaced since.
    if (
      client.writeOffset < 0 ||
      client.writeOffset > end ||
      (engine.propagation.feedsReplicas && end !== engine.batchOffset)
    ) {
      client.writeOffset = end;
    }
    return client.writeOffset;
  }

  #begin(client: Client, goal: Goal, timeoutMs: number): void {
    const { engine } = this.#shared;
    if (this.#isReached(goal) || (client.gates & GATE_MULTI) !== 0) {
      this.#write(client.out, goal);
      return;
    }
    const untilMs = timeoutMs === 0 ? 0 : engine.clock.monoMs() + timeoutMs;
    const waiter: Waiter = { client, goal, untilMs, timer: null };
    this.#waiters.add(waiter);
    client.stopped |= STOP_BLOCKED;
    client.blocked = {
      kind: 'wait',
      unblockable: true,
      timed: untilMs !== 0,
      cancel: (reason) => {
        if (reason === 'timeout') this.#end(waiter, (out) => this.#write(out, goal));
        else if (reason === 'error') this.#endWithError(waiter, errors.UNBLOCKED);
        else this.#forget(waiter);
      },
    };
    this.#setTimer(waiter);
    if (goal.replicas > 0) this.#replicas.askForAcks();
  }

  #acknowledged({ offset, disk }: Goal): number {
    return disk === null ? this.#replicas.acknowledged(offset) : this.#replicas.acknowledgedOnDisk(offset);
  }

  /** On disk here: 1, if our file is on and has been synced so far. */
  #onDiskHere(position: number): number {
    const { aof } = this.#shared.files;
    return aof.state === 'on' && aof.writer.synced >= position ? 1 : 0;
  }

  #isReached(goal: Goal): boolean {
    const { disk } = goal;
    if (disk !== null && disk.local > 0 && this.#onDiskHere(disk.position) === 0) return false;
    return goal.replicas <= 0 || this.#acknowledged(goal) >= goal.replicas;
  }

  #write(out: ReplyWriter, goal: Goal): void {
    const { disk } = goal;
    if (disk !== null) {
      out.array(2);
      out.int(this.#onDiskHere(disk.position));
    }
    out.int(this.#acknowledged(goal));
  }

  #lookSoon(): void {
    if (this.#isScheduled || this.#waiters.size === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#look();
    });
  }

  /** In the order in which they came. */
  #look(): void {
    const hasFile = this.#shared.files.aof.state !== 'off';
    for (const waiter of this.#waiters) {
      const { goal } = waiter;
      if (!hasFile && goal.disk !== null && goal.disk.local > 0) {
        this.#endWithError(waiter, errors.WAITAOF_WITHOUT_AOF);
      } else if (this.#isReached(goal)) this.#end(waiter, (out) => this.#write(out, goal));
    }
  }

  #endWithError(waiter: Waiter, error: ReplyError): void {
    const { client } = waiter;
    if (client.lastCommand !== null) client.lastCommand.failedCalls++;
    this.#shared.engine.stats.countError(error);
    this.#end(waiter, (out) => out.error(error));
  }

  #end(waiter: Waiter, write: (out: ReplyWriter) => void): void {
    const { client } = waiter;
    const { gates } = client;
    this.#forget(waiter);
    if ((gates & (GATE_REPLY_OFF | GATE_REPLY_SKIP)) === 0) this.#shared.engine.deliver(client, write);
    client.stopped &= ~STOP_BLOCKED;
    client.gates &= ~GATE_REPLY_SKIP;
    client.blocked = null;
    if ((client.stopped & STOP_CLOSING) !== 0) client.link.end();
    else client.link.resume();
  }

  #forget(waiter: Waiter): void {
    if (waiter.timer !== null) this.#shared.engine.timers.clearTimeout(waiter.timer);
    waiter.timer = null;
    this.#waiters.delete(waiter);
  }

  #setTimer(waiter: Waiter): void {
    const { untilMs } = waiter;
    if (untilMs === 0) return;
    const { clock, timers } = this.#shared.engine;
    const left = Math.max(0, untilMs - clock.monoMs());
    waiter.timer = timers.setTimeout(
      () => {
        if (clock.monoMs() < untilMs) this.#setTimer(waiter);
        else this.#end(waiter, (out) => this.#write(out, waiter.goal));
      },
      Math.min(left, TIMER_MAX_MS),
    );
  }
}

/**
 * Before the server ends, its replicas get the time to come up with it (`shutdown-timeout`): writers are held, so that
 * the stream stands still, until each has acknowledged its end. Then the log is told who has not.
 *
 *     begin ──all are there──────────────────────────────> null
 *       └──pause──> waits ──all are there, time is up──> null
 *                     └──cancel (SHUTDOWN ABORT)──> null, and the writers go on
 */
import type { ShutdownOptions } from '../../engine/host.ts';
import type { TimerHandle } from '../../util/clock.ts';
import type { Shared } from '../parts.ts';
import type { Replicas } from './replicas.ts';

export class LastWord {
  readonly #shared: Shared;
  readonly #replicas: Replicas;
  /** Ends the wait; null: nobody waits. */
  #go: (() => void) | null = null;
  #cancel: () => void = () => {};
  #untilMs = 0;

  constructor(shared: Shared, replicas: Replicas) {
    this.#shared = shared;
    this.#replicas = replicas;
    const look = (): void => {
      if (this.#go !== null && this.#areInSync) this.#go();
    };
    replicas.onAck.push(look);
    replicas.onGone.push(look);
  }

  /** How long it is waited still, in ms; null: it isn't. */
  get leftMs(): number | null {
    return this.#go === null
      ? null
      : Math.max(0, Math.round(this.#untilMs - this.#shared.engine.clock.monoMs()));
  }

  /** A step of the shutdown: never a reason not to end. */
  begin({ now }: ShutdownOptions): Promise<null> | null {
    const { engine } = this.#shared;
    const { 'shutdown-timeout': seconds } = engine.config.values;
    engine.propagation.flush();
    if (now || seconds === 0 || this.#areInSync) {
      this.#report();
      return null;
    }
    engine.pause.pause('shutdown', Number.POSITIVE_INFINITY, false);
    engine.log.notice('Waiting for replicas before shutting down.');
    this.#untilMs = engine.clock.monoMs() + seconds * 1000;
    return new Promise((resolve) => {
      let timer: TimerHandle | null = null;
      const go = (): void => {
        if (timer !== null) engine.timers.clearTimeout(timer);
        this.#go = null;
        this.#report();
        resolve(null);
      };
      timer = engine.timers.setTimeout(go, seconds * 1000);
      this.#go = go;
      this.#cancel = () => {
        if (timer !== null) engine.timers.clearTimeout(timer);
        this.#go = null;
        resolve(null);
      };
    });
  }

  /** The server goes on: nobody is waited for, and writers are let go. */
  cancel(): void {
    if (this.#go !== null) this.#cancel();
    this.#shared.engine.pause.unpause('shutdown');
  }

  get #areInSync(): boolean {
    const { end } = this.#shared.stream;
    return this.#replicas.all.every(({ rdbOnly, ackOffset }) => rdbOnly || ackOffset === end);
  }

  #report(): void {
    const { engine, stream } = this.#shared;
    const { log, clock } = engine;
    const replicas = this.#replicas.all.filter(({ rdbOnly }) => !rdbOnly);
    let lagging = 0;
    for (const replica of replicas) {
      const behind = stream.end - replica.ackOffset;
      if (behind === 0) continue;
      lagging++;
      const lag = replica.state === 'online' ? replica.lagSeconds(clock.monoMs()) : 0;
      log.warning(
        `Lagging replica ${replica.name} reported offset ${behind} behind master, lag=${lag}, state=${replica.stateName}.`,
      );
      // What the system takes now still reaches it.
      replica.send();
    }
    if (replicas.length === 0) return;
    log.notice(`${replicas.length - lagging} of ${replicas.length} replicas are in sync when shutting down.`);
  }
}

/**
 * The process around an engine, as far as commands may know it: INFO shows it, SHUTDOWN and DEBUG RESTART end it.
 * src/server/node.ts is the real one; an engine without a process (embedded in a test) has none.
 */

/** How SHUTDOWN, or a signal, asks the server to end. */
export interface ShutdownOptions {
  /** SAVE or NOSAVE; `default` saves when there are save points. */
  readonly save: 'default' | 'save' | 'nosave';
  /** NOW: do not wait for lagging replicas. */
  readonly now: boolean;
  /** FORCE: end even if saving fails. */
  readonly force: boolean;
}

/** What a process serves: data, or the masters that it watches. */
export type NodeMode = 'standalone' | 'sentinel';

/** An address that is listened on, for INFO's `listenerN` lines and the log. */
export interface ListenerInfo {
  readonly name: 'tcp' | 'unix' | 'tls';
  /** IP addresses, or the path of the unix socket. */
  readonly addresses: readonly string[];
  /** 0 for unix sockets. */
  readonly port: number;
}

export interface Host {
  /** Absolute path of the program. */
  readonly executable: string;
  /** Absolute path of the configuration file, '' without one. */
  readonly configFile: string;
  readonly pid: number;
  /** 40 hex digits, new for each start (INFO's run_id). */
  readonly runId: string;
  /** Wall clock of the start, in ms. */
  readonly startedMs: number;
  /** How the process is supervised. */
  readonly supervised: 'no' | 'systemd' | 'upstart';
  readonly listeners: readonly ListenerInfo[];
  /** True while a shutdown waits for replicas or a save. */
  readonly isShuttingDown: boolean;
  /** How long a shutdown waits for replicas still, at most. */
  readonly shutdownInMs: number;
  /**
   * Starts a shutdown. The promise says how it ended: null when the server is down (a process is gone by then), else
   * the reason why it goes on, as an error text without "ERR" (saving failed, SHUTDOWN ABORT).
   */
  shutdown(options: ShutdownOptions): Promise<string | null>;
  /** Logs a crash report and ends the process, as after the signal of that name; null where others live in it. */
  readonly crash: ((signal: string) => void) | null;
  /** SHUTDOWN ABORT: false when there is no shutdown in progress. */
  abortShutdown(): boolean;
}

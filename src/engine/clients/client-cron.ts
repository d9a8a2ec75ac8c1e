/**
 * What must be done about clients although they do nothing: closing the idle (`timeout`) and those above their soft
 * output limit, and looking at the sizes of their buffers. Each run takes a slice of the clients, so that each is
 * seen about once a second.
 */
import type { Client } from '../client.ts';
import type { CronJob } from '../cron-job.ts';
import type { Engine } from '../engine.ts';
import { GATE_MONITOR } from '../gates.ts';
import { clientType } from './client-line.ts';

const PER_RUN_MIN = 5;
/** The largest buffers are those of the last so many seconds. */
const RECENT_SECONDS = 8;

export class ClientCron implements CronJob {
  readonly name = 'clients';
  readonly #engine: Engine;
  /** Stays where it is between runs; a Map's iterator bears insertion and removal. */
  #next: Iterator<Client> | null = null;
  /** Largest buffers seen in each of the last seconds. */
  readonly #input = new Float64Array(RECENT_SECONDS);
  readonly #output = new Float64Array(RECENT_SECONDS);
  #second = -1;

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.info.field('client_recent_max_input_buffer', () => Math.max(...this.#input));
    engine.info.field('client_recent_max_output_buffer', () => Math.max(...this.#output));
  }

  run(): void {
    const { clients, config, clock } = this.#engine;
    const now = clock.monoMs();
    const slot = this.#slotOf(now);
    let left = Math.max(PER_RUN_MIN, Math.ceil(clients.count / config.values.hz));
    left = Math.min(left, clients.count);
    for (; left > 0; left--) {
      this.#next ??= clients.all();
      const { done, value } = this.#next.next();
      if (done === true) this.#next = null;
      else this.#visit(value, now, slot);
    }
  }

  /** The slot for the largest buffers of this second, emptied when the second is new. */
  #slotOf(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      for (let s = Math.max(this.#second + 1, second - RECENT_SECONDS + 1); s <= second; s++) {
        this.#input[s % RECENT_SECONDS] = 0;
        this.#output[s % RECENT_SECONDS] = 0;
      }
      this.#second = second;
    }
    return second % RECENT_SECONDS;
  }

  #visit(client: Client, nowMs: number, slot: number): void {
    const { config, clients, log } = this.#engine;
    const { timeout } = config.values;
    if (timeout !== 0 && mayTimeOut(client) && nowMs - client.lastInteractionMs > timeout * 1000) {
      log.verbose('Closing idle client');
      clients.kill(client);
      return;
    }
    const { link } = client;
    const pending = link.pendingBytes;
    this.#input[slot] = Math.max(this.#input[slot]!, link.inputRoom);
    this.#output[slot] = Math.max(this.#output[slot]!, pending, client.peakOutput);
    if (pending !== 0 || client.replica !== null) clients.limits.outputGrew(client, pending);
    else {
      client.softLimitSinceMs = 0;
      clients.limits.grew(client);
    }
    client.peakOutput = 0;
  }
}

/** Those that wait for something, or are only told things, are silent without being idle. */
function mayTimeOut(client: Client): boolean {
  return client.blocked === null && (client.gates & GATE_MONITOR) === 0 && clientType(client) === 'normal';
}

/**
 * Whether a writer's databases are the state after some first part of its log, and not a shorter one than was
 * promised: nothing lost, no holes, no half transaction, nothing that was never sent.
 *
 * The log is run through the model step by step. Which keys differ from the server's is kept up to date by
 * looking again only at those that a step touched; where none differs, the log may have been cut.
 */
import { type KeyModel, valueText, type WriterModel } from './model.ts';
import type { State } from './state.ts';
import type { Logged } from './writer.ts';

/** Between which lengths of the log the server's state lies; they differ where steps change nothing. */
export interface Cut {
  readonly shortest: number;
  readonly longest: number;
}

/** How much the server's clock may be behind the harness's: it reads the time once per turn. */
const CLOCK_SLACK_MS = 500;

export class Lost extends Error {}

/**
 * Finds the cut at or after `floor`. Throws Lost, with the keys that differ, when there is none. `base`, the
 * state before the log, stays as it is.
 */
export function findCut(base: WriterModel, log: readonly Logged[], floor: number, state: State): Cut {
  const model = base.copy();
  const comparison = new Comparison(model, state);
  for (let i = 0; i < floor; i++) apply(model, log[i]!, state);
  comparison.all();
  let shortest = -1;
  let longest = -1;
  let best = { keys: comparison.differing(), at: floor };
  for (let i = floor; ; i++) {
    if (comparison.isSame) {
      if (shortest < 0) shortest = i;
      longest = i;
    }
    if (comparison.count < best.keys.length) best = { keys: comparison.differing(), at: i };
    if (i === log.length) break;
    apply(model, log[i]!, state);
    comparison.again();
  }
  if (shortest >= 0) return { shortest, longest };
  throw new Lost(explain(base, log, floor, best, state));
}

function apply(model: WriterModel, step: Logged, state: State): void {
  const moment = { sentAt: step.sentAt, answeredAt: step.answeredAt || state.readFrom };
  for (const [i, args] of step.commands.entries()) model.apply(step.db, args, step.replies?.[i], moment);
}

class Comparison {
  readonly #model: WriterModel;
  readonly #state: State;
  readonly #texts = new Map<KeyModel, string>();
  readonly #different = new Set<string>();

  constructor(model: WriterModel, state: State) {
    this.#model = model;
    this.#state = state;
  }

  get isSame(): boolean {
    return this.#different.size === 0;
  }

  get count(): number {
    return this.#different.size;
  }

  differing(): string[] {
    return [...this.#different];
  }

  /** Looks at every key. */
  all(): void {
    this.#model.touched.clear();
    this.#different.clear();
    for (const db of [0, 1]) {
      const keys = new Set([
        ...this.#model.databases[db]!.keys(),
        ...this.#state.model.databases[db]!.keys(),
      ]);
      for (const key of keys) this.#look(db, key);
    }
  }

  /** Looks again at what was touched. */
  again(): void {
    const { touched } = this.#model;
    if (touched.has('*')) {
      this.all();
      return;
    }
    for (const each of touched) this.#look(Number(each[0]), each.slice(2));
    touched.clear();
  }

  #look(db: number, key: string): void {
    const expected = this.#model.databases[db]!.get(key);
    const actual = this.#state.model.databases[db]!.get(key);
    if (this.#agree(expected, actual)) this.#different.delete(`${db} ${key}`);
    else this.#different.add(`${db} ${key}`);
  }

  #agree(expected: KeyModel | undefined, actual: KeyModel | undefined): boolean {
    if (!actual) return !expected || mayBeOver(expected, this.#state);
    if (!expected || isOver(expected, this.#state)) return false;
    return sameExpiry(expected, actual) && this.#sameValue(expected, actual);
  }

  #sameValue({ value }: KeyModel, actual: KeyModel): boolean {
    if (value.kind === 'set' && value.unknown > 0 && actual.value.kind === 'set') {
      const { members } = actual.value;
      return (
        members.size === value.members.size - value.unknown &&
        [...members].every((member) => value.members.has(member))
      );
    }
    let text = this.#texts.get(actual);
    if (text === undefined) {
      text = valueText(actual.value);
      this.#texts.set(actual, text);
    }
    return valueText(value) === text;
  }
}

function isOver({ expiry }: KeyModel, state: State): boolean {
  return expiry !== null && expiry[1] < state.readFrom - CLOCK_SLACK_MS;
}

function mayBeOver({ expiry }: KeyModel, state: State): boolean {
  return expiry !== null && expiry[0] <= state.readTo;
}

function sameExpiry({ expiry }: KeyModel, actual: KeyModel): boolean {
  if (expiry === null || actual.expiry === null) return expiry === actual.expiry;
  const [when] = actual.expiry;
  const slack = expiry[0] === expiry[1] ? 0 : CLOCK_SLACK_MS;
  return when >= expiry[0] - slack && when <= expiry[1] + slack;
}

/** The keys that differ where fewest do, and the last steps that meant them. */
function explain(
  base: WriterModel,
  log: readonly Logged[],
  floor: number,
  best: { keys: string[]; at: number },
  state: State,
): string {
  const model = base.copy();
  for (const step of log.slice(0, best.at)) apply(model, step, state);
  const lines = [
    `no state from step ${floor} to ${log.length} is the server's; at step ${best.at} it is nearest, with ${best.keys.length} keys that differ`,
  ];
  for (const each of best.keys.slice(0, 4)) {
    const db = Number(each[0]);
    const key = each.slice(2);
    const meant = log.flatMap((step, i) =>
      step.commands.some((args) => args.includes(key) || /FLUSHDB|SWAPDB/.test(args[0]!))
        ? [`    ${i}${step.answeredAt ? '' : ' (unanswered)'} db ${step.db}: ${showStep(step)}`]
        : [],
    );
    lines.push(
      `  db ${db} key ${key}`,
      `    expected ${show(model.databases[db]!.get(key))}`,
      `    found    ${show(state.model.databases[db]!.get(key))}`,
      ...meant.slice(-12),
    );
  }
  return lines.join('\n');
}

function show(key: KeyModel | undefined): string {
  if (!key) return 'nothing';
  const unknown = key.value.kind === 'set' && key.value.unknown > 0 ? ` less ${key.value.unknown}` : '';
  return `${valueText(key.value).slice(0, 1500)}${unknown} expiry ${String(key.expiry)}`;
}

function showStep(step: Logged): string {
  return step.commands.map((args) => JSON.stringify(args.join(' ').slice(0, 200))).join(', ');
}

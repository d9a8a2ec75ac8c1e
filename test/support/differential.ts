/**
 * Property-based comparison with the oracle: random sequences of commands go to both servers, and reply i of
 * ours must agree with reply i of the real one. fast-check shrinks a sequence that disagrees to the shortest one
 * it can find, which is printed in redis-cli's syntax with both replies and the seed that repeats it.
 *
 * A sequence travels as one pipeline to each server, so a run costs two round trips and the servers' clocks are
 * as close as they can be; commands that read the clock still want a looser comparator or a large TTL.
 *
 *     FC_SEED=123 npm test -- strings     repeats a failure
 *     FC_RUNS=5000 npm test -- strings    looks harder
 */
import fc from 'fast-check';
import {
  type Comparator,
  type ComparatorName,
  comparatorOf,
  type Normaliser,
  type OraclePair,
  showCommand,
  showReplies,
} from './oracle.ts';
import type { Arg } from './raw-client.ts';

export interface CommandGenerator {
  /** How often it is chosen, relative to the others; 1 by default. */
  readonly weight?: number;
  readonly args: fc.Arbitrary<readonly Arg[]>;
  readonly compare?: Comparator | ComparatorName;
  readonly normalise?: Normaliser;
}

export interface DifferentialOptions {
  /** Number of sequences; FC_RUNS wins. */
  readonly runs?: number;
  /** Commands in a sequence, at most. */
  readonly maxCommands?: number;
  /** Sent before each sequence, compared too: CONFIG SETs, a starting population. */
  readonly setUp?: readonly (readonly Arg[])[];
  /** Sent after each sequence, compared exactly: what the sequence must have left behind. */
  readonly finalChecks?: readonly (readonly Arg[])[];
  /** Compared in any order after each sequence. */
  readonly finalSorted?: readonly (readonly Arg[])[];
}

interface Step {
  readonly args: readonly Arg[];
  readonly compare: Comparator;
  readonly normalise: Normaliser | null;
}

interface Mismatch {
  readonly steps: readonly Step[];
  readonly at: number;
  readonly why: string;
  readonly ours: Buffer;
  readonly oracle: Buffer;
}

/** Compares random sequences made from the generators; throws with the shortest sequence that disagrees. */
export async function differential(
  pair: OraclePair,
  generators: readonly CommandGenerator[],
  options: DifferentialOptions = {},
): Promise<void> {
  const { runs = 200, maxCommands = 30, setUp = [], finalChecks = [['DBSIZE']], finalSorted = [] } = options;
  const before = setUp.map((args) => step(args));
  const after = [
    ...finalChecks.map((args) => step(args)),
    ...finalSorted.map((args) => step(args, comparatorOf('sorted'))),
  ];
  let mismatch: Mismatch | null = null;
  const property = fc.asyncProperty(sequences(generators, maxCommands), async (steps) => {
    const found = await runOnBoth(pair, [...before, ...steps, ...after]);
    // Shrinking ends on the smallest sequence that fails, so the last mismatch seen is the one to report.
    if (found) mismatch = found;
    return found === null;
  });
  const seed = numberFromEnvironment('FC_SEED');
  const result = await fc.check(property, {
    numRuns: numberFromEnvironment('FC_RUNS') ?? runs,
    ...(seed === null ? {} : { seed }),
  });
  if (!result.failed) return;
  if (mismatch === null) throw new Error(describeOther(result.seed, result.errorInstance));
  throw new Error(describeMismatch(mismatch, result.seed, result.numShrinks));
}

function sequences(generators: readonly CommandGenerator[], maxLength: number): fc.Arbitrary<Step[]> {
  const weighted = generators.map((generator) => ({
    weight: generator.weight ?? 1,
    arbitrary: generator.args.map(
      (args): Step => step(args, comparatorOf(generator.compare), generator.normalise ?? null),
    ),
  }));
  // The size is set by maxLength alone: fast-check's default would hardly ever try more than ten commands.
  return fc.array(fc.oneof(...weighted), { minLength: 1, maxLength, size: 'max' });
}

function step(
  args: readonly Arg[],
  compare: Comparator = comparatorOf('exact'),
  normalise: Normaliser | null = null,
): Step {
  return { args, compare, normalise };
}

async function runOnBoth(pair: OraclePair, steps: readonly Step[]): Promise<Mismatch | null> {
  await pair.reset();
  const [ours, oracle] = await pair.sendBoth(steps.map(({ args }) => args));
  for (let at = 0; at < steps.length; at++) {
    const { compare, normalise } = steps[at]!;
    const a = normalise ? normalise(ours[at]!) : ours[at]!;
    const b = normalise ? normalise(oracle[at]!) : oracle[at]!;
    const why = compare(a, b);
    if (why !== null) return { steps, at, why, ours: a, oracle: b };
  }
  return null;
}

function describeMismatch(mismatch: Mismatch, seed: number, shrinks: number): string {
  const { steps, at, why, ours, oracle } = mismatch;
  const lines = steps.slice(0, at + 1).map(({ args }, i) => `${i === at ? '> ' : '  '}${showCommand(args)}`);
  return [
    `ours and the oracle disagree: ${why} (seed ${seed}, ${shrinks} shrinks; repeat with FC_SEED=${seed})`,
    ...lines,
    showReplies(ours, oracle),
  ].join('\n');
}

function describeOther(seed: number, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `a differential run broke: ${text} (repeat with FC_SEED=${seed})`;
}

function numberFromEnvironment(name: string): number | null {
  const text = process.env[name];
  return text === undefined || text === '' ? null : Number(text);
}

/**
 * Arbitraries for a sequence to collide on: few keys, values that sit on the edges of the integer parser, and
 * bytes that are no UTF-8.
 */
export const arbitraries = {
  key: (count = 5): fc.Arbitrary<string> => fc.integer({ min: 0, max: count - 1 }).map((i) => `key:${i}`),
  integer: (): fc.Arbitrary<string> =>
    fc.oneof(
      fc.integer({ min: -20, max: 20 }).map(String),
      fc.constantFrom(
        '9223372036854775807',
        '-9223372036854775808',
        '9223372036854775808',
        '-9223372036854775809',
        '9007199254740993',
        '2147483648',
        '-1',
        '0',
      ),
    ),
  notInteger: (): fc.Arbitrary<string> =>
    fc.constantFrom('', ' 1', '1 ', '01', '+1', '1.0', '1e3', 'abc', '-', '-0'),
  float: (): fc.Arbitrary<string> =>
    fc.oneof(
      fc.constantFrom('0.1', '0.2', '-0.3', '1.5e3', '3.0e-5', '1e17', '5.0', 'inf', '-inf', 'nan', '0x10'),
      fc.integer({ min: -1000, max: 1000 }).map((n) => String(n / 8)),
    ),
  bytes: (maxLength = 20): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes)),
  value: (): fc.Arbitrary<Arg> =>
    fc.oneof(
      fc.string({ maxLength: 12 }),
      arbitraries.bytes(),
      arbitraries.integer(),
      arbitraries.float(),
      // Around the embedded-string limit of 44 bytes and well past it.
      fc.constantFrom('x'.repeat(44), 'y'.repeat(45), 'z'.repeat(3000)),
    ),
};

/** A generator of one command: its name, and an arbitrary for each argument. */
export function command(name: string, ...args: readonly fc.Arbitrary<Arg>[]): Pick<CommandGenerator, 'args'> {
  return { args: fc.tuple(...args).map((values): readonly Arg[] => [name, ...values]) };
}

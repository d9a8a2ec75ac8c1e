/**
 * Work that is written once and done in two ways: in slices, between which clients are served (at start), or in one
 * go (DEBUG LOADAOF and RELOAD). It is a generator: it yields what it has to wait for, or null when it has run long
 * enough for one turn of the event loop. Done in one go, it is made so that it never has to wait.
 */

/** A slice of loading takes no longer on the event loop, in ms: below the 5 ms that nothing may take. */
export const SLICE_MS = 4;

export type Steps<T> = Generator<Promise<void> | null, T, void>;

/** Lets the event loop do what has come up. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Does the work in slices. Gives it up between two of them when `isAbandoned` says so, and returns null. */
export async function inSlices<T>(steps: Steps<T>, isAbandoned: () => boolean): Promise<T | null> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await (value ?? nextTurn());
    if (isAbandoned()) {
      steps.return(undefined as never);
      return null;
    }
  }
}

/** Does the work at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (value !== null) throw new Error('work that is done at once must not wait');
  }
}

/**
 * What a snapshot must know of where its bytes go, so that they don't pile up in memory.
 */
export interface Backlog {
  /** Bytes taken from the format that are not at their destination yet. */
  readonly pendingBytes: number;
  /** Called when `pendingBytes` has got smaller; the snapshot sets it while it waits. */
  onDrain: (() => void) | null;
}

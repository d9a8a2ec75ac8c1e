/** Where hashes change their form: copies of the parameters hash-max-listpack-*, see engine/config-wiring.ts. */
export class HashLimits {
  entries = 512;
  /** Longest field or value, bytes. */
  value = 64;
}

/**
 * Whether two data nodes share a history: the replication id of one is the present or the former id of the other.
 * An address that now belongs to somebody else's group is told by this.
 */
import type { Instance } from './instance.ts';

/** What a node says that has no former id. */
const NO_ID = '0'.repeat(40);

/** null: one of the two has not told its id. */
export function sharesLineage(a: Instance, b: Instance): boolean | null {
  const ofA = ids(a);
  const ofB = ids(b);
  if (ofA.length === 0 || ofB.length === 0) return null;
  return ofA.some((id) => ofB.includes(id));
}

function ids(instance: Instance): string[] {
  if (instance.replId === '') return [];
  return [instance.replId, instance.replId2].filter((id) => id !== '' && id !== NO_ID);
}

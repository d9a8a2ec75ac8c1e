/**
 * Whether two data nodes share a history: the replication id of one is the present or the former id of the other.
 * An address that now belongs to somebody else's group is told by this.
 */
import type { Turn } from '../context.ts';
import type { Instance } from '../instance.ts';

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

/**
 * Whether an instance may be made to follow the master (`master`'s ids are those of the history that counts). With
 * require-same-lineage one of another history may not: its data would be lost, and it belongs to others. One that has
 * no data, and nobody who follows it, has nothing to lose: a replica that was started anew. The log is told either way.
 */
export function mayFollow(turn: Turn, instance: Instance, master: Instance): boolean {
  if (sharesLineage(master, instance) !== false || isEmpty(instance)) return true;
  if (master.requireSameLineage) {
    turn.event('warning', '-refused-lineage', instance, '#shares no history with the master');
    return false;
  }
  turn.log(
    'warning',
    `${instance.name} shares no history with master ${master.name} (replication ids ${instance.replId} and ` +
      `${master.replId}). It is made to follow it all the same, and loses its data: "sentinel ` +
      `require-same-lineage ${master.name} yes" would refuse it.`,
  );
  return true;
}

/** A master without keys and without replicas, as its INFO says. */
function isEmpty({ info, roleReported }: Instance): boolean {
  return roleReported === 'master' && /^connected_slaves:0\r?$/m.test(info) && !/^db\d+:/m.test(info);
}

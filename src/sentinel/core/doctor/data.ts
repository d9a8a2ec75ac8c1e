/** SENTINEL DOCTOR on what may happen to the data, as far as the master's INFO tells. */
import type { Instance } from '../instance.ts';
import { type Finding, infoField, infoNumber, note, warning } from './finding.ts';

export function adviseOnData(master: Instance): Finding[] {
  if (master.info === '') return [];
  return [...adviseOnLostWrites(master), ...adviseOnRestarts(master)];
}

/** INFO has the line min_slaves_good_slaves only where min-replicas-to-write and min-replicas-max-lag are set. */
function adviseOnLostWrites(master: Instance): Finding[] {
  if (infoField(master, 'role') !== 'master' || infoField(master, 'min_slaves_good_slaves') !== null)
    return [];
  return [
    note(
      'min-replicas-to-write is 0 on the master: cut off from all others, it goes on taking writes that are lost when ' +
        'it comes back as a replica. With 1 (and min-replicas-max-lag 10) it refuses them.',
    ),
  ];
}

/**
 * A master that is back, empty, before anybody has missed it makes its replicas empty, too. Whether it saves is not told
 * by INFO; that it never did is.
 */
function adviseOnRestarts(master: Instance): Finding[] {
  if (infoField(master, 'aof_enabled') !== '0') return [];
  const saves = infoNumber(master, 'rdb_saves');
  const changes = infoNumber(master, 'rdb_changes_since_last_save') ?? 0;
  const uptime = infoNumber(master, 'uptime_in_seconds') ?? 0;
  const savedNever =
    saves === 0 || (saves === null && infoField(master, 'rdb_last_bgsave_time_sec') === '-1');
  if (!savedNever || (changes === 0 && uptime < 3600)) return [];
  const text =
    'The master has no append-only file and has not saved a snapshot since its start. Restarted by a supervisor within ' +
    `${master.downAfterMs} ms it comes back empty, and its replicas become empty, too.`;
  if (master.masterRebootDownAfterMs > 0)
    return [note(`${text} master-reboot-down-after-period is set against that.`)];
  return [
    warning(
      `${text} Switch on persistence, or let it not be restarted by itself, or set "sentinel ` +
        `master-reboot-down-after-period ${master.name} <ms>".`,
    ),
  ];
}

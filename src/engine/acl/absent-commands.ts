/**
 * Commands of Redis 7.0 that access rules name and this version does not have: scripts, functions, modules, the cluster.
 * The facts are those of COMMAND INFO. A line goes when its command comes; the table of commands then knows it.
 */

/** What rules need to know of a command. */
export interface AbsentCommand {
  readonly name: string;
  readonly categories: readonly string[];
  readonly subcommands?: Readonly<Record<string, readonly string[]>>;
}

export const ABSENT_COMMANDS: readonly AbsentCommand[] = [
  { name: 'asking', categories: ['fast', 'connection'] },
  {
    name: 'cluster',
    categories: ['slow'],
    subcommands: {
      addslots: ['admin', 'slow', 'dangerous'],
      addslotsrange: ['admin', 'slow', 'dangerous'],
      bumpepoch: ['admin', 'slow', 'dangerous'],
      'count-failure-reports': ['admin', 'slow', 'dangerous'],
      countkeysinslot: ['slow'],
      delslots: ['admin', 'slow', 'dangerous'],
      delslotsrange: ['admin', 'slow', 'dangerous'],
      failover: ['admin', 'slow', 'dangerous'],
      flushslots: ['admin', 'slow', 'dangerous'],
      forget: ['admin', 'slow', 'dangerous'],
      getkeysinslot: ['slow'],
      help: ['slow'],
      info: ['slow'],
      keyslot: ['slow'],
      links: ['slow'],
      meet: ['admin', 'slow', 'dangerous'],
      myid: ['slow'],
      nodes: ['slow'],
      replicas: ['admin', 'slow', 'dangerous'],
      replicate: ['admin', 'slow', 'dangerous'],
      reset: ['admin', 'slow', 'dangerous'],
      saveconfig: ['admin', 'slow', 'dangerous'],
      'set-config-epoch': ['admin', 'slow', 'dangerous'],
      setslot: ['admin', 'slow', 'dangerous'],
      shards: ['slow'],
      slaves: ['admin', 'slow', 'dangerous'],
      slots: ['slow'],
    },
  },
  { name: 'eval', categories: ['slow', 'scripting'] },
  { name: 'eval_ro', categories: ['slow', 'scripting'] },
  { name: 'evalsha', categories: ['slow', 'scripting'] },
  { name: 'evalsha_ro', categories: ['slow', 'scripting'] },
  { name: 'fcall', categories: ['slow', 'scripting'] },
  { name: 'fcall_ro', categories: ['slow', 'scripting'] },
  {
    name: 'function',
    categories: ['slow'],
    subcommands: {
      delete: ['write', 'slow', 'scripting'],
      dump: ['slow', 'scripting'],
      flush: ['write', 'slow', 'scripting'],
      help: ['slow', 'scripting'],
      kill: ['slow', 'scripting'],
      list: ['slow', 'scripting'],
      load: ['write', 'slow', 'scripting'],
      restore: ['write', 'slow', 'scripting'],
      stats: ['slow', 'scripting'],
    },
  },
  {
    name: 'module',
    categories: ['slow'],
    subcommands: {
      help: ['slow'],
      list: ['admin', 'slow', 'dangerous'],
      load: ['admin', 'slow', 'dangerous'],
      loadex: ['admin', 'slow', 'dangerous'],
      unload: ['admin', 'slow', 'dangerous'],
    },
  },
  { name: 'readonly', categories: ['fast', 'connection'] },
  { name: 'readwrite', categories: ['fast', 'connection'] },
  {
    name: 'script',
    categories: ['slow'],
    subcommands: {
      debug: ['slow', 'scripting'],
      exists: ['slow', 'scripting'],
      flush: ['slow', 'scripting'],
      help: ['slow', 'scripting'],
      kill: ['slow', 'scripting'],
      load: ['slow', 'scripting'],
    },
  },
];

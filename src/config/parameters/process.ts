/** The process: daemon, log, title, shutdown, CPU, and what helps to look into it. */
import {
  bool,
  choice,
  choices,
  integer,
  LONG_MAX,
  notifyEvents,
  oomScores,
  percentiles,
  string,
} from '../kinds.ts';

const SHUTDOWN_OPTIONS = ['default', 'save', 'nosave', 'now', 'force'] as const;

function contradiction(chosen: readonly string[]): string | null {
  return chosen.includes('save') && chosen.includes('nosave')
    ? "shutdown options SAVE and NOSAVE can't be used simultaneously"
    : null;
}

const TITLE_VARIABLES = [
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
];

/** Every opening brace must begin a known variable. */
function titleProblem(template: string): string | null {
  const rest = template.replace(/\{([^{}]*)\}/g, (all, name: string) =>
    TITLE_VARIABLES.includes(name) ? '' : all,
  );
  const valid = template !== '' && !rest.includes('{');
  return valid ? null : 'template format is invalid or contains unknown variables';
}

export const PROCESS_PARAMETERS = {
  daemonize: bool({ default: false, immutable: true, summary: 'Run in the background.' }),
  pidfile: string({ default: '', immutable: true, summary: 'File to write the process id to.' }),
  supervised: choice(['upstart', 'systemd', 'auto', 'no'], {
    default: 'no',
    immutable: true,
    summary: 'Supervisor to tell when the server is ready.',
  }),
  databases: integer({ default: 16, min: 1, immutable: true, summary: 'Number of databases.' }),
  hz: integer({
    default: 10,
    clamp: [1, 500],
    summary: 'Times a second that background work runs, 1 to 500.',
  }),
  'dynamic-hz': bool({ default: true, summary: 'Raise hz with the number of clients.' }),
  'active-expire-effort': integer({ default: 1, min: 1, max: 10, summary: 'Effort to find expired keys.' }),
  activerehashing: bool({ default: true, summary: 'Move entries of growing tables while idle.' }),
  'notify-keyspace-events': notifyEvents({ default: 0, summary: 'Keyspace events to publish.' }),

  loglevel: choice(['debug', 'verbose', 'notice', 'warning', 'nothing'], {
    default: 'notice',
    summary: 'What to log.',
  }),
  logfile: string({
    default: '',
    keepEmpty: true,
    immutable: true,
    summary: 'File to log to; empty: stdout.',
  }),
  'log-format': choice(['redis', 'json'], {
    default: 'redis',
    summary: "Log lines in Redis's format, or one JSON object a line. Not in Redis.",
  }),
  'syslog-enabled': bool({ default: false, immutable: true, noMeaning: true, summary: 'Log to syslog.' }),
  'syslog-ident': string({
    default: 'redis',
    keepEmpty: true,
    immutable: true,
    noMeaning: true,
    summary: 'Name in syslog.',
  }),
  'syslog-facility': choice(
    ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
    { default: 'local0', immutable: true, noMeaning: true, summary: 'Facility in syslog.' },
  ),
  'crash-log-enabled': bool({ default: true, summary: 'Log a report when the server crashes.' }),
  'crash-memcheck-enabled': bool({
    default: true,
    noMeaning: true,
    summary: 'Test the memory after a crash.',
  }),
  'use-exit-on-panic': bool({
    default: false,
    hidden: true,
    noMeaning: true,
    summary: 'Exit instead of abort on a panic.',
  }),
  'always-show-logo': bool({
    default: false,
    immutable: true,
    summary: 'Log the logo even if not on a terminal.',
  }),
  'set-proc-title': bool({ default: true, immutable: true, summary: 'Set the title of the process.' }),
  'proc-title-template': string({
    default: '{title} {listen-addr} {server-mode}',
    check: titleProblem,
    summary: 'Title of the process.',
  }),
  'locale-collate': string({
    default: '',
    keepEmpty: true,
    noMeaning: true,
    summary: 'Locale to compare strings with.',
  }),
  'ignore-warnings': string({
    default: '',
    keepEmpty: true,
    noMeaning: true,
    summary: 'Start-up warnings to skip.',
  }),

  'shutdown-timeout': integer({ default: 10, summary: 'Seconds to wait for replicas at shutdown.' }),
  'shutdown-on-sigint': choices(SHUTDOWN_OPTIONS, {
    default: [],
    check: contradiction,
    summary: 'How SIGINT shuts down.',
  }),
  'shutdown-on-sigterm': choices(SHUTDOWN_OPTIONS, {
    default: [],
    check: contradiction,
    summary: 'How SIGTERM shuts down.',
  }),

  'slowlog-log-slower-than': integer({
    default: 10000,
    min: -1,
    max: LONG_MAX,
    summary: 'Microseconds from which a command is logged by SLOWLOG; -1 logs none.',
  }),
  'slowlog-max-len': integer({ default: 128, max: LONG_MAX, summary: 'Entries kept by SLOWLOG.' }),
  'latency-monitor-threshold': integer({
    default: 0,
    max: LONG_MAX,
    summary: 'Milliseconds from which LATENCY keeps an event; 0 keeps none.',
  }),
  'latency-tracking': bool({ default: true, summary: 'Keep latency histograms of commands.' }),
  'latency-tracking-info-percentiles': percentiles({
    default: [50, 99, 99.9],
    summary: 'Percentiles shown by INFO latencystats.',
  }),
  'busy-reply-threshold': integer({
    default: 5000,
    max: LONG_MAX,
    alias: 'lua-time-limit',
    summary: 'Milliseconds after which a script is "busy" and can be killed.',
  }),
  'lua-enable-deprecated-api': bool({
    default: false,
    hidden: true,
    immutable: true,
    summary: 'Let scripts use deprecated functions.',
  }),
  'watchdog-period': integer({ default: 0, hidden: true, noMeaning: true, summary: 'Software watchdog.' }),

  'oom-score-adj': choice(['no', 'yes', 'relative', 'absolute'], {
    default: 'no',
    noMeaning: true,
    summary: "Set the kernel's oom_score_adj.",
  }),
  'oom-score-adj-values': oomScores({
    default: [0, 200, 800],
    noMeaning: true,
    summary: 'Scores of master, replica and child.',
  }),
  'disable-thp': bool({
    default: true,
    immutable: true,
    noMeaning: true,
    summary: 'Turn transparent huge pages off for this process.',
  }),
  server_cpulist: cpuList('the main thread'),
  bio_cpulist: cpuList('background threads'),
  aof_rewrite_cpulist: cpuList('the AOF rewrite'),
  bgsave_cpulist: cpuList('the background save'),
} as const;

function cpuList(whose: string) {
  return string({ default: '', immutable: true, noMeaning: true, summary: `CPUs of ${whose}.` });
}

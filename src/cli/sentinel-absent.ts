/** Until the sentinel exists, asking for it must not look like success. */
export function refuseSentinel(): void {
  process.stderr.write('The sentinel is not there yet: this version of ts-redis has the server only.\n');
  process.exitCode = 1;
}

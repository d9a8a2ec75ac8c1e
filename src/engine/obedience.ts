/**
 * What must be obeyed and can't be: a command of the master, or of the append-only file, that fails here although it has
 * been done before. The data is not what it was there, or there is a mistake of ours.
 */
import type { ReplyError } from '../resp/reply-error.ts';
import type { Client } from './client.ts';

/**
 * Counts and logs it; throws, which ends the process, if `propagation-error-behavior` says so. A replica of ours that is
 * told of an error is told of here, too: it has asked for something it must not ask for.
 */
export function disobeyed(client: Client, commandName: string, error: ReplyError): void {
  const { engine, isMaster } = client;
  const isReplica = client.replica !== null;
  const from = isMaster ? 'replica' : isReplica ? 'master' : 'server';
  const to = isMaster ? 'master' : isReplica ? 'replica' : 'AOF-loading-client';
  const text = error.code === 'ERR' ? error.text.slice(4) : `-${error.text}`;
  engine.stats.unexpectedErrors++;
  engine.log.warning(
    `== CRITICAL == This ${from} is sending an error to its ${to}: '${text}' after processing the command '${commandName}'`,
  );
  if (isReplica) return;
  const behavior = engine.config.values['propagation-error-behavior'];
  if (behavior === 'panic' || (behavior === 'panic-on-replicas' && isMaster)) {
    throw new Error(
      `This ${from} panicked sending an error to its ${to} after processing the command '${commandName}'`,
    );
  }
}

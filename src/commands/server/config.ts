/**
 * CONFIG GET, SET, REWRITE, RESETSTAT and HELP, over the parameter table (src/config).
 *
 * CONFIG SET may need time (another port to listen on) and REWRITE always does (the disk): then the client waits for
 * its reply and everybody else goes on.
 */

import { quoteIfNeeded } from '../../config/words.ts';
import type { Client } from '../../engine/client.ts';
import { mayUse } from '../../engine/clients/locality.ts';
import type { Engine } from '../../engine/engine.ts';
import * as errors from '../../engine/errors.ts';
import { SERVER_ASYNC_LOADING, SERVER_LOADING } from '../../engine/gates.ts';
import { replyHelp } from '../../engine/help.ts';
import { replyLater } from '../../engine/later.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';

export function configGet(client: Client, args: Args): void {
  const patterns: string[] = [];
  for (let i = 2; i < args.count; i++) patterns.push(args.text(i));
  const found = client.engine.config.get(patterns);
  client.out.map(found.length);
  for (const [name, text] of found) {
    client.out.bulkText(name);
    client.out.bulkText(text);
  }
}

export function configSet(client: Client, args: Args): void {
  if (args.count % 2 !== 0) throw errors.SYNTAX;
  const { config } = client.engine;
  const pairs: [string, string][] = [];
  for (let i = 2; i < args.count; i += 2) pairs.push([args.text(i), args.text(i + 1)]);
  const allowProtected = mayUse(client, config.values['enable-protected-configs']);
  const isLoading = (client.engine.gates & (SERVER_LOADING | SERVER_ASYNC_LOADING)) !== 0;
  const names = pairs.map(([name]) => name);
  if (isLoading && config.waitsForLoading(names, allowProtected)) throw errors.LOADING_DATASET;
  const result = config.set(pairs, { allowProtected });
  if (result instanceof Promise) {
    replyLater(client, result, (out, problem) => replyOutcome(client, out, problem));
  } else if (result !== null) throw errors.err(result);
  else client.out.ok();
}

/** The reply to something that took time; an error is counted here, as nobody catches it. */
function replyOutcome(client: Client, out: ReplyWriter, problem: string | null): void {
  if (problem === null) {
    out.ok();
    return;
  }
  const error = new ReplyError(`ERR ${problem}`);
  const command = client.lastCommand;
  if (command !== null) command.failedCalls++;
  client.engine.stats.countError(error);
  out.error(error);
}

export function configRewrite(client: Client): void {
  const { config, log } = client.engine;
  if (config.file === null) throw errors.err('The server is running without a config file');
  replyLater(client, config.rewrite({ userLines: userLines(client.engine) }), (out, problem) => {
    if (problem === null) log.notice('CONFIG REWRITE executed with success.');
    else log.warning(`CONFIG REWRITE failed: ${problem}`);
    replyOutcome(client, out, problem);
  });
}

/**
 * The `user` lines of the configuration. Unlike in Redis, words with quotes are quoted: else the server could not start
 * with what it wrote. Users that are kept in a file of their own have no lines here.
 */
export function userLines({ acl, config }: Engine): string[] {
  if (config.values.aclfile !== '') return [];
  return acl.lines().map((line) => line.split(' ').map(quoteIfNeeded).join(' '));
}

export function configResetstat(client: Client): void {
  const { engine } = client;
  engine.settle();
  engine.stats.reset();
  // This command is counted when it begins; in Redis, when it ends.
  engine.stats.commandsProcessed = 1;
  engine.metrics.reset();
  const { keyspace } = engine;
  keyspace.hits = 0;
  keyspace.misses = 0;
  keyspace.expiredKeys = 0;
  keyspace.evictedKeys = 0;
  for (const command of engine.commands.everything()) command.resetStats();
  for (const forget of engine.onResetStat) forget();
  client.out.ok();
}

export function configHelp(client: Client): void {
  replyHelp(client, 'CONFIG', [
    'GET <pattern>',
    '    Return parameters matching the glob-like <pattern> and their values.',
    'SET <directive> <value>',
    '    Set the configuration <directive> to <value>.',
    'RESETSTAT',
    '    Reset statistics reported by the INFO command.',
    'REWRITE',
    '    Rewrite the configuration file.',
  ]);
}

/** Replies of two sentinels made comparable: what varies, or belongs to one of them, is masked. */
import { ADDED_FIELDS } from '../support/info-fields.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { parseReply, type Reply } from '../support/reply-framer.ts';

/** Fields of instances that are times or belong to one sentinel. */
const VARYING = new Set([
  'last-ping-sent',
  'last-ok-ping-reply',
  'last-ping-reply',
  'info-refresh',
  'role-reported-time',
  'last-hello-message',
  'slave-repl-offset',
  'link-pending-commands',
  's-down-time',
  'o-down-time',
]);
const OF_ONE_SENTINEL = new Set(['name', 'port', 'runid', 'voted-leader', 'voted-leader-epoch']);

/** The folder of the script is the same for both; nothing else is. */
export function mask(seen: readonly unknown[]): unknown {
  return JSON.parse(JSON.stringify(seen).replace(/\d+(?= \d+ )|:\d+|\b\d{5}\b/g, 'n'));
}

/** What 7.2 has besides, or we. */
export const NEW_IN_72 = new Set(Object.values(ADDED_FIELDS).flat());
export const ONLY_OURS = new Set(['client|no-touch', 'client|setinfo', 'sentinel|doctor']);

export function rowsOf(reply: Reply): Map<string, string>[] {
  return (reply as Reply[]).map((row) => {
    if (row instanceof Map) return new Map([...row].map(([name, value]) => [String(name), String(value)]));
    const flat = row as string[];
    const fields = new Map<string, string>();
    for (let i = 0; i < flat.length; i += 2) fields.set(flat[i]!, flat[i + 1]!);
    return fields;
  });
}

/** A map as RESP2 or RESP3 tells it. */
export function fieldsOf(reply: Reply): Map<string, Reply> {
  const flat = reply instanceof Map ? [...reply].flat() : (reply as Reply[]);
  const fields = new Map<string, Reply>();
  for (let i = 0; i < flat.length; i += 2) fields.set(String(flat[i]), flat[i + 1]!);
  return fields;
}

export function masked(row: Map<string, string>, ofSentinel: boolean): [string, string][] {
  return [...row].map(([name, value]) => {
    if (VARYING.has(name)) return [name, /^\d+$/.test(value) ? 'number' : value];
    return [name, ofSentinel && OF_ONE_SENTINEL.has(name) ? 'its own' : value];
  });
}

/** A reply without what varies; of the other sentinels also without who they are. */
export function unvaried(raw: string, command: readonly string[]): string {
  const names = [...VARYING, 'id', 'version', 'server_time_usec'];
  if (command[1]?.toLowerCase() === 'sentinels') names.push(...OF_ONE_SENTINEL);
  const field = new RegExp(`(\\$\\d+\\r\\n(?:${names.join('|')})\\r\\n)(?:\\$\\d+\\r\\n[^\\r]*|:\\d+)`, 'g');
  const text = raw.replace(field, '$1varies');
  return command[0] === 'CLIENT' && command[1] === 'ID' ? text.replace(/\d+/, 'id') : text;
}

/** Sends commands in one packet. A subscription is answered once for each topic, under RESP3 by pushes. */
export async function exchange(
  client: RawClient,
  commands: readonly (readonly string[])[],
  resp3: boolean,
): Promise<string[]> {
  client.socket.write(Buffer.concat(commands.map((command) => encodeCommand(command))));
  const replies: string[] = [];
  for (const command of commands) {
    const isSubscription = /^p?subscribe$/i.test(command[0]!);
    let reply = '';
    for (let i = 0; i < (isSubscription ? command.length - 1 : 1); i++) {
      reply += (await (isSubscription && resp3 ? client.nextPush() : client.nextReply())).toString('latin1');
    }
    replies.push(reply);
  }
  return replies;
}

export function subcommandInfos(raw: string): Map<string, string> {
  const [command] = parseReply(Buffer.from(raw, 'latin1')) as Reply[][];
  const subcommands = command![9] as Reply[][];
  return new Map(subcommands.map((sub) => [String(sub[0]), JSON.stringify(plain(sub))]));
}

function plain(reply: Reply): unknown {
  if (reply instanceof Set) return [...reply].map(plain);
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

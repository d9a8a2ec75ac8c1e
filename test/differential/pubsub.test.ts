/**
 * Pub/Sub and keyspace notifications against the real server: conversations of several clients, messages included.
 */
import { it } from 'node:test';
import { describeWithOracle } from '../support/oracle.ts';
import { transcript } from '../support/transcript.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  channels: `
    A SUBSCRIBE c | SUBSCRIBE c d
    B PUBLISH c hello | PUBLISH d "" | PUBLISH e nobody | PUBLISH C case
    B PUBLISH c \\x00\\xff\\x0d\\x0a
    C SUBSCRIBE c
    B PUBLISH c both
    A UNSUBSCRIBE c nosuch
    B PUBLISH c one
    A UNSUBSCRIBE | UNSUBSCRIBE
    B PUBLISH c one | PUBLISH d none
    A PING
  `,
  patterns: `
    A PSUBSCRIBE n* [ab]c
    B PUBLISH news 1 | PUBLISH ac 2 | PUBLISH bc 3 | PUBLISH cc 4
    A SUBSCRIBE news
    B PUBLISH news 5
    A PUNSUBSCRIBE n*
    B PUBLISH news 6
    A PUNSUBSCRIBE | PUNSUBSCRIBE | PUNSUBSCRIBE nosuch
    A UNSUBSCRIBE
    B PUBLISH news 7
  `,
  'shard channels': `
    A SSUBSCRIBE s t
    A SUBSCRIBE s
    B SPUBLISH s 1 | PUBLISH s 2 | SPUBLISH u 3
    B PUBSUB SHARDNUMSUB s t u | PUBSUB NUMSUB s
    A SUNSUBSCRIBE s | SUNSUBSCRIBE | SUNSUBSCRIBE
    A UNSUBSCRIBE
  `,
  PUBSUB: `
    B PUBSUB CHANNELS | PUBSUB NUMSUB | PUBSUB NUMPAT | PUBSUB SHARDCHANNELS | PUBSUB SHARDNUMSUB
    A SUBSCRIBE ch
    A PSUBSCRIBE p*
    A SSUBSCRIBE sh
    C SUBSCRIBE ch | PSUBSCRIBE p*
    B PUBSUB CHANNELS | PUBSUB CHANNELS c? | PUBSUB CHANNELS x | PUBSUB CHANNELS ""
    B PUBSUB NUMSUB ch x ch | PUBSUB NUMPAT | PUBSUB SHARDCHANNELS | PUBSUB SHARDCHANNELS s* | PUBSUB SHARDNUMSUB sh
    B PUBSUB HELP | PUBSUB | PUBSUB NOSUCH | PUBSUB CHANNELS a b | PUBSUB NUMPAT a | PUBSUB SHARDCHANNELS a b
    B PUBSUB channels | PUBLISH | PUBLISH c | PUBLISH c m x | SUBSCRIBE | PSUBSCRIBE | SSUBSCRIBE | SPUBLISH c
  `,
  'what a subscribed client may do': `
    A SUBSCRIBE c
    A PING | PING hi | PING a b
    A GET k | SET k v | MULTI | HELLO 3 | CLIENT ID | PUBLISH c x | NOSUCH | GET | AUTH x
    A SSUBSCRIBE s | PSUBSCRIBE p
    A UNSUBSCRIBE | PUNSUBSCRIBE
    A GET k
    A SUNSUBSCRIBE
    A GET k
    A SUBSCRIBE c
    A RESET
    A GET k
    B PUBLISH c x
    A SUBSCRIBE c
    A QUIT
    B PUBLISH c x
  `,
  'REPLY OFF and SKIP': `
    A CLIENT REPLY OFF | SUBSCRIBE c
    B PUBLISH c x
    A UNSUBSCRIBE | CLIENT REPLY ON
    A CLIENT REPLY SKIP | SUBSCRIBE c
    B PUBLISH c x
    A UNSUBSCRIBE
  `,
  'in a transaction': `
    A MULTI | SUBSCRIBE c d | GET k | UNSUBSCRIBE d | EXEC
    B PUBLISH c x
    A PING
    A RESET
    A MULTI | SUBSCRIBE c | GET k
    B PUBLISH c x
    A EXEC
    B MULTI | PUBLISH c x | SPUBLISH c y | EXEC
  `,
  'shown by CLIENT LIST': `
    A SUBSCRIBE c d
    B CLIENT LIST ID $A
    A PSUBSCRIBE p
    B CLIENT LIST ID $A
    A SSUBSCRIBE s
    B CLIENT LIST ID $A
    A UNSUBSCRIBE c
    A UNSUBSCRIBE d
    A PUNSUBSCRIBE
    B CLIENT LIST ID $A | CLIENT LIST TYPE pubsub
    A SUNSUBSCRIBE
    B CLIENT LIST ID $A | CLIENT LIST TYPE pubsub
  `,
  killed: `
    A SUBSCRIBE c
    B CLIENT KILL TYPE pubsub
    B PUBLISH c x | PUBSUB CHANNELS
    A PING
  `,
  notifications: `
    A PSUBSCRIBE __key*
    B CONFIG SET notify-keyspace-events KEA
    B SET k v
    B INCR n | DEL k n nosuch
    B SELECT 3 | SET k v EX 100 | PERSIST k | EXPIRE k 0
    B MULTI | SET a 1 | SET b 2 | EXEC
    B RENAME a c | COPY b d | MOVE d 4
    B CONFIG SET notify-keyspace-events K$
    B SET k v EX 100 | DEL k
    B CONFIG SET notify-keyspace-events E$gx
    B SET k v PX 10
    wait 20
    B GET k | FLUSHALL
    B CONFIG SET notify-keyspace-events Emn
    B GET nosuch | SET new v | SET new w | EXISTS nosuch | MGET nosuch new
    B CONFIG SET notify-keyspace-events A
    B SET k v
    B CONFIG SET notify-keyspace-events KEA
    B SET \\x00\\xff v
    A PUNSUBSCRIBE
    B SET k v
    B CONFIG GET notify-keyspace-events | CONFIG SET notify-keyspace-events q | CONFIG SET notify-keyspace-events ""
  `,
  'one channel of a key': `
    B CONFIG SET notify-keyspace-events KA
    A SUBSCRIBE __keyspace@0__:k
    B SET k v | APPEND k x | SET other v | SELECT 1 | SET k v
    B CONFIG SET notify-keyspace-events ""
  `,
  evicted: `
    A SUBSCRIBE __keyevent@0__:evicted
    B SET k v | CONFIG SET notify-keyspace-events Ee maxmemory-policy allkeys-lru
    B CONFIG SET maxmemory 1
    B GET k
    B CONFIG SET maxmemory 0 maxmemory-policy noeviction notify-keyspace-events ""
  `,
};

/** Only RESP3 lets a subscribed client go on. */
const RESP3_SCRIPTS: Readonly<Record<string, string>> = {
  'messages among replies': `
    A SUBSCRIBE c | GET k | SET k v
    A PUBLISH c self | PING
    A PUBLISH c 1 | PUBLISH c 2 | PUBLISH nobody 3
    A PSUBSCRIBE c | PUBLISH c both
    A MULTI | SET k w | PING | EXEC | PING
    B PUBLISH c x
    A CLIENT REPLY OFF | PING | PUBLISH c y | CLIENT REPLY ON
    A HELLO 2 | PING
    B PUBLISH c x
    A RESET
    A PING
  `,
  'notifications of what one does oneself': `
    A CONFIG SET notify-keyspace-events KEA
    A PSUBSCRIBE __key*
    A SET k v | GET k | DEL k
    A CONFIG SET notify-keyspace-events ""
  `,
};

function shownFields(received: string): string {
  return received
    .replace(/\$\d+\r\n(?=id=)|=\d+\r\n(?=txt:)/g, '')
    .replace(
      / ?\b(id|addr|laddr|fd|age|idle|qbuf|qbuf-free|argv-mem|multi-mem|rbs|rbp|obl|oll|omem|tot-mem|events|lib-name|lib-ver)=\S*/g,
      '',
    );
}

describeWithOracle('Pub/Sub', (pair) => {
  const scripts = pair.resp === 3 ? { ...SCRIPTS, ...RESP3_SCRIPTS } : SCRIPTS;
  for (const [name, script] of Object.entries(scripts)) {
    const normalise = name === 'shown by CLIENT LIST' ? shownFields : (text: string) => text;
    it(name, () => transcript(pair, script, { normalise }));
  }
});

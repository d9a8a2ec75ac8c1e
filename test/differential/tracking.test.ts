/**
 * CLIENT TRACKING against the real server: conversations of several clients, with each invalidation and its place.
 */
import { it } from 'node:test';
import { describeWithOracle } from '../support/oracle.ts';
import { transcript } from '../support/transcript.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  'options and errors': `
    A CLIENT TRACKINGINFO | CLIENT GETREDIR | CLIENT CACHING yes | CLIENT CACHING foo
    A CLIENT TRACKING | CLIENT TRACKING maybe | CLIENT TRACKING on FOO | CLIENT TRACKING on REDIRECT
    A CLIENT TRACKING on REDIRECT abc | CLIENT TRACKING on REDIRECT 99999 | CLIENT TRACKING on PREFIX
    A CLIENT TRACKING on PREFIX x | CLIENT TRACKING on OPTIN OPTOUT | CLIENT TRACKING on BCAST OPTIN
    A CLIENT TRACKING on BCAST OPTOUT | CLIENT TRACKING on BCAST PREFIX a PREFIX ab | CLIENT TRACKING off FOO
    A CLIENT TRACKING off PREFIX x | CLIENT TRACKING maybe BCAST OPTIN
    A CLIENT TRACKINGINFO
    A CLIENT TRACKING on | CLIENT TRACKINGINFO | CLIENT GETREDIR
    A CLIENT TRACKING on BCAST | CLIENT TRACKING on OPTIN | CLIENT TRACKINGINFO | CLIENT TRACKING on OPTOUT
    A CLIENT CACHING no | CLIENT CACHING yes | CLIENT TRACKINGINFO | PING | CLIENT TRACKINGINFO
    A CLIENT TRACKING on | CLIENT TRACKINGINFO | CLIENT CACHING yes
    A CLIENT TRACKING off | CLIENT TRACKINGINFO
    A CLIENT TRACKING on OPTOUT NOLOOP | CLIENT CACHING yes | CLIENT CACHING no | CLIENT TRACKINGINFO
    A CLIENT TRACKING off | CLIENT TRACKING on BCAST PREFIX foo PREFIX bar | CLIENT TRACKINGINFO
    A CLIENT TRACKING on BCAST PREFIX foob | CLIENT TRACKING on BCAST PREFIX baz PREFIX ba
    A CLIENT TRACKING on BCAST PREFIX qu | CLIENT TRACKING on | CLIENT TRACKINGINFO
    A CLIENT TRACKING on BCAST NOLOOP PREFIX qu
    A CLIENT TRACKING on REDIRECT $B REDIRECT $B
    A RESET | CLIENT TRACKINGINFO
    B PING
  `,
  'redirection to a subscriber': `
    C SUBSCRIBE __redis__:invalidate
    A CLIENT TRACKING on REDIRECT $C | CLIENT TRACKINGINFO | CLIENT GETREDIR
    A GET k | MGET a b
    B SET k v
    B SET k v | MSET a 1 b 2
    A GET k
    A SET k w
    A GET k
    B FLUSHALL
    A GET k
    A FLUSHDB
    A MULTI | GET k | SET k 1 | EXEC
    A GET k
    B SELECT 3 | SET k elsewhere
    A GET k
    C QUIT
    B SET k v
    A CLIENT TRACKINGINFO | PING
    A CLIENT TRACKING on | CLIENT TRACKINGINFO | CLIENT TRACKING off
  `,
  'redirection to nobody who listens': `
    A CLIENT TRACKING on REDIRECT $C
    A GET k
    B SET k v
    C PING
    C SUBSCRIBE other
    A GET k
    B SET k v
    C PING
    A CLIENT TRACKING on REDIRECT $A | GET k
    B SET k v
    A SUBSCRIBE c
    B SET k v
    A RESET
  `,
  'redirection from several, of broadcasts': `
    C SUBSCRIBE __redis__:invalidate
    A CLIENT TRACKING on BCAST REDIRECT $C PREFIX foo
    D CLIENT TRACKING on BCAST REDIRECT $C
    B SET foo1 v | SET bar1 v
    A SET foo2 v
    B FLUSHALL
    A RESET
    D RESET
  `,
  'shown by CLIENT LIST': `
    A CLIENT TRACKING on
    B CLIENT LIST ID $A
    A CLIENT TRACKING off | CLIENT TRACKING on BCAST
    B CLIENT LIST ID $A
    A CLIENT TRACKING off
    B CLIENT LIST ID $A
  `,
};

const RESP3_SCRIPTS: Readonly<Record<string, string>> = {
  'default mode': `
    A CLIENT TRACKING on
    A GET k1 | MGET k2 k3 k2 | STRLEN k4 | EXISTS k5 k6 | TYPE k7 | TTL k8
    B SET k1 v | SET k1 w | MSET k2 1 k3 2 | APPEND k4 x
    B SET k5 1 | SET k6 1 | SET k7 1 | SET k8 1 | SET k9 1
    A GET k1 | GET k1
    B DEL k1 | DEL k1
    A SET k1 w | GET k1 | SET k1 v | PING
    A GET k1 | GET k2
    B SELECT 2 | SET k1 v | SWAPDB 0 2
    A GET k1 | GETDEL k1
    A GET k1 | GETEX k1 | RENAME k2 k1
    A GET k1 | GET k9
    B RENAME k1 k9 | COPY k9 k1 | MOVE k1 5 | EXPIRE k9 100 | PERSIST k9
    A GET k1 | CLIENT TRACKING off
    B SET k1 v
    A CLIENT TRACKING on
    B SET k1 v
    A GET k1 | RESET
    B SET k1 v
    A HELLO 3 | PING
    A PING
  `,
  flushes: `
    A CLIENT TRACKING on
    A GET k
    B FLUSHALL
    B SET k v
    A GET k
    B FLUSHDB
    A GET k
    B SELECT 4 | FLUSHDB
    A GET k | FLUSHALL | PING
    A MULTI | GET k | FLUSHALL | PING | EXEC | PING
  `,
  transactions: `
    A CLIENT TRACKING on
    A MULTI | GET k1 | SET k1 x | GET k1 | PING | EXEC | PING
    B SET k1 z
    A MULTI | GET k1 | SET k2 1
    B SET k1 y
    A EXEC
    B SET k1 z
    A GET a | GET b
    B MULTI | SET a 1 | SET b 2 | EXEC
  `,
  'keys whose time is up': `
    B DEBUG SET-ACTIVE-EXPIRE 0
    B SET k v PX 30
    A CLIENT TRACKING on
    A GET k
    wait 50
    B GET k
    B SET k v PX 30
    A GET k
    wait 50
    A GET k | PING
    B DEBUG SET-ACTIVE-EXPIRE 1
  `,
  'OPTIN, OPTOUT, NOLOOP': `
    A CLIENT TRACKING on OPTIN
    A GET k1 | CLIENT CACHING yes | CLIENT TRACKINGINFO | GET k2 | GET k3
    B MSET k1 1 k2 2 k3 3
    A CLIENT CACHING yes | MULTI | GET k4 | GET k5 | EXEC | GET k6
    B MSET k4 1 k5 2 k6 3
    A CLIENT CACHING yes | CLIENT ID | GET k1
    B SET k1 1
    A CLIENT CACHING yes | PING | GET k1
    B SET k1 1
    A MULTI | CLIENT CACHING yes | GET k1 | EXEC
    B SET k1 1
    A CLIENT TRACKING off | CLIENT TRACKING on OPTOUT
    A GET k1 | CLIENT CACHING no | GET k2 | GET k3
    B MSET k1 1 k2 2 k3 3
    A CLIENT TRACKING off | CLIENT TRACKING on NOLOOP
    A GET k1 | SET k1 v
    B SET k1 v
    A GET k1
    B SET k1 v
    A GET k1 | FLUSHALL
  `,
  broadcasts: `
    A CLIENT TRACKING on BCAST PREFIX foo PREFIX bar
    B SET foo1 x | SET bar1 y | SET zzz 1 | SET foo2 x | SET foo1 y
    A SET foo2 1 | PING
    A MULTI | SET bar2 1 | SET foo3 1 | PING | EXEC | PING
    B FLUSHDB
    C CLIENT TRACKING on BCAST NOLOOP
    C SET foo1 1 | GET foo1
    B SET foo1 1
    B DEL foo1 | DEL foo1
    A CLIENT TRACKING off
    B SET foo1 1
    C RESET
    B SET foo1 1
  `,
  'redirection under RESP3': `
    C PING
    A CLIENT TRACKING on REDIRECT $C
    A GET k
    B SET k v
    C PING
    A GET k
    C SET k w | PING
    A GET k
    C CLIENT TRACKING on | GET k
    C SET k w
    A GET k
    B FLUSHALL
    A GET k
    C QUIT
    B SET k v
    A PING
    A GET k | GET j
    B SET k v | SET j v
    A CLIENT TRACKINGINFO
  `,
  'keys of other types': `
    A CLIENT TRACKING on
    B RPUSH l 1 | HSET h f v | SADD s a | ZADD z 1 a | XADD x 1-1 f v
    A LRANGE l 0 -1 | HGETALL h | SMEMBERS s | ZRANGE z 0 -1 | XRANGE x - +
    B RPUSH l 2 | HSET h f w | SADD s b | ZADD z 2 b | XADD x 2-1 f v
    A SINTER s t | ZUNION 2 z y | SORT_RO l | XREAD STREAMS x y 0 0 | LCS a b | OBJECT ENCODING l
    B SADD t a | ZADD y 1 a | LPUSH l 3 | XADD y 1-1 f v | SET a 1 | SET b 2
    A HSET h f v | HGET h f | HDEL h f | LLEN l | BLPOP l 0 | PING
    A LRANGE w 0 -1 | BLMOVE q w LEFT LEFT 0
    B RPUSH q foo
    A PING
  `,
  'CLIENT REPLY OFF': `
    A CLIENT TRACKING on | GET k | CLIENT REPLY OFF
    B SET k v
    A GET k | SET k v
    A CLIENT REPLY ON
  `,
  evicted: `
    A CLIENT TRACKING on
    B SET k v | CONFIG SET maxmemory-policy allkeys-lru
    A GET k
    B CONFIG SET maxmemory 1
    A PING
    B CONFIG SET maxmemory 0 maxmemory-policy noeviction
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

describeWithOracle(
  'client-side caching',
  (pair) => {
    const scripts = pair.resp === 3 ? { ...SCRIPTS, ...RESP3_SCRIPTS } : SCRIPTS;
    for (const [name, script] of Object.entries(scripts)) {
      const normalise = name === 'shown by CLIENT LIST' ? shownFields : (text: string) => text;
      it(name, () => transcript(pair, script, { normalise }));
    }
  },
  { directives: { 'enable-debug-command': 'local' } },
);

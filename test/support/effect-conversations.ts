/**
 * Conversations and what the stream of effects says of them: who runs what (see effect-pair.ts for the form), and the
 * effects. Times are those of a clock that starts at 1800000000000 and moves with `wait` alone.
 */
export interface Conversation {
  readonly about: string;
  readonly lines: readonly string[];
  readonly told: readonly string[];
}

const conversation = (about: string, lines: string, told: string): Conversation => ({
  about,
  lines: linesOf(lines),
  told: linesOf(told),
});

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export const CONVERSATIONS: readonly Conversation[] = [
  conversation(
    'a command as it came, with its database',
    `
      A SET k v
      A set k v2
      A GET k
      A SELECT 3 | SeT a b | SELECT 0 | SET c d
    `,
    `
      SELECT 0
      SET k v
      set k v2
      SELECT 3
      SeT a b
      SELECT 0
      SET c d
    `,
  ),
  conversation(
    'a transaction of one write is that write',
    `
      A MULTI | GET a | SET a b | EXEC
      A MULTI | GET a | EXEC
      A MULTI | SET x y | DISCARD
      A MULTI | INCR a | EXEC
    `,
    `
      SELECT 0
      SET a b
    `,
  ),
  conversation(
    'a transaction of several, and its databases',
    `
      A MULTI | SET a b | SET c d | EXEC
      A MULTI | SELECT 2 | SET a b | SELECT 3 | SET c d | EXEC | SET x y
      A MULTI | INCR c | LPUSH n 1 | EXEC
    `,
    `
      SELECT 0
      MULTI
      SET a b
      SET c d
      EXEC
      SELECT 2
      MULTI
      SET a b
      SELECT 3
      SET c d
      EXEC
      SET x y
      LPUSH n 1
    `,
  ),
  conversation(
    'watched keys',
    `
      A WATCH a | MULTI | SET a b | EXEC
      A WATCH a | SET a c | MULTI | SET a b | EXEC
    `,
    `
      SELECT 0
      SET a b
      SET a c
    `,
  ),
  conversation(
    'messages are not for files',
    `
      A PUBLISH a b
      A SPUBLISH a b
      A MULTI | PUBLISH a b | EXEC
    `,
    `
      
    `,
  ),
  conversation(
    'a key found to have expired',
    `
      A SET k v PX 1 | SET k2 v PX 1 | SET k3 v PX 1 | SET k4 v PX 1
      wait 5
      A GET k
      A SET k2 v2
      A DEL k3 k4 k5
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      SET k2 v PXAT 1800000000001
      SET k3 v PXAT 1800000000001
      SET k4 v PXAT 1800000000001
      DEL k
      MULTI
      DEL k2
      SET k2 v2
      EXEC
      MULTI
      DEL k3
      DEL k4
      EXEC
    `,
  ),
  conversation(
    'several keys found to have expired',
    `
      A SET k v PX 1 | SET k2 v PX 1
      wait 5
      A MGET k k2
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      SET k2 v PXAT 1800000000001
      MULTI
      DEL k
      DEL k2
      EXEC
    `,
  ),
  conversation(
    'found within a transaction',
    `
      A SET k v PX 1 | SET k2 v PX 1
      wait 5
      A MULTI | GET k | SET a b | GET k2 | EXEC
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      SET k2 v PXAT 1800000000001
      MULTI
      DEL k
      SET a b
      DEL k2
      EXEC
    `,
  ),
  conversation(
    'keys that SCAN finds to have expired have nothing to do with each other',
    `
      A SELECT 7 | SET k v PX 1
      wait 5
      A SCAN 0
    `,
    `
      SELECT 7
      SET k v PXAT 1800000000001
      DEL k
    `,
  ),
  conversation(
    'a key that expires by itself',
    `
      A DEBUG SET-ACTIVE-EXPIRE 1
      A SET k v PX 1
      wait 300
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      DEL k
    `,
  ),
  conversation(
    'the same, freed by and by',
    `
      A DEBUG SET-ACTIVE-EXPIRE 1
      A CONFIG SET lazyfree-lazy-expire yes
      A SET k v PX 1
      wait 300
      A SET k v | EXPIREAT k 1 | SET k v | GETEX k PXAT 1
      A CONFIG SET lazyfree-lazy-expire no
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      UNLINK k
      SET k v
      UNLINK k
      SET k v
      UNLINK k
    `,
  ),
  conversation(
    'a key that is evicted',
    `
      A CONFIG SET maxmemory-policy allkeys-random
      A SET a b
      A CONFIG SET maxmemory 1
      A GET a
      wait 300
      A CONFIG SET maxmemory 0
      A CONFIG SET lazyfree-lazy-eviction yes
      A SET a b
      A CONFIG SET maxmemory 1
      A GET a
      wait 300
      A CONFIG SET maxmemory 0
      A CONFIG SET lazyfree-lazy-eviction no
    `,
    `
      SELECT 0
      SET a b
      DEL a
      SET a b
      UNLINK a
    `,
  ),
  conversation(
    'SET with a time',
    `
      A SET k v EX 100
      A SET k v EXAT 5000000000
      A set k v pxat 5000000000000
      A SET k v PX 100000
      A SET k v XX PX 100000 GET
      A SET k v NX PX 100000
      A SET k3 v EXAT 1
      A SETEX k 100 v | PSETEX k 100000 v
    `,
    `
      SELECT 0
      SET k v PXAT 1800000100000
      SET k v PXAT 5000000000000
      SET k v PXAT 5000000000000
      SET k v PXAT 1800000100000
      SET k v PXAT 1800000100000
      SET k3 v PXAT 1000
      SET k v PXAT 1800000100000
      SET k v PXAT 1800000100000
    `,
  ),
  conversation(
    'SET that replies with the old value',
    `
      A SET k v GET
      A set k v xx get keepttl
      A SET n v XX GET
      A GETSET k w | getset m w
    `,
    `
      SELECT 0
      SET k v
      set k v xx keepttl
      SET k w
      SET m w
    `,
  ),
  conversation(
    'other writes to strings',
    `
      A SETNX k v | SETNX k v | MSETNX a b c d | MSETNX a b c d | MSET a b | APPEND k v | APPEND k "" | APPEND nk ""
      A SETRANGE k 1 x | SETRANGE k 1 "" | SETBIT k 5 1 | SETBIT k 5 1
      A BITFIELD b SET u8 0 1 | BITFIELD b GET u8 0 | BITFIELD b SET u8 0 1 GET u8 0 | BITFIELD c OVERFLOW FAIL INCRBY u2 0 5
      A BITOP AND d k a | BITOP AND d none | BITOP AND d none | BITOP NOT d k
      A SET n 1 | INCR n | DECR n | INCRBY n 5 | DECRBY n 3
    `,
    `
      SELECT 0
      SETNX k v
      MSETNX a b c d
      MSET a b
      APPEND k v
      APPEND k ""
      APPEND nk ""
      SETRANGE k 1 x
      BITFIELD b SET u8 0 1
      BITOP AND d k a
      BITOP AND d none
      BITOP NOT d k
      SET n 1
      INCR n
      DECR n
      INCRBY n 5
      DECRBY n 3
    `,
  ),
  conversation(
    'sums of decimals',
    `
      A SET k 1 | INCRBYFLOAT k 1.5 | INCRBYFLOAT n 3.0e3 | EXPIREAT k 5000000000 | incrbyfloat k 0
      A HINCRBYFLOAT h a 1.5 | hincrbyfloat h a 1e2
    `,
    `
      SELECT 0
      SET k 1
      SET k 2.5 KEEPTTL
      SET n 3000 KEEPTTL
      PEXPIREAT k 5000000000000
      SET k 2.5 KEEPTTL
      HSET h a 1.5
      HSET h a 101.5
    `,
  ),
  conversation(
    'times of keys',
    `
      A SET k v | EXPIRE k 100 | pexpire k 100000 | EXPIREAT k 5000000000 | PEXPIREAT k 5000000000000
      A EXPIRE k 100 NX | EXPIRE k 100 GT | EXPIRE k 100 LT | expire k 200 xx gt | PERSIST k | PERSIST k
      A EXPIRE k -1 | EXPIRE k -1 | SET k v | EXPIREAT k 1 | SET k v | PEXPIREAT k 1
    `,
    `
      SELECT 0
      SET k v
      PEXPIREAT k 1800000100000
      PEXPIREAT k 1800000100000
      PEXPIREAT k 5000000000000
      PEXPIREAT k 5000000000000
      PEXPIREAT k 1800000100000 LT
      PEXPIREAT k 1800000200000 xx gt
      PERSIST k
      DEL k
      SET k v
      DEL k
      SET k v
      DEL k
    `,
  ),
  conversation(
    'GETEX and GETDEL',
    `
      A SET k v | GETEX k | GETEX k EX 100 | GETEX k EXAT 5000000000 | GETEX k PX 100000 | GETEX k PXAT 5000000000000
      A GETEX k PERSIST | GETEX k PERSIST | GETEX k EXAT 1 | GETEX k EXAT 1 | SET k v | GETDEL k | GETDEL k
      A CONFIG SET lazyfree-lazy-user-del yes
      A SET k v | GETDEL k | SET k v | DEL k
      A CONFIG SET lazyfree-lazy-user-del no
    `,
    `
      SELECT 0
      SET k v
      PEXPIREAT k 1800000100000
      PEXPIREAT k 5000000000000
      PEXPIREAT k 1800000100000
      PEXPIREAT k 5000000000000
      PERSIST k
      DEL k
      SET k v
      DEL k
      SET k v
      UNLINK k
      SET k v
      DEL k
    `,
  ),
  conversation(
    'whole keys',
    `
      A SET k v | DEL k | DEL k | SET k v | UNLINK k nk | UNLINK k
      A SET a b | RENAME a c | RENAMENX c d | SET e f | RENAMENX d e | COPY d q | COPY d q | COPY d q REPLACE | COPY d q DB 2
      A MOVE d 1 | MOVE d 1 | TOUCH q | MOVE e 2
      A SWAPDB 0 1 | SWAPDB 0 0 | FLUSHDB | FLUSHDB | FLUSHALL | FLUSHALL ASYNC | MULTI | FLUSHALL | SET c d | EXEC
    `,
    `
      SELECT 0
      SET k v
      DEL k
      SET k v
      UNLINK k nk
      SET a b
      RENAME a c
      RENAMENX c d
      SET e f
      COPY d q
      COPY d q REPLACE
      COPY d q DB 2
      MOVE d 1
      MOVE e 2
      SWAPDB 0 1
      SWAPDB 0 0
      FLUSHDB
      FLUSHDB
      FLUSHALL
      FLUSHALL ASYNC
      MULTI
      FLUSHALL
      SET c d
      EXEC
    `,
  ),
  conversation(
    'hashes',
    `
      A HSET h a 1 b 2 | HSET h a 1 b 2 | HSETNX h a 1 | HSETNX h c 1 | HMSET h a 1 | HINCRBY h a 1 | HDEL h zz | HDEL h a zz
    `,
    `
      SELECT 0
      HSET h a 1 b 2
      HSET h a 1 b 2
      HSETNX h c 1
      HMSET h a 1
      HINCRBY h a 1
      HDEL h a zz
    `,
  ),
  conversation(
    'lists',
    `
      A LPUSH l a b c | LPUSHX l a | LPUSHX nl a | RPUSHX l q | LINSERT l BEFORE a x | LINSERT l BEFORE zz x | LSET l 0 q
      A LREM l 0 zz | LREM l 0 q | LTRIM l 0 -1 | LTRIM l 0 1 | LPOP l | RPUSH l 1 2 3 4 5 | RPOP l 2 | LPOP l 0 | LPOP l 100
      A RPUSH l 1 2 3 | LMOVE l m LEFT RIGHT | RPOPLPUSH l m | RPOPLPUSH none m | LMOVE m m LEFT RIGHT
      A RPUSH p 1 2 3 | LMPOP 2 x p RIGHT | LMPOP 2 x p LEFT COUNT 10 | LMPOP 1 p LEFT
    `,
    `
      SELECT 0
      LPUSH l a b c
      LPUSHX l a
      RPUSHX l q
      LINSERT l BEFORE a x
      LSET l 0 q
      LREM l 0 q
      LTRIM l 0 1
      LPOP l
      RPUSH l 1 2 3 4 5
      RPOP l 2
      LPOP l 100
      RPUSH l 1 2 3
      LMOVE l m LEFT RIGHT
      RPOPLPUSH l m
      LMOVE m m LEFT RIGHT
      RPUSH p 1 2 3
      RPOP p 1
      LPOP p 2
    `,
  ),
  conversation(
    'sets',
    `
      A SADD s a b c | SADD s a | SREM s zz | SREM s a zz | SMOVE s t b | SMOVE s t zz | SMOVE s s c | SINTERSTORE d s t
      A SUNIONSTORE d s t | SINTERSTORE d none | SINTERSTORE d none
    `,
    `
      SELECT 0
      SADD s a b c
      SREM s a zz
      SMOVE s t b
      SUNIONSTORE d s t
      SINTERSTORE d none
    `,
  ),
  conversation(
    'what SPOP has taken',
    `
      A SADD s a | SPOP s | SPOP s | SADD s a | SPOP s 1 | SADD s a b c | SPOP s 3 | SADD s a b c | SPOP s 5 | SPOP s 0
    `,
    `
      SELECT 0
      SADD s a
      SREM s a
      SADD s a
      DEL s
      SADD s a b c
      DEL s
      SADD s a b c
      DEL s
    `,
  ),
  conversation(
    'sorted sets',
    `
      A ZADD z 1 a 2 b | ZADD z 1 a | ZADD z NX 5 a | ZADD z XX CH 5 a | ZADD z INCR 5 a | ZADD z XX INCR 5 zz | ZINCRBY z 1.5 a
      A ZREM z zz | ZREM z a zz | ZREMRANGEBYSCORE z 100 200 | ZRANGESTORE d z 0 -1 | ZRANGESTORE d none 0 -1
      A ZRANGESTORE d none 0 -1 | ZUNIONSTORE d 1 z | ZUNIONSTORE d 1 none | ZUNIONSTORE d 1 none
      A ZADD p 1 a 2 b 3 c 4 d 5 e | ZPOPMIN p | ZMPOP 2 y p MIN | ZMPOP 2 y p MAX COUNT 2 | ZPOPMAX p 0 | ZPOPMAX p 9
    `,
    `
      SELECT 0
      ZADD z 1 a 2 b
      ZADD z XX CH 5 a
      ZADD z INCR 5 a
      ZINCRBY z 1.5 a
      ZREM z a zz
      ZRANGESTORE d z 0 -1
      ZRANGESTORE d none 0 -1
      ZUNIONSTORE d 1 z
      ZUNIONSTORE d 1 none
      ZADD p 1 a 2 b 3 c 4 d 5 e
      ZPOPMIN p
      ZPOPMIN p 1
      ZPOPMAX p 2
      ZPOPMAX p 9
    `,
  ),
  conversation(
    'positions',
    `
      A GEOADD g 13.361389 38.115556 Palermo | geoadd g nx CH 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
      A GEOADD g 13.361389 38.115556 Palermo | GEOADD g XX 1 2 zz
      A GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km ASC | GEORADIUS g 15 37 200 km STORE d
      A GEORADIUS g 15 37 1 m STORE d | GEORADIUS g 15 37 1 m STORE d
    `,
    `
      SELECT 0
      zadd g 3479099956230698 Palermo
      zadd g nx CH 3479099956230698 Palermo 3479447370796909 Catania
      GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km ASC
      GEORADIUS g 15 37 200 km STORE d
      GEORADIUS g 15 37 1 m STORE d
    `,
  ),
  conversation(
    'HyperLogLogs',
    `
      A PFADD p a b c | PFADD p a | PFADD q | PFADD q | PFCOUNT p | PFCOUNT p | PFCOUNT p q | PFMERGE d p q | PFMERGE e
    `,
    `
      SELECT 0
      PFADD p a b c
      PFADD q
      PFCOUNT p
      PFMERGE d p q
      PFMERGE e
    `,
  ),
  conversation(
    'SORT that stores',
    `
      A RPUSH l 3 1 2 | SORT l STORE d | SORT none STORE d | SORT none STORE d | SORT l
    `,
    `
      SELECT 0
      RPUSH l 3 1 2
      SORT l STORE d
      SORT none STORE d
    `,
  ),
  conversation(
    'entries of streams',
    `
      A XADD s 1-1 a b | XADD s 1-* a b | XADD s NOMKSTREAM 2-1 a b | XADD n NOMKSTREAM 2-1 a b | XADD s 2 a b
      A XDEL s 1-1 | XDEL s 1-1 | XSETID s 30-1 | XSETID s 31-1 ENTRIESADDED 100 MAXDELETEDID 30-1
    `,
    `
      SELECT 0
      XADD s 1-1 a b
      XADD s 1-2 a b
      XADD s NOMKSTREAM 2-1 a b
      XDEL s 1-1
      XSETID s 30-1
      XSETID s 31-1 ENTRIESADDED 100 MAXDELETEDID 30-1
    `,
  ),
  conversation(
    'trimmed exactly, as nobody else knows where',
    `
      A CONFIG SET stream-node-max-entries 3
      A XADD s 1-1 a b | XADD s 1-2 a b | XADD s 1-3 a b | XADD s 1-4 a b | XADD s 1-5 a b | XADD s 1-6 a b
      A XADD s MAXLEN ~ 2 1-7 a b | XADD s MINID ~ 1-6 1-8 a b | XADD s MAXLEN 1 1-9 a b | XADD s MAXLEN = 5 1-10 a b
      A XADD s 2-1 a b | XADD s 2-2 a b | XADD s 2-3 a b | XTRIM s MAXLEN ~ 2 | xtrim s minid ~ 2-3 limit 100
      A XADD s NOMKSTREAM MINID ~ 6-1 LIMIT 3 6-2 a b | XTRIM s MAXLEN ~ 0 LIMIT 1000 | XTRIM s MAXLEN ~ 0 | XTRIM s MAXLEN 0
      A XADD s MINID ~ 9 9-* a b | XTRIM s MINID 5
      A CONFIG SET stream-node-max-entries 100
    `,
    `
      SELECT 0
      XADD s 1-1 a b
      XADD s 1-2 a b
      XADD s 1-3 a b
      XADD s 1-4 a b
      XADD s 1-5 a b
      XADD s 1-6 a b
      XADD s MAXLEN = 4 1-7 a b
      XADD s MINID = 1-4 1-8 a b
      XADD s MAXLEN 1 1-9 a b
      XADD s MAXLEN = 5 1-10 a b
      XADD s 2-1 a b
      XADD s 2-2 a b
      XADD s 2-3 a b
      XTRIM s MAXLEN = 4
      xtrim s minid = 2-3 limit 100
      XADD s NOMKSTREAM MINID = 2-3 LIMIT 3 6-2 a b
      XTRIM s MAXLEN = 0 LIMIT 1000
      XADD s MINID = 9-0 9-0 a b
    `,
  ),
  conversation(
    'groups',
    `
      A XGROUP CREATE s g $ MKSTREAM | XADD s 1-1 a b | XGROUP CREATE s g2 $ ENTRIESREAD 2 | XGROUP SETID s g2 1-1
      A XGROUP CREATECONSUMER s g c1 | XGROUP CREATECONSUMER s g c1 | XGROUP DELCONSUMER s g c1 | XGROUP DELCONSUMER s g c1
      A XGROUP DESTROY s g2 | XGROUP DESTROY s g2
    `,
    `
      SELECT 0
      XGROUP CREATE s g $ MKSTREAM
      XADD s 1-1 a b
      XGROUP CREATE s g2 $ ENTRIESREAD 2
      XGROUP SETID s g2 1-1
      XGROUP CREATECONSUMER s g c1
      XGROUP DELCONSUMER s g c1
      XGROUP DESTROY s g2
    `,
  ),
  conversation(
    'what groups have been given',
    `
      A XADD s 1-1 a b | XADD s 1-2 a b | XADD s 1-3 a b | XADD s 1-4 a b | XGROUP CREATE s g 0
      A XREADGROUP GROUP g c COUNT 1 STREAMS s >
      A XREADGROUP GROUP g c COUNT 1 NOACK STREAMS s >
      A XREADGROUP GROUP g d COUNT 10 STREAMS s > | XREADGROUP GROUP g d COUNT 10 STREAMS s > | XREADGROUP GROUP g d STREAMS s 0
      A XREADGROUP GROUP g new NOACK STREAMS s 0 | XREADGROUP GROUP g other STREAMS s 0
      A XACK s g 1-1 1-9 | XACK s g 1-1
      A XADD t 9 a b | XGROUP CREATE t g 0 | XADD s 9 a b | MULTI | XREADGROUP GROUP g c STREAMS s t > > | SET x y | EXEC
    `,
    `
      SELECT 0
      XADD s 1-1 a b
      XADD s 1-2 a b
      XADD s 1-3 a b
      XADD s 1-4 a b
      XGROUP CREATE s g 0
      XCLAIM s g c 0 1-1 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1
      XGROUP SETID s g 1-2 ENTRIESREAD 2
      MULTI
      XCLAIM s g d 0 1-3 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-3
      XCLAIM s g d 0 1-4 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-4
      EXEC
      XGROUP CREATECONSUMER s g new
      XACK s g 1-1 1-9
      XADD t 9 a b
      XGROUP CREATE t g 0
      XADD s 9 a b
      MULTI
      XCLAIM s g c 0 9-0 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 9-0
      XCLAIM t g c 0 9-0 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 9-0
      SET x y
      EXEC
    `,
  ),
  conversation(
    'what is claimed',
    `
      A XADD s 1-0 a b | XADD s 2-0 a b | XGROUP CREATE s g 0 | XREADGROUP GROUP g c STREAMS s > | XCLAIM s g d 0 1
      A XCLAIM s g d 100000 1 | XCLAIM s g d 0 1 2-0 JUSTID | XCLAIM s g e 0 1 TIME 1000 RETRYCOUNT 5 LASTID 5-5
      A XCLAIM s g f 0 9-1 LASTID 6-6 | XCLAIM s g f 0 9-1 FORCE | XDEL s 1 | xclaim s g f 0 1
      A XAUTOCLAIM s g h 0 0 | XAUTOCLAIM s g h 100000 0 | XDEL s 2 | XAUTOCLAIM s g i 0 0 | XAUTOCLAIM s g i 0 0
    `,
    `
      SELECT 0
      XADD s 1-0 a b
      XADD s 2-0 a b
      XGROUP CREATE s g 0
      MULTI
      XCLAIM s g c 0 1-0 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-0
      XCLAIM s g c 0 2-0 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0
      EXEC
      XCLAIM s g d 0 1 TIME 1800000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0
      MULTI
      XCLAIM s g d 0 1 TIME 1800000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 2-0
      XCLAIM s g d 0 2-0 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-0
      EXEC
      XCLAIM s g e 0 1 TIME 1000 RETRYCOUNT 5 FORCE JUSTID LASTID 5-5
      XGROUP SETID s g 6-6 ENTRIESREAD 2
      XDEL s 1
      XCLAIM s g e 0 1 TIME 1000 RETRYCOUNT 5 FORCE JUSTID LASTID 6-6
      XCLAIM s g h 0 2-0 TIME 1800000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 6-6
      XDEL s 2
      XCLAIM s g h 0 2-0 TIME 1800000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 6-6
    `,
  ),
  conversation(
    'clients that wait for lists',
    `
      B BLPOP x l 0
      C BRPOP m 0
      A RPUSH l a b
      A RPUSH m a
      B BLMOVE l m LEFT RIGHT 0
      C BRPOPLPUSH n m 0
      A LPUSH l c | DEL l | RPUSH l a
      A RPUSH n a
      B BLMPOP 0 1 p LEFT COUNT 2
      A RPUSH p a b c
    `,
    `
      SELECT 0
      RPUSH l a b
      LPOP l
      RPUSH m a
      RPOP m
      LMOVE l m LEFT RIGHT
      LPUSH l c
      DEL l
      RPUSH l a
      RPUSH n a
      RPOPLPUSH n m
      RPUSH p a b c
      LPOP p 2
    `,
  ),
  conversation(
    'several served by one change',
    `
      B BLPOP l m 0
      C BRPOP m 0
      A MULTI | RPUSH l a b | RPUSH m b | EXEC
      B BRPOPLPUSH l q 0
      C BLPOP q 0
      A RPUSH y 1 | RPUSH l x
    `,
    `
      SELECT 0
      MULTI
      RPUSH l a b
      RPUSH m b
      EXEC
      LPOP l
      RPOP m
      RPOPLPUSH l q
      LPOP q
      RPUSH y 1
      RPUSH l x
    `,
  ),
  conversation(
    'served in another database than the one told last',
    `
      B BLPOP a 0
      A MULTI | RPUSH x 1 | RENAME x a | SELECT 2 | SET q r | EXEC
    `,
    `
      SELECT 0
      MULTI
      RPUSH x 1
      RENAME x a
      SELECT 2
      SET q r
      EXEC
      SELECT 0
      LPOP a
    `,
  ),
  conversation(
    'blocking forms that need not wait',
    `
      A RPUSH l 1 2 3 4 5 6 7 8 | BLPOP x l 0 | BRPOP l 0 | BRPOPLPUSH l m 0 | blmove l m right LEFT 0 | BLMPOP 0 2 x l RIGHT
      A MULTI | BLPOP x l 0 | EXEC
      A ZADD z 1 a 2 b 3 c 4 d | BZPOPMIN y z 0 | BZPOPMAX z 0 | BZMPOP 0 1 z MIN COUNT 5
    `,
    `
      SELECT 0
      RPUSH l 1 2 3 4 5 6 7 8
      LPOP l
      RPOP l
      RPOPLPUSH l m
      LMOVE l m right LEFT
      RPOP l 1
      LPOP l
      ZADD z 1 a 2 b 3 c 4 d
      ZPOPMIN z
      ZPOPMAX z
      ZPOPMIN z 2
    `,
  ),
  conversation(
    'clients that wait for sorted sets',
    `
      B BZPOPMIN z 0
      A ZADD z 1 a 2 b
      B BZPOPMAX y 0
      A ZADD y 1 a 2 b
      B BZMPOP 0 1 x MAX COUNT 2
      A ZADD x 1 a 2 b 3 c
    `,
    `
      SELECT 0
      ZADD z 1 a 2 b
      ZPOPMIN z
      ZADD y 1 a 2 b
      ZPOPMAX y
      ZADD x 1 a 2 b 3 c
      ZPOPMAX x 2
    `,
  ),
  conversation(
    'clients that wait for streams',
    `
      B XREAD BLOCK 0 STREAMS s $
      A XADD s 1-1 a b
      A XGROUP CREATE s g $
      B XREADGROUP GROUP g c BLOCK 0 STREAMS s >
      C XREADGROUP GROUP g d NOACK BLOCK 0 STREAMS s >
      A XADD s 1-2 a b
    `,
    `
      SELECT 0
      XADD s 1-1 a b
      XGROUP CREATE s g $
      XADD s 1-2 a b
      XCLAIM s g c 0 1-2 TIME 1800000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-2
    `,
  ),
  conversation(
    'debugging of HyperLogLogs',
    `
      A PFADD p a b | PFDEBUG GETREG p | PFDEBUG DECODE p | PFDEBUG ENCODING p | PFADD q a | PFDEBUG TODENSE q | PFDEBUG TODENSE q | PFDEBUG GETREG q
    `,
    `
      SELECT 0
      PFADD p a b
      PFDEBUG GETREG p
      PFADD q a
      PFDEBUG TODENSE q
    `,
  ),
  conversation(
    'an expired string that becomes a list',
    `
      A SET k v PX 1
      wait 5
      A LPUSH k a b
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      MULTI
      DEL k
      LPUSH k a b
      EXEC
    `,
  ),
  conversation(
    'expired keys among those of a command',
    `
      A SET k v PX 1 | LPUSH l a
      wait 5
      A LPUSH l k
      A RENAME k l
      A MULTI | LPUSH k a | INCR l | SET z 1 | EXEC
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      LPUSH l a
      LPUSH l k
      DEL k
      MULTI
      LPUSH k a
      SET z 1
      EXEC
    `,
  ),
  conversation(
    'COPY onto an expired key',
    `
      A SET k v PX 1
      wait 5
      A COPY l k
      A RENAMENX k j
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      DEL k
    `,
  ),
  conversation(
    'expired sources',
    `
      A LPUSH l a
      A SET s x PX 1
      wait 5
      A SINTERSTORE d l s
      A SUNIONSTORE d s zz
      A BITOP OR d s zz
    `,
    `
      SELECT 0
      LPUSH l a
      SET s x PXAT 1800000000001
      DEL s
    `,
  ),
  conversation(
    'an expired source of several',
    `
      A SET s x PX 1 | SET d v
      wait 5
      A SUNIONSTORE d s zz
      A SORT s STORE e
    `,
    `
      SELECT 0
      SET s x PXAT 1800000000001
      SET d v
      MULTI
      DEL s
      SUNIONSTORE d s zz
      EXEC
    `,
  ),
  conversation(
    'a client that wants no replies',
    `
      A CLIENT REPLY OFF | SET a b | MULTI | SET c d | SET e f | EXEC
    `,
    `
      SELECT 0
      SET a b
      MULTI
      SET c d
      SET e f
      EXEC
    `,
  ),
  conversation(
    'transactions that are refused',
    `
      A MULTI | SET c d | BADCMD | EXEC
      A MULTI | SET c d | GET | EXEC | SET k v
    `,
    `
      SELECT 0
      SET k v
    `,
  ),
  conversation(
    'MOVE of an expired key',
    `
      A SET k v PX 1 | SET j v
      wait 5
      A MOVE k 1
      A MOVE j 1
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      SET j v
      DEL k
      MOVE j 1
    `,
  ),
  conversation(
    'expired keys and other databases',
    `
      A SET k v PX 1
      A SELECT 1 | SET k w
      A SELECT 0
      wait 5
      A COPY k k DB 1 REPLACE
      A SWAPDB 0 1 | GET k
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      SELECT 1
      SET k w
      SELECT 0
      DEL k
      SWAPDB 0 1
    `,
  ),
  conversation(
    'an expired sorted set',
    `
      A ZADD z 1 a | PEXPIRE z 1
      wait 5
      A ZPOPMIN z
      A ZUNIONSTORE d 1 z
    `,
    `
      SELECT 0
      ZADD z 1 a
      PEXPIREAT z 1800000000001
      DEL z
    `,
  ),
  conversation(
    'EXISTS, which finds out once',
    `
      A SET k v PX 1
      wait 5
      A EXISTS k k
      A TYPE k
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      DEL k
    `,
  ),
  conversation(
    'OBJECT',
    `
      A SET k v PX 1
      wait 5
      A OBJECT ENCODING k
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      DEL k
    `,
  ),
  conversation(
    'watched and expired',
    `
      A SET k v PX 1
      wait 5
      A DBSIZE
      A DEBUG OBJECT k
      A WATCH k | MULTI | GET k | EXEC
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      DEL k
    `,
  ),
  conversation(
    'UNLINK and TOUCH of expired keys',
    `
      A SET k v PX 1 | SET j v PX 1
      wait 5
      A UNLINK k j
      A TOUCH k j
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      SET j v PXAT 1800000000001
      MULTI
      DEL k
      DEL j
      EXEC
    `,
  ),
  conversation(
    'what reads and writes',
    `
      A SET k v PX 1
      wait 5
      A SET k v NX GET
      A SET k v PX 1
      wait 5
      A GETSET k w
      A SET k v PX 1
      wait 5
      A GETDEL k
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      MULTI
      DEL k
      SET k v NX
      EXEC
      SET k v PXAT 1800000000006
      MULTI
      DEL k
      SET k w
      EXEC
      SET k v PXAT 1800000000011
      DEL k
    `,
  ),
  conversation(
    'an expired stream',
    `
      A XADD s 1-1 a b | XGROUP CREATE s g 0 | PEXPIRE s 1
      wait 5
      A XREADGROUP GROUP g c STREAMS s >
      A XADD s * a b
    `,
    `
      SELECT 0
      XADD s 1-1 a b
      XGROUP CREATE s g 0
      PEXPIREAT s 1800000000001
      DEL s
      XADD s 1800000000005-0 a b
    `,
  ),
  conversation(
    'a transaction that finds an expired key and serves a client',
    `
      B BLPOP l 0
      A SET k v PX 1
      wait 5
      A MULTI | GET k | RPUSH l a | EXEC
    `,
    `
      SELECT 0
      SET k v PXAT 1800000000001
      MULTI
      DEL k
      RPUSH l a
      EXEC
      LPOP l
    `,
  ),
];

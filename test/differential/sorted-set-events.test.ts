/**
 * Keyspace events of the sorted set commands: which, in which order, for which key, from both servers.
 */
import { describeEvents } from '../support/keyspace-events.ts';

/** Each line is a command; the state goes on from one to the next. */
const SCRIPT = `
  ZADD k 1 a 2 b
  ZADD k 1 a
  ZADD k 3 a 4 c
  ZADD k NX 9 a
  ZADD k XX 9 z
  ZADD k INCR 1 a
  ZADD k INCR 0 a
  ZADD fresh XX 1 a
  ZADD fresh GT 1 a
  ZINCRBY k 1 b
  ZINCRBY fresh2 1 b
  ZINCRBY k 0 b
  ZREM k none
  ZREM k a none
  ZREM k b c
  ZREM k b
  ZADD k 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h
  ZPOPMIN k
  ZPOPMAX k 2
  ZPOPMIN k 0
  ZMPOP 2 none k MIN COUNT 2
  ZMPOP 1 none MIN
  BZPOPMIN none k 0
  BZPOPMAX k 0
  BZMPOP 0 1 k MAX
  ZADD r 1 a 2 b 3 c 4 d 5 e 6 f
  ZREMRANGEBYRANK r 0 1
  ZREMRANGEBYRANK r 10 20
  ZREMRANGEBYSCORE r 3 3
  ZREMRANGEBYLEX r [d [d
  ZREMRANGEBYSCORE r -inf inf
  ZREMRANGEBYSCORE r -inf inf
  ZADD x 1 a 2 b
  ZADD y 3 b 4 c
  SADD s a b q
  ZUNIONSTORE d 2 x y
  ZUNIONSTORE d 3 x y s
  ZINTERSTORE d 2 x y
  ZINTERSTORE d 2 x none
  ZINTERSTORE d 2 x none
  ZDIFFSTORE d 2 x y
  ZDIFFSTORE d 2 x x
  ZDIFFSTORE x 2 x y
  ZRANGESTORE d y 0 -1
  ZRANGESTORE d y 5 9
  ZRANGESTORE d none 0 1
  ZRANGESTORE y y 0 0
  SET str v
  ZRANGESTORE str y 0 -1
  ZUNION 2 none y
  ZINTER 2 none y
  ZDIFF 2 none y
  ZINTERCARD 2 none y
  ZRANGE none 0 1
  ZRANGEBYSCORE none 0 1
  ZRANGEBYLEX none - +
  ZSCORE none a
  ZMSCORE none a
  ZRANK none a
  ZCARD none
  ZCOUNT none 0 1
  ZLEXCOUNT none - +
  ZRANDMEMBER none
  ZRANDMEMBER none 2
  ZSCAN none 0
  ZPOPMIN none
  ZREM none a
  ZADD e 1 a 2 b
  PEXPIREAT e 1
  ZADD e 1 c
  ZPOPMIN e
  ZADD e 1 a
  ZREM e a
`;

describeEvents('the sorted set commands', SCRIPT);

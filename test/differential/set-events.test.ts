/**
 * Keyspace events of the set commands and of SORT: which, in which order, for which key, from both servers.
 */
import { describeEvents } from '../support/keyspace-events.ts';

/** Each line is a command; the state goes on from one to the next. */
const SCRIPT = `
  SADD s 1 2 3
  SADD s 1
  SADD s 4
  SADD s a
  SREM s 9
  SREM s 1 2
  SREM s 3 4 a
  SREM s 1
  SADD s 1 2
  SADD t x
  SMOVE s t 1
  SMOVE s t 9
  SMOVE s t 2
  SMOVE none t 2
  SMOVE t u x
  SMOVE t u 1
  SMOVE u u x
  SADD v x 5
  SMOVE v u x
  SMEMBERS none
  SISMEMBER none a
  SMISMEMBER none a
  SCARD none
  SRANDMEMBER none
  SSCAN none 0
  SINTER u none
  SUNION none u
  SDIFF none u
  SINTERCARD 2 u none
  SINTERSTORE d u v
  SUNIONSTORE d u v
  SUNIONSTORE d u v
  SINTERSTORE d u none
  SINTERSTORE d u none
  SDIFFSTORE d u none
  SDIFFSTORE d u u
  SUNIONSTORE u none none2
  SET str v
  SUNIONSTORE str v v
  SPOP none
  SPOP none 3
  SADD p 1 2 3 4 5 6 7 8 9 10
  SPOP p 0
  SPOP p 9
  SPOP p
  SADD p 1 2 3 a
  SPOP p 1
  SPOP p 10
  RPUSH l 3 1 2
  SORT l
  SORT l STORE d
  SORT l STORE d
  SORT none STORE d
  SORT none STORE d
  SORT l BY w_* GET x_* STORE d
  SORT_RO l BY w_*
  SET w_1 5
  SORT l BY w_* GET #
  SORT l BY h_*->f LIMIT 0 1
`;

describeEvents('sets and SORT', SCRIPT);

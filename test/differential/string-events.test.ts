/**
 * Keyspace events of the string commands: which, in which order, for which key. Both servers
 * publish them to a client that is subscribed to all.
 */
import { describeEvents } from '../support/keyspace-events.ts';

/** Each line is a command; the state goes on from one to the next. */
const SCRIPT = `
  SET k v
  SET k v2
  SET k v3 NX
  SET k v3 XX
  SET missing v XX
  SET k v EX 1000
  SET k v KEEPTTL
  SET k v GET
  SET fresh v PX 100000 NX GET
  SETEX k 1000 v
  PSETEX other 100000 v
  SETNX k v
  SETNX nx v
  GETSET k v
  GETSET brandnew v
  GET k
  GET missing
  MGET k missing other
  STRLEN missing
  GETRANGE missing 0 1
  GETEX missing EX 10
  GETEX k
  GETEX k EX 100
  GETEX k PERSIST
  GETEX k PERSIST
  GETEX k PXAT 1
  GETDEL nx
  GETDEL nx
  MSET a 1 b 2 a 3
  MSETNX a 1 zz 1
  MSETNX c 1 d 2 c 3
  APPEND a x
  APPEND app x
  APPEND app2 ""
  SETRANGE app 10 y
  SETRANGE app 0 ""
  SETRANGE srange 3 y
  SETRANGE empty 3 ""
  INCR n
  INCR n
  DECR n
  INCRBY n 5
  DECRBY n 5
  INCRBY n 0
  INCRBYFLOAT n 0.5
  INCRBYFLOAT f 1.5
  LCS a missing
  SET k v EX 0
  INCR app
  SET late v PXAT 1
  GET late
  SET late v PXAT 1
  SET late v2
  SET late v PXAT 1
  INCR late
  SET late2 v PXAT 1
  APPEND late2 x
  SET late3 v PXAT 1
  SETNX late3 x
  SET late4 v PXAT 1
  MSET late4 x
  SET late5 v PXAT 1
  GETSET late5 x
  SET late6 v PXAT 1
  GETDEL late6
  SET late7 v PXAT 1
  SET late7 w XX GET
`;

describeEvents('the string commands', SCRIPT);

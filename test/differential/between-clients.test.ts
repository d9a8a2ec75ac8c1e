/**
 * Conversations in which one client's command is finished by what another does, against the real server: who is told
 * of the change, and what of a transaction's reply is heard.
 */
import { it } from 'node:test';
import { describeWithOracle } from '../support/oracle.ts';
import { transcript } from '../support/transcript.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  'NOLOOP: a key whose time was up is nobody’s change in broadcast mode': `
    B DEBUG SET-ACTIVE-EXPIRE 0
    A !3
    A CLIENT TRACKING on NOLOOP BCAST
    B SET k v PX 30
    wait 50
    A GET k | PING
    A CLIENT TRACKING off
    A CLIENT TRACKING on NOLOOP
    B SET k v PX 30
    A GET k
    wait 50
    A GET k | PING
    B DEBUG SET-ACTIVE-EXPIRE 1
  `,
  'NOLOOP: a client served late changes keys itself': `
    A !3
    A CLIENT TRACKING on NOLOOP BCAST
    A BLPOP l 0
    B RPUSH l x
    A BLMOVE l m LEFT LEFT 0
    B RPUSH l x y
    A BZPOPMIN z 0
    B ZADD z 1 x
    A BZMPOP 0 1 z MIN
    B ZADD z 1 x 2 y
    A BLMPOP 0 1 n LEFT
    B RPUSH n x
    B FLUSHALL
    A CLIENT TRACKING off
    A CLIENT TRACKING on NOLOOP
    A EXISTS l m
    A BLMOVE l m LEFT LEFT 0
    B RPUSH l x
    A EXISTS l m
    B LPUSH m 1
  `,
  'CLIENT REPLY within a transaction': `
    A CLIENT REPLY OFF | MULTI | PING | CLIENT REPLY ON | PING | EXEC
    A PING
    A MULTI | CLIENT REPLY SKIP | PING | ECHO x | EXEC | PING
    A MULTI | CLIENT REPLY OFF | PING | ECHO x | EXEC
    A CLIENT REPLY ON
    A CLIENT REPLY SKIP | MULTI | PING | EXEC
    A CLIENT REPLY SKIP | BLPOP l 0.02 | PING
    wait 50
    A CLIENT REPLY OFF | BLPOP l 0 | CLIENT REPLY ON
    B RPUSH l x
    A CLIENT REPLY SKIP | BLPOP l 0 | PING
    B CLIENT UNBLOCK $A ERROR
  `,
  'pause and those who wait': `
    A BLPOP l 0
    B MULTI | CLIENT PAUSE 200 WRITE | RPUSH l x | EXEC | LLEN l
    wait 250
    A BLPOP l 0.1
    B CLIENT PAUSE 200 ALL
    C PING
    wait 250
    B PING
    A BLPOP l 0 | CLIENT PAUSE 50 WRITE | BLPOP l 0.01 | PING
    B RPUSH l x
    wait 100
    B LLEN l
  `,
  'databases that are exchanged below those who wait': `
    A SELECT 1 | BLPOP l 0
    B RPUSH l x
    B SWAPDB 0 1
    A BLPOP l 0
    B MULTI | SWAPDB 0 1 | RPUSH l y | SWAPDB 0 1 | EXEC
    A BLMPOP 0 2 l m LEFT
    B SELECT 1 | MULTI | RPUSH m 1 | RPUSH l 2 | EXEC
    C BLPOP l 0
    A BLPOP l 0
    B SELECT 0 | MULTI | RPUSH l x | CLIENT KILL ID $C | EXEC | LLEN l
  `,
};

describeWithOracle(
  'between clients',
  (pair) => {
    for (const [name, script] of Object.entries(SCRIPTS)) it(name, () => transcript(pair, script));
  },
  { directives: { 'enable-debug-command': 'yes' } },
);

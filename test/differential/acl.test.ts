/**
 * Users and what they may do, against the real server: conversations of several clients. Random rules and requests are
 * in acl-rules.test.ts.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeWithOracle, type Normaliser } from '../support/oracle.ts';
import { transcript } from '../support/transcript.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  'replies and errors of the subcommands': String.raw`
    A ACL WHOAMI | ACL USERS | ACL LIST | ACL CAT | ACL CAT nosuch | ACL CAT a b | ACL NOSUCH | ACL
    A ACL GETUSER default | ACL GETUSER nosuch | ACL GETUSER | ACL LOG x | ACL LOG 1 2 | ACL LOG RESET
    A ACL GENPASS 0 | ACL GENPASS 4097 | ACL GENPASS x | ACL GENPASS 1 2 | ACL HELP | ACL HELP x
    A ACL LOAD | ACL SAVE | ACL LOAD x
    A ACL DELUSER | ACL DELUSER default | ACL DELUSER nosuch | ACL SETUSER | ACL SETUSER a\x20b | ACL SETUSER a\x00b
    A ACL SETUSER u | ACL GETUSER u | ACL SETUSER u on >pw ~k:* &c +get (+set ~s) | ACL GETUSER u | ACL LIST
    A ACL SETUSER u on off on nopass ~x~y | ACL SETUSER u +foo | ACL SETUSER u (+get | ACL SETUSER u ) | ACL LIST
    A ACL SETUSER u resetkeys ~* ~a | ACL SETUSER u ~a\x00b | ACL SETUSER u foo\x00bar | ACL GETUSER u
    A ACL DRYRUN nosuch GET a | ACL DRYRUN u NOSUCH a | ACL DRYRUN u GET | ACL DRYRUN u CONFIG | ACL DRYRUN u CONFIG x
    A ACL DRYRUN u GET a | ACL DRYRUN u SET s 1 | ACL DRYRUN u SET t 1 | ACL DRYRUN u PUBLISH c m | ACL DRYRUN u AUTH x
    A ACL DELUSER u nosuch u | ACL USERS
  `,
  'logging in': `
    A ACL SETUSER u >one >two ~* +@all
    B AUTH u one
    A ACL SETUSER u on
    B AUTH u one | ACL WHOAMI | AUTH u two | AUTH u three | ACL WHOAMI | AUTH one | AUTH u | AUTH | AUTH a b c
    B HELLO 2 AUTH u x | HELLO 3 AUTH nosuch x SETNAME n | CLIENT GETNAME | ACL WHOAMI
    A ACL SETUSER u <one
    B AUTH u one | ACL WHOAMI | RESET | ACL WHOAMI | AUTH u two | ACL WHOAMI
    A CONFIG SET requirepass pw
    B RESET | PING | AUTH pw | PING | RESET | AUTH default pw | PING | AUTH default x
    A PING | ACL LIST | ACL SETUSER default >more | CONFIG GET requirepass | ACL LIST
    B RESET | AUTH more | PING
    A CONFIG SET requirepass "" | ACL SETUSER default nopass
    A ACL SETUSER default off
    B PING | RESET | PING | AUTH default x | AUTH u two | PING
    A ACL SETUSER default on | ACL DELUSER u
    B PING
    A PING
  `,
  'requirepass and the default user': `
    A CONFIG SET requirepass foo | ACL SETUSER default nopass | CONFIG SET requirepass foo | ACL LIST
    A CONFIG SET requirepass bar | ACL LIST | ACL SETUSER default resetpass | ACL LIST | CONFIG GET requirepass
    B RESET | AUTH x | AUTH default x | AUTH bar | PING
    A CONFIG SET requirepass "" | ACL LIST
    B PING
    A CONFIG SET requirepass foo | CONFIG SET requirepass "" | ACL LIST | ACL SETUSER admin on nopass +@all
    C AUTH admin x | ACL SETUSER default reset | ACL GETUSER default
    A PING
    B PING | RESET | PING
    C ACL SETUSER default on nopass +@all ~* &* | ACL SETUSER default skip-sanitize-payload | ACL GETUSER default
    A ACL DELUSER admin
  `,
  'logging in within MULTI': `
    A ACL SETUSER u on nopass +get +exec +set +auth ~a | ACL SETUSER v on nopass +@all ~*
    B MULTI | AUTH u x | SET b 1 | GET a | AUTH v x | SET b 2 | EXEC | ACL WHOAMI
    B MULTI | AUTH nosuch x | EXEC | ACL WHOAMI
    A ACL DELUSER u | GET b
    A ACL DELUSER v
  `,
  'what is refused': `
    A ACL SETUSER u on nopass +get +multi +exec +discard +client|id +subscribe +publish ~a* %R~r* &ch* +set +copy +select|0
    B AUTH u x | GET a | GET b | SET a 1 | SET r 1 | GET r | COPY r a | COPY a r | CLIENT ID | CLIENT GETNAME | SELECT 0
    B SELECT 1 | SELECT | PING | NOSUCH | GET | CLIENT NOSUCH | SUBSCRIBE | PUBLISH ch1 m | PUBLISH x m | DEL a | RESET
    B AUTH u x | MULTI | GET a | GET b | EXEC | MULTI | DEL a | DISCARD | MULTI | GET a | EXEC
    B SUBSCRIBE ch1 x | SUBSCRIBE ch1 | PUBLISH ch2 m
    A ACL SETUSER u -@all | ACL DRYRUN u GET a
    B PING
    A ACL DELUSER u
  `,
  'rules that change between MULTI and EXEC': `
    A ACL SETUSER u on nopass +@all ~* &*
    B AUTH u x | MULTI | SET k v | PUBLISH c m | GET k | INCR n
    A ACL SETUSER u -set resetkeys ~n resetchannels
    B EXEC | EXEC
    A GET k | GET n | ACL DELUSER u
  `,
  'EXEC itself': `
    A ACL SETUSER u on nopass +@all -exec ~*
    B AUTH u x | MULTI | SET k v | EXEC | PING | MULTI | DISCARD
    A ACL DELUSER u
  `,
  'who listens to what it may not hear any more is closed': `
    A ACL SETUSER u on nopass +@all resetchannels &a* &b
    B AUTH u x | SUBSCRIBE a1 b
    C AUTH u x | PSUBSCRIBE a*
    D AUTH u x | SSUBSCRIBE b
    E AUTH u x | PSUBSCRIBE a | PSUBSCRIBE b
    A ACL SETUSER u resetchannels &a* &b &c
    A PUBLISH a1 m | SPUBLISH b m
    A ACL SETUSER u resetchannels &a? &b
    A PUBLISH a1 m | SPUBLISH b m
    A ACL SETUSER u resetchannels &a1
    A PUBLISH a1 m | SPUBLISH b m
    A ACL DELUSER u
  `,
  'clients of users that are gone': `
    A ACL SETUSER u on nopass +@all ~* &* | ACL SETUSER v on nopass +@all ~* &*
    B AUTH u x | BLPOP l 0
    C AUTH v x | ACL DELUSER v | PING
    A ACL DELUSER u
    A RPUSH l 1 | LLEN l | DEL l
  `,
  'a client that waits when its rules change': `
    A ACL SETUSER u on nopass +@all ~* &*
    B AUTH u x | BLPOP l 0
    A ACL SETUSER u -blpop resetkeys | RPUSH l 1
    B PING | BLPOP l 0
    A DEL l | ACL DELUSER u
  `,
  'SORT by keys that are not named': `
    A ACL SETUSER u on nopass +sort +sort_ro ~l | RPUSH l 1
    B AUTH u x | SORT l | SORT l BY nosort | SORT l BY w* | SORT l GET # | SORT l BY x* GET y bad | SORT_RO l GET w
    A ACL SETUSER u (+sort %W~*)
    B SORT l BY w*
    A ACL SETUSER u (+sort %R~*)
    B SORT l BY w* GET #
    A ACL DELUSER u | DEL l
  `,
  'CLIENT KILL USER': `
    A ACL SETUSER u on nopass +@all ~* &*
    B AUTH u x
    A CLIENT KILL USER nosuch | CLIENT KILL USER u | CLIENT KILL USER u
    A ACL DELUSER u
  `,
  'channels of new users': `
    A CONFIG SET acl-pubsub-default allchannels | ACL SETUSER u | ACL SETUSER u (+get) | ACL SETUSER w &x | ACL LIST
    A CONFIG SET acl-pubsub-default resetchannels | ACL SETUSER v | ACL SETUSER u reset | ACL LIST | ACL DELUSER u v w
  `,
};

/** Takes out of ACL LOG what is not the same twice: the age and the line of the client. */
const withoutTimes: Normaliser = (raw) =>
  Buffer.from(
    raw
      .toString('latin1')
      .replace(/(age-seconds\r\n)(?:\$\d+\r\n|,)[\d.]+/g, '$1')
      .replace(/\$\d+\r\nid=\d+ [^\r]*/g, 'client'),
    'latin1',
  );

describeWithOracle('ACL', (pair) => {
  for (const [title, script] of Object.entries(SCRIPTS)) {
    it(title, () => transcript(pair, script));
  }

  it('ACL LOG', async () => {
    await pair.compareAll([
      ['ACL', 'LOG', 'RESET'],
      ['ACL', 'SETUSER', 'u', 'on', 'nopass', '+get', '+multi', '+exec', '+acl', '+publish', '~a'],
      ['AUTH', 'nosuch', 'x'],
      ['auth', 'nosuch', 'x'],
      ['HELLO', '2', 'AUTH', 'other', 'x'],
      ['MULTI'],
      ['AUTH', 'nosuch', 'x'],
      ['EXEC'],
      ['AUTH', 'u', 'x'],
      ['GET', 'b'],
      ['SET', 'a', '1'],
      ['GET', 'b'],
      ['CLIENT', 'ID'],
      ['PUBLISH', 'c', 'm'],
      ['MULTI'],
      ['GET', 'b'],
      ['EXEC'],
    ]);
    for (const count of [[], ['3'], ['0'], ['-1'], ['100']]) {
      const raw = await pair.compareNormalised(withoutTimes, 'ACL', 'LOG', ...count);
      assert.equal(raw.includes('client-info'), !['0', '-1'].includes(count[0] ?? ''));
    }
    await pair.compareAll([
      ['AUTH', 'default', ''],
      ['CONFIG', 'SET', 'acllog-max-len', '2'],
      ['AUTH', 'one', 'x'],
      ['AUTH', 'two', 'x'],
    ]);
    await pair.compareNormalised(withoutTimes, 'ACL', 'LOG');
    await pair.compareAll([
      ['CONFIG', 'SET', 'acllog-max-len', '128'],
      ['ACL', 'LOG', 'RESET'],
      ['ACL', 'LOG'],
      ['ACL', 'DELUSER', 'u'],
    ]);
  });
});

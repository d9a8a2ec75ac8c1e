/**
 * Access rules: random ones mean the same to redis-server and here, and are described alike; and random requests of
 * users with such rules are allowed or refused alike (ACL DRYRUN).
 *
 * Longer: ACL_RULES_ROUNDS=20000 npm test -- acl-rules
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ALL_COMMANDS } from '../../src/commands/all.ts';
import { CommandSet } from '../../src/engine/acl/command-set.ts';
import { joinSelectors, User } from '../../src/engine/acl/user.ts';
import type { CommandSpec } from '../../src/engine/command-spec.ts';
import { BLOCKING } from '../../src/engine/command-spec.ts';
import { CommandTable } from '../../src/engine/command-table.ts';
import { badRule, unmatchedSelector } from '../../src/engine/errors.ts';
import { RuleGenerator, sortedDescription } from '../support/acl-rules.ts';
import { inProcess } from '../support/in-process.ts';
import { findOracle, NO_ORACLE } from '../support/oracle.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const ROUNDS = Number(process.env.ACL_RULES_ROUNDS ?? 400);
const SEED = Number(process.env.ACL_RULES_SEED ?? 1);

/** The commands as 7.0.15 has them: what we have of 7.2 would count in the descriptions. */
function commandsOf70(): CommandSpec[] {
  const newer = new Set(['no-touch', 'setinfo']);
  return ALL_COMMANDS.filter(({ name }) => name !== 'waitaof').map((spec) => {
    if (spec.name === 'wait') return { ...spec, flags: spec.flags & ~BLOCKING };
    if (spec.name !== 'client') return spec;
    return { ...spec, subcommands: spec.subcommands!.filter(({ name }) => !newer.has(name)) };
  });
}

const oracle = findOracle();
describe('access rules', { skip: oracle === null && NO_ORACLE }, () => {
  let server: ServerProcess;
  let client: RawClient;
  let commands: string[];
  let categories: string[];
  before(async () => {
    server = await startServer({ command: [oracle!] });
    client = await server.connect();
    commands = ((await client.call('COMMAND', 'LIST')) as string[]).sort();
    categories = (await client.call('ACL', 'CAT')) as string[];
  });
  after(() => server?.stop());

  it('the same commands and categories', async () => {
    const set = new CommandSet(new CommandTable(commandsOf70()));
    assert.deepEqual(set.list.map(({ name }) => name).sort(), commands);
    for (const [i, category] of categories.entries()) {
      const theirs = ((await client.call('ACL', 'CAT', category)) as string[]).sort();
      const ours = set.list.filter((command) => (command.categories & (1 << i)) !== 0);
      assert.deepEqual(ours.map(({ name }) => name).sort(), theirs, category);
    }
  });

  it('random rules are accepted, refused and described alike', async () => {
    const generator = new RuleGenerator(SEED, commands, categories);
    const context = {
      commands: new CommandSet(new CommandTable(commandsOf70())),
      allChannels: () => allChannels,
      warn: () => {},
    };
    let allChannels = false;
    let user = new User('u', context);
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 20 === 0) {
        allChannels = round % 60 === 40;
        const pubsub = allChannels ? 'allchannels' : 'resetchannels';
        await client.call('CONFIG', 'SET', 'acl-pubsub-default', pubsub);
        await client.call('ACL', 'DELUSER', 'u');
        user = new User('u', context);
      }
      const rules = generator.rules();
      const bytes = rules.map((rule) => Buffer.from(rule, 'latin1'));
      const reply = (await client.send('ACL', 'SETUSER', 'u', ...bytes)).toString('latin1');
      const changed = user.copy();
      const problem = applyAll(changed, rules);
      const said = `round ${round}: ${JSON.stringify(rules)}`;
      assert.equal(problem === null ? '+OK\r\n' : `-${problem}\r\n`, reply, said);
      if (problem === null) user = changed;
      const lines = (await client.call('ACL', 'LIST')) as string[];
      const theirs = lines.find((line) => line.startsWith('user u '));
      if (theirs === undefined) continue;
      assert.equal(sortedDescription(`user u ${user.describe()}`), sortedDescription(theirs), said);
      // What is described is what there is; but for a pattern like that of allkeys, which is not that (nor in Redis).
      if (/[~%]\S* ~\*|~\* [~%]/.test(user.describe())) continue;
      const again = new User('u', { ...context, allChannels: () => false });
      assert.equal(applyAll(again, user.describe().split(' ')), null);
      assert.equal(again.describe(), user.describe());
    }
  });

  it('random requests are allowed and refused alike', async () => {
    const table = new CommandTable(ALL_COMMANDS);
    // Not those that we lack, nor those that have got more arguments in 7.2.
    const known: string[] = [];
    for (const name of commands) {
      const [info] = (await client.call('COMMAND', 'INFO', name)) as [string, number][];
      if (table.find(name)?.arity === info![1] && name !== 'wait') known.push(name);
    }
    const generator = new RuleGenerator(SEED + 1, known, categories);
    const redis = inProcess();
    await client.call('CONFIG', 'SET', 'acl-pubsub-default', 'resetchannels');
    let outcomes = 0;
    for (let round = 0; round < ROUNDS / 4; round++) {
      const rules = ['reset', ...generator.rules()];
      const bytes = rules.map((rule) => Buffer.from(rule, 'latin1'));
      const set = await client.send('ACL', 'SETUSER', 'd', ...bytes);
      assert.equal(redis.raw('ACL', 'SETUSER', 'd', ...bytes).toString(), set.toString());
      if (set[0] !== 0x2b) continue;
      for (let i = 0; i < 20; i++) {
        const request = generator.request();
        const theirs = (await client.send('ACL', 'DRYRUN', 'd', ...request)).toString();
        const ours = redis.raw('ACL', 'DRYRUN', 'd', ...request).toString();
        assert.equal(ours, theirs, `round ${round}: ${JSON.stringify(rules)} ${request.join(' ')}`);
        if (!theirs.startsWith('-')) outcomes++;
      }
    }
    assert.ok(outcomes > ROUNDS, 'most requests were asked in vain');
  });
});

/** As ACL SETUSER says what is wrong; null: nothing. */
function applyAll(user: User, rules: readonly string[]): string | null {
  const joined = joinSelectors(rules);
  if (!Array.isArray(joined)) return unmatchedSelector(joined.unmatched).text;
  for (const rule of joined) {
    const problem = user.apply(rule);
    if (problem !== null) return badRule(rule, problem).text;
  }
  return null;
}

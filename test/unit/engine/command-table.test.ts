import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ALL_COMMANDS } from '../../../src/commands/all.ts';
import {
  type CommandSpec,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INCOMPLETE,
  KEY_INSERT,
  KEY_NOT_KEY,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  type KeyRef,
  NO_MANDATORY_KEYS,
} from '../../../src/engine/command-spec.ts';
import { Command, CommandTable } from '../../../src/engine/command-table.ts';
import {
  extractKeys,
  INVALID_ARGUMENT_COUNT,
  INVALID_ARGUMENTS,
  NO_KEY_ARGUMENTS,
} from '../../../src/engine/key-extraction.ts';
import { keyAt } from '../../../src/engine/spec-helpers.ts';
import { Args } from '../../../src/resp/args.ts';

const SPECS = ALL_COMMANDS;

function spec(name: string, details: Partial<CommandSpec> = {}): CommandSpec {
  return {
    name,
    group: 'generic',
    since: '1.0.0',
    summary: '',
    complexity: '',
    arity: -1,
    flags: 0,
    run: () => {},
    ...details,
  };
}

describe('CommandTable', () => {
  const table = new CommandTable(SPECS);
  const names = [...table.all()].map(({ name }) => name);

  test('finds every command in whatever case', () => {
    const property = fc.property(
      fc.constantFrom(...names),
      fc.infiniteStream(fc.boolean()),
      (name, upper) => {
        const word = [...name].map((c) => (upper.next().value ? c.toUpperCase() : c)).join('');
        return table.lookup(Args.from([word, 'x']))?.name === name;
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  test('finds nothing else', () => {
    const known = new Set(names);
    const near = fc.tuple(fc.constantFrom(...names), fc.nat(30), fc.nat(255)).map(([name, at, byte]) => {
      const word = Buffer.from(name, 'latin1');
      word[at % word.length] = byte;
      return word;
    });
    const any = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
    const property = fc.property(fc.oneof(near, any), (word) => {
      const text = word.toString('latin1').replace(/[A-Z]/g, (c) => c.toLowerCase());
      const found = table.lookup(Args.from([word]));
      return known.has(text) ? found?.name === text : found === null;
    });
    fc.assert(property, { numRuns: 5000 });
  });

  test('does not look behind the argument', () => {
    const args = Args.from(['GETX', 'k']);
    args.len[0] = 3;
    assert.equal(table.lookup(args)?.name, 'get');
    args.len[0] = 0;
    assert.equal(table.lookup(args), null);
  });

  test('finds subcommands by their full name, and by argument', () => {
    assert.equal(table.find('CLIENT|List')?.fullName, 'client|list');
    assert.equal(table.find('client')?.fullName, 'client');
    assert.equal(table.find('client|nosuch'), null);
    assert.equal(table.find('get|x'), null);
    assert.equal(table.find('client|list|x'), null);
    const client = table.find('client')!;
    assert.equal(table.resolve(client, Args.from(['client', 'NO-EVICT']))?.fullName, 'client|no-evict');
    assert.equal(table.resolve(client, Args.from(['client', 'nosuch'])), null);
    assert.equal(table.resolve(client, Args.from(['client'])), client);
    assert.equal(table.find('client|list')?.parent, client);
  });

  test('renames and removes', () => {
    const own = new CommandTable(SPECS);
    const before = own.count;
    assert.ok(own.rename('CONFIG', 'Secret'));
    assert.equal(own.lookup(Args.from(['config'])), null);
    assert.equal(own.lookup(Args.from(['SECRET']))?.fullName, 'config');
    assert.ok(own.rename('flushall', ''));
    assert.equal(own.lookup(Args.from(['flushall'])), null);
    assert.equal(own.count, before - 1);
    assert.ok(!own.rename('flushall', 'x'));
    assert.ok(!own.rename('get', 'set'));
  });

  test('refuses two commands of one name', () => {
    assert.throws(() => new CommandTable([spec('a'), spec('a')]), /two commands named a/);
  });

  test('every entry has a handler, unless it only has subcommands', () => {
    const missing = [...table.everything()].filter(
      ({ spec: entry }) => entry.run === undefined && entry.subcommands === undefined,
    );
    assert.deepEqual(
      missing.map(({ fullName }) => fullName),
      [],
    );
  });

  test('categories follow from flags', () => {
    const categories = (name: string) => table.find(name)!.aclCategories;
    assert.deepEqual(categories('get'), ['read', 'string', 'fast']);
    assert.deepEqual(categories('set'), ['write', 'string', 'slow']);
    assert.deepEqual(categories('client|kill'), ['admin', 'slow', 'dangerous', 'connection']);
    assert.deepEqual(categories('flushall'), ['keyspace', 'write', 'slow', 'dangerous']);
  });

  test('the old key range joins key specs that touch', () => {
    const range = (keys: CommandSpec['keys']) => {
      const command = new Command(spec('x', { keys: keys ?? [] }));
      return [command.firstKey, command.lastKey, command.keyStep, command.movableKeys];
    };
    assert.deepEqual(range([]), [0, 0, 0, false]);
    assert.deepEqual(range([keyAt(1, KEY_RO), keyAt(2, KEY_OW)]), [1, 2, 1, false]);
    assert.deepEqual(range([keyAt(1, KEY_OW), keyAt(2, KEY_RO, { last: -1 })]), [1, -1, 1, false]);
    assert.deepEqual(range([keyAt(1, KEY_OW, { last: -1, step: 2 })]), [1, -1, 2, false]);
    assert.deepEqual(range([keyAt(1, KEY_RO), keyAt(3, KEY_RO)]), [1, 1, 1, true]);
    const byCount = { flags: KEY_RO, begin: { index: 1 }, find: { numkeysAt: 0, firstKey: 1, step: 1 } };
    assert.deepEqual(range([byCount]), [0, 0, 0, true]);
  });
});

describe('extractKeys', () => {
  /** "index" or "index:flags" of each key, or the text of the error. */
  function keysOf(entry: CommandSpec, line: string): string {
    const keys = extractKeys(new Command(entry), Args.from(line.split(' ')));
    return Array.isArray(keys) ? keys.map(({ index }) => index).join(' ') : keys.text;
  }

  test('ranges', () => {
    const mset = spec('mset', { arity: -3, keys: [keyAt(1, KEY_OW | KEY_UPDATE, { last: -1, step: 2 })] });
    assert.equal(keysOf(mset, 'mset a 1 b 2'), '1 3');
    assert.equal(keysOf(mset, 'mset a 1 b'), '1 3');
    assert.equal(keysOf(mset, 'mset a'), INVALID_ARGUMENT_COUNT.text);
    const blpop = spec('blpop', { arity: -3, keys: [keyAt(1, KEY_RW | KEY_DELETE, { last: -2 })] });
    assert.equal(keysOf(blpop, 'blpop a b c 0'), '1 2 3');
    const rename = spec('rename', { arity: 3, keys: [keyAt(1, KEY_RW), keyAt(2, KEY_OW)] });
    assert.equal(keysOf(rename, 'rename a b'), '1 2');
    assert.equal(keysOf(rename, 'rename a b c'), INVALID_ARGUMENT_COUNT.text);
  });

  test('counts', () => {
    const find = { numkeysAt: 0, firstKey: 1, step: 1 };
    const union = spec('zunionstore', {
      arity: -4,
      keys: [keyAt(1, KEY_OW), { flags: KEY_RO | KEY_ACCESS, begin: { index: 2 }, find }],
    });
    assert.equal(keysOf(union, 'zunionstore d 2 a b'), '1 3 4');
    assert.equal(keysOf(union, 'zunionstore d 2 a b weights 1 2'), '1 3 4');
    for (const count of ['0', '9', '-1', 'x', '99999999999999999999']) {
      assert.equal(keysOf(union, `zunionstore d ${count} a`), INVALID_ARGUMENTS.text);
    }
    const evaluate = spec('eval', {
      arity: -3,
      flags: NO_MANDATORY_KEYS,
      keys: [{ flags: KEY_RW, begin: { index: 2 }, find }],
    });
    assert.equal(keysOf(evaluate, 'eval x 1 a b'), '3');
    assert.equal(keysOf(evaluate, 'eval x 0'), '');
    assert.equal(keysOf(evaluate, 'eval x 5 a'), '');
    assert.equal(keysOf(evaluate, 'eval x'), INVALID_ARGUMENT_COUNT.text);
  });

  test('keywords', () => {
    const xread = spec('xread', {
      arity: -4,
      keys: [
        {
          flags: KEY_RO | KEY_ACCESS,
          begin: { keyword: 'STREAMS', startFrom: 1 },
          find: { last: -1, step: 1, limit: 2 },
        },
      ],
    });
    assert.equal(keysOf(xread, 'xread count 1 Streams a b 1 2'), '4 5');
    assert.equal(keysOf(xread, 'xread streams a 1'), '2');
    assert.equal(keysOf(xread, 'xread count 1 a b'), INVALID_ARGUMENTS.text);
    const georadius = spec('georadius', {
      arity: -6,
      keys: [
        keyAt(1, KEY_RO | KEY_ACCESS),
        {
          flags: KEY_OW,
          begin: { keyword: 'STORE', startFrom: 6 },
          find: { last: 0, step: 1, limit: 0 },
        },
      ],
    });
    assert.equal(keysOf(georadius, 'georadius a 1 1 1 m'), '1');
    assert.equal(keysOf(georadius, 'georadius a 1 1 1 m store x'), '1 7');
  });

  test('the entry decides where the specs cannot', () => {
    const migrate = spec('migrate', {
      arity: -6,
      keys: [
        keyAt(3, KEY_RW),
        {
          flags: KEY_RW | KEY_INCOMPLETE,
          begin: { keyword: 'KEYS', startFrom: -2 },
          find: { last: -1, step: 1, limit: 0 },
        },
      ],
      getKeys: (): KeyRef[] => [{ index: 6, flags: KEY_RW }],
    });
    assert.equal(keysOf(migrate, 'migrate h 1 x 0 10 a'), '6');
    const set = ALL_COMMANDS.find(({ name }) => name === 'set')!;
    const flagsOf = (line: string) => {
      const keys = extractKeys(new Command(set), Args.from(line.split(' ')));
      return Array.isArray(keys) ? keys[0]!.flags : -1;
    };
    assert.equal(flagsOf('set k v'), KEY_OW | KEY_UPDATE);
    assert.equal(flagsOf('set k v ex 10 GET'), KEY_RW | KEY_ACCESS | KEY_UPDATE);
    assert.ok(!new Command(set).movableKeys);
  });

  test('no keys', () => {
    assert.equal(keysOf(spec('ping'), 'ping'), NO_KEY_ARGUMENTS.text);
    const subscribe = spec('ssubscribe', { keys: [keyAt(1, KEY_NOT_KEY | KEY_INSERT, { last: -1 })] });
    assert.equal(keysOf(subscribe, 'ssubscribe a'), NO_KEY_ARGUMENTS.text);
  });
});

/**
 * What the append-only file and replicas are told: the text of every rewriting, units, and who is told. The same
 * conversations go to redis-server in test/differential/effects.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TO_ALL, TO_AOF, TO_REPLICAS } from '../../src/engine/effects/propagation.ts';
import { CONVERSATIONS } from '../support/effect-conversations.ts';
import { CollectingSink, commandsIn, EffectRecorder, showEffects, wordsOf } from '../support/effect-pair.ts';
import { encodeCommand } from '../support/raw-client.ts';

describe('effects', () => {
  for (const { about, lines, told } of CONVERSATIONS) {
    it(`are told: ${about}`, () => {
      const recorder = new EffectRecorder();
      recorder.run(...lines);
      assert.equal(showEffects(recorder.take()), told.join('\n'));
    });
  }

  it('of inline commands and of odd line ends are written anew', () => {
    const { redis, sink } = new EffectRecorder();
    const served = (text: string): string => {
      const buf = Buffer.from(text, 'latin1');
      redis.engine.serve(redis.client, buf, 0, buf.length);
      return sink.take().toString('latin1');
    };
    served('SET a b\r\n');
    const written = '*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n';
    assert.equal(served('set k v\r\n'), written);
    assert.equal(served('  set "k" v\n'), written);
    assert.equal(served('*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n'), written);
    assert.equal(served('*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nvxx'), written);
    assert.equal(served('*3\r\n$3\r\nset\r\n$1\r\nk\rx$1\r\nv\r\n'), written);
    assert.equal(served('*3\rx$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n'), written);
    assert.equal(served('*3\r\n$3\rxset\r\n$1\r\nk\r\n$1\r\nv\r\n'), written);
    assert.equal(served('*3\r\n$3\r\nsetab$1\r\nk\r\n$1\r\nv\r\n'), written);
    assert.equal(served(`${written}\r\n${written}`), written + written);
    // Half a request, then the rest: the parser goes on, or begins anew.
    const { parser } = redis.engine;
    const half = Buffer.from(written.slice(0, 20), 'latin1');
    redis.engine.serve(redis.client, half, 0, half.length);
    const state = parser.save(0);
    parser.restore(state);
    assert.equal(served(written), written);
  });

  it('are told to those whom they are for', () => {
    const recorder = new EffectRecorder();
    const { propagation } = recorder.redis.engine;
    const replica = new CollectingSink();
    propagation.attach(replica, TO_REPLICAS);
    const told = (line: string): [string[], string[]] => {
      recorder.run(line);
      const texts = [recorder.take(), commandsIn(replica.take())].map((commands) =>
        showEffects(commands)
          .split('\n')
          .filter((text) => text !== ''),
      );
      return texts as [string[], string[]];
    };
    assert.deepEqual(told('A PUBLISH a b'), [[], ['SELECT 0', 'PUBLISH a b']]);
    assert.deepEqual(told('A SET x y'), [['SELECT 0', 'SET x y'], ['SET x y']]);
    assert.deepEqual(told('A MULTI | PUBLISH a b | EXEC'), [[], ['PUBLISH a b']]);
    assert.deepEqual(told('A MULTI | PUBLISH a b | SET x y | EXEC'), [
      ['MULTI', 'SET x y', 'EXEC'],
      ['MULTI', 'PUBLISH a b', 'SET x y', 'EXEC'],
    ]);
    assert.deepEqual(told('A MULTI | SELECT 3 | PUBLISH a b | SELECT 0 | SET x y | EXEC'), [
      ['SELECT 3', 'MULTI', 'SELECT 0', 'SET x y', 'EXEC'],
      ['SELECT 3', 'MULTI', 'PUBLISH a b', 'SELECT 0', 'SET x y', 'EXEC'],
    ]);
    propagation.detach(recorder.sink);
    assert.deepEqual(told('A SET x y'), [[], ['SET x y']]);
    propagation.detach(replica);
    assert.equal(propagation.active, false);
    assert.deepEqual(told('A SET x y'), [[], []]);
  });

  it('come with their database when that is asked for', () => {
    const recorder = new EffectRecorder();
    recorder.run('A SET a b', 'A SET c d');
    recorder.redis.engine.propagation.forceSelect(recorder.sink);
    recorder.run('A SET e f', 'A SET g h');
    assert.equal(showEffects(recorder.take()), 'SELECT 0\nSET a b\nSET c d\nSELECT 0\nSET e f\nSET g h');
  });

  it('may be told by those who are no command', () => {
    const { redis, sink } = new EffectRecorder();
    const { propagation, keyspace } = redis.engine;
    propagation.also(keyspace.databases[2]!, TO_ALL, 'DEL', 'k', 7, 8n, Buffer.from('x'));
    propagation.also(keyspace.databases[2]!, TO_REPLICAS, 'PING');
    propagation.begin();
    propagation.also(keyspace.databases[2]!, TO_AOF, 'DEL', 'a');
    propagation.also(keyspace.databases[1]!, TO_AOF, 'DEL', 'b');
    propagation.end();
    assert.equal(
      showEffects(commandsIn(sink.take())),
      'SELECT 2\nDEL k 7 8 x\nMULTI\nDEL a\nSELECT 1\nDEL b\nEXEC',
    );
  });

  it('of plain writes read together are handed over together, before anything else runs', () => {
    const { redis, sink } = new EffectRecorder();
    const { engine } = redis;
    const parts: string[] = [];
    const append = sink.append.bind(sink);
    let immediate = false;
    engine.propagation.detach(sink);
    engine.propagation.attach(
      {
        append: (bytes, off, len) => {
          append(bytes, off, len);
          parts.push(showEffects(commandsIn(sink.take())).replaceAll('\n', ', '));
        },
        get immediate() {
          return immediate;
        },
      },
      TO_AOF,
    );
    const served = (...lines: string[]): string[] => {
      const buf = Buffer.concat(lines.map((line) => encodeCommand(wordsOf(line))));
      engine.serve(redis.client, buf, 0, buf.length);
      return parts.splice(0);
    };
    served('SET s 1');
    assert.deepEqual(served('SET a b', 'SET c d', 'INCR n'), ['SET a b, SET c d, INCR n']);
    assert.deepEqual(served('SET a b', 'GET a', 'SET c d'), ['SET a b', 'SET c d']);
    assert.deepEqual(served('SET a b', 'SET c d', 'SETEX k 1 v', 'SET e f'), [
      'SET a b, SET c d',
      'SET k v PXAT 1800000001000',
      'SET e f',
    ]);
    assert.deepEqual(served('SET a b', 'SELECT 1', 'SET c d', 'SET e f', 'SELECT 0'), [
      'SET a b',
      'SELECT 1',
      'SET c d, SET e f',
    ]);
    // A command that begins something new finds all that has run before it in the stream.
    redis.config.onChange('appendfsync', () => parts.push('(switched)'));
    assert.deepEqual(served('SET a b', 'CONFIG SET appendfsync always', 'SET c d'), [
      'SELECT 0',
      'SET a b',
      '(switched)',
      'SET c d',
    ]);
    immediate = true;
    assert.deepEqual(served('SET a b', 'SET c d'), ['SET a b', 'SET c d']);
  });

  it('of a listener that comes within a transaction begin where it comes', () => {
    const recorder = new EffectRecorder();
    const { redis, sink } = recorder;
    const { propagation } = redis.engine;
    propagation.detach(sink);
    redis.config.onChange('appendfsync', () => propagation.attach(sink, TO_AOF));
    recorder.run('A MULTI | SET a b | CONFIG SET appendfsync always | SET c d | SET e f | EXEC | SET g h');
    assert.equal(showEffects(recorder.take()), 'SELECT 0\nMULTI\nSET c d\nSET e f\nEXEC\nSET g h');
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Manifest,
  ManifestError,
  manifestOfOldFile,
  parseManifest,
} from '../../src/persistence/aof/manifest.ts';
import { randomBelow, seededRandom } from '../../src/util/random.ts';

const FORMAT = 'Invalid AOF manifest file format';

function refusal(text: string): string {
  try {
    parseManifest(text);
  } catch (error) {
    assert(error instanceof ManifestError);
    return error.line === null ? error.message : `${error.line.number}: ${error.message}`;
  }
  return 'accepted';
}

test('what is not a manifest is refused with the text of the real server', () => {
  const good = 'file a seq 1 type i\n';
  const cases: [text: string, refusal: string][] = [
    ['', 'Found an empty AOF manifest'],
    ['file a seq 1 type x\n', '1: Unknown AOF file type'],
    [`# comment\n\n${good}`, `2: ${FORMAT}`],
    ['filx a seq 1 type b\n', `1: ${FORMAT}`],
    ['file a type i\n', `1: ${FORMAT}`],
    ['file a seq 1 type i newkey\n', `1: ${FORMAT}`],
    ['file a seq 0 type i\n', `1: ${FORMAT}`],
    ['file a seq x type i\n', `1: ${FORMAT}`],
    ['file "a seq 1 type i\n', `1: ${FORMAT}`],
    ['file a seq -1 type i\n', '1: Found a non-monotonic sequence number'],
    [`${good}file b seq 1 type i\n`, '2: Found a non-monotonic sequence number'],
    ['file a seq 2 type b\nfile a seq 2 type b\n', '2: Found duplicate base file information'],
    ['file a/b seq 1 type i\n', "1: File can't be a path, just a filename"],
    ['file a seq 1 type i', 'The AOF manifest file contains too long line'],
    [`file ${'a'.repeat(1100)} seq 1 type i\n`, 'The AOF manifest file contains too long line'],
  ];
  for (const [text, expected] of cases) assert.equal(refusal(text), expected, text.slice(0, 60));
});

test('case, blanks, comments and unknown words do not matter', () => {
  const manifest = parseManifest('# by hand\n FILE a SEQ 1x TYPE base  new thing\t\nfile b seq 3 type i\n');
  assert.deepEqual(manifest.base, { name: 'a', seq: 1 });
  assert.deepEqual(manifest.incrs, [{ name: 'b', seq: 3 }]);
  assert.equal(manifest.incrSeq, 3);
  assert(parseManifest('# nothing else\n').isEmpty);
});

test('names with blanks and line ends are quoted', () => {
  const manifest = new Manifest();
  manifest.newBase(' file seq \n\n.aof ', true);
  manifest.newIncr(' file seq \n\n.aof ');
  assert.equal(
    manifest.format(),
    'file " file seq \\n\\n.aof .1.base.rdb" seq 1 type b\nfile " file seq \\n\\n.aof .1.incr.aof" seq 1 type i\n',
  );
});

test('history stands as the real server has it', () => {
  // Three incremental files (two rewrites failed), a rewrite while on, one while off, and the file switched on again.
  const manifest = new Manifest();
  manifest.newBase('a', true);
  for (let i = 0; i < 4; i++) manifest.newIncr('a');
  manifest.newBase('a', true);
  manifest.retireIncrs(true);
  assert.equal(
    manifest.format(),
    'file a.2.base.rdb seq 2 type b\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type h\n' +
      'file a.3.incr.aof seq 3 type h\nfile a.1.base.rdb seq 1 type h\nfile a.4.incr.aof seq 4 type i\n',
  );
  manifest.newBase('a', false);
  manifest.retireIncrs(false);
  assert(manifest.format().startsWith('file a.3.base.aof seq 3 type b\nfile a.4.incr.aof seq 4 type h\n'));
  assert.equal(manifest.newIncr('a').name, 'a.5.incr.aof');
});

test('a single file of before is a base', () => {
  const manifest = manifestOfOldFile('appendonly.aof');
  assert.equal(manifest.format(), 'file appendonly.aof seq 1 type b\n');
  assert.equal(manifest.newBase('appendonly.aof', true).name, 'appendonly.aof.2.base.rdb');
});

test('what was written is read back', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 500; round++) {
    const manifest = new Manifest();
    const length = 1 + randomBelow(random, 12);
    let name = '';
    for (let i = 0; i < length; i++) name += String.fromCharCode(1 + randomBelow(random, 255));
    name = name.replace(/[/\\]/g, '_');
    for (let step = randomBelow(random, 12); step >= 0; step--) {
      if (randomBelow(random, 3) === 0) {
        manifest.newBase(name, randomBelow(random, 2) === 0);
        if (randomBelow(random, 2) === 0) manifest.retireIncrs(randomBelow(random, 2) === 0);
      } else manifest.newIncr(name);
      if (randomBelow(random, 8) === 0) manifest.history = [];
    }
    if (manifest.format() === '') continue;
    const read = parseManifest(manifest.format());
    assert.deepEqual(read.base, manifest.base);
    assert.deepEqual(read.history, manifest.history);
    assert.deepEqual(read.incrs, manifest.incrs);
    assert.equal(read.format(), manifest.format());
  }
});

/**
 * Rules about the source itself, so that reviews need not repeat them (after TigerBeetle's tidy.zig): who may
 * import whom, where time and chance may come from, no file that nothing reaches, no file grown too large.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const SRC = join(ROOT, 'src');

/** The rows of ARCHITECTURE.md: a folder imports from itself and from the folders before it. */
const LAYERS = [
  'util',
  'structures',
  'resp',
  'config',
  'logging',
  'datatypes',
  'keyspace',
  'values',
  'rdb',
  'engine',
  'commands',
  'scripting',
  'net',
  'persistence',
  'replication',
  'sentinel',
  'server',
  'embedded',
  'cli',
];

/** Folders whose every file is started by something outside src/, and the files that packages export. */
const ENTRY_FOLDERS = ['cli'];
const ENTRY_FILES = ['embedded/index.ts', 'index.ts'];
/** Tests write and check docs/ with these. */
const DOCS_FILE = 'render-docs.ts';
/** Tested leaves that wait for their users: RDB (crc64), cluster slots (crc16), streams of effects (fifo). */
const AHEAD = ['util/crc16.ts', 'util/crc64.ts', 'util/fifo.ts'];

const MAX_LINES = 700;

/** Decisions without sockets, timers and files: only these, the type of a reply, and whether a text is an address. */
const SENTINEL_CORE = 'sentinel/core/';
const SENTINEL_CORE_IMPORTS = /^(?:sentinel\/core\/|util\/(?:random|glob)\.ts$|resp\/reply-reader\.ts$)/;
const SENTINEL_CORE_PACKAGES = ['node:net'];

/** Calls that read the clock, wait or draw lots. Methods of the same name on other objects are not meant. */
const CLOCK_FUNCTIONS = new Set(['setTimeout', 'setInterval']);
const CLOCK_METHODS = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'process.hrtime',
  'process.hrtime.bigint',
  'globalThis.setTimeout',
  'globalThis.setInterval',
]);

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly layer: string;
  /** Paths relative to src/ of what it imports from there. */
  readonly imports: readonly string[];
}

const files = existsSync(SRC) ? readSources() : [];

describe('tidy', () => {
  it('imports only point to rows above', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const row = LAYERS.indexOf(file.layer);
      if (row < 0 && file.path.includes('/')) wrong.push(`${file.path}: folder ${file.layer} has no row`);
      if (row < 0) continue;
      for (const imported of file.imports) {
        if (LAYERS.indexOf(folderOf(imported)) > row) wrong.push(`${file.path} imports ${imported}`);
      }
    }
    assertNone(wrong, 'imports that point down the layers');
  });

  it('imports exist', () => {
    const known = new Set(files.map(({ path }) => path));
    const wrong = files.flatMap(({ path, imports }) =>
      imports.filter((imported) => !known.has(imported)).map((imported) => `${path} imports ${imported}`),
    );
    assertNone(wrong, 'imports of files that are not there');
  });

  it('the core of a sentinel imports nothing that could do anything', () => {
    const core = files.filter(({ path }) => path.startsWith(SENTINEL_CORE));
    const wrong = core.flatMap(({ path, text, imports }) => {
      const inside = imports.filter((imported) => !SENTINEL_CORE_IMPORTS.test(imported));
      const packages = [...text.matchAll(/^(?:import|export) .*from '([^.'][^']*)';$/gm)]
        .map(([, name]) => name!)
        .filter((name) => !SENTINEL_CORE_PACKAGES.includes(name));
      return [...inside, ...packages].map((imported) => `${path} imports ${imported}`);
    });
    assert.ok(core.length > 0);
    assertNone(wrong, 'imports that the simulator could not simulate');
  });

  it('takes time and chance only from util/', () => {
    const wrong = files.filter(({ layer }) => layer !== 'util').flatMap(clockUses);
    assertNone(wrong, 'clock or random sources outside src/util');
  });

  it('has no file that nothing reaches', () => {
    const entries = files.filter(
      ({ path, layer }) =>
        ENTRY_FOLDERS.includes(layer) ||
        ENTRY_FILES.includes(path) ||
        AHEAD.includes(path) ||
        path.endsWith(`/${DOCS_FILE}`),
    );
    const byPath = new Map(files.map((file) => [file.path, file]));
    const reached = new Set<string>();
    const queue = entries.map(({ path }) => path);
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (reached.has(path)) continue;
      reached.add(path);
      queue.push(...(byPath.get(path)?.imports ?? []));
    }
    const wrong = files.map(({ path }) => path).filter((path) => !reached.has(path));
    assertNone(wrong, `files that no entry (${entries.map(({ path }) => path).join(', ')}) reaches`);
  });

  it(`has no file over ${MAX_LINES} lines`, () => {
    const wrong = files
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ path, lines }) => `${path}: ${lines} lines`);
    assertNone(wrong, 'files to split');
  });
});

function readSources(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(SRC, path), 'utf8');
      const imports = ts
        .preProcessFile(text, true, true)
        .importedFiles.map(({ fileName }) => fileName)
        .filter((name) => name.startsWith('.'))
        .map((name) => relative(SRC, join(SRC, dirname(path), name)).replaceAll('\\', '/'))
        // package.json for the version, for one, is outside src/.
        .filter((name) => !name.startsWith('..'));
      return { path, text, layer: folderOf(path), imports };
    });
}

function folderOf(path: string): string {
  return path.split('/', 1)[0]!;
}

function clockUses({ path, text }: SourceFile): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const use = clockUse(node);
    if (use !== null) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${path}:${line + 1} uses ${use}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function clockUse(node: ts.Node): string | null {
  // A mention is enough (`const now = Date.now`): the call may be elsewhere.
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText();
    // `process.hrtime.bigint` contains `process.hrtime`: one report will do.
    const inner = ts.isPropertyAccessExpression(node.parent) && CLOCK_METHODS.has(node.parent.getText());
    return CLOCK_METHODS.has(text) && !inner ? text : null;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? 'new Date()' : null;
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    return CLOCK_FUNCTIONS.has(node.expression.text) ? `${node.expression.text}()` : null;
  }
  return null;
}

function assertNone(wrong: readonly string[], what: string): void {
  assert.equal(wrong.length, 0, `${wrong.length} ${what}:\n  ${wrong.join('\n  ')}`);
}

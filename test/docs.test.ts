/**
 * Docs are true: commands that the README shows are run, links lead to files that are there, and files that the maps
 * name exist.
 *
 * A block to be run has `<!-- tested -->` in front of it. Its lines go to a shell one by one; a comment at the end of
 * a line is the expected output, blanks and line ends being equal. `<!-- tested: server -->` marks the block that
 * starts the server for the following ones; its `npm ci` has been done by whoever runs the tests. Ports are replaced by
 * free ones, the folder `data` by a temporary one.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { needs, run } from './clients/program.ts';
import { findOracle, NO_ORACLE } from './support/oracle.ts';
import { RawClient } from './support/raw-client.ts';
import { freePort, REPOSITORY } from './support/server-process.ts';
import { waitFor } from './support/wait-for.ts';

const DOCUMENTS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'src/README.md',
  ...readdirSync(join(REPOSITORY, 'docs')).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'));

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');

describe('docs', () => {
  for (const path of DOCUMENTS) {
    it(`${path}: links lead somewhere`, () => {
      const text = read(path);
      for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const [file, anchor] = target!.split('#');
        const at = file === '' ? path : join(dirname(path), file!);
        assert.ok(existsSync(join(REPOSITORY, at)), `${path} links to ${target}`);
        if (anchor !== undefined) assert.ok(anchors(read(at)).includes(anchor), `${path} links to ${target}`);
      }
    });

    it(`${path}: files it names exist`, () => {
      for (const [, name] of read(path).matchAll(/`([\w./-]+(?:\.(?:ts|md|conf)|\/))`/g)) {
        if (!name!.includes('/') || name!.startsWith('/') || /^(?:dist|node_modules)\//.test(name!)) continue;
        if (COMING.includes(name!)) continue;
        const found = [name!, `src/${name}`].some((one) => existsSync(join(REPOSITORY, one)));
        assert.ok(found, `${path} names ${name}`);
      }
    });
  }

  it('src/README.md has every file, or the folder that it is in', () => {
    const map = read('src/README.md');
    const missing = readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !map.includes(basename(path)))
      .filter((path) => !map.includes(`\`${dirname(path)}/\``));
    assert.deepEqual(missing, []);
  });

  it('src/README.md has every folder', () => {
    const map = read('src/README.md');
    const missing = readdirSync(join(REPOSITORY, 'src'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(REPOSITORY, 'src').length + 1))
      .filter((folder) => !map.includes(`${folder}/`));
    assert.deepEqual(missing, []);
  });
});

/** Folders that ARCHITECTURE.md announces. */
const COMING = ['scripting/', 'embedded/'];

/** The anchors that a Markdown page gives its headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** Whether a block talks to the redis-server that one before it has started. */
function movesOn({ lines }: Block): boolean {
  return lines.some((line) => line.includes(' -p 6390 '));
}

interface Block {
  readonly isServer: boolean;
  readonly lines: readonly string[];
}

function testedBlocks(text: string): Block[] {
  return [...text.matchAll(/^<!-- tested(: server)? -->\n```bash\n(.*?)^```$/gms)].map(
    ([, server, body]) => ({
      isServer: server !== undefined,
      lines: body!.trim().split('\n'),
    }),
  );
}

/** Ports that the README uses, of servers and of sentinels. */
const PORTS = /\b2?63\d\d\b/g;

describe('README', { skip: needs('redis-cli', 'npx') }, () => {
  const ports = new Map<string, number>();
  const servers: ChildProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'ts-redis-docs-'));

  after(async () => {
    for (const port of ports.values()) await shutDown(port);
    for (const server of servers) if (server.exitCode === null) server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** The line with free ports and a temporary folder instead of those that users would take. */
  const withOwnPlaces = async (line: string): Promise<string> => {
    for (const [port] of line.matchAll(PORTS)) {
      if (!ports.has(port)) ports.set(port, await freePort());
    }
    return line
      .replace(PORTS, (port) => String(ports.get(port)))
      .replace(/(?<= )(?:data|ha)\b/g, (name) => `${folder}/${name}`);
  };

  for (const [i, block] of testedBlocks(read('README.md')).entries()) {
    const skip = movesOn(block) && findOracle() === null ? NO_ORACLE : false;
    it(`block ${i + 1}: ${block.lines[0]}`, { skip }, async () => {
      if (block.isServer) {
        servers.push(
          await start(await withOwnPlaces(`${block.lines.at(-1)} --port 6379 --dir ${folder}`), ports),
        );
        return;
      }
      for (const line of block.lines) {
        const [command, expected] = (await withOwnPlaces(line)).split(/ +# /);
        // To a file: a daemon must not keep our pipe open.
        const script = `{ ${command}\n} > ${folder}/out 2> ${folder}/err < /dev/null`;
        const { code } = await run('sh', ['-c', script], { cwd: REPOSITORY, timeoutMs: 90_000 });
        const [out, err] = ['out', 'err'].map((name) => readFileSync(join(folder, name), 'utf8'));
        assert.deepEqual([code, err!.replace(/^npm warn .*\n/gim, '')], [0, ''], line);
        if (expected !== undefined) assert.equal(out!.trim().replaceAll(/\s+/g, ' '), expected.trim(), line);
      }
    });
  }
});

/** Starts what the README starts, without the installation, and waits until it answers. */
async function start(line: string, ports: ReadonlyMap<string, number>): Promise<ChildProcess> {
  const command = line.replace(/^npm ci && /, '');
  const server = spawn('sh', ['-c', `exec ${command}`], { cwd: REPOSITORY, stdio: 'ignore' });
  const port = ports.get('6379')!;
  await waitFor(
    async () => {
      const client = await RawClient.connect({ port });
      await client.close();
      return true;
    },
    { timeoutMs: 90_000, what: command },
  );
  return server;
}

async function shutDown(port: number): Promise<void> {
  try {
    const client = await RawClient.connect({ port });
    client.sendNoReply('SHUTDOWN', 'NOSAVE');
    await client.waitClosed();
  } catch {
    // It has ended already.
  }
}

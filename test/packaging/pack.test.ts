/** What `npm pack` makes can be installed into an empty folder and works there: binaries, configuration, versions. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { TS_REDIS_VERSION } from '../../src/util/version.ts';
import { launch, runToEnd, scratchFolder } from '../process/launch.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort, REPOSITORY } from '../support/server-process.ts';

const exec = promisify(execFile);

test('the version in the source is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal(TS_REDIS_VERSION, version);
});

test('pack, install, run', { timeout: 180_000 }, async (t) => {
  const folder = scratchFolder();
  // Built already by `npm test`; building again would change dist/ under the tests that run beside this one.
  const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await exec('npm', packing, { cwd: REPOSITORY });
  const [{ filename, size, files }] = JSON.parse(stdout) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  const paths = files.map(({ path }) => path);
  for (const path of [
    'bin/ts-redis-server',
    'bin/ts-redis-sentinel',
    'conf/redis.conf',
    'conf/replica.conf',
    'conf/sentinel.conf',
    'dist/bin/server-main.js',
  ]) {
    assert.ok(paths.includes(path), `${path} is in the package`);
  }
  assert.deepEqual(
    paths.filter((path) => /^(?:src|test|benchmarks)\//.test(path)),
    [],
  );
  assert.ok(size < 2_000_000, `the package has ${size} bytes`);

  const app = join(folder, 'app');
  await exec('mkdir', [app]);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "version": "1.0.0", "private": true }');
  try {
    const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, filename)];
    await exec('npm', install, { cwd: app, timeout: 120_000 });
  } catch (error) {
    // What the package depends on must come from somewhere.
    if (
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOTCACHED|ETIMEDOUT/.test(
        String((error as { stderr?: string }).stderr),
      )
    ) {
      t.skip('no network and no npm cache to install the dependencies from');
      return;
    }
    throw error;
  }
  const bin = join(app, 'node_modules', '.bin', 'ts-redis-server');
  assert.ok((statSync(bin).mode & 0o111) !== 0);
  const version = await runToEnd(['--version'], { cwd: app, command: [bin] });
  assert.match(version.stdout, /^Redis server v=7\.2\.4 /);

  const conf = join(app, 'node_modules', 'ts-redis', 'conf', 'redis.conf');
  assert.ok(existsSync(conf));
  const port = await freePort();
  const server = await launch([conf, '--port', String(port)], { cwd: app, command: [bin] }).ready();
  const client = await RawClient.connect({ port });
  assert.equal(await client.call('SET', 'k', 'v'), 'OK');
  assert.equal(await client.call('GET', 'k'), 'v');
  // By now the log is pino's, which comes from the dependencies.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await client.close();
  const { code } = await server.end();
  assert.equal(code, 0);
});

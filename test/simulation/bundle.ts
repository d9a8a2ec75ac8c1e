/**
 * The simulator with the code under test as one file of JavaScript, and on wish with a fault in it: a text of a source
 * replaced by another. That is what the mutation check lives on; and threads start faster from it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { SimulationResult } from './simulation.ts';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const ENTRY = fileURLToPath(new URL('worker.ts', import.meta.url));

export interface Mutation {
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly text: string;
  readonly instead: string;
}

export interface Bundle {
  readonly path: string;
  /** Imports it. */
  load(): Promise<{
    runSeed(seed: number, trace?: ((line: string) => void) | null): SimulationResult;
  }>;
}

let count = 0;

/** Writes a bundle into a folder. Throws if the text of the mutation is not there. */
export async function bundle(folder: string, mutation: Mutation | null = null): Promise<Bundle> {
  const path = join(folder, `simulator-${++count}.mjs`);
  await build({
    entryPoints: [ENTRY],
    outfile: path,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    plugins:
      mutation === null
        ? []
        : [
            {
              name: 'mutation',
              setup({ onLoad }) {
                const file = join(SRC, mutation.file);
                onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
                  loaded === file ? { contents: mutated(mutation, file), loader: 'ts' as const } : null,
                );
              },
            },
          ],
  });
  return { path, load: () => import(pathToFileURL(path).href) };
}

function mutated({ name, text, instead }: Mutation, file: string): string {
  const source = readFileSync(file, 'utf8');
  if (source.split(text).length !== 2) {
    throw new Error(`mutation "${name}": ${file} does not have this text just once any more: ${text}`);
  }
  return source.replace(text, () => instead);
}

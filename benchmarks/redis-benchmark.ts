/** Runs redis-benchmark once and reads its CSV. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BenchmarkCall {
  readonly port: number;
  /** A test of redis-benchmark's own (`-t`) or a command with `__rand_int__` in it. */
  readonly test: string | readonly string[];
  readonly requests: number;
  readonly pipeline?: number;
  readonly clients?: number;
  readonly dataSize?: number;
  readonly keyspace?: number;
}

export interface BenchmarkFigures {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export async function redisBenchmark(program: string, call: BenchmarkCall): Promise<BenchmarkFigures> {
  const { port, test, requests, pipeline = 1, clients = 50, dataSize = 3, keyspace = 100_000 } = call;
  const args = ['-h', '127.0.0.1', '-p', port, '-c', clients, '-n', requests, '-P', pipeline];
  args.push('-d', dataSize, '-r', keyspace, '--csv');
  if (typeof test === 'string') args.push('-t', test);
  else args.push(...test);
  const { stdout, stderr } = await run(program, args.map(String), { maxBuffer: 1 << 24 });
  const lines = stdout.split('\n').filter((line) => line.startsWith('"'));
  const names = readLine(lines[0] ?? '');
  const values = readLine(lines.at(-1) ?? '');
  const figure = (name: string): number => Number(values[names.indexOf(name)]);
  const rps = figure('rps');
  if (lines.length < 2 || !(rps > 0)) {
    throw new Error(`redis-benchmark ${args.join(' ')} gave no figures:\n${stdout}${stderr}`);
  }
  return {
    rps,
    p50Ms: figure('p50_latency_ms'),
    p99Ms: figure('p99_latency_ms'),
    maxMs: figure('max_latency_ms'),
  };
}

function readLine(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"/g)].map((match) => match[1]!);
}

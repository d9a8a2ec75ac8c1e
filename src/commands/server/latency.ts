/**
 * LATENCY: what the latency monitor has kept (src/engine/latency-monitor.ts), and the histograms of commands.
 * DOCTOR and GRAPH are in files of their own.
 */
import type { Client } from '../../engine/client.ts';
import type { Command } from '../../engine/command-table.ts';
import * as errors from '../../engine/errors.ts';
import { replyHelp } from '../../engine/help.ts';
import type { Args } from '../../resp/args.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { diagnose } from './latency-doctor.ts';
import { graphOf } from './latency-graph.ts';

export function latencyLatest(client: Client): void {
  const { events } = client.engine.latency;
  client.out.array(events.size);
  for (const [event, series] of events) {
    client.out.array(4);
    client.out.bulkText(event);
    client.out.int(series.last.atSeconds);
    client.out.int(series.last.ms);
    client.out.int(series.max);
  }
}

export function latencyHistory(client: Client, args: Args): void {
  const samples = client.engine.latency.events.get(args.text(2))?.samples ?? [];
  client.out.array(samples.length);
  for (const { atSeconds, ms } of samples) {
    client.out.array(2);
    client.out.int(atSeconds);
    client.out.int(ms);
  }
}

export function latencyReset(client: Client, args: Args): void {
  const { events } = client.engine.latency;
  let count = 0;
  if (args.count === 2) {
    count = events.size;
    events.clear();
  }
  for (let i = 2; i < args.count; i++) if (events.delete(args.text(i))) count++;
  client.out.int(count);
}

export function latencyGraph(client: Client, args: Args): void {
  const { engine } = client;
  const event = args.text(2);
  const series = engine.latency.events.get(event);
  if (series === undefined) throw errors.err(`No samples available for event '${event}'`);
  client.out.verbatim(graphOf(event, series, Math.floor(engine.nowMs / 1000)));
}

export function latencyDoctor(client: Client): void {
  client.out.verbatim(diagnose(client.engine));
}

/** Counts at the powers of two of a command's microseconds; of a container, of its subcommands. */
export function latencyHistogram(client: Client, args: Args): void {
  const { commands } = client.engine;
  client.engine.settle();
  const shown: Command[] = [];
  if (args.count === 2) shown.push(...[...commands.everything()].filter(wasCalled));
  for (let i = 2; i < args.count; i++) {
    const command = commands.find(args.text(i));
    if (command === null) continue;
    if (wasCalled(command)) shown.push(command);
    for (const subcommand of command.subcommands?.values() ?? []) {
      if (wasCalled(subcommand)) shown.push(subcommand);
    }
  }
  client.out.map(shown.length);
  for (const command of shown) replyHistogram(client.out, command);
}

function wasCalled(command: Command): boolean {
  return command.histogram !== null && command.histogram.total > 0;
}

function replyHistogram(out: ReplyWriter, command: Command): void {
  const bounds: [us: number, count: number][] = [];
  command.histogram!.visitPowersOfTwo((us, count) => bounds.push([us, count]));
  out.bulkText(command.fullName);
  out.map(2);
  out.bulkText('calls');
  out.int(command.calls);
  out.bulkText('histogram_usec');
  out.map(bounds.length);
  for (const [us, count] of bounds) {
    out.int(us);
    out.int(count);
  }
}

export function latencyHelp(client: Client): void {
  replyHelp(client, 'LATENCY', [
    'DOCTOR',
    '    Return a human readable latency analysis report.',
    'GRAPH <event>',
    '    Return an ASCII latency graph for the <event> class.',
    'HISTORY <event>',
    '    Return time-latency samples for the <event> class.',
    'LATEST',
    '    Return the latest latency samples for all events.',
    'RESET [<event> ...]',
    '    Reset latency data of one or more <event> classes.',
    '    (default: reset all data for all event classes)',
    'HISTOGRAM [COMMAND ...]',
    '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
    '    If no commands are specified then all histograms are replied.',
  ]);
}

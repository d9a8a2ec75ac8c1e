/**
 * Conversations of several clients, held with both servers at once: what every client has received must be the same
 * bytes, pushes and their places among the replies included.
 *
 *     await transcript(pair, `
 *       A WATCH k
 *       B SET k v
 *       A MULTI | GET k | EXEC        several commands in one write
 *       A CLIENT TRACKING ON REDIRECT $B
 *       wait 20
 *     `);
 *
 * Words are separated by blanks; '""' is the empty one, `$B` the id of client B, `\xNN` a byte. `!3` and `!2` behind
 * a client's name, on its own line, say HELLO. Clients come into being, in the order of their names, before the first
 * line. After each line the two streams of each client must become equal, and stay so for a moment.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import type { OraclePair } from './oracle.ts';
import { encodeCommand, type RawClient } from './raw-client.ts';

const SETTLE_MS = 4;
const TIMEOUT_MS = 3000;

class Side {
  readonly #port: number;
  readonly #streams = new Map<string, { socket: Socket; bytes: Buffer; id: string }>();
  readonly #control: RawClient;

  constructor(port: number, control: RawClient) {
    this.#port = port;
    this.#control = control;
  }

  async open(name: string): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1' });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.setNoDelay(true);
    const stream = { socket, bytes: Buffer.alloc(0), id: '' };
    socket.on('data', (chunk: Buffer) => {
      stream.bytes = Buffer.concat([stream.bytes, chunk]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      stream.bytes = Buffer.concat([stream.bytes, Buffer.from('(closed)')]);
    });
    this.#streams.set(name, stream);
    socket.write(encodeCommand(['CLIENT', 'ID']));
    while (!stream.bytes.includes('\n')) await pause(1);
    stream.id = stream.bytes.toString('latin1').slice(1, -2);
    stream.bytes = Buffer.alloc(0);
  }

  idOf(name: string): number {
    return Number(this.#streams.get(name)!.id);
  }

  drop(name: string): void {
    this.#streams.get(name)!.socket.destroy();
  }

  write(name: string, commands: readonly (readonly string[])[]): void {
    const { socket } = this.#streams.get(name)!;
    const requests = commands.map((words) => encodeCommand(words.map((word) => this.#argument(word))));
    socket.write(Buffer.concat(requests));
  }

  #argument(word: string): Buffer | string {
    if (word === '""') return '';
    const id = this.#streams.get(word.slice(1))?.id;
    if (word.startsWith('$') && id !== undefined) return id;
    const text = word.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(text, 'latin1');
  }

  /** What the client has received. */
  received(name: string): string {
    return this.#streams.get(name)!.bytes.toString('latin1');
  }

  forget(): void {
    for (const stream of this.#streams.values()) stream.bytes = Buffer.alloc(0);
  }

  /** A round trip behind what has been written. */
  async turn(): Promise<void> {
    await this.#control.send('PING');
  }

  close(): void {
    for (const { socket } of this.#streams.values()) socket.destroy();
  }
}

export interface TranscriptOptions {
  /** Rewrites what both sides have received after a line, before it is compared. */
  readonly normalise?: (received: string) => string;
}

export async function transcript(
  pair: OraclePair,
  script: string,
  { normalise = (received) => received }: TranscriptOptions = {},
): Promise<void> {
  const lines = script
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const names = [...new Set(lines.map((line) => line.split(' ')[0]!))]
    .filter((name) => /^[A-Z]$/.test(name))
    .sort();
  const sides = [
    new Side(pair.oursServer.port, pair.ours),
    new Side(pair.oracleServer.port, pair.oracle),
  ] as const;
  try {
    for (const name of names) {
      for (const side of sides) await side.open(name);
      // Ids are shown in replies: they shall be the same.
      for (const [side, other] of [sides, [sides[1], sides[0]]] as const) {
        while (side.idOf(name) < other.idOf(name)) {
          side.drop(name);
          await side.open(name);
        }
      }
      if (pair.resp === 3) for (const side of sides) side.write(name, [['HELLO', '3']]);
    }
    await Promise.all(sides.map((side) => side.turn()));
    await pause(SETTLE_MS);
    for (const side of sides) side.forget();
    for (const [number, line] of lines.entries()) {
      const [name, ...words] = line.split(/ +/);
      if (name === 'wait') {
        await pause(Number(words[0]));
        continue;
      }
      const commands = splitAt(words, '|').map((command) =>
        command[0]?.startsWith('!') ? ['HELLO', command[0].slice(1)] : command,
      );
      for (const side of sides) side.write(name!, commands);
      await settle(sides, names, normalise, commands[0]![0] !== 'HELLO', () =>
        lines
          .slice(0, number + 1)
          .map((text, i) => `${i === number ? '> ' : '  '}${text}`)
          .join('\n'),
      );
    }
  } finally {
    for (const side of sides) side.close();
  }
}

/** Waits until every client has received the same from both; what has been compared is forgotten. */
async function settle(
  sides: readonly [Side, Side],
  names: readonly string[],
  normalise: (received: string) => string,
  compared: boolean,
  where: () => string,
): Promise<void> {
  const [ours, oracle] = sides;
  const differing = (): string | undefined =>
    names.find((name) => normalise(ours.received(name)) !== normalise(oracle.received(name)));
  for (let waited = 0; ; waited += SETTLE_MS) {
    await Promise.all(sides.map((side) => side.turn()));
    await pause(SETTLE_MS);
    const name = differing();
    if (name === undefined || !compared) break;
    if (waited < TIMEOUT_MS) continue;
    assert.fail(
      `client ${name} has not received the same:\n${where()}\n` +
        `ours:   ${JSON.stringify(normalise(ours.received(name)))}\noracle: ${JSON.stringify(normalise(oracle.received(name)))}`,
    );
  }
  for (const side of sides) side.forget();
}

function splitAt(words: readonly string[], separator: string): string[][] {
  const parts: string[][] = [[]];
  for (const word of words) {
    if (word === separator) parts.push([]);
    else parts.at(-1)!.push(word);
  }
  return parts;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

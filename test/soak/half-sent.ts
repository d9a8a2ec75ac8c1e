/** Commands that stop in the middle, and the connection with them: nothing may stay behind, nothing may run. */
import { connect } from 'node:net';
import { encodeCommand } from '../support/raw-client.ts';
import type { ServerProcess } from '../support/server-process.ts';
import {
  assertAlive,
  assertGrowth,
  assertNoClientsLeft,
  check,
  MB,
  rss,
  type SoakScenario,
  seededRandom,
} from './soak.ts';

const CONNECTIONS = 20_000;
const AT_ONCE = 100;

export const halfSent: SoakScenario = {
  name: 'half-sent',
  title: 'half-sent commands, then closed or reset',
  async run({ server, seed, scale }) {
    const random = seededRandom(seed);
    const commands = [
      encodeCommand(['SET', 'half-sent', 'never']),
      encodeCommand(['SET', 'half-sent', Buffer.alloc(100_000, 120)]),
      encodeCommand(['MSET', ...Array.from({ length: 200 }, (_, i) => `half-sent${i}`)]),
      Buffer.from('SET half-sent never\r\n'),
    ];
    const wave = (count: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: count }, () => {
          const whole = commands[random(commands.length)]!;
          return sendPart(server, whole.subarray(0, random(whole.length - 2)), random(2) === 0);
        }),
      );
    for (let i = 0; i < 10; i++) await wave(AT_ONCE);
    const before = rss(server);
    const total = Math.ceil(CONNECTIONS * scale);
    for (let sent = 0; sent < total; sent += AT_ONCE) await wave(AT_ONCE);
    await assertAlive(server);
    await assertNoClientsLeft(server);
    const client = await server.connect();
    const exists = await client.call('EXISTS', 'half-sent', 'half-sent0');
    await client.close();
    check(exists === 0, 'a half-sent command was run');
    return `${total} connections, ${await assertGrowth(server, before, 64 * MB)}`;
  },
};

function sendPart(server: ServerProcess, part: Buffer, reset: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: server.host });
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.resume();
    socket.on('connect', () => {
      socket.write(part, () => {
        if (reset) socket.resetAndDestroy();
        else socket.end();
      });
    });
  });
}

/**
 * Many connections announce an argument of 512 MB, the largest there is, send a little of it and then nothing.
 * What is announced is not there yet: memory may only follow what arrives.
 */
import type { RawClient } from '../support/raw-client.ts';
import { sleep } from '../support/wait-for.ts';
import {
  assertAlive,
  assertGrowth,
  assertNoClientsLeft,
  check,
  MB,
  rss,
  type SoakScenario,
  signed,
} from './soak.ts';

const CONNECTIONS = 200;
const LIMIT_EACH = 3 * MB;

export const announcedBulk: SoakScenario = {
  name: 'announced-bulk',
  title: '512 MB announced and not sent',
  async run({ server, scale }) {
    const before = rss(server);
    const count = Math.ceil(CONNECTIONS * scale);
    const clients: RawClient[] = [];
    for (let i = 0; i < count; i++) {
      const client = await server.connect();
      client.write('*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$536870912\r\n');
      client.write(Buffer.alloc(40_000, 120));
      clients.push(client);
    }
    await sleep(500);
    await assertAlive(server);
    const growth = rss(server) - before;
    check(
      growth <= count * LIMIT_EACH,
      `RSS grew by ${signed(growth)} for ${count} announced bulks; ${signed(count * LIMIT_EACH)} are allowed`,
    );
    await Promise.all(clients.map((client) => client.close()));
    await assertNoClientsLeft(server);
    return `${count} connections: RSS ${signed(growth)}, after closing ${await assertGrowth(server, before, 64 * MB)}`;
  },
};

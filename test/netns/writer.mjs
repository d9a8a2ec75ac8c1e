/**
 * Runs on a host: writes to every server that it is told of, all the time, and prints who has taken a write.
 *
 *     node writer.mjs name period-ms address port address port ...
 *
 * One line for each round: the time in ms, then the addresses that have answered OK in this round.
 */
import net from 'node:net';

const [name, period, ...places] = process.argv.slice(2);
const PERIOD_MS = Number(period);
/** Who does not answer in this time is given up, and connected to again. */
const PATIENCE_MS = 4 * PERIOD_MS;

class Target {
  constructor(address, port) {
    this.address = address;
    this.port = port;
    this.socket = null;
    this.askedAt = 0;
    this.taken = false;
  }

  /** Sends the next write, unless the last one is not answered yet. */
  ask(now, n) {
    this.taken = false;
    if (this.socket === null) this.connect();
    if (this.askedAt !== 0) {
      if (now - this.askedAt > PATIENCE_MS) this.drop();
      return;
    }
    this.askedAt = now;
    this.socket.write(`SET writer:${name} ${n}\r\nINCR writes:${name}\r\n`);
  }

  connect() {
    const socket = net.connect({ host: this.address, port: this.port });
    socket.setNoDelay(true);
    socket.on('data', (data) => {
      if (socket !== this.socket) return;
      this.askedAt = 0;
      if (data.toString('latin1').startsWith('+OK')) this.taken = true;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (socket === this.socket) this.drop();
    });
    this.socket = socket;
  }

  drop() {
    this.socket?.destroy();
    this.socket = null;
    this.askedAt = 0;
  }
}

const targets = [];
for (let i = 0; i + 1 < places.length; i += 2) targets.push(new Target(places[i], Number(places[i + 1])));
let round = 0;
setInterval(() => {
  const now = performance.now();
  const took = targets.filter(({ taken }) => taken).map(({ address }) => address);
  if (round > 0) process.stdout.write(`${[Math.round(now), ...took].join(' ')}\n`);
  round++;
  for (const target of targets) target.ask(now, round);
}, PERIOD_MS);
// Who has started us is gone.
process.stdin.on('end', () => process.exit(0)).resume();

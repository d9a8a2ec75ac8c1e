import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyMonitor } from '../../src/engine/figures/latency-monitor.ts';
import { type HeldLink, OutputGate, PASSED } from '../../src/engine/output-gate.ts';
import { createLogger } from '../../src/logging/logger.ts';
import { AofWriter, type FsyncPolicy } from '../../src/persistence/aof/aof-writer.ts';
import { ManualClock } from '../../src/util/clock.ts';
import { randomBelow, seededRandom } from '../../src/util/random.ts';
import { MemoryFiles } from './memory-files.ts';

const PATH = '/incr.aof';

/** A writer whose turns, clock and disk are moved by hand. */
class Bench {
  readonly files = new MemoryFiles();
  readonly clock = new ManualClock();
  readonly log: string[] = [];
  readonly commands = { isRunning: false };
  readonly gate = new OutputGate(this.commands);
  readonly turns: (() => void)[] = [];
  snapshotRuns = false;
  statusChanges = 0;
  died = false;
  readonly writer: AofWriter;

  constructor(policy: FsyncPolicy) {
    const { clock } = this;
    this.writer = new AofWriter({
      files: this.files,
      clock,
      timers: clock,
      log: createLogger({
        level: 'debug',
        file: '',
        format: 'redis',
        clock,
        role: () => 'M',
        sink: { write: (line: string) => this.log.push(line.replace(/^.*? [*#.-] /, '').trimEnd()) } as never,
      }),
      latency: new LatencyMonitor(),
      gate: this.gate,
      nowMs: () => clock.wallMs(),
      isSnapshotRunning: () => this.snapshotRuns,
      onStatus: () => this.statusChanges++,
      fatal: () => {
        this.died = true;
      },
      schedule: (run) => this.turns.push(run),
    });
    this.writer.setPolicy(policy);
    this.writer.open(this.files.openSync(PATH, 'a'), 0);
  }

  append(text: string): void {
    this.writer.append(Buffer.from(`..${text}..`), 2, text.length);
  }

  /** The end of a turn of the event loop. */
  turn(): void {
    for (const run of this.turns.splice(0)) run();
  }

  get text(): string {
    return this.files.text(PATH);
  }

  get synced(): string {
    return this.files.syncedText(PATH);
  }

  get syncs(): number {
    return this.files.pending.filter(({ call }) => call === 'fdatasync').length;
  }

  logged(text: string): number {
    return this.log.filter((line) => line.includes(text)).length;
  }
}

test('what a turn has appended is written once, at its end', () => {
  const bench = new Bench('no');
  let writes = 0;
  bench.files.fails = (call) => {
    if (call === 'write') writes++;
    return null;
  };
  bench.append('one ');
  bench.append('two ');
  assert.equal(bench.text, '');
  assert.equal(bench.writer.bufferLength, 8);
  bench.turn();
  assert.equal(bench.text, 'one two ');
  assert.equal(writes, 1);
  assert.equal(bench.writer.bufferLength, 0);
  assert.equal(bench.writer.fileSize, 8);
  const long = 'x'.repeat(3_000_000);
  bench.append(long);
  bench.append('end');
  bench.turn();
  assert.equal(bench.text, `one two ${long}end`);
  bench.clock.advance(5000);
  bench.writer.cron();
  assert.equal(bench.syncs, 0);
});

test('everysec: a sync each second in which something was written', () => {
  const bench = new Bench('everysec');
  bench.append('a');
  bench.turn();
  assert.equal(bench.syncs, 0);
  bench.clock.advance(999);
  bench.writer.cron();
  assert.equal(bench.syncs, 0);
  bench.clock.advance(1);
  bench.writer.cron();
  assert.equal(bench.syncs, 1);
  bench.clock.advance(3000);
  bench.writer.cron();
  assert.equal(bench.syncs, 1);
  bench.files.finishAll();
  bench.clock.advance(3000);
  bench.writer.cron();
  assert.equal(bench.syncs, 0, 'nothing new');
  assert.equal(bench.synced, 'a');
  bench.append('b');
  bench.turn();
  assert.equal(bench.syncs, 1);
});

test('everysec: a slow sync postpones writes for 2 s, then they go on and are counted', () => {
  const bench = new Bench('everysec');
  bench.clock.advance(1000);
  bench.append('a');
  bench.turn();
  assert.equal(bench.syncs, 1);
  bench.append('b');
  bench.turn();
  assert.equal(bench.text, 'a', 'postponed');
  bench.clock.advance(1999);
  bench.writer.cron();
  bench.append('c');
  bench.turn();
  assert.equal(bench.text, 'a');
  assert.equal(bench.writer.delayed, 0);
  bench.clock.advance(1);
  bench.writer.cron();
  assert.equal(bench.text, 'abc');
  assert.equal(bench.writer.delayed, 1);
  assert.equal(bench.logged('Asynchronous AOF fsync is taking too long (disk is busy?).'), 1);
  bench.append('d');
  bench.turn();
  assert.equal(bench.text, 'abc', 'postponed anew');
  bench.files.finishAll();
  assert.equal(bench.text, 'abcd', 'the end of the sync lets it go');
  assert.equal(bench.writer.delayed, 1);
});

test('no-appendfsync-on-rewrite: nothing is synced while a snapshot is written', () => {
  const bench = new Bench('everysec');
  bench.writer.noFsyncOnRewrite = true;
  bench.snapshotRuns = true;
  bench.clock.advance(1000);
  bench.append('a');
  bench.turn();
  assert.equal(bench.syncs, 0);
  bench.snapshotRuns = false;
  bench.writer.cron();
  assert.equal(bench.syncs, 1);
});

test('a full disk: the short write is taken back, and tried again until there is room', () => {
  const bench = new Bench('everysec');
  bench.append('whole ');
  bench.turn();
  bench.files.room = 9;
  bench.append('broken');
  bench.turn();
  assert.equal(bench.text, 'whole ');
  assert.equal(bench.logged('Short write while writing to the AOF file: (nwritten=3, expected=6)'), 1);
  assert.equal((bench.writer.error as NodeJS.ErrnoException).code, 'ENOSPC');
  assert.equal(bench.statusChanges, 1);
  bench.clock.advance(1000);
  bench.writer.cron();
  assert.equal(bench.text, 'whole ');
  assert.equal(bench.log.length, 1, 'not logged again so soon');
  bench.files.room = 100;
  bench.writer.cron();
  assert.equal(bench.text, 'whole ', 'not tried again so soon');
  bench.clock.advance(1000);
  bench.writer.cron();
  assert.equal(bench.text, 'whole broken');
  assert.equal(bench.logged('AOF write error looks solved, Redis can write again.'), 1);
  assert.equal(bench.writer.error, null);
  assert.equal(bench.statusChanges, 2);
});

test('a short write that cannot be taken back is gone on with', () => {
  const bench = new Bench('no');
  bench.files.room = 3;
  bench.files.fails = (call) => (call === 'truncate' ? 'EIO' : null);
  bench.append('abcdef');
  bench.turn();
  assert.equal(bench.text, 'abc');
  assert.equal(bench.logged('ftruncate: Input/output error'), 1);
  bench.files.room = 100;
  bench.append('ghi');
  bench.turn();
  assert.equal(bench.text, 'abcdefghi');
  assert.equal(bench.writer.fileSize, 9);
});

test('everysec: a sync that fails refuses writers until one succeeds', () => {
  const bench = new Bench('everysec');
  bench.files.fails = (call) => (call === 'fdatasync' ? 'EIO' : null);
  for (let second = 0; second < 3; second++) {
    bench.clock.advance(1000);
    if (second === 0) bench.append('a');
    bench.turn();
    bench.writer.cron();
    assert.equal(bench.syncs, 1, `second ${second}`);
    bench.files.finishAll();
    assert.equal((bench.writer.error as NodeJS.ErrnoException).code, 'EIO');
  }
  assert.equal(bench.logged('Fail to fsync the AOF file: Input/output error'), 1);
  bench.files.fails = () => null;
  bench.clock.advance(1000);
  bench.writer.cron();
  bench.files.finishAll();
  assert.equal(bench.writer.error, null);
  assert.equal(bench.statusChanges, 2);
});

test('always: a write or sync that fails ends the server, and no reply leaves', () => {
  for (const failing of ['write', 'fdatasync'] as const) {
    const bench = new Bench('always');
    const link = new FakeLink();
    bench.files.fails = (call) => (call === failing ? 'EIO' : null);
    bench.append('a');
    link.send(bench.gate, 'OK');
    bench.turn();
    bench.files.finishAll();
    bench.turn();
    assert(bench.died);
    assert.equal(bench.logged("when the AOF fsync policy is 'always'"), 1);
    assert.equal(link.received, '');
  }
});

test('timestamps stand before the first command of a second', () => {
  const bench = new Bench('no');
  bench.writer.timestamps = true;
  const second = Math.floor(bench.clock.wallMs() / 1000);
  bench.append('a');
  bench.append('b');
  bench.clock.advance(1000);
  bench.append('c');
  bench.turn();
  assert.equal(bench.text, `#TS:${second}\r\nab#TS:${second + 1}\r\nc`);
});

test('a file that has had its successor is synced and closed', () => {
  const bench = new Bench('everysec');
  bench.clock.advance(1000);
  bench.append('a');
  bench.turn();
  bench.append('b');
  assert(bench.writer.flushNow());
  bench.writer.open(bench.files.openSync('/next.aof', 'a'), 0);
  bench.append('c');
  bench.files.finishAll();
  bench.turn();
  bench.files.finishAll();
  assert.equal(bench.synced, 'ab');
  assert.equal(bench.files.text('/next.aof'), 'c');
  assert.equal(bench.files.openCount, 1);
  bench.writer.flushAndSync();
  assert.equal(bench.files.syncedText('/next.aof'), 'c');
});

/** A link that remembers what was let through. */
class FakeLink implements HeldLink {
  heldBytes = 0;
  received = '';
  /** Something has been sent: what happens then. */
  onSent: (() => void) | null = null;

  send(gate: OutputGate, text: string): void {
    const buf = Buffer.from(text);
    if (!gate.guarded || gate.hold(this, buf, buf.length) === PASSED) this.received += text;
    else if (text.length <= 32 * 1024) buf.fill(0);
  }

  sendHeld(buf: Buffer, length: number): boolean {
    this.received += buf.toString('latin1', 0, length);
    this.onSent?.();
    return true;
  }
}

test('always: no reply leaves before the sync that covers what it tells of', () => {
  for (let seed = 1; seed <= 100; seed++) interleave(seed, 'always');
});

for (const policy of ['everysec', 'no'] as const) {
  test(`${policy}: no reply leaves before the write that covers what it tells of`, () => {
    for (let seed = 1; seed <= 100; seed++) interleave(seed, policy);
  });
}

test('everysec: replies go without a write that is postponed, or that fails', () => {
  const bench = new Bench('everysec');
  const link = new FakeLink();
  bench.clock.advance(1000);
  bench.append('a');
  bench.turn();
  assert.equal(bench.syncs, 1);
  bench.append('b');
  link.send(bench.gate, '1');
  assert.equal(link.received, '');
  bench.turn();
  assert.equal(bench.text, 'a', 'postponed');
  assert.equal(link.received, '1');
  link.send(bench.gate, '2');
  assert.equal(link.received, '12', 'nothing has come since');
  bench.files.finishAll();
  assert.equal(bench.text, 'ab');
  bench.files.room = 2;
  bench.append('c');
  link.send(bench.gate, '3');
  bench.turn();
  assert.equal(bench.text, 'ab');
  assert.equal((bench.writer.error as NodeJS.ErrnoException).code, 'ENOSPC');
  assert.equal(link.received, '123');
});

test('no: what is read while nothing is unwritten goes at once', () => {
  const bench = new Bench('no');
  const link = new FakeLink();
  link.send(bench.gate, '1');
  assert.equal(link.received, '1');
  bench.append('a');
  link.send(bench.gate, '2');
  assert.equal(link.received, '1');
  bench.turn();
  assert.equal(link.received, '12');
  assert.equal(bench.gate.hold(link, Buffer.from('3'), 1), PASSED);
  assert.equal(bench.turns.length, 0, 'and costs no turn');
});

test('pieces of all sizes are held and arrive in order', () => {
  const bench = new Bench('no');
  const links = Array.from({ length: 300 }, () => new FakeLink());
  const expected = links.map(() => '');
  for (let round = 0; round < 3; round++) {
    bench.append('x');
    for (let i = 0; i < 900; i++) {
      const sizes = [1, 80, 300, 8192, 8193, 32 * 1024, 32 * 1024 + 1, 200_000];
      const at = (i * 7 + round) % (i % 100 === 0 ? sizes.length : 4);
      const text = String.fromCharCode(97 + (i % 26)).repeat(sizes[at]!);
      links[i % links.length]!.send(bench.gate, text);
      expected[i % links.length] += text;
    }
    assert(links.every(({ received }, i) => received.length < expected[i]!.length));
    bench.turn();
    for (const [i, { received }] of links.entries()) assert(received === expected[i], `link ${i}`);
    assert.equal(bench.gate.heldBytes, 0);
    assert.equal(bench.gate.count, 0);
  }
});

test('a link that is served again when its output has gone waits for what it has written then', () => {
  const bench = new Bench('no');
  const link = new FakeLink();
  const other = new FakeLink();
  bench.append('a');
  link.send(bench.gate, '1');
  other.send(bench.gate, '2');
  link.onSent = () => {
    link.onSent = null;
    bench.append('b');
    link.send(bench.gate, '3');
  };
  bench.turn();
  assert.equal(link.received, '1');
  assert.equal(other.received, '2');
  bench.turn();
  assert.equal(bench.text, 'ab');
  assert.equal(link.received, '13');
});

/** Writers, readers, turns, syncs and new files in random order, against what must hold at each moment. */
function interleave(seed: number, policy: FsyncPolicy): void {
  const random = seededRandom(seed);
  const bench = new Bench(policy);
  const { files, gate, writer } = bench;
  const links = Array.from({ length: 6 }, () => new FakeLink());
  const expected = links.map(() => '');
  /** For each reply that was sent: which link, where in its replies it ends, and what must be durable then. */
  let needs: { link: number; end: number; stream: number }[] = [];
  const checked = links.map(() => 0);
  const paths = [PATH];
  let stream = '';

  const durable = (): number => {
    // As after a power failure: each file up to its last sync, and nothing behind one that is not whole.
    let bytes = 0;
    // After the end of the process alone: all that was written.
    if (policy !== 'always') return paths.reduce((sum, path) => sum + files.text(path).length, 0);
    for (const path of paths) {
      const { length } = files.syncedText(path);
      bytes += length;
      if (length < files.text(path).length) break;
    }
    return bytes;
  };
  const check = (): void => {
    const safe = durable();
    for (const [i, link] of links.entries()) {
      const { length } = link.received;
      if (length === checked[i]) continue;
      assert.equal(
        link.received.slice(checked[i]),
        expected[i]!.slice(checked[i], length),
        `seed ${seed}: order`,
      );
      checked[i] = length;
    }
    for (const { link, end, stream: needed } of needs) {
      if (needed > safe) assert(links[link]!.received.length < end, `seed ${seed}: a reply left too early`);
    }
    needs = needs.filter(({ link, end }) => links[link]!.received.length < end);
  };

  for (let step = 0; step < 400; step++) {
    const who = randomBelow(random, links.length);
    const size = randomBelow(random, 20) === 0 ? 9000 : 1 + randomBelow(random, 30);
    const reply = String.fromCharCode(97 + (step % 26)).repeat(size);
    switch (randomBelow(random, 9)) {
      case 0:
      case 1:
      case 2: {
        const effect = `<${step}>`;
        const isLong = randomBelow(random, 4) === 0;
        bench.commands.isRunning = true;
        // A long reply begins to leave before the command's effects are told.
        if (isLong) links[who]!.send(gate, reply);
        bench.append(effect);
        bench.commands.isRunning = false;
        if (!isLong) links[who]!.send(gate, reply);
        stream += effect;
        expected[who] += reply;
        needs.push({ link: who, end: expected[who]!.length, stream: stream.length });
        break;
      }
      case 3: // A reader: sees all that has been done so far.
        links[who]!.send(gate, reply);
        expected[who] += reply;
        needs.push({ link: who, end: expected[who]!.length, stream: stream.length });
        break;
      case 4: // A long reply of a command that changes nothing.
        bench.commands.isRunning = true;
        links[who]!.send(gate, reply);
        bench.commands.isRunning = false;
        expected[who] += reply;
        needs.push({ link: who, end: expected[who]!.length, stream: stream.length });
        break;
      case 5:
        bench.turn();
        break;
      case 6:
        files.finish();
        break;
      case 7:
        bench.clock.advance(randomBelow(random, 3));
        bench.turn();
        break;
      default:
        if (randomBelow(random, 8) === 0) {
          assert(writer.flushNow());
          const path = `/incr-${step}.aof`;
          paths.push(path);
          writer.open(files.openSync(path, 'a'), 0);
        }
    }
    check();
  }
  for (let i = 0; i < 50; i++) {
    bench.clock.advance(5);
    bench.turn();
    files.finishAll();
    writer.cron();
    check();
  }
  for (const [i, link] of links.entries())
    assert.equal(link.received, expected[i], `seed ${seed}: all arrives`);
  if (policy === 'always') assert.equal(paths.map((path) => files.syncedText(path)).join(''), stream);
  else assert.equal(paths.map((path) => files.text(path)).join(''), stream);
  assert.equal(gate.heldBytes, 0);
  assert.equal(gate.count, 0);
}

test('always: leaving the policy lets everything go, when it is on disk', () => {
  const bench = new Bench('always');
  const link = new FakeLink();
  bench.append('a');
  link.send(bench.gate, 'OK');
  assert.equal(link.received, '');
  bench.writer.setPolicy('everysec');
  assert.equal(bench.synced, 'a');
  assert.equal(link.received, 'OK');
  link.send(bench.gate, 'more');
  assert.equal(link.received, 'OKmore');
});

test('always: one sync covers all who come while another runs', () => {
  const bench = new Bench('always');
  const links = Array.from({ length: 50 }, () => new FakeLink());
  let syncs = 0;
  for (let round = 0; round < 20; round++) {
    for (const link of links) {
      bench.append('x');
      link.send(bench.gate, '+');
      if (link === links[3]) bench.turn();
    }
    for (let i = 0; i < 20 && (bench.turns.length > 0 || bench.syncs > 0); i++) {
      bench.turn();
      bench.clock.advance(1);
      while (bench.files.finish('fdatasync')) syncs++;
    }
  }
  for (const link of links) assert.equal(link.received.length, 20);
  assert(syncs < 30, `${syncs} syncs`);
});

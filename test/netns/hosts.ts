/**
 * Hosts of a network of their own, made of Linux namespaces.
 *
 *     network ── bridge ──┬── eth0 172.18.113.66   host: network, processes, mounts
 *                         ├── eth0 172.18.113.63
 *                         └── eth0 172.18.113.65
 *
 * A host sees the machine's files, but has its own /redis, /run and /proc, so that what is written there never touches
 * the machine. Each host is held by its first process, and so is the network: when that one is killed, the kernel
 * ends the host's other processes and takes away its mounts, devices and addresses. Nothing is left, whatever
 * happened to the test. Needs root, and `ip`, `unshare` and `nsenter`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, needs, run } from '../clients/program.ts';
import { waitFor } from '../support/wait-for.ts';

/** The `skip` of tests with hosts: false, or the line that says why not. */
export async function noHosts(): Promise<string | false> {
  if (process.platform !== 'linux') return 'skipped: namespaces need Linux';
  if (process.getuid?.() !== 0) return 'skipped: network namespaces need root';
  const missing = needs('ip', 'unshare', 'nsenter', 'mount', 'chroot', 'redis-cli');
  if (missing !== false) return missing;
  const tried = await run('unshare', [...NAMESPACES, 'ip', 'link', 'set', 'lo', 'up']);
  return tried.code === 0 ? false : `skipped: no namespaces can be made here: ${tried.stderr.trim()}`;
}

const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child'];

/** Builds the root of a host on a tmpfs: the folders of the machine, but its own /proc, /run and /redis. */
const ROOT_SCRIPT = `set -e
root=$1; redis=$2
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
for entry in /*; do
  name=\${entry#/}
  case $name in proc|run|redis) continue;; esac
  if [ -L "$entry" ]; then cp -P "$entry" "$root/$name"
  elif [ -d "$entry" ]; then mkdir "$root/$name"; mount --rbind "$entry" "$root/$name"
  fi
done
mkdir "$root/proc" "$root/run" "$root/redis"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount --bind "$redis" "$root/redis"
ip link set lo up
echo ready
exec chroot "$root" sleep infinity
`;

/** The process that keeps namespaces alive. */
class Holder {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';
  /** Of the first process within. */
  pid = -1;

  constructor(args: readonly string[]) {
    this.#child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    this.#child.once('close', () => process.off('exit', kill));
    const collect = (chunk: Buffer): void => {
      this.#said += chunk.toString('utf8');
    };
    this.#child.stdout!.on('data', collect);
    this.#child.stderr!.on('data', collect);
  }

  async ready(): Promise<void> {
    await waitFor(
      () => {
        if (this.#child.exitCode !== null) throw new Error(this.#said);
        return this.#said.includes('ready');
      },
      { timeoutMs: 20_000, what: 'the namespaces' },
    );
    const children = `/proc/${this.#child.pid}/task/${this.#child.pid}/children`;
    this.pid = Number(readFileSync(children, 'utf8').trim().split(' ')[0]);
  }

  async end(): Promise<void> {
    // --kill-child: the first process goes with it, and with that one all the others.
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** A network without hosts yet; nothing of the machine's own network is touched. */
export class Network {
  readonly #holder = new Holder([...NAMESPACES, 'sh', '-c', 'echo ready; exec sleep infinity']);
  readonly #folder = mkdtempSync(join(tmpdir(), 'ts-redis-hosts-'));
  readonly #hosts: Host[] = [];

  static async create(): Promise<Network> {
    const network = new Network();
    await network.#holder.ready();
    await network.ip('link', 'add', 'bridge', 'type', 'bridge');
    await network.ip('link', 'set', 'bridge', 'up');
    return network;
  }

  /** `ip` among the cables of the network. */
  async ip(...args: string[]): Promise<void> {
    await succeed(run('nsenter', ['--target', String(this.#holder.pid), '--net', 'ip', ...args]));
  }

  async addHost(address: string): Promise<Host> {
    const folder = join(this.#folder, address);
    for (const name of ['root', 'redis']) mkdirSync(join(folder, name), { recursive: true });
    const paths = [join(folder, 'root'), join(folder, 'redis')];
    const holder = new Holder([...NAMESPACES, 'sh', '-c', ROOT_SCRIPT, 'sh', ...paths]);
    await holder.ready();
    const cable = `to-${address.split('.').at(-1)}`;
    await this.ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid));
    await this.ip('link', 'set', cable, 'master', 'bridge', 'up');
    const host = new Host(this, holder, { address, cable, redis: paths[1]! });
    this.#hosts.push(host);
    await succeed(host.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'));
    await succeed(host.run('ip', 'link', 'set', 'eth0', 'up'));
    return host;
  }

  /** Ends everything that runs on the hosts, and the hosts. */
  async end(): Promise<void> {
    for (const host of this.#hosts) await host.end();
    await this.#holder.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class Host {
  readonly address: string;
  /** Where the machine sees the host's /redis. */
  readonly redis: string;
  readonly #network: Network;
  readonly #holder: Holder;
  readonly #cable: string;

  constructor(network: Network, holder: Holder, names: { address: string; cable: string; redis: string }) {
    this.#network = network;
    this.#holder = holder;
    this.address = names.address;
    this.redis = names.redis;
    this.#cable = names.cable;
  }

  /** Runs a program on the host, in /redis, to its end. A daemon that it leaves lives on. */
  run(program: string, ...args: string[]): Promise<Ended> {
    const enter = ['--target', String(this.#holder.pid), '--net', '--mount', '--pid', '--root'];
    // To a file: a daemon must not keep our pipe open.
    const script =
      'cd /redis && "$@" >/run/out.$$ 2>/run/err.$$ </dev/null; code=$?; ' +
      'cat /run/out.$$; cat /run/err.$$ >&2; exit $code';
    return run('nsenter', [...enter, 'sh', '-c', script, 'sh', program, ...args], { timeoutMs: 60_000 });
  }

  /** Starts a program on the host that talks with us by its standard input and output. */
  spawn(program: string, ...args: string[]): ChildProcess {
    const enter = ['--target', String(this.#holder.pid), '--net', '--mount', '--pid', '--root'];
    return spawn('nsenter', [...enter, program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Runs a line as the user of the host types it; rejects when it fails. */
  async shell(line: string): Promise<string> {
    return (await succeed(this.run('sh', '-c', line), line)).stdout;
  }

  /** Pulls the network cable, or puts it in again. */
  async connected(yes: boolean): Promise<void> {
    await this.#network.ip('link', 'set', this.#cable, yes ? 'up' : 'down');
  }

  async end(): Promise<void> {
    await this.#holder.end();
  }
}

async function succeed(ended: Promise<Ended>, what?: string): Promise<Ended> {
  const { code, stdout, stderr } = await ended;
  if (code !== 0) throw new Error(`${what ?? 'a command'} ended with ${code}: ${stdout}${stderr}`);
  return { code, stdout, stderr };
}

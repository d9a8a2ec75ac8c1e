/**
 * Protected mode: who may connect to a server without a password.
 *
 * As in Redis 7: with `protected-mode yes`, the default, only this machine.
 *
 * One case is ours. Redis up to 6.2 switched the mode off when `bind` named addresses, so the configurations of that
 * time (guides, playbooks, replicas on three hosts) have `bind 0.0.0.0` and not a word about protected mode; a master
 * started with one would let no replica in. With such a configuration connections from private networks are accepted,
 * and the log warns of it. From public addresses, which is whom protected mode is there for, they are not; and a
 * `protected-mode yes` that is written down means what it means in Redis 7, unless the file is one that came with Redis
 * up to 6.2 (they all have that line), by the names that it uses.
 */
import { BlockList } from 'node:net';
import type { ServerConfig } from '../config/config.ts';

const PRIVATE_NETWORKS = [
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
] as const;

export const OPEN_TO_NEIGHBOURS_WARNING =
  "WARNING: no password is set, 'bind' names addresses and 'protected-mode' is not given: connections from private " +
  "networks are accepted, as in Redis before 7. Set 'requirepass', or write 'protected-mode yes' into the " +
  'configuration to accept connections from this machine only.';

export class ProtectedMode {
  readonly #config: ServerConfig;
  /** Whether anybody may be the default user. */
  readonly #needsNoPassword: () => boolean;
  /** Whether the configuration, as loaded, is one of those of before Redis 7. */
  readonly #isOldStyle: boolean;
  readonly #neighbours = new BlockList();

  constructor(config: ServerConfig, needsNoPassword = () => config.values.requirepass === '') {
    this.#config = config;
    this.#needsNoPassword = needsNoPassword;
    this.#isOldStyle = config.givenBy('bind') !== null && config.values.bind.some(namesOthers);
    for (const [network, bits, family] of PRIVATE_NETWORKS) this.#neighbours.addSubnet(network, bits, family);
  }

  /** Whether machines of private networks may come in although protected mode is on. */
  get isOpenToNeighbours(): boolean {
    const wantedBy = this.#config.givenBy('protected-mode');
    const isWanted = wantedBy === 'set' || (wantedBy === 'load' && !this.#config.hasOldNames);
    return this.#isOldStyle && this.#isOn && !isWanted;
  }

  get #isOn(): boolean {
    return this.#config.values['protected-mode'] && this.#needsNoPassword();
  }

  /** Whether a TCP connection from this address is refused. */
  refuses(address: string): boolean {
    if (!this.#isOn || address.startsWith('127.') || address === '::1') return false;
    if (!this.isOpenToNeighbours) return true;
    return !this.#neighbours.check(address.replace(/%.*/, ''), address.includes(':') ? 'ipv6' : 'ipv4');
  }
}

/** Whether an address of `bind` leads to other machines; `*` is what stands there when nobody thought of it. */
function namesOthers(bind: string): boolean {
  const address = bind.replace(/^-/, '');
  return !/^(?:|\*|::\*|127\..*|::1|localhost)$/.test(address);
}

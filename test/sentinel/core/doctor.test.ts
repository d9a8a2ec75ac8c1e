/** SENTINEL DOCTOR: of a healthy set-up it says nothing; of each fault, that one thing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  examineMaster,
  examineSentinel,
  type Finding,
  type OwnSetup,
} from '../../../src/sentinel/core/doctor/doctor.ts';
import { type Instance, MASTER_REBOOT, ODOWN, SDOWN } from '../../../src/sentinel/core/instance.ts';
import { removeInstance } from '../../../src/sentinel/core/registry.ts';
import { BareCore } from './bare-core.ts';

const HEALTHY: OwnSetup = { canSave: true, needsPassword: true, scripts: 0 };
const MASTER_INFO: Readonly<Record<string, string | number>> = {
  redis_version: '7.2.4',
  role: 'master',
  connected_slaves: 2,
  min_slaves_good_slaves: 2,
  aof_enabled: 1,
  rdb_saves: 0,
  rdb_changes_since_last_save: 5,
  uptime_in_seconds: 7200,
};

/** Three sentinels (with us), a master and two replicas on hosts of their own; everybody has just answered. */
class Clinic {
  readonly rig = new BareCore();
  readonly master: Instance = this.rig.master;
  readonly replicas: Instance[];
  readonly sentinels: Instance[];
  own: OwnSetup = HEALTHY;

  constructor() {
    const { rig, master } = this;
    this.replicas = ['10.0.0.2', '10.0.0.3'].map((host) => rig.addReplica(host, 6379));
    this.sentinels = ['b', 'c'].map((id, i) => rig.addSentinel(id.repeat(40), `10.0.0.${i + 2}`, 26379));
    rig.state.authPass = 'secret';
    master.authPass = 'secret';
    master.quorum = 2;
    master.downAfterMs = 5000;
    this.tell(master, {});
    for (const one of [master, ...this.replicas, ...this.sentinels]) {
      one.link.disconnected = false;
      one.link.command = 1;
      one.link.oldestPing = 0;
      one.infoAt = rig.now;
      one.replId = 'd'.repeat(40);
    }
    for (const replica of this.replicas) {
      replica.info = 'redis_version:7.2.4\r\n';
      replica.masterHost = '10.0.0.1';
      replica.masterPort = 6379;
      replica.masterLinkUp = true;
    }
  }

  tell(instance: Instance, lines: Readonly<Record<string, string | number | null>>): void {
    const all = Object.entries({ ...MASTER_INFO, ...lines }).filter(([, value]) => value !== null);
    instance.info = `# Server\r\n${all.map(([name, value]) => `${name}:${value}\r\n`).join('')}`;
  }

  found(): Finding[] {
    return this.rig.act((turn) => [...examineSentinel(turn, this.own), ...examineMaster(turn, this.master)]);
  }
}

interface Case {
  readonly name: string;
  readonly make: (clinic: Clinic) => void;
  readonly level: Finding['level'];
  readonly text: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'a file that cannot be written',
    make: (clinic) => {
      clinic.own = { ...HEALTHY, canSave: false };
    },
    level: 'problem',
    text: /^The configuration file cannot be written\./,
  },
  {
    name: 'TILT',
    make: ({ rig }) => {
      rig.state.tilt = true;
      rig.state.tiltSince = rig.now - 12_000;
    },
    level: 'problem',
    text: /^This sentinel is in TILT mode since 12 s/,
  },
  {
    name: 'a stall',
    make: ({ rig }) => {
      rig.state.stallUntil = rig.now + 1;
    },
    level: 'warning',
    text: /^This process stood still/,
  },
  {
    name: 'a simulated failure',
    make: ({ rig }) => {
      rig.state.crashAfterPromotion = true;
    },
    level: 'warning',
    text: /will crash in its next failover/,
  },
  {
    name: 'a sentinel without a password',
    make: (clinic) => {
      clinic.own = { ...HEALTHY, needsPassword: false };
    },
    level: 'warning',
    text: /it has no password\. Set requirepass/,
  },
  {
    name: 'a password here, none for the others',
    make: ({ rig }) => {
      rig.state.authPass = '';
    },
    level: 'problem',
    text: /"sentinel sentinel-pass" is not set/,
  },
  {
    name: 'scripts that hang',
    make: (clinic) => {
      clinic.own = { ...HEALTHY, scripts: 40 };
    },
    level: 'warning',
    text: /^40 scripts wait or run/,
  },
  {
    name: 'names are announced and not understood',
    make: ({ rig }) => {
      rig.state.announceHostnames = true;
    },
    level: 'problem',
    text: /^"sentinel announce-hostnames yes" needs/,
  },
  {
    name: 'announce-ip is a name',
    make: ({ rig }) => {
      rig.state.announceIp = 'sentinel-a';
    },
    level: 'problem',
    text: /^"sentinel announce-ip sentinel-a" is no IP address/,
  },
  {
    name: 'announce-port alone',
    make: ({ rig }) => {
      rig.state.announcePort = 5000;
    },
    level: 'note',
    text: /^"sentinel announce-port 5000" without announce-ip/,
  },
  {
    name: 'announce-ip of this host only',
    make: ({ rig }) => {
      rig.state.announceIp = '127.0.0.1';
    },
    level: 'problem',
    text: /an address that only this host understands/,
  },
  {
    name: 'two sentinels announce the same',
    make: ({ rig }) => {
      rig.state.announceIp = '10.0.0.2';
      rig.state.announcePort = 26379;
    },
    level: 'problem',
    text: /the address that this sentinel announces as its own/,
  },
  {
    name: 'a master that is down for us',
    make: ({ rig, master }) => {
      master.flags |= SDOWN;
      master.sDownSince = rig.now - 4000;
    },
    level: 'problem',
    text: /^It is down for this sentinel since 4 s; the quorum of 2 does not agree\./,
  },
  {
    name: 'a master that is down',
    make: ({ rig, master }) => {
      master.flags |= SDOWN | ODOWN;
      master.sDownSince = rig.now - 5000;
      master.oDownSince = rig.now - 180_000;
    },
    level: 'problem',
    text: /^It is down, since 3 minutes, and the quorum agrees\./,
  },
  {
    name: 'no connection',
    make: ({ master }) => {
      master.link.disconnected = true;
    },
    level: 'warning',
    text: /^There is no connection to it at the moment\./,
  },
  {
    name: 'PING is answered with an error',
    make: ({ rig, master }) => {
      master.link.lastAvailable = rig.now - 6000;
    },
    level: 'problem',
    text: /^It answers PING with an error\..*auth-pass/,
  },
  {
    name: 'a master that calls itself a replica',
    make: ({ master }) => {
      master.roleReported = 'replica';
      master.masterHost = '10.0.0.9';
      master.masterPort = 1;
    },
    level: 'problem',
    text: /^It calls itself a replica of 10\.0\.0\.9:1, not a master\./,
  },
  {
    name: 'a master that has been restarted',
    make: ({ master }) => {
      master.flags |= MASTER_REBOOT;
    },
    level: 'warning',
    text: /^It has been restarted a moment ago\./,
  },
  {
    name: 'a master without a password',
    make: ({ master }) => {
      master.authPass = '';
    },
    level: 'warning',
    text: /^It takes commands without a password/,
  },
  {
    name: 'a name that does not resolve',
    make: ({ rig, sentinels }) => {
      rig.state.resolveHostnames = true;
      sentinels[0]!.address = { host: 'nosuch', ip: '', port: 26379 };
    },
    level: 'problem',
    text: /^The name of sentinel b{40}, nosuch does not resolve\./,
  },
  {
    name: 'a name where names are not resolved',
    make: ({ master }) => {
      master.address = { host: 'redis-a', ip: '', port: 6379 };
      master.masterHost = '';
      for (const replica of master.replicas.values()) replica.masterHost = 'redis-a';
    },
    level: 'problem',
    text: /^Its name redis-a is no IP address, and resolve-hostnames is off\./,
  },
  {
    name: 'a master at a loopback address, others elsewhere',
    make: ({ master, replicas }) => {
      master.address = { host: '127.0.0.1', ip: '127.0.0.1', port: 6379 };
      for (const replica of replicas) replica.masterHost = '127.0.0.1';
    },
    level: 'problem',
    text: /^It is monitored at 127\.0\.0\.1:6379, which means another instance on every host/,
  },
  {
    name: 'two names for one master',
    make: ({ rig }) => {
      rig.addMaster('twin', 6379);
    },
    level: 'problem',
    text: /^The master twin is at the same address/,
  },
  {
    name: 'one sentinel only',
    make: ({ rig, master, sentinels }) => {
      master.quorum = 1;
      rig.act((turn) => {
        for (const one of sentinels) removeInstance(turn, one);
      });
    },
    level: 'problem',
    text: /^This is the only sentinel that is known\./,
  },
  {
    name: 'two sentinels only',
    make: ({ rig, sentinels }) => rig.act((turn) => removeInstance(turn, sentinels[0]!)),
    level: 'problem',
    text: /^There are two sentinels only/,
  },
  {
    name: 'an even number',
    make: (clinic) => add(clinic, 'e', '10.0.0.4'),
    level: 'note',
    text: /^4 sentinels need 3 for a majority: 1 may be lost, as with 3\. An odd number is enough\.$/,
  },
  {
    name: 'a quorum of 1',
    make: ({ master }) => {
      master.quorum = 1;
    },
    level: 'warning',
    text: /^The quorum is 1: .* 2 of 3 would be better\.$/,
  },
  {
    name: 'a quorum beyond the number',
    make: ({ master }) => {
      master.quorum = 4;
    },
    level: 'problem',
    text: /^The quorum is 4, but only 3 sentinels are known/,
  },
  {
    name: 'a quorum of all',
    make: ({ master }) => {
      master.quorum = 3;
    },
    level: 'warning',
    text: /^The quorum is all 3 sentinels/,
  },
  {
    name: 'a sentinel that is down',
    make: ({ rig, sentinels }) => down(rig, sentinels[0]!, 60_000),
    level: 'warning',
    text: /^Sentinel bbbbbbbbbbbb \(10\.0\.0\.2:26379\) is down since 60 s\./,
  },
  {
    name: 'a sentinel long gone',
    make: ({ rig, sentinels }) => {
      rig.now += 8_000_000;
      for (const one of rig.state.instances.values()) {
        Object.assign(one, { infoAt: rig.now, lastHello: rig.now });
        Object.assign(one.link, { lastAvailable: rig.now, lastPong: rig.now });
      }
      down(rig, sentinels[0]!, 7_200_000);
    },
    level: 'warning',
    text: /is gone since 2 hours, and still counts for the majority.*SENTINEL RESET mymaster/,
  },
  {
    name: 'a sentinel never heard of',
    make: ({ rig, sentinels }) => {
      sentinels[1]!.lastHello = rig.now - 40_000;
    },
    level: 'warning',
    text: /^Sentinel cccccccccccc .* answers, but has not been heard of for 40 s/,
  },
  {
    name: 'a sentinel with another password',
    make: ({ rig, sentinels }) => {
      sentinels[1]!.link.lastAvailable = rig.now - 6000;
    },
    level: 'problem',
    text: /^Sentinel cccccccccccc .* answers PING with an error: has it another password/,
  },
  {
    name: 'two sentinels at one address',
    make: ({ sentinels }) => {
      sentinels[1]!.address = { ...sentinels[0]!.address };
    },
    level: 'problem',
    text: /has the same address as bbbbbbbbbbbb/,
  },
  {
    name: 'a replica with priority 0',
    make: ({ replicas }) => {
      replicas[0]!.priority = 0;
    },
    level: 'warning',
    text: /^Replica 10\.0\.0\.2:6379 could not be promoted: its replica-priority is 0\./,
  },
  {
    name: 'a replica with another master',
    make: ({ replicas }) => {
      replicas[0]!.masterPort = 7777;
    },
    level: 'problem',
    text: /^Replica 10\.0\.0\.2:6379 replicates from 10\.0\.0\.1:7777, not from the master\./,
  },
  {
    name: 'a replica that knows its master by another name',
    make: ({ replicas }) => {
      replicas[0]!.masterHost = 'redis-a';
    },
    level: 'warning',
    text: /knows its master as redis-a, this sentinel as 10\.0\.0\.1\./,
  },
  {
    name: 'a replica that calls itself a master',
    make: ({ replicas }) => {
      replicas[0]!.roleReported = 'master';
    },
    level: 'problem',
    text: /^Replica 10\.0\.0\.2:6379 calls itself a master\./,
  },
  {
    name: 'a replica without a link',
    make: ({ replicas }) => {
      replicas[0]!.masterLinkUp = false;
    },
    level: 'warning',
    text: /^Replica 10\.0\.0\.2:6379 has no link to its master\./,
  },
  {
    name: 'a replica that is not announced',
    make: ({ replicas }) => {
      replicas[0]!.replicaAnnounced = false;
    },
    level: 'note',
    text: /is not told to clients/,
  },
  {
    name: 'a replica of another history',
    make: ({ replicas }) => {
      replicas[0]!.replId = 'e'.repeat(40);
    },
    level: 'warning',
    text: /shares no history with its master/,
  },
  {
    name: 'a replica of another version',
    make: ({ replicas }) => {
      replicas[0]!.info = 'redis_version:6.2.14\r\n';
    },
    level: 'note',
    text: /runs version 6\.2, its master 7\.2/,
  },
  {
    name: 'replicas that the sentinel does not know',
    make: (clinic) => clinic.tell(clinic.master, { connected_slaves: 3 }),
    level: 'warning',
    text: /^The master has 3 replicas, of which this sentinel knows 2\./,
  },
  {
    name: 'no replica',
    make: (clinic) => {
      clinic.rig.act((turn) => {
        for (const one of clinic.replicas) removeInstance(turn, one);
      });
      clinic.tell(clinic.master, { connected_slaves: 0 });
    },
    level: 'problem',
    text: /^It has no replica that is known/,
  },
  {
    name: 'all on one host',
    make: ({ replicas }) => {
      for (const [i, replica] of replicas.entries()) {
        replica.address = { host: '10.0.0.1', ip: '10.0.0.1', port: 7000 + i };
      }
    },
    level: 'warning',
    text: /^The master and all its replicas are on one host \(10\.0\.0\.1\)/,
  },
  {
    name: 'a short down-after',
    make: ({ master }) => {
      master.downAfterMs = 300;
    },
    level: 'warning',
    text: /^down-after-milliseconds 300 is short/,
  },
  {
    name: 'a long down-after',
    make: ({ master }) => {
      master.downAfterMs = 150_000;
    },
    level: 'warning',
    text: /^down-after-milliseconds 150000: for 3 minutes nobody will do anything\./,
  },
  {
    name: 'a failover-timeout below down-after',
    make: ({ master }) => {
      master.failoverTimeoutMs = 4000;
    },
    level: 'warning',
    text: /^failover-timeout 4000 is shorter than down-after-milliseconds 5000/,
  },
  {
    name: 'all replicas at once',
    make: ({ master }) => {
      master.parallelSyncs = 2;
    },
    level: 'note',
    text: /^parallel-syncs 2 for 2 replicas/,
  },
  {
    name: 'no min-replicas-to-write',
    make: (clinic) => clinic.tell(clinic.master, { min_slaves_good_slaves: null }),
    level: 'note',
    text: /^min-replicas-to-write is 0 on the master/,
  },
  {
    name: 'a master that would come back empty',
    make: (clinic) => clinic.tell(clinic.master, { aof_enabled: 0 }),
    level: 'warning',
    text: /Restarted by a supervisor within 5000 ms it comes back empty.*master-reboot-down-after-period/,
  },
  {
    name: 'the same, and the sentinel is told to mind',
    make: (clinic) => {
      clinic.master.masterRebootDownAfterMs = 1000;
      clinic.tell(clinic.master, { aof_enabled: 0 });
    },
    level: 'note',
    text: /master-reboot-down-after-period is set against that\./,
  },
];

describe('SENTINEL DOCTOR', () => {
  it('says nothing of a healthy set-up', () => {
    assert.deepEqual(new Clinic().found(), []);
  });

  for (const { name, make, level, text } of CASES) {
    it(`tells of ${name}`, () => {
      const clinic = new Clinic();
      make(clinic);
      const found = clinic.found();
      const wanted = found.filter((finding) => text.test(finding.text));
      assert.equal(wanted.length, 1, JSON.stringify(found, null, 2));
      assert.equal(wanted[0]!.level, level);
    });
  }

  it('tells of a majority that cannot be reached, and of a quorum', () => {
    const clinic = new Clinic();
    for (const one of clinic.sentinels) down(clinic.rig, one, 1000);
    const texts = clinic.found().map(({ text }) => text);
    assert.ok(texts.includes('Only 1 of 3 sentinels can be reached; 2 are needed to elect who fails over.'));
    assert.ok(texts.includes('The quorum is 2, and only 1 sentinel can be reached.'));
  });

  it('tells of a majority on one host', () => {
    const clinic = new Clinic();
    clinic.sentinels[1]!.address = { host: '10.0.0.2', ip: '10.0.0.2', port: 26380 };
    const [only, ...rest] = clinic.found();
    assert.deepEqual(rest, []);
    assert.match(only!.text, /^2 other sentinels are on one host \(10\.0\.0\.2\)/);
  });

  it('tells why no replica could be promoted', () => {
    const clinic = new Clinic();
    const [a, b] = clinic.replicas as [Instance, Instance];
    a.link.disconnected = true;
    b.infoAt = 0;
    const texts = clinic.found().map(({ text }) => text);
    assert.deepEqual(texts, [
      'None of its replicas could be promoted now: a failover would be aborted.',
      'Replica 10.0.0.2:6379 could not be promoted: there is no connection to it.',
      'Replica 10.0.0.3:6379 could not be promoted: it has not answered INFO yet.',
    ]);
  });

  it('tells when one replica only is left', () => {
    const clinic = new Clinic();
    down(clinic.rig, clinic.replicas[1]!, 1000);
    assert.deepEqual(
      clinic.found().map(({ text }) => text),
      [
        'Only one of 2 replicas could be promoted now.',
        'Replica 10.0.0.3:6379 could not be promoted: it is down.',
      ],
    );
  });

  it('says when there is nothing to watch', () => {
    const clinic = new Clinic();
    clinic.rig.state.masters.clear();
    const found = clinic.rig.act((turn) => examineSentinel(turn, HEALTHY));
    assert.deepEqual(found, [{ level: 'note', text: 'No master is monitored.' }]);
  });
});

function add({ rig }: Clinic, id: string, host: string): void {
  rig.addSentinel(id.repeat(40), host, 26379).link.disconnected = false;
}

function down(rig: BareCore, instance: Instance, forMs: number): void {
  instance.flags |= SDOWN;
  instance.sDownSince = rig.now - forMs;
}

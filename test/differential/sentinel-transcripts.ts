/**
 * What clients send to a sentinel, as recorded in front of one: a line for each command, an empty line where the client
 * waits for replies before it goes on. Those without a recording (Jedis, Lettuce, go-redis, StackExchange.Redis) are
 * written after their sources.
 */

export interface Transcript {
  readonly client: string;
  readonly lines: string;
}

export const TRANSCRIPTS: readonly Transcript[] = [
  {
    client: 'redis-cli, at a terminal and for single commands',
    lines: `
      COMMAND DOCS nosuch
      COMMAND COUNT

      SENTINEL masters
      INFO sentinel
      SENTINEL get-master-addr-by-name mymaster
      CLIENT SETNAME redis-cli
      PING`,
  },
  {
    client: 'ioredis 5 and 6',
    lines: `
      hello 3
      client SETINFO LIB-VER 6.0.0
      client SETINFO LIB-NAME ioredis

      sentinel get-master-addr-by-name mymaster

      sentinel sentinels mymaster

      sentinel slaves mymaster

      subscribe +switch-master`,
  },
  {
    client: 'node-redis 5 and 6',
    lines: `
      HELLO 3
      CLIENT SETINFO LIB-VER 6.3.1
      CLIENT SETINFO LIB-NAME node-redis
      CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type external-ip

      SENTINEL SENTINELS mymaster
      SENTINEL MASTER mymaster
      SENTINEL REPLICAS mymaster

      psubscribe switch-master [-+]sdown +slave +sentinel [-+]odown +slave-reconf-done`,
  },
  {
    client: 'redis-py, RESP2',
    lines: `
      CLIENT SETINFO LIB-NAME redis-py
      CLIENT SETINFO LIB-VER 8.1.0

      SENTINEL MASTERS

      SENTINEL SLAVES mymaster

      SENTINEL MASTER mymaster

      SENTINEL SENTINELS mymaster

      SENTINEL GET-MASTER-ADDR-BY-NAME mymaster

      SENTINEL CKQUORUM mymaster

      ROLE

      INFO sentinel`,
  },
  {
    client: 'redis-py, RESP3',
    lines: `
      HELLO 3

      CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip

      CLIENT SETINFO LIB-NAME redis-py
      CLIENT SETINFO LIB-VER 8.1.0

      SENTINEL MASTERS

      SENTINEL SLAVES mymaster

      SENTINEL SENTINELS mymaster

      SENTINEL GET-MASTER-ADDR-BY-NAME mymaster

      SENTINEL GET-MASTER-ADDR-BY-NAME nosuch

      ROLE`,
  },
  {
    client: 'Jedis',
    lines: `
      CLIENT SETINFO lib-name jedis
      CLIENT SETINFO lib-ver 5.1.3

      SENTINEL GET-MASTER-ADDR-BY-NAME mymaster

      SENTINEL REPLICAS mymaster

      CLIENT SETNAME jedis

      SUBSCRIBE +switch-master`,
  },
  {
    client: 'Jedis, RESP3',
    lines: `
      HELLO 3
      CLIENT SETINFO lib-name jedis
      CLIENT SETINFO lib-ver 5.1.3

      SENTINEL GET-MASTER-ADDR-BY-NAME mymaster

      SUBSCRIBE +switch-master`,
  },
  {
    client: 'Lettuce',
    lines: `
      HELLO 3
      CLIENT SETINFO lib-name Lettuce
      CLIENT SETINFO lib-ver 6.3.2

      PING

      SENTINEL get-master-addr-by-name mymaster
      SENTINEL MASTER mymaster
      SENTINEL REPLICAS mymaster
      SENTINEL SLAVES mymaster

      PSUBSCRIBE *`,
  },
  {
    client: 'go-redis',
    lines: `
      hello 3
      client setinfo LIB-NAME go-redis(,go1.22)
      client setinfo LIB-VER 9.5.1

      sentinel get-master-addr-by-name mymaster

      sentinel sentinels mymaster

      sentinel replicas mymaster

      subscribe +switch-master +replica-reconf-done`,
  },
  {
    client: 'StackExchange.Redis',
    lines: `
      CLIENT SETNAME box
      CLIENT SETINFO lib-name SE.Redis
      CLIENT SETINFO lib-ver 2.8.0
      CLIENT ID
      CONFIG GET slave-read-only
      CONFIG GET databases
      INFO replication
      CLUSTER NODES
      GET __Booksleeve_TieBreak

      SENTINEL MASTERS
      SENTINEL GET-MASTER-ADDR-BY-NAME mymaster
      SENTINEL SENTINELS mymaster

      SUBSCRIBE +switch-master`,
  },
  {
    client: 'another sentinel',
    lines: `
      CLIENT SETNAME sentinel-0123abcd-cmd
      PING
      PUBLISH __sentinel__:hello nothing

      SENTINEL is-master-down-by-addr 127.0.0.1 1 0 *
      PING`,
  },
];

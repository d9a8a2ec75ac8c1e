/**
 * The guide that many set-ups of one master, two replicas and three sentinels come from: its hosts and its
 * configuration files, to the byte. The comments behind the values are part of it: users copy them along.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../support/server-process.ts';

export const MASTER = '172.18.113.66';
/** In the order in which they are started. */
export const REPLICAS = ['172.18.113.63', '172.18.113.65'] as const;
export const PORT = 6379;

/** conf/redis.conf of the master. */
export const MASTER_CONF = `bind 0.0.0.0 #网络
daemonize yes #守护进程
logfile "/redis/log/redis.log" #日志输出文件
appendonly yes #开启aof持久化方式
aof-use-rdb-preamble yes #开启aof和rdb混合使用模式
`;

/** conf/redis.conf of the replicas. */
export const REPLICA_CONF = `${MASTER_CONF}slaveof ${MASTER} ${PORT} #slave节点配置，master节点不配置，所有的slave节点配置项都相同，都是指向master的ip、port
`;

/** conf/sentinel.conf, the same on all three hosts. */
export const SENTINEL_CONF = `bind 0.0.0.0 #解决网络问题 也可以是bind 127.0.0.1 localhost-ip
daemonize yes  #这个是手动加的，模板配置文件中没有，以守护进程的方式启动
logfile "/redis/log/sentinel.log" #这个也是手动加的，指定日志输出文件
sentinel monitor mymaster ${MASTER} ${PORT} 2 #这个地方也是相同的，指定的都是初始master-ip
`;
export const SENTINEL_PORT = 26379;

/** What redis-server needs to start with such a file: no comments behind values, and protected mode off (since 7.0). */
export function forRedisServer(conf: string): string {
  return `${conf.replaceAll(/ +#.*$/gm, '')}protected-mode no\n`;
}

const FOLDER = join(REPOSITORY, '..', 'shared', 'data', 'guide');

/** Compares these texts with the files they were taken from; says so when those are not there. */
export function compareWithOriginals(say: (text: string) => void): void {
  if (!existsSync(FOLDER)) {
    say("the guide's own files are not beside the repository: nothing to compare with");
    return;
  }
  assert.equal(MASTER_CONF, readFileSync(join(FOLDER, 'redis.conf'), 'utf8'));
  assert.equal(REPLICA_CONF, readFileSync(join(FOLDER, 'replica-redis.conf'), 'utf8'));
  assert.equal(SENTINEL_CONF, readFileSync(join(FOLDER, 'sentinel.conf'), 'utf8'));
}

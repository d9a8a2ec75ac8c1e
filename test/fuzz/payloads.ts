/**
 * Payloads of DUMP to begin with: values of every type in every form that files have known, small ones, as what is
 * changed in them should matter.
 */
import { Crc64 } from '../../src/util/crc64.ts';
import { InProcess } from '../support/in-process.ts';

const VERSION = 10;

/** Type and value, without version and checksum. */
export type Body = Buffer;

/** Adds version and checksum. */
export function sealPayload(body: Uint8Array): Buffer {
  const payload = Buffer.alloc(body.length + 10);
  payload.set(body);
  payload[body.length] = VERSION;
  new Crc64().update(payload, 0, body.length + 2).write(payload, body.length + 2);
  return payload;
}

function length(n: number): Buffer {
  if (n < 64) return Buffer.from([n]);
  if (n < 16384) return Buffer.from([0x40 | (n >> 8), n & 255]);
  const bytes = Buffer.alloc(5, 0x80);
  bytes.writeUInt32BE(n, 1);
  return bytes;
}

export function rdbString(bytes: Uint8Array | string): Buffer {
  const raw = Buffer.from(bytes as Uint8Array);
  return Buffer.concat([length(raw.length), raw]);
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** A ziplist: numbers in the encoding that fits, strings. */
export function ziplist(elements: readonly (string | number)[]): Buffer {
  const entries: Buffer[] = [];
  let previous = 0;
  let tail = 10;
  let at = 10;
  for (const element of elements) {
    const before = previous < 254 ? Buffer.from([previous]) : Buffer.from([254, 0, 0, 0, 0]);
    if (previous >= 254) before.writeUInt32LE(previous, 1);
    const entry = Buffer.concat([before, ziplistContent(element)]);
    entries.push(entry);
    tail = at;
    at += entry.length;
    previous = entry.length;
  }
  const head = Buffer.alloc(10);
  head.writeUInt32LE(at + 1, 0);
  head.writeUInt32LE(tail, 4);
  head.writeUInt16LE(elements.length, 8);
  return Buffer.concat([head, ...entries, Buffer.from([255])]);
}

function ziplistContent(element: string | number): Buffer {
  if (typeof element === 'string') {
    const bytes = Buffer.from(element, 'latin1');
    if (bytes.length < 64) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    if (bytes.length < 16384) {
      return Buffer.concat([Buffer.from([0x40 | (bytes.length >> 8), bytes.length & 255]), bytes]);
    }
    const head = Buffer.alloc(5, 0x80);
    head.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  }
  if (element >= 0 && element <= 12) return Buffer.from([0xf1 + element]);
  if (element >= -128 && element < 128) return Buffer.from([0xfe, element & 255]);
  if (element >= -32768 && element < 32768) return Buffer.from([0xc0, element & 255, (element >> 8) & 255]);
  if (element >= -8388608 && element < 8388608) {
    return Buffer.from([0xf0, element & 255, (element >> 8) & 255, (element >> 16) & 255]);
  }
  if (element >= -2147483648 && element < 2147483648) {
    const bytes = Buffer.alloc(5, 0xd0);
    bytes.writeInt32LE(element, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9, 0xe0);
  bytes.writeBigInt64LE(BigInt(element), 1);
  return bytes;
}

export function zipmap(pairs: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [Buffer.from([pairs.length])];
  for (const [field, value] of pairs) {
    parts.push(Buffer.from([field.length]), Buffer.from(field, 'latin1'));
    parts.push(Buffer.from([value.length, 2]), Buffer.from(`${value}..`, 'latin1'));
  }
  return Buffer.concat([...parts, Buffer.from([255])]);
}

/** Forms that nobody writes any more. */
function oldForms(): Body[] {
  const elements = [1, 'a', -5, 300, 'x'.repeat(70), 70000, 2 ** 31, 2 ** 40, '', 'zz'];
  const pairs = [
    ['a', '1'],
    ['field', 'value'],
    ['c', ''],
  ] as const;
  const flat = ['a', 1, 'bb', 2, 'c', -3, 'dd', 'text'];
  const list = ziplist(elements);
  const type = (n: number, ...rest: Uint8Array[]): Body => Buffer.concat([Buffer.from([n]), ...rest]);
  const some = (n: number): Buffer[] => Array.from({ length: n }, (_, i) => rdbString(`element ${i}`));
  return [
    type(1, length(10), ...some(10)),
    type(2, length(5), ...some(5)),
    type(2, length(4), rdbString('1'), Buffer.from([0xc0, 7, 0xc1, 1, 2, 0xc2, 1, 2, 3, 4])),
    type(2, length(100), ...some(100)),
    type(3, length(3), ...some(3).map((m, i) => Buffer.concat([m, rdbString(String(i * 1.5 - 1))]))),
    type(3, length(2), rdbString('inf'), Buffer.from([254]), rdbString('-inf'), Buffer.from([255])),
    type(4, length(3), ...some(6)),
    type(4, length(40), ...some(80)),
    type(5, length(40), ...some(40).map((m, i) => Buffer.concat([m, double(i / 3)]))),
    type(9, rdbString(zipmap(pairs))),
    type(10, rdbString(list)),
    type(12, rdbString(ziplist(['a', 1, 'b', 2, 'cc', '2.5', 'd', 3000]))),
    type(13, rdbString(ziplist(flat))),
    type(14, length(3), rdbString(list), rdbString(ziplist(['only'])), rdbString(list)),
  ];
}

/** Payloads of what commands make, with small limits so that both forms of everything are short. */
function ofCommands(): Body[] {
  const bodies: Body[] = [];
  const limits = [
    {},
    {
      'hash-max-listpack-entries': '3',
      'zset-max-listpack-entries': '3',
      'list-max-listpack-size': '4',
      'set-max-intset-entries': '4',
      'stream-node-max-entries': '4',
    },
    { rdbcompression: 'no', 'list-compress-depth': '1', 'list-max-listpack-size': '3' },
  ];
  for (const directives of limits) {
    const redis = new InProcess(directives, 1);
    const strings = [
      '',
      '1',
      '-77',
      '70000',
      '12345678901234',
      'text',
      'ab'.repeat(60),
      'HYLL'.padEnd(40, '\0'),
    ];
    strings.forEach((value, i) => {
      redis.call('SET', `string${i}`, value);
    });
    redis.call('PFADD', 'hll', ...Array.from({ length: 30 }, (_, i) => `member ${i}`));
    for (const n of [1, 5, 20, 70]) {
      for (let i = 0; i < n; i++) {
        const value = i % 3 === 0 ? String(i * 1000) : `value ${i}`;
        redis.call('HSET', `hash${n}`, `f${i}`, value);
        redis.call('RPUSH', `list${n}`, i % 7 === 6 ? 'long'.repeat(30) : value);
        redis.call('ZADD', `zset${n}`, i % 2 === 0 ? i : i / 3, `m${i}`);
        redis.call('SADD', `set${n}`, value);
        redis.call('SADD', `intset${n}`, (i - 3) * 10 ** (i % 12));
        redis.call('XADD', `stream${n}`, `${5 + (i >> 1)}-${i}`, 'item', i, 'value', value);
        if (i % 5 === 3) redis.call('XADD', `stream${n}`, '*', 'other', value);
      }
    }
    for (const n of [5, 20]) {
      redis.call('XGROUP', 'CREATE', `stream${n}`, 'group', '0');
      redis.call('XGROUP', 'CREATE', `stream${n}`, 'idle', '$');
      redis.call('XREADGROUP', 'GROUP', 'group', 'alice', 'COUNT', 3, 'STREAMS', `stream${n}`, '>');
      redis.call('XREADGROUP', 'GROUP', 'group', 'bob', 'COUNT', 1, 'STREAMS', `stream${n}`, '>');
      redis.call('XDEL', `stream${n}`, '6-2');
    }
    for (const key of redis.call('KEYS', '*') as string[]) {
      const raw = redis.raw('DUMP', key);
      const payload = raw.subarray(raw.indexOf('\r\n') + 2, raw.length - 2);
      bodies.push(Buffer.from(payload.subarray(0, payload.length - 10)));
    }
  }
  return bodies;
}

export function seedBodies(): Body[] {
  const bodies = [...ofCommands(), ...oldForms()];
  // Sets as listpacks are what 7.2 writes: the listpack of a hash is as good.
  for (const body of [...bodies])
    if (body[0] === 16) bodies.push(Buffer.concat([Buffer.from([20]), body.subarray(1)]));
  return bodies;
}

/** Random RESP frames: whole ones, whose replies can be counted, and damaged ones. */
import { encodeCommand } from '../support/raw-client.ts';

type Random = (below: number) => number;

/** Commands that reply once, at once, and leave memory bounded over their few keys. */
const COMMANDS: readonly ((random: Random) => string[])[] = [
  () => ['PING'],
  (random) => ['ECHO', text(random, 40)],
  (random) => ['SET', key(random), text(random, 200)],
  (random) => ['GET', key(random)],
  (random) => ['INCR', key(random)],
  (random) => ['DEL', key(random), key(random)],
  (random) => ['MGET', key(random), key(random), key(random)],
  (random) => ['EXISTS', key(random)],
  (random) => ['STRLEN', key(random)],
  (random) => ['TYPE', key(random)],
  // Not NOSUCHCOMMAND: cut in two, that is COMMAND, whose reply is too long to send before the end.
  (random) => ['NOSUCHVERB', text(random, 30)],
  () => ['GET'],
];

function key(random: Random): string {
  return `soak:${random(50)}`;
}

function text(random: Random, maxLength: number): string {
  let result = '';
  for (let left = random(maxLength + 1); left > 0; left--) result += String.fromCharCode(33 + random(90));
  return result;
}

/** A whole command with exactly one reply; now and then inline. */
export function wholeFrame(random: Random): Buffer {
  if (random(20) === 0) return Buffer.from(random(2) === 0 ? 'PING\r\n' : 'echo "quoted \\x41"\n');
  return encodeCommand(COMMANDS[random(COMMANDS.length)]!(random));
}

/** Lengths and counts at and past the limits, and what is no number at all. */
const NUMBERS = [
  '-1',
  '0',
  '1',
  '2',
  '1048576',
  '1048577',
  '536870912',
  '536870913',
  '2147483647',
  '2147483648',
  '4294967296',
  '9223372036854775807',
  '9223372036854775808',
  '99999999999999999999999',
  '-2147483649',
  '',
  ' 1',
  '+1',
  '01',
  'x',
  '1x',
];

/** A frame that was whole and is not any more, or bytes that never were one. */
export function brokenFrame(random: Random): Buffer {
  const whole = wholeFrame(random);
  switch (random(8)) {
    case 0:
      return flipBytes(random, whole);
    case 1:
      return whole.subarray(0, random(whole.length));
    case 2:
      return replaceNumber(random, whole);
    case 3:
      return randomBytes(random, 1 + random(300));
    case 4:
      return Buffer.from(`${'*$+-:_#,(!=~%>|\'"'[random(17)]!}${NUMBERS[random(NUMBERS.length)]!}\r\n`);
    case 5:
      return Buffer.from(`SET k "unbalanced ${text(random, 20).replaceAll('"', '')}\r\n`);
    case 6:
      // A part taken out, or put in twice.
      return random(2) === 0
        ? Buffer.concat([whole.subarray(0, random(whole.length)), whole.subarray(random(whole.length))])
        : Buffer.concat([whole.subarray(0, random(whole.length)), whole]);
    default:
      // An inline request without an end: past 64 kB it is too big.
      return Buffer.alloc(random(10) === 0 ? 70_000 : random(2000) + 1, 97 + random(26));
  }
}

function flipBytes(random: Random, whole: Buffer): Buffer {
  for (let i = 1 + random(4); i > 0; i--) whole[random(whole.length)] = random(256);
  return whole;
}

function replaceNumber(random: Random, whole: Buffer): Buffer {
  const numbers = [...whole.toString('latin1').matchAll(/[*$]\d+\r\n/g)];
  if (numbers.length === 0) return flipBytes(random, whole);
  const chosen = numbers[random(numbers.length)]!;
  return Buffer.concat([
    whole.subarray(0, chosen.index + 1),
    Buffer.from(NUMBERS[random(NUMBERS.length)]!),
    whole.subarray(chosen.index + chosen[0].length - 2),
  ]);
}

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = random(256);
  return bytes;
}

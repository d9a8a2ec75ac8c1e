/**
 * Finds where replies end and says what they mean, for tests. It is deliberately a second, slow and obvious
 * implementation of the protocol, with nothing shared with src/resp: a bug in one must not hide in the other.
 */

/** An error reply as a value; `r('GET')` in a test gives it back instead of throwing. */
export class ErrorReply extends Error {
  /** The first word: ERR, WRONGTYPE, NOAUTH … */
  get code(): string {
    return this.message.split(' ', 1)[0]!;
  }
}

export type Reply =
  | string
  | number
  | bigint
  | boolean
  | null
  | ErrorReply
  | Reply[]
  | Map<Reply, Reply>
  | Set<Reply>;

/** Thrown for bytes that are not RESP; a server that sends them has a bug. */
export class FramingError extends Error {}

/**
 * The offset after the reply that starts at `start`. When the reply is not whole yet the result is negative:
 * minus the number of bytes that the buffer must at least hold before another look is worth it.
 */
export function replyEnd(buffer: Buffer, start: number): number {
  let position = start;
  // Replies still to be read; an aggregate adds its elements, so nesting needs no stack.
  let remaining = 1;
  while (remaining > 0) {
    const line = buffer.indexOf('\r\n', position, 'latin1');
    if (line < 0) {
      if (buffer.length > position) checkType(buffer, position);
      return -(buffer.length + 1);
    }
    const type = checkType(buffer, position);
    const text = buffer.toString('latin1', position + 1, line);
    position = line + 2;
    remaining--;
    switch (type) {
      case '$':
      case '=':
      case '!': {
        const length = readLength(text);
        if (length < 0) break;
        if (buffer.length < position + length + 2) return -(position + length + 2);
        if (buffer[position + length] !== 13 || buffer[position + length + 1] !== 10) {
          throw new FramingError(`bulk of ${length} bytes is not followed by CR LF`);
        }
        position += length + 2;
        break;
      }
      case '*':
      case '~':
      case '>':
        remaining += Math.max(0, readLength(text));
        break;
      case '%':
        remaining += 2 * Math.max(0, readLength(text));
        break;
      case '|':
        // An attribute is its pairs and then the reply that it belongs to.
        remaining += 2 * Math.max(0, readLength(text)) + 1;
        break;
      default:
    }
  }
  return position;
}

const TYPES = '+-:$*_,#!=(%~>|';

function checkType(buffer: Buffer, position: number): string {
  const type = String.fromCharCode(buffer[position]!);
  if (!TYPES.includes(type)) {
    const near = JSON.stringify(buffer.toString('latin1', position, position + 40));
    throw new FramingError(`no reply starts with ${JSON.stringify(type)}: ${near}`);
  }
  return type;
}

function readLength(text: string): number {
  if (!/^(-1|\d+)$/.test(text)) throw new FramingError(`bad length ${JSON.stringify(text)}`);
  return Number(text);
}

/** The value of one whole reply. Strings are decoded as UTF-8 unless latin1 is asked for. */
export function parseReply(raw: Buffer, encoding: BufferEncoding = 'utf8'): Reply {
  const [value, end] = parseAt(raw, 0, encoding);
  if (end !== raw.length) throw new FramingError(`${raw.length - end} bytes after the reply`);
  return value;
}

function parseAt(raw: Buffer, start: number, encoding: BufferEncoding): [Reply, number] {
  const line = raw.indexOf('\r\n', start, 'latin1');
  if (line < 0) throw new FramingError('reply is not whole');
  const text = raw.toString(encoding, start + 1, line);
  const next = line + 2;
  const type = checkType(raw, start);
  switch (type) {
    case '+':
      return [text, next];
    case '-':
      return [new ErrorReply(text), next];
    case ':': {
      const number = Number(text);
      return [Number.isSafeInteger(number) ? number : BigInt(text), next];
    }
    case '(':
      return [BigInt(text), next];
    case '_':
      return [null, next];
    case '#':
      return [text === 't', next];
    case ',':
      return [text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text), next];
    case '$':
    case '=':
    case '!': {
      const length = readLength(text);
      if (length < 0) return [null, next];
      const end = next + length;
      // A verbatim string starts with its format and a colon: "txt:".
      const body = raw.toString(encoding, type === '=' ? next + 4 : next, end);
      return [type === '!' ? new ErrorReply(body) : body, end + 2];
    }
    default:
      return parseAggregate(raw, type, readLength(text), next, encoding);
  }
}

function parseAggregate(
  raw: Buffer,
  type: string,
  length: number,
  start: number,
  encoding: BufferEncoding,
): [Reply, number] {
  if (length < 0) return [null, start];
  let position = start;
  const next = (): Reply => {
    const [value, end] = parseAt(raw, position, encoding);
    position = end;
    return value;
  };
  const pairs = new Map<Reply, Reply>();
  if (type === '%' || type === '|') {
    for (let i = 0; i < length; i++) pairs.set(next(), next());
    // Attributes are beside the reply: a test that wants them reads the raw bytes.
    return type === '|' ? [next(), position] : [pairs, position];
  }
  const items: Reply[] = [];
  for (let i = 0; i < length; i++) items.push(next());
  return [type === '~' ? new Set(items) : items, position];
}

/** The raw elements of an array, set or push, or a map's pairs as one piece each; null for anything else. */
export function rawElements(raw: Buffer): Buffer[] | null {
  const type = String.fromCharCode(raw[0]!);
  if (!'*~>%'.includes(type)) return null;
  const line = raw.indexOf('\r\n', 0, 'latin1');
  const length = readLength(raw.toString('latin1', 1, line));
  const elements: Buffer[] = [];
  let position = line + 2;
  for (let i = 0; i < length; i++) {
    let end = replyEnd(raw, position);
    if (type === '%') end = replyEnd(raw, end);
    elements.push(raw.subarray(position, end));
    position = end;
  }
  return elements;
}

/** DEBUG PROTOCOL <type>: a reply of each type there is, for tests of client libraries. */
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';

const RESP3_ONLY = new ReplyError('ERR RESP2 is not supported by this command');
const ATTRIBUTE_OF_ONE = new Uint8Array(Buffer.from('|1\r\n'));

const TYPES: Readonly<Record<string, (out: ReplyWriter) => void>> = {
  string: (out) => out.bulkText('Hello World'),
  integer: (out) => out.int(12345),
  double: (out) => out.double('3.141'),
  bignum: (out) => out.bigNumber('1234567999999999999999999999999999999'),
  null: (out) => out.null(),
  array(out) {
    out.array(3);
    for (let i = 0; i < 3; i++) out.int(i);
  },
  set(out) {
    out.set(3);
    for (let i = 0; i < 3; i++) out.int(i);
  },
  map(out) {
    out.map(3);
    for (let i = 0; i < 3; i++) {
      out.int(i);
      out.bool(i === 1);
    }
  },
  attrib(out) {
    if (out.resp === 3) {
      out.raw(ATTRIBUTE_OF_ONE);
      out.bulkText('key-popularity');
      out.array(2);
      out.bulkText('key:123');
      out.int(90);
    }
    out.bulkText('Some real reply following the attribute');
  },
  push(out) {
    if (out.resp !== 3) throw RESP3_ONLY;
    out.push(2);
    out.bulkText('server-cpu-usage');
    out.int(42);
  },
  verbatim: (out) => out.verbatim('This is a verbatim\nstring'),
  true: (out) => out.bool(true),
  false: (out) => out.bool(false),
};

const UNKNOWN_TYPE = errors.err(
  'Wrong protocol type name. Please use one of the following: ' +
    'string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
);

export function protocol(client: Client, args: Args): void {
  const type = args.lower(2);
  if (!Object.hasOwn(TYPES, type)) throw UNKNOWN_TYPE;
  TYPES[type]!(client.out);
}

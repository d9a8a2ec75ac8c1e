/**
 * Doubles in replies, printed alike: 7.2 (and we) print the shortest text that reads back (`0.1`), 7.0 prints 17
 * digits (`0.10000000000000001`). Nothing else is normalised by this.
 */
const BULK = /\$\d+\r\n(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\r\n/g;
const DOUBLE = /,(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\r\n/g;

export function shortDoubles(raw: Buffer): Buffer {
  const text = raw.toString('latin1');
  if (!/[.e]/.test(text)) return raw;
  const replaced = text
    .replace(BULK, (whole, digits: string) => {
      if (!/[.e]/.test(digits)) return whole;
      const short = String(Number(digits));
      return `$${short.length}\r\n${short}\r\n`;
    })
    .replace(DOUBLE, (_, digits: string) => `,${Number(digits)}\r\n`);
  return Buffer.from(replaced, 'latin1');
}

/**
 * What modules have written: we know no modules, but their values can be told and read over.
 *
 *   name     nine characters of six bits and a version of ten, in a number of 64 bits
 *   value    { 1 signed, 2 unsigned: a length; 3 float: 4 bytes; 4 double: 8 bytes; 5 string }* 0
 */
import { CorruptRdb, type RdbReader } from './reader.ts';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const END = 0;
const SIGNED = 1;
const UNSIGNED = 2;
const FLOAT = 3;
const DOUBLE = 4;
const STRING = 5;

/** The name of the module's type with this number. */
export function moduleName(high: number, low: number): string {
  let id = ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)) >> 10n;
  let name = '';
  for (let i = 0; i < 9; i++, id >>= 6n) name = CHARACTERS[Number(id & 63n)]! + name;
  return name;
}

/** Reads over the value of a module. */
export function skipModuleValue(reader: RdbReader, name: string): void {
  for (;;) {
    const kind = reader.length();
    if (kind === END) return;
    if (kind === SIGNED || kind === UNSIGNED) reader.length64();
    else if (kind === STRING) reader.string();
    else if (kind === FLOAT || kind === DOUBLE) {
      const bytes = kind === FLOAT ? 4 : 8;
      reader.need(bytes);
      reader.pos += bytes;
    } else throw new CorruptRdb(`Error reading integer from module ${name} value`);
  }
}

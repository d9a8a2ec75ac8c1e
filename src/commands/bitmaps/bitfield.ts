/**
 * BITFIELD and BITFIELD_RO: a string as an array of integers of any width.
 *
 * The subcommands are parsed into flat arrays first, so that an error leaves everything as it was. Fields of up to 48
 * bits with operands of up to 52 are numbers; bigints appear only for wider ones.
 */
import { readField, readWideField, writeField, writeWideField } from '../../datatypes/bits/bits.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import { ValueView } from '../../keyspace/database.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import { bitOffsetAt, lookupBits, makeRoomForBit, room, signalBits } from './arguments.ts';

const GET = 0;
const SET = 1;
const INCRBY = 2;

const WRAP = 0;
const SAT = 1;
const FAIL = 2;

const NARROW_BITS = 48;
const NARROW_OPERAND = 2 ** 52;

const LOWER_I = 0x69;
const LOWER_U = 0x75;

/** One subcommand. */
interface Operation {
  kind: number;
  signed: boolean;
  bits: number;
  offset: number;
  overflow: number;
  /** The operand: a number where that is exact and small, else a bigint. */
  operand: number | bigint;
}

const view = new ValueView();

export function bitfield(client: Client, args: Args): void {
  run(client, args, false);
}

export function bitfieldRo(client: Client, args: Args): void {
  run(client, args, true);
}

function run(client: Client, args: Args, readOnly: boolean): void {
  const operations = parse(client, args);
  let highest = -1;
  for (const { kind, offset, bits } of operations) {
    if (kind !== GET) highest = Math.max(highest, offset + bits - 1);
  }
  if (highest >= 0 && readOnly) throw errors.BITFIELD_RO;
  const { db, out } = client;
  let grew = false;
  if (highest < 0) {
    const ref = lookupBits(client, args);
    if (ref === 0) view.len = 0;
    else db.locateValue(ref, view);
  } else {
    makeRoomForBit(client, args, highest);
    db.locateValue(room.ref, view);
    grew = room.grew;
  }
  let changes = 0;
  out.array(operations.length);
  for (const operation of operations) {
    const changed =
      operation.bits <= NARROW_BITS && typeof operation.operand === 'number'
        ? narrow(client, operation, operation.operand)
        : wide(client, operation);
    if (changed || (grew && stored)) changes++;
  }
  if (changes > 0) signalBits(client, args, changes);
}

/** Whether the operation just carried out has written its field (it has not after an overflow under FAIL). */
let stored = false;

/** Carries out and replies to an operation in numbers. Returns whether the field has changed. */
function narrow(client: Client, operation: Operation, operand: number): boolean {
  const { kind, signed, bits, offset } = operation;
  const { bytes, off, len } = view;
  const size = 2 ** bits;
  const field = readField(bytes, off, len, offset, bits);
  const old = signed && field >= size / 2 ? field - size : field;
  stored = false;
  if (kind === GET) {
    client.out.int(old);
    return false;
  }
  const max = signed ? size / 2 - 1 : size - 1;
  const min = signed ? -size / 2 : 0;
  let next = kind === SET ? operand : old + operand;
  if (next > max || next < min) {
    if (operation.overflow === FAIL) {
      client.out.null();
      return false;
    }
    if (operation.overflow === SAT) {
      // An unsigned field takes the operand of SET for unsigned, too: what is below zero is huge.
      next = next > max || (kind === SET && !signed) ? max : min;
    } else {
      next -= Math.floor(next / size) * size;
      if (next > max) next -= size;
    }
  }
  writeField(bytes, off, offset, bits, next < 0 ? next + size : next);
  stored = true;
  client.out.int(kind === SET ? old : next);
  return next !== old;
}

/** The same in bigints. */
function wide(client: Client, operation: Operation): boolean {
  const { kind, signed, bits, offset } = operation;
  const { bytes, off, len } = view;
  const field = readWideField(bytes, off, len, offset, bits);
  const old = signed ? BigInt.asIntN(bits, field) : field;
  stored = false;
  if (kind === GET) {
    client.out.bigInt(old);
    return false;
  }
  const operand = BigInt(operation.operand);
  const max = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  const min = signed ? -max - 1n : 0n;
  let next = kind === SET ? operand : old + operand;
  if (next > max || next < min) {
    if (operation.overflow === FAIL) {
      client.out.null();
      return false;
    }
    if (operation.overflow === SAT)
      next = next > max || (kind === SET && isHuge(operation, max - next)) ? max : min;
    else next = signed ? BigInt.asIntN(bits, next) : BigInt.asUintN(bits, next);
  }
  writeWideField(bytes, off, offset, bits, BigInt.asUintN(bits, next));
  stored = true;
  client.out.bigInt(kind === SET ? old : next);
  return next !== old;
}

/**
 * Whether an operand of SET that is below the field's range saturates upwards. For unsigned fields it does, since the
 * operand is taken for unsigned. For signed ones Redis tells by a 64-bit difference to the largest value (`room`),
 * which comes around for operands near -2^63.
 */
function isHuge({ signed, bits }: Operation, difference: bigint): boolean {
  return !signed || (bits !== 64 && difference >= 2n ** 63n);
}

function parse(client: Client, args: Args): Operation[] {
  const operations: Operation[] = [];
  let overflow = WRAP;
  for (let i = 2; i < args.count; ) {
    const left = args.count - i - 1;
    let kind: number;
    if (args.is(i, 'get') && left >= 2) kind = GET;
    else if (args.is(i, 'set') && left >= 3) kind = SET;
    else if (args.is(i, 'incrby') && left >= 3) kind = INCRBY;
    else if (args.is(i, 'overflow') && left >= 1) {
      overflow = overflowAt(args, i + 1);
      i += 2;
      continue;
    } else throw errors.SYNTAX;
    const type = fieldTypeAt(args, i + 1);
    const bits = Math.abs(type);
    const offset = bitOffsetAt(client, args, i + 2, bits);
    const operand = kind === GET ? 0 : operandAt(args, i + 3);
    operations.push({ kind, signed: type < 0, bits, offset, overflow, operand });
    i += kind === GET ? 3 : 4;
  }
  return operations;
}

function overflowAt(args: Args, i: number): number {
  if (args.is(i, 'wrap')) return WRAP;
  if (args.is(i, 'sat')) return SAT;
  if (args.is(i, 'fail')) return FAIL;
  throw errors.BITFIELD_OVERFLOW;
}

/** The width of a field; negative for a signed one. As in C, a zero byte ends the text. */
function fieldTypeAt(args: Args, i: number): number {
  const { buf } = args;
  const off = args.off[i]!;
  const sign = buf[off]!;
  let end = off + 1;
  while (end < off + args.len[i]! && buf[end] !== 0) end++;
  const bits = parseSafeInt(buf, off + 1, end - off - 1);
  const signed = sign === LOWER_I;
  const valid = args.len[i]! > 0 && (signed || sign === LOWER_U) && bits >= 1 && bits <= (signed ? 64 : 63);
  if (!valid) throw errors.BITFIELD_TYPE;
  return signed ? -bits : bits;
}

function operandAt(args: Args, i: number): number | bigint {
  const n = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (Math.abs(n) <= NARROW_OPERAND) return n;
  const exact = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
  if (exact === null) throw errors.NOT_INTEGER;
  return exact;
}

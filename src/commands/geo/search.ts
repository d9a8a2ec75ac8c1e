/**
 * Searching an area: GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS, GEORADIUSBYMEMBER and their _RO forms, which
 * differ in how they say where to search.
 *
 * The order of results without ASC or DESC is that of the cells as they are searched (datatypes/geohash.ts), by score
 * within each.
 */
import {
  type Area,
  aim,
  coverArea,
  decodeScore,
  metresWithin,
  position,
  SearchedCells,
} from '../../datatypes/geohash.ts';
import { SortedSet } from '../../datatypes/zset/sorted-set.ts';
import type { Client } from '../../engine/client.ts';
import * as errors from '../../engine/errors.ts';
import type { Database } from '../../keyspace/database.ts';
import { EVENT_GENERIC, EVENT_NEW, EVENT_ZSET } from '../../keyspace/keyspace.ts';
import type { Args } from '../../resp/args.ts';
import { parseInt64Big, parseSafeInt } from '../../util/number-text.ts';
import {
  ZsetCursor,
  zsetGrown,
  zsetIsPacked,
  zsetLength,
  zsetRankOfScore,
  zsetScore,
  zsetStore,
} from '../../values/zset.ts';
import { doubleAt, lookupGeo, positionAt, replyDistance, replyPosition, unitAt } from './arguments.ts';
import { FoundPoints } from './found-points.ts';

// Forms of the command.
const SEARCH = 1;
const SEARCH_STORE = 2;
const RADIUS = 3;
const BY_MEMBER = 4;

const UNSORTED = 0;
const ASC = 1;
const DESC = -1;

/** What is asked for. */
interface Query {
  area: Area;
  /** Metres in the unit of distances. */
  unit: number;
  withDist: boolean;
  withHash: boolean;
  withCoord: boolean;
  sort: number;
  /** At most so many; 0: all. */
  count: number;
  any: boolean;
  /** Argument that names the key to store to; 0: reply. */
  storeAt: number;
  storeDist: boolean;
  /** Which of the options that exclude each other were there. */
  fromMember: boolean;
  fromPosition: boolean;
  byRadius: boolean;
  byBox: boolean;
}

export function geosearch(client: Client, args: Args): void {
  run(client, args, SEARCH, 1, false);
}

export function geosearchstore(client: Client, args: Args): void {
  run(client, args, SEARCH_STORE, 2, true);
}

export function georadius(client: Client, args: Args): void {
  run(client, args, RADIUS, 1, true);
}

export function georadiusRo(client: Client, args: Args): void {
  run(client, args, RADIUS, 1, false);
}

export function georadiusbymember(client: Client, args: Args): void {
  run(client, args, BY_MEMBER, 1, true);
}

export function georadiusbymemberRo(client: Client, args: Args): void {
  run(client, args, BY_MEMBER, 1, false);
}

function run(client: Client, args: Args, form: number, sourceAt: number, mayStore: boolean): void {
  const ref = lookupGeo(client, args, sourceAt);
  const query = parse(client, args, form, ref, mayStore);
  if (ref === 0) {
    if (query.storeAt === 0) client.out.emptyArray();
    else {
      removeTarget(client, args, query.storeAt);
      client.out.int(0);
    }
    return;
  }
  search(client, ref, query);
  const count = query.count === 0 ? found.count : Math.min(found.count, query.count);
  const order = query.sort === UNSORTED ? null : found.order(query.sort === DESC, count);
  if (query.storeAt === 0) reply(client, query, order, count);
  else store(client, args, form, query, order, count);
}

// ------------------------------------------------------------------------------------------------- parsing

function parse(client: Client, args: Args, form: number, ref: number, mayStore: boolean): Query {
  const query: Query = {
    area: { longitude: 0, latitude: 0, isCircle: true, radius: 0, width: 0, height: 0 },
    unit: 1,
    withDist: false,
    withHash: false,
    withCoord: false,
    sort: UNSORTED,
    count: 0,
    any: false,
    storeAt: form === SEARCH_STORE ? 1 : 0,
    storeDist: false,
    fromMember: false,
    fromPosition: false,
    byRadius: false,
    byBox: false,
  };
  const isSearch = form === SEARCH || form === SEARCH_STORE;
  let i: number;
  if (form === RADIUS) {
    positionAt(args, 2);
    setCentre(query);
    radiusAt(args, 4, query);
    i = 6;
  } else if (form === BY_MEMBER) {
    // Where there is no key, nobody looks at the radius.
    if (ref !== 0) {
      memberAt(client, args, 2, ref, query);
      radiusAt(args, 3, query);
    }
    i = 5;
  } else i = form === SEARCH ? 2 : 3;
  while (i < args.count) {
    const used = isSearch
      ? parseSearchOption(client, args, i, form, ref, query)
      : parseStoreOption(args, i, mayStore, query);
    i += used > 0 ? used : parseOption(args, i, query);
  }
  checkQuery(args, query, isSearch);
  if (query.count !== 0 && query.sort === UNSORTED && !query.any) query.sort = ASC;
  return query;
}

/** Parses an option that all forms have; returns how many arguments it took. */
function parseOption(args: Args, i: number, query: Query): number {
  if (args.is(i, 'withdist')) query.withDist = true;
  else if (args.is(i, 'withhash')) query.withHash = true;
  else if (args.is(i, 'withcoord')) query.withCoord = true;
  else if (args.is(i, 'any')) query.any = true;
  else if (args.is(i, 'asc')) query.sort = ASC;
  else if (args.is(i, 'desc')) query.sort = DESC;
  else if (args.is(i, 'count') && i + 1 < args.count) {
    query.count = countAt(args, i + 1);
    return 2;
  } else throw errors.SYNTAX;
  return 1;
}

function countAt(args: Args, i: number): number {
  let count = parseSafeInt(args.buf, args.off[i]!, args.len[i]!);
  if (Number.isNaN(count)) {
    const exact = parseInt64Big(args.buf, args.off[i]!, args.len[i]!);
    if (exact === null) throw errors.NOT_INTEGER;
    count = Number(exact);
  }
  if (count <= 0) throw errors.GEO_COUNT;
  return count;
}

/** Options of GEOSEARCH and GEOSEARCHSTORE alone. Returns how many arguments were taken; 0: it is none of them. */
function parseSearchOption(
  client: Client,
  args: Args,
  i: number,
  form: number,
  ref: number,
  query: Query,
): number {
  const left = args.count - i - 1;
  if (args.is(i, 'frommember') && left >= 1 && !query.fromPosition) {
    if (ref !== 0) memberAt(client, args, i + 1, ref, query);
    query.fromMember = true;
    return 2;
  }
  if (args.is(i, 'fromlonlat') && left >= 2 && !query.fromMember) {
    positionAt(args, i + 1);
    setCentre(query);
    query.fromPosition = true;
    return 3;
  }
  if (args.is(i, 'byradius') && left >= 2 && !query.byBox) {
    radiusAt(args, i + 1, query);
    query.byRadius = true;
    return 3;
  }
  if (args.is(i, 'bybox') && left >= 3 && !query.byRadius) {
    boxAt(args, i + 1, query);
    query.byBox = true;
    return 4;
  }
  if (args.is(i, 'storedist') && form === SEARCH_STORE) {
    query.storeDist = true;
    return 1;
  }
  return 0;
}

/** STORE and STOREDIST of the older forms; the last one counts. */
function parseStoreOption(args: Args, i: number, mayStore: boolean, query: Query): number {
  if (!mayStore || i + 1 >= args.count) return 0;
  const isDist = args.is(i, 'storedist');
  if (!isDist && !args.is(i, 'store')) return 0;
  query.storeAt = i + 1;
  query.storeDist = isDist;
  return 2;
}

function checkQuery(args: Args, query: Query, isSearch: boolean): void {
  if (query.storeAt !== 0 && (query.withDist || query.withHash || query.withCoord)) {
    throw isSearch ? errors.GEOSEARCHSTORE_WITH : errors.GEORADIUS_STORE_WITH;
  }
  if (isSearch && !query.fromMember && !query.fromPosition) {
    throw errors.err(
      `exactly one of FROMMEMBER or FROMLONLAT can be specified for ${errors.shown(args.text(0))}`,
    );
  }
  if (isSearch && !query.byRadius && !query.byBox) {
    throw errors.err(`exactly one of BYRADIUS and BYBOX can be specified for ${errors.shown(args.text(0))}`);
  }
  if (query.any && query.count === 0) throw errors.GEO_ANY;
}

/** Puts the centre where `position` is. */
function setCentre({ area }: Query): void {
  area.longitude = position.longitude;
  area.latitude = position.latitude;
}

function memberAt(client: Client, args: Args, i: number, ref: number, query: Query): void {
  const score = zsetScore(client.db, ref, args.buf, args.off[i]!, args.len[i]!);
  if (Number.isNaN(score)) throw errors.GEO_MEMBER;
  decodeScore(score);
  setCentre(query);
}

function radiusAt(args: Args, i: number, query: Query): void {
  const radius = doubleAt(args, i, errors.GEO_RADIUS);
  if (radius < 0) throw errors.GEO_NEGATIVE_RADIUS;
  query.unit = unitAt(args, i + 1);
  query.area.isCircle = true;
  query.area.radius = radius * query.unit;
}

function boxAt(args: Args, i: number, query: Query): void {
  const width = doubleAt(args, i, errors.GEO_WIDTH);
  const height = doubleAt(args, i + 1, errors.GEO_HEIGHT);
  if (width < 0 || height < 0) throw errors.GEO_NEGATIVE_BOX;
  query.unit = unitAt(args, i + 2);
  query.area.isCircle = false;
  query.area.width = width * query.unit;
  query.area.height = height * query.unit;
}

// ----------------------------------------------------------------------------------------------- searching

// Scratch: a search is over, and its results are written, before the next one begins.
const searched = new SearchedCells();
const found = new FoundPoints();
const cursor = new ZsetCursor();

/** Fills `found`. */
function search(client: Client, ref: number, query: Query): void {
  const { db } = client;
  const { area } = query;
  const set = zsetIsPacked(db, ref) ? null : zsetGrown(db, ref);
  const reach = area.isCircle ? area.radius : Number.POSITIVE_INFINITY;
  found.reset(set, reach, query.any ? 0 : query.count, query.sort === DESC);
  const limit = query.any ? query.count : 0;
  aim(area);
  coverArea(area, searched);
  let last = 0;
  for (let i = 0; i < searched.count; i++) {
    // With areas of thousands of kilometres neighbours can be the same cell. As in Redis, the second of two in a row
    // is skipped, but for the first pair: its elements are found twice.
    if (last !== 0 && searched.cells[i] === searched.cells[last]) continue;
    if (limit !== 0 && found.count >= limit) break;
    const from = searched.from[i]!;
    const to = searched.to[i]!;
    if (set === null) searchPacked(db, ref, from, to, limit);
    else searchGrown(set, from, to, limit);
    last = i;
  }
}

function searchPacked(db: Database, ref: number, from: number, to: number, limit: number): void {
  const size = zsetLength(db, ref);
  let rank = zsetRankOfScore(db, ref, from, false);
  if (rank >= size) return;
  cursor.open(db, ref).seek(rank);
  while (cursor.score < to) {
    const { score } = cursor;
    decodeScore(score);
    const metres = metresWithin(position.longitude, position.latitude, found.bound);
    if (metres >= 0) {
      found.add(metres, score, cursor.bytes, cursor.off, cursor.len);
      if (limit !== 0 && found.count >= limit) return;
    }
    if (++rank >= size) return;
    cursor.forward();
  }
}

/** Elements that are taken from a grown set at once: few at first, since most cells have few. */
const FIRST_BATCH = 16;
const BATCH = 128;
const batchRefs = new Int32Array(BATCH);
const batchScores = new Float64Array(BATCH);

function searchGrown(set: SortedSet, from: number, to: number, limit: number): void {
  const { index } = set;
  index.seekScore(from, false);
  for (let batch = FIRST_BATCH; ; batch = BATCH) {
    const taken = index.gather(batchRefs, batchScores, batch, false);
    for (let k = 0; k < taken; k++) {
      const score = batchScores[k]!;
      if (score >= to) return;
      decodeScore(score);
      const metres = metresWithin(position.longitude, position.latitude, found.bound);
      if (!(metres >= 0)) continue;
      found.addRef(metres, score, batchRefs[k]!);
      if (limit !== 0 && found.count >= limit) return;
    }
    if (taken < batch) return;
  }
}

// ------------------------------------------------------------------------------------------------- results

function reply(client: Client, query: Query, order: Int32Array | null, count: number): void {
  const { out } = client;
  const options = Number(query.withDist) + Number(query.withHash) + Number(query.withCoord);
  out.array(count);
  for (let n = 0; n < count; n++) {
    const i = order === null ? n : order[n]!;
    if (options > 0) out.array(options + 1);
    out.bulk(found.memberBytes(i), found.memberOffset(i), found.memberLength(i));
    if (query.withDist) replyDistance(client, found.distances[i]! / query.unit);
    if (query.withHash) replyScore(client, found.scores[i]!);
    if (query.withCoord) replyPosition(client, found.scores[i]!);
  }
}

/** A score is within the searched cells, and so not negative; other commands may have left fractions. */
function replyScore(client: Client, score: number): void {
  const whole = Math.floor(score);
  if (Number.isSafeInteger(whole)) client.out.int(whole);
  else client.out.bigInt(BigInt.asIntN(64, BigInt(whole)));
}

function store(
  client: Client,
  args: Args,
  form: number,
  query: Query,
  order: Int32Array | null,
  count: number,
): void {
  const { keyspace, config } = client.engine;
  const { db, out } = client;
  const { buf } = args;
  const keyOff = args.off[query.storeAt]!;
  const keyLen = args.len[query.storeAt]!;
  if (count === 0) removeTarget(client, args, query.storeAt);
  else {
    const set = collect(client, query, order, count);
    const ref = keyspace.lookupReplace(db, buf, keyOff, keyLen);
    const access = keyspace.replacedAccess(db, ref);
    zsetStore(db, buf, keyOff, keyLen, ref, set, config.values, access);
    keyspace.dirty += count;
    if (keyspace.watched) keyspace.touched(db, buf, keyOff, keyLen);
    if (keyspace.eventMask !== 0) {
      const event = form === SEARCH_STORE ? 'geosearchstore' : 'georadiusstore';
      if (ref === 0) keyspace.event(EVENT_NEW, 'new', db, buf, keyOff, keyLen);
      keyspace.event(EVENT_ZSET, event, db, buf, keyOff, keyLen);
    }
  }
  out.int(count);
}

/** The sorted set of what was found, by score or by distance. */
function collect(client: Client, query: Query, order: Int32Array | null, count: number): SortedSet {
  const set = new SortedSet(client.db.memory);
  for (let n = 0; n < count; n++) {
    const i = order === null ? n : order[n]!;
    const bytes = found.memberBytes(i);
    const off = found.memberOffset(i);
    const len = found.memberLength(i);
    if (set.find(bytes, off, len) !== 0) continue;
    const score = query.storeDist ? found.distances[i]! / query.unit : found.scores[i]!;
    set.addUnordered(score, bytes, off, len);
  }
  set.order();
  return set;
}

function removeTarget(client: Client, args: Args, storeAt: number): void {
  const { keyspace } = client.engine;
  const { db } = client;
  const { buf } = args;
  const keyOff = args.off[storeAt]!;
  const keyLen = args.len[storeAt]!;
  const ref = keyspace.lookupReplace(db, buf, keyOff, keyLen);
  if (ref === 0) return;
  db.remove(ref);
  keyspace.dirty++;
  if (keyspace.watched) keyspace.touched(db, buf, keyOff, keyLen);
  if (keyspace.eventMask !== 0) keyspace.event(EVENT_GENERIC, 'del', db, buf, keyOff, keyLen);
}

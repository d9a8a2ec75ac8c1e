/**
 * Positions as numbers that a sorted set can order: the bits of latitude and longitude in turn, 26 of each, the
 * latitude's in the even places. Positions of one cell of the grid then have neighbouring scores, so an area is
 * searched as nine ranges of scores: the cell of its centre, with cells about as large as the area, and the cells
 * around it.
 *
 * A cell is two numbers, the column and the row in a grid of 2^step by 2^step; scores are made from and taken apart
 * into them in halves of 32 bits. Latitudes are those of the Mercator projection (EPSG:900913), up to 85.05112878.
 */
export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
const STEP_MAX = 26;
/** In metres: of the sphere that distances are measured on, and half the circumference at the projection's equator. */
export const EARTH_RADIUS = 6372797.560856;
const MERCATOR_MAX = 20037726.37;
const DEGREE = Math.PI / 180;

/** The sixteen low bits of `n`, each followed by a zero. */
function spread(n: number): number {
  let x = n & 0xffff;
  x = (x | (x << 8)) & 0x00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

/** The bits of `n` in even places, together. */
function gather(n: number): number {
  let x = n & 0x55555555;
  x = (x | (x >>> 1)) & 0x33333333;
  x = (x | (x >>> 2)) & 0x0f0f0f0f;
  x = (x | (x >>> 4)) & 0x00ff00ff;
  return (x | (x >>> 8)) & 0xffff;
}

/** Row (of a latitude) and column (of a longitude) with their bits in turn. */
function interleave(row: number, column: number): number {
  const low = spread(row) | (spread(column) << 1);
  const high = spread(row >>> 16) | (spread(column >>> 16) << 1);
  return (high >>> 0) * 4294967296 + (low >>> 0);
}

function cellIndex(value: number, max: number, step: number): number {
  return Math.floor(((value + max) / (max + max)) * (1 << step));
}

/** The score of a position. At the very end of a range it lies one row or column beyond, as it does in Redis. */
export function encodePosition(longitude: number, latitude: number): number {
  return interleave(
    cellIndex(latitude, LATITUDE_MAX, STEP_MAX),
    cellIndex(longitude, LONGITUDE_MAX, STEP_MAX),
  );
}

/** The position decoded last, in degrees. */
export const position = { longitude: 0, latitude: 0 };

/** Lower edge of a row or column. */
function lowerEdge(index: number, max: number, step: number): number {
  return -max + (index / (1 << step)) * (max + max);
}

function upperEdge(index: number, max: number, step: number): number {
  return -max + ((index + 1) / (1 << step)) * (max + max);
}

/** Width of the finest row or column as a part of the whole; multiplying by it is exact. */
const FINEST = 2 ** -STEP_MAX;

/** The middle of a row or column of the finest grid. */
function middle(index: number, max: number): number {
  const lower = -max + index * FINEST * (max + max);
  const upper = -max + (index + 1) * FINEST * (max + max);
  const at = (lower + upper) / 2;
  return at > max ? max : at < -max ? -max : at;
}

/** Fills `position` with the middle of the cell that a score stands for. */
export function decodeScore(score: number): void {
  let high: number;
  let low: number;
  if (score >= 0 && score < 2 ** 64) {
    const whole = Math.floor(score);
    high = Math.floor(whole / 4294967296);
    low = whole - high * 4294967296;
  } else {
    // No position, but any sorted set may be asked: what converting to an unsigned integer makes of it.
    const bits =
      score > -(2 ** 63) && score < 0 ? BigInt.asUintN(64, BigInt(Math.trunc(score))) : outside(score);
    high = Number(bits >> 32n);
    low = Number(bits & 0xffffffffn);
  }
  const row = gather(low) | (gather(high) << 16);
  const column = gather(low >>> 1) | (gather(high >>> 1) << 16);
  position.latitude = middle(row >>> 0, LATITUDE_MAX);
  position.longitude = middle(column >>> 0, LONGITUDE_MAX);
}

function outside(score: number): bigint {
  return score < 0 ? 2n ** 63n : 0n;
}

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';
const STANDARD_LATITUDE_MAX = 90;

/** The standard geohash of `position`: eleven characters, of whose last there are no bits left. */
export function geohashText(): string {
  const row = cellIndex(position.latitude, STANDARD_LATITUDE_MAX, STEP_MAX);
  const column = cellIndex(position.longitude, LONGITUDE_MAX, STEP_MAX);
  let text = '';
  for (let i = 0; i < 10; i++) {
    // Five bits at a time from the top: the first is the longitude's for even i, the latitude's for odd.
    let index = 0;
    for (let k = 0; k < 5; k++) {
      const bit = i * 5 + k;
      const source = bit % 2 === 0 ? column : row;
      index = index * 2 + ((source >>> (STEP_MAX - 1 - (bit >> 1))) & 1);
    }
    text += ALPHABET[index];
  }
  return `${text}0`;
}

// ---------------------------------------------------------------------------------------------- distances

/** Metres between two latitudes along a meridian. */
export function latitudeDistance(a: number, b: number): number {
  return EARTH_RADIUS * Math.abs(b * DEGREE - a * DEGREE);
}

/** Metres between two positions along the great circle (haversine formula). */
export function distance(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const v = Math.sin((lon2 * DEGREE - lon1 * DEGREE) / 2);
  if (v === 0) return latitudeDistance(lat1, lat2);
  const a = lat1 * DEGREE;
  const b = lat2 * DEGREE;
  const u = Math.sin((b - a) / 2);
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(u * u + Math.cos(a) * Math.cos(b) * v * v));
}

// -------------------------------------------------------------------------------------------------- areas

/** A circle or a rectangle around a position. All lengths in metres. */
export interface Area {
  longitude: number;
  latitude: number;
  isCircle: boolean;
  radius: number;
  width: number;
  height: number;
}

// The area that is searched, and what does not change from one position to the next: in radians, but for the width.
const target = {
  area: { longitude: 0, latitude: 0, isCircle: true, radius: 0, width: 0, height: 0 } as Area,
  longitude: 0,
  latitude: 0,
  cosine: 0,
  halfHeight: 0,
  /** Haversine of the radius. */
  limit: 0,
};
/** Makes bounds that are compared with something cheaper than the distance safe against rounding. */
const SLACK = 1 + 1e-9;

/** The haversine of an arc: grows with it up to half the circumference. */
function haversine(metres: number): number {
  const half = metres / (2 * EARTH_RADIUS);
  if (half >= Math.PI / 2) return Number.POSITIVE_INFINITY;
  const sine = Math.sin(half);
  return sine * sine * SLACK;
}

/** Chooses the area that `metresWithin` tells of. */
export function aim(area: Area): void {
  target.area = area;
  target.longitude = area.longitude * DEGREE;
  target.latitude = area.latitude * DEGREE;
  target.cosine = Math.cos(target.latitude);
  target.halfHeight = area.height / 2;
  target.limit = area.isCircle ? haversine(area.radius) : Number.POSITIVE_INFINITY;
}

/**
 * Metres from the centre of the area to a position, or -1 if that lies outside or beyond `bound`
 * metres (the radius of a circle, or less).
 */
export function metresWithin(longitude: number, latitude: number, bound: number): number {
  const { area, cosine } = target;
  if (!area.isCircle) {
    // The latitudes are the cheaper comparison.
    if (latitudeDistance(latitude, area.latitude) > target.halfHeight) return -1;
    if (distance(longitude, latitude, area.longitude, latitude) > area.width / 2) return -1;
  }
  const b = latitude * DEGREE;
  const rise = b - target.latitude;
  // No way is shorter than that to the same latitude.
  if (Math.abs(rise) * EARTH_RADIUS > bound * SLACK) return -1;
  const v = Math.sin((longitude * DEGREE - target.longitude) / 2);
  let metres: number;
  if (v === 0) metres = EARTH_RADIUS * Math.abs(rise);
  else {
    const u = Math.sin(rise / 2);
    const h = u * u + cosine * Math.cos(b) * v * v;
    if (h > target.limit) return -1;
    metres = 2 * EARTH_RADIUS * Math.asin(Math.sqrt(h));
  }
  return metres > bound || (area.isCircle && metres > area.radius) ? -1 : metres;
}

/** Cells are about as large as the range, larger towards the poles, where they get narrow. */
function stepFor(range: number, latitude: number): number {
  if (range === 0) return STEP_MAX;
  let step = 1;
  for (let metres = range; metres < MERCATOR_MAX; metres *= 2) step++;
  step -= 2;
  if (Math.abs(latitude) > 66) step--;
  if (Math.abs(latitude) > 80) step--;
  return Math.max(1, Math.min(STEP_MAX, step));
}

/** Scores of the cells to be searched: from `from[i]` to just below `to[i]`, for `count` cells. */
export class SearchedCells {
  readonly from = new Float64Array(9);
  readonly to = new Float64Array(9);
  /** Cell numbers, at the same places: a cell that is the one searched last is skipped. */
  readonly cells = new Float64Array(9);
  count = 0;
}

// Columns and rows relative to the centre, in the order in which Redis searches them; results come in that order.
const EAST = [0, 0, 0, 1, -1, 1, -1, 1, -1];
const NORTH = [0, 1, -1, 0, 0, 1, 1, -1, -1];

/** Finds the cells that cover an area. */
export function coverArea(area: Area, into: SearchedCells): void {
  const { longitude, latitude, isCircle } = area;
  const halfHeight = isCircle ? area.radius : area.height / 2;
  const halfWidth = isCircle ? area.radius : area.width / 2;
  const latitudeDelta = halfHeight / EARTH_RADIUS / DEGREE;
  const bottom = latitude - latitudeDelta;
  const top = latitude + latitudeDelta;
  // The bounds are as wide as the area's edge nearer to the pole.
  const widest = latitude < 0 ? bottom : top;
  const longitudeDelta = halfWidth / EARTH_RADIUS / Math.cos(widest * DEGREE) / DEGREE;
  const left = longitude - longitudeDelta;
  const right = longitude + longitudeDelta;

  const range = isCircle ? area.radius : Math.sqrt(halfWidth * halfWidth + halfHeight * halfHeight);
  let step = stepFor(range, latitude);
  let column = cellIndex(longitude, LONGITUDE_MAX, step);
  let row = cellIndex(latitude, LATITUDE_MAX, step);
  let mask = (1 << step) - 1;
  const tooSmall =
    upperEdge((row + 1) & mask, LATITUDE_MAX, step) < top ||
    lowerEdge((row - 1) & mask, LATITUDE_MAX, step) > bottom ||
    upperEdge((column + 1) & mask, LONGITUDE_MAX, step) < right ||
    lowerEdge((column - 1) & mask, LONGITUDE_MAX, step) > left;
  if (step > 1 && tooSmall) {
    step--;
    column = cellIndex(longitude, LONGITUDE_MAX, step);
    row = cellIndex(latitude, LATITUDE_MAX, step);
    mask = (1 << step) - 1;
  }
  // Neighbours on a side to which the area does not reach are left out.
  const narrow = step >= 2;
  const skipSouth = narrow && lowerEdge(row, LATITUDE_MAX, step) < bottom;
  const skipNorth = narrow && upperEdge(row, LATITUDE_MAX, step) > top;
  const skipWest = narrow && lowerEdge(column, LONGITUDE_MAX, step) < left;
  const skipEast = narrow && upperEdge(column, LONGITUDE_MAX, step) > right;

  const scale = 2 ** (2 * (STEP_MAX - step));
  let count = 0;
  for (let i = 0; i < 9; i++) {
    const east = EAST[i]!;
    const north = NORTH[i]!;
    if (
      (east > 0 && skipEast) ||
      (east < 0 && skipWest) ||
      (north > 0 && skipNorth) ||
      (north < 0 && skipSouth)
    ) {
      continue;
    }
    const cell = interleave(
      north === 0 ? row : (row + north) & mask,
      east === 0 ? column : (column + east) & mask,
    );
    into.cells[count] = cell;
    into.from[count] = cell * scale;
    into.to[count] = (cell + 1) * scale;
    count++;
  }
  into.count = count;
}

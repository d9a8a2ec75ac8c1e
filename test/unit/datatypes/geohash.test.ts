/** Positions as scores, and the cells that cover an area. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  type Area,
  aim,
  coverArea,
  decodeScore,
  distance,
  encodePosition,
  geohashText,
  LATITUDE_MAX,
  LONGITUDE_MAX,
  metresWithin,
  position,
  SearchedCells,
} from '../../../src/datatypes/geohash.ts';
import { seededRandom } from '../../../src/util/random.ts';

const random = seededRandom(6);
const within = (min: number, max: number): number => min + random.float() * (max - min);

it('a score is the bits of latitude and longitude in turn', () => {
  for (let round = 0; round < 2000; round++) {
    const longitude = within(-LONGITUDE_MAX, LONGITUDE_MAX);
    const latitude = within(-LATITUDE_MAX, LATITUDE_MAX);
    const row = Math.floor(((latitude + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * 2 ** 26);
    const column = Math.floor(((longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * 2 ** 26);
    let expected = 0n;
    for (let bit = 25; bit >= 0; bit--) {
      expected = expected * 4n + BigInt(((column >> bit) & 1) * 2 + ((row >> bit) & 1));
    }
    assert.equal(BigInt(encodePosition(longitude, latitude)), expected);
    decodeScore(Number(expected));
    assert.ok(Math.abs(position.longitude - longitude) <= 180 / 2 ** 26);
    assert.ok(Math.abs(position.latitude - latitude) <= LATITUDE_MAX / 2 ** 26);
  }
});

it('the geohash of a well-known place', () => {
  position.longitude = 13.361389;
  position.latitude = 38.115556;
  assert.equal(geohashText(), 'sqc8b49rny0');
});

it('distances', () => {
  assert.equal(distance(13.361389, 38.115556, 13.361389, 38.115556), 0);
  assert.ok(Math.abs(distance(13.361389, 38.115556, 15.087269, 37.502669) - 166274) < 5);
  assert.ok(Math.abs(distance(0, 0, 180, 0) - Math.PI * 6372797.560856) < 1);
});

it('what lies within an area lies in one of its cells', () => {
  const cells = new SearchedCells();
  for (let round = 0; round < 3000; round++) {
    const size = 10 ** within(0, 5.5);
    const area: Area = {
      longitude: within(-170, 170),
      latitude: within(-70, 70),
      isCircle: round % 2 === 0,
      radius: size,
      width: size,
      height: within(size / 5, size * 5),
    };
    coverArea(area, cells);
    aim(area);
    for (let i = 0; i < 20; i++) {
      const reach = size / 50000;
      const longitude = area.longitude + within(-reach, reach);
      const latitude = area.latitude + within(-reach, reach);
      if (Math.abs(longitude) > 180 || Math.abs(latitude) > 85) continue;
      const score = encodePosition(longitude, latitude);
      decodeScore(score);
      if (metresWithin(position.longitude, position.latitude, Number.POSITIVE_INFINITY) < 0) continue;
      let found = false;
      for (let k = 0; k < cells.count; k++) {
        if (score >= cells.from[k]! && score < cells.to[k]!) found = true;
      }
      assert.ok(found, `${longitude},${latitude} in ${JSON.stringify(area)}`);
    }
  }
});

it('scores that are no positions decode to something within the map', () => {
  for (const score of [-1, -1.5, 2 ** 53, 2 ** 63, 2 ** 64, 1e300, -1e300, Infinity, -Infinity, 0.5]) {
    decodeScore(score);
    assert.ok(Math.abs(position.longitude) <= LONGITUDE_MAX);
    assert.ok(Math.abs(position.latitude) <= LATITUDE_MAX);
  }
});

/**
 * A format for tests: keeps each entry by itself, as the bytes of an RDB, and notices when one comes twice.
 */
import assert from 'node:assert/strict';
import type { Database } from '../../src/keyspace/database.ts';
import type { Keyspace } from '../../src/keyspace/keyspace.ts';
import { MemorySink } from '../../src/rdb/chunk-sink.ts';
import { RdbFormat } from '../../src/rdb/save/rdb-format.ts';
import type { BigEntry, SnapshotFormat } from '../../src/rdb/snapshot-format.ts';
import { PLAIN_RDB } from '../support/snapshot.ts';

export class RecordingFormat implements SnapshotFormat {
  /** `database/key` (latin1) to the entry's bytes in hex. */
  readonly entries = new Map<string, string>();
  written = 0;
  ended = false;
  /** Entries that were written in steps. */
  bigs = 0;
  readonly #keyspace: Keyspace;
  #id = -1;
  #begun = false;
  #inBig = false;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  begin(): void {
    assert.ok(!this.#begun);
    this.#begun = true;
  }

  select(id: number): void {
    assert.ok(this.#begun && !this.#inBig);
    this.#id = id;
  }

  entry(db: Database, ref: number): void {
    assert.ok(this.#id >= 0 && !this.#inBig && !this.ended);
    const name = this.#name(db, ref);
    const { format, sink } = this.#one();
    format.entry(db, ref);
    format.end();
    this.#put(name, sink);
  }

  big(db: Database, ref: number): BigEntry | null {
    assert.ok(this.#id >= 0 && !this.#inBig && !this.ended);
    const name = this.#name(db, ref);
    const { format, sink } = this.#one();
    const big = format.big(db, ref);
    if (big === null) return null;
    this.#inBig = true;
    this.bigs++;
    return {
      step: (limit) => {
        this.written += 64;
        if (big.step(limit)) return true;
        this.#inBig = false;
        format.end();
        this.#put(name, sink);
        return false;
      },
    };
  }

  end(): void {
    assert.ok(!this.#inBig && !this.ended);
    this.ended = true;
  }

  #one(): { format: RdbFormat; sink: MemorySink } {
    const sink = new MemorySink();
    return { sink, format: new RdbFormat(this.#keyspace, sink, { ...PLAIN_RDB, chunkBytes: 4096 }) };
  }

  #name(db: Database, ref: number): string {
    return `${this.#id}/${Buffer.from(db.keyBytes(ref)).toString('latin1')}`;
  }

  #put(name: string, sink: MemorySink): void {
    const bytes = sink.bytes();
    assert.ok(!this.entries.has(name), `${name} comes twice`);
    this.entries.set(name, bytes.toString('hex'));
    this.written += bytes.length;
  }
}

/** Asserts that two records are the same; says which key is not. */
export function assertSameEntries(
  actual: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
  told: string,
): void {
  for (const [name, bytes] of expected) {
    const other = actual.get(name);
    assert.ok(other !== undefined, `${told}: ${name} is missing`);
    if (other !== bytes)
      assert.fail(`${told}: ${name} differs: ${other.slice(0, 400)} for ${bytes.slice(0, 400)}`);
  }
  for (const name of actual.keys()) assert.ok(expected.has(name), `${told}: ${name} is too much`);
}

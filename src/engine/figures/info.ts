/**
 * What features add to INFO. The sections that every server has stand in commands/server/info; a feature that knows
 * better (replication, persistence, pub/sub, ...) says so here:
 *
 *     engine.info.field('pubsub_channels', () => channels.size);          // one line of a section that is there
 *     engine.info.section('replication', (out) => out.field(...));        // all lines of a section
 */

/** Collects the lines of a section. */
export class InfoText {
  text = '';
  readonly #fields: ReadonlyMap<string, () => string | number>;

  constructor(fields: ReadonlyMap<string, () => string | number>) {
    this.#fields = fields;
  }

  /** One line; what a feature has registered under that name goes before `value`. */
  field(name: string, value: string | number): void {
    const registered = this.#fields.get(name);
    this.text += `${name}:${registered === undefined ? value : registered()}\r\n`;
  }
}

export type SectionWriter = (out: InfoText) => void;

export interface InfoSection {
  /** Lower case. */
  readonly name: string;
  readonly title: string;
  /** 0: in the default set; 1: only in `all` and `everything`; 2: only in `everything`. */
  readonly depth: 0 | 1 | 2;
}

export class InfoRegistry {
  /** Sections that Redis does not have, in the order of their registration; they come last. */
  readonly extraSections: InfoSection[] = [];
  readonly writers = new Map<string, SectionWriter>();
  readonly fields = new Map<string, () => string | number>();

  /** Writes the lines of a section, or of a new one. */
  section(name: string, writer: SectionWriter, added?: Omit<InfoSection, 'name'>): void {
    this.writers.set(name, writer);
    if (added !== undefined) this.extraSections.push({ name, ...added });
  }

  /** Tells the value of one field. */
  field(name: string, value: () => string | number): void {
    this.fields.set(name, value);
  }
}

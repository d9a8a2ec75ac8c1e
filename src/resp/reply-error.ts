/**
 * An error for the client. `code` is its first word, by which INFO errorstats counts. Errors with a fixed text
 * are made once (engine/errors.ts), without a stack; throwing one is how a command refuses.
 */
export class ReplyError {
  readonly code: string;
  readonly text: string;
  /** The whole reply: `-text\r\n`. */
  readonly wire: Uint8Array;

  /** `text` begins with the code ("ERR ..."). CR and LF in it become spaces: they would end the reply. */
  constructor(text: string) {
    const clean = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text;
    const space = clean.indexOf(' ');
    this.code = space < 0 ? clean : clean.slice(0, space);
    this.text = clean;
    this.wire = new Uint8Array(Buffer.from(`-${clean}\r\n`, 'latin1'));
  }
}

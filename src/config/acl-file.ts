/**
 * The ACL file (`aclfile`): where ACL LOAD finds the users of a server and ACL SAVE puts them. What it says is
 * engine/acl/'s business.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { bytesToText, type ServerConfig } from './config.ts';
import { NODE_FS, type RewriteFs, replaceFile } from './rewrite.ts';
import { systemErrorText } from './system-errors.ts';

/** Where it is, as text; null: there is none. */
export function aclFilePath({ values }: ServerConfig): string | null {
  if (values.aclfile === '') return null;
  const path = bytesToText(values.aclfile);
  return isAbsolute(path) ? path : join(bytesToText(values.dir), path);
}

/** Its text, one character for each byte. Throws what the file system throws. */
export function readAclFile(path: string): string {
  return readFileSync(path, 'latin1');
}

/** Replaces it at once. Gives null, or why that failed, for the log. */
export async function saveAclFile(
  path: string,
  lines: readonly string[],
  fs: RewriteFs = NODE_FS,
): Promise<string | null> {
  const text = lines.map((line) => `${line}\n`).join('');
  try {
    await replaceFile(fs, path, Buffer.from(text, 'latin1'));
    return null;
  } catch (error) {
    return `Writing ACL file for ACL SAVE: ${systemErrorText(error)}`;
  }
}

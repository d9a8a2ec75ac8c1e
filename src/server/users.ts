/** The users that the configuration, or the ACL file that it names, gives to a node at its start. */
import { aclFilePath, readAclFile } from '../config/acl-file.ts';
import { systemErrorText } from '../config/system-errors.ts';
import type { Engine } from '../engine/engine.ts';

const BOTH =
  'Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This setup ' +
  'is very likely to lead to configuration errors and security holes, please define either an ACL file or declare ' +
  'users directly in your redis.conf, but not both.';

/** Null, or why the node must not start. */
export function loadUsers({ acl, config, log }: Engine): string | null {
  const path = aclFilePath(config);
  if (path === null) {
    const problem = acl.declare(config.users);
    if (problem === null) return null;
    log.warning(problem);
    return 'Critical error while loading ACLs. Exiting.';
  }
  if (config.users.length > 0) return BOTH;
  const shownPath = config.values.aclfile;
  let text: string;
  try {
    text = readAclFile(path);
  } catch (error) {
    const reason = `Error loading ACLs, opening file '${shownPath}': ${systemErrorText(error)}`;
    return `Aborting Redis startup because of ACL errors: ${reason}`;
  }
  const problem = acl.load(text, shownPath);
  return problem === null ? null : `Aborting Redis startup because of ACL errors: ${problem}`;
}

/**
 * Why a rule is not accepted, in Redis's words. ACL SETUSER, the configuration and the ACL file say them, each with
 * words of its own around them.
 */
export const SYNTAX_ERROR = 'Syntax error';
export const UNKNOWN_COMMAND = 'Unknown command or category name in ACL';
export const FIRST_ARG_OF_SUBCOMMAND = 'Allowing first-arg of a subcommand is not supported';
export const AFTER_ALL_KEYS =
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try " +
  "'resetkeys' to start with an empty list of patterns";
export const AFTER_ALL_CHANNELS =
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try " +
  "'resetchannels' to start with an empty list of channels";
export const BAD_HASH =
  'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters';
export const NO_SUCH_PASSWORD = 'The password you are trying to remove from the user does not exist';
export const SPACES_IN_NAME = 'Spaces not allowed in ACL usernames';

export function firstArgDeprecated(rule: string): string {
  return (
    'Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL and may get ' +
    `disabled in the future (offender: +${rule})`
  );
}

/**
 * From a set of commands back to rules, as ACL LIST shows them: categories first, as long as they describe more than
 * they spoil, then single commands for what is left.
 *
 * From all commands, if those of versions to come are allowed, rules take away; else from none they add. Each step takes
 * the category that is wrong about the fewest commands, and of those the one that is right about the most; what it
 * has settled does not count any more.
 */
import { ACL_CATEGORIES } from '../command-table.ts';
import { type CommandSet, hasBit, setBit } from './command-set.ts';
import type { RuleContext, Selector } from './selector.ts';

export function describeCommands(selector: Selector, { commands }: RuleContext): string {
  const { bits, future } = selector;
  const adds = !future;
  const rules = [future ? '+@all' : '-@all'];
  // What the rules so far say, and what is still to be said.
  const said = commands.emptyBits();
  if (future) said.fill(0xffffffff);
  const open = bits.slice();
  const sign = adds ? '+' : '-';
  const applied = new Set<number>();
  while (!isSame(said, bits, commands)) {
    const best = bestCategory(commands, open, adds, applied);
    if (best < 0) break;
    applied.add(best);
    rules.push(`${sign}@${ACL_CATEGORIES[best]!}`);
    for (const { id, categories, subcommands } of commands.list) {
      if ((categories & (1 << best)) === 0) continue;
      setBit(said, id, adds);
      setBit(open, id, !adds);
      for (const sub of subcommands.values()) {
        setBit(said, sub.id, adds);
        setBit(open, sub.id, !adds);
      }
    }
  }
  for (const { id, name, subcommands } of commands.list) {
    const allowed = hasBit(bits, id);
    if (allowed !== hasBit(said, id)) {
      rules.push(`${allowed ? '+' : '-'}${name}`);
      setBit(said, id, allowed);
      for (const sub of subcommands.values()) setBit(said, sub.id, allowed);
    }
    for (const first of selector.firstArgs.get(id) ?? []) rules.push(`+${name}|${first}`);
  }
  return rules.join(' ');
}

/** The next category to name; -1: none would do more good than harm. */
function bestCategory(
  commands: CommandSet,
  open: Uint32Array,
  adds: boolean,
  applied: ReadonlySet<number>,
): number {
  let best = -1;
  let fewestWrong = Number.POSITIVE_INFINITY;
  let mostRight = 0;
  for (let category = 0; category < ACL_CATEGORIES.length; category++) {
    if (applied.has(category)) continue;
    let right = 0;
    let wrong = 0;
    for (const { id, categories } of commands.list) {
      if ((categories & (1 << category)) === 0) continue;
      if (hasBit(open, id) === adds) right++;
      else wrong++;
    }
    if (right <= wrong) continue;
    if (wrong < fewestWrong || (wrong === fewestWrong && right > mostRight)) {
      best = category;
      fewestWrong = wrong;
      mostRight = right;
    }
  }
  return best;
}

function isSame(a: Uint32Array, b: Uint32Array, commands: CommandSet): boolean {
  return commands.list.every(({ id }) => hasBit(a, id) === hasBit(b, id));
}

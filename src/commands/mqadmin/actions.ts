import { type CommandWords, longName, type OptionTable } from '../../cli/options.js';
import { UsageError } from '../../common/errors.js';

/** Words that no name follows, for completion. */
export function wordsOf(words: readonly string[]): CommandWords {
  return Object.fromEntries(words.map((word) => [word, null]));
}

/**
 * The action that the words of a command line name, the first one when there is no word.
 * @throws UsageError for another one, and for options that it does not have
 */
export function actionOf(
  command: string,
  words: readonly string[],
  values: object,
  { actions, options }: { actions: Readonly<Record<string, readonly string[]>>; options: OptionTable },
): string {
  const names = Object.keys(actions);
  const [action = names[0] ?? '', ...rest] = words;
  const known = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (known === undefined) {
    throw new UsageError(`${command} ${action}: expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`);
  }
  if (rest.length > 0) {
    throw new UsageError(`${command} ${action}: "${rest.join(' ')}" is one word too many`);
  }
  for (const [key, spec] of Object.entries(options)) {
    const value = (values as Record<string, unknown>)[key];
    if (!known.includes(key) && value !== undefined && value !== false && value !== spec.default) {
      throw new UsageError(`${command} ${action} has no option --${longName(key, spec)}`, {
        hint: `it belongs to ${names.filter((name) => actions[name]?.includes(key)).join(', ')}`,
      });
    }
  }
  return action;
}

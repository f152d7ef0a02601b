import { UsageError } from '../../src/common/errors.js';

/** Reads `key=value`, `key = value`, `key= value` and `key =value` out of the words behind a node command's options. */
export function parseKeyValueArguments(words: readonly string[]): [key: string, value: string][] {
  const pairs: [string, string][] = [];
  let index = 0;
  while (index < words.length) {
    const word = words[index++] as string;
    const equals = word.indexOf('=');
    let key = (equals < 0 ? word : word.slice(0, equals)).trim();
    let value = equals < 0 ? undefined : word.slice(equals + 1).trim();
    if (equals < 0) {
      const next = words[index];
      if (next?.startsWith('=')) {
        index++;
        value = next.slice(1).trim();
      }
    }
    if (value === '' && (equals === word.length - 1 || equals < 0) && index < words.length && !isPair(words, index)) {
      value = (words[index++] as string).trim();
    }
    if (value === undefined || key === '') {
      throw new UsageError(`argument ${word} is not of the form key=value`, { context: { argument: word } });
    }
    key = key.trim();
    pairs.push([key, value]);
  }
  return pairs;
}

/** Whether a new `key=value` or `key =` begins here, so that the value before it is empty. */
function isPair(words: readonly string[], index: number): boolean {
  return /^[A-Za-z]\w*\s*=/.test(words[index] as string) || words[index + 1]?.startsWith('=') === true;
}

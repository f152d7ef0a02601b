import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseAssertion } from '../../../src/bench/judge/assertion.js';
import { commandWords } from '../../../src/bench/judge/command-words.js';
import { parseLimit } from '../../../src/bench/judge/limits.js';
import { checkPath } from '../../../src/bench/judge/schema-paths.js';
import { commandSpec } from '../../../src/cli/command-spec.js';
import { parseOptions } from '../../../src/cli/parse-options.js';
import CompareCommand from '../../../src/commands/mqbench/compare.js';
import ProducerCommand from '../../../src/commands/mqbench/producer.js';

const page = readFileSync(new URL('../../../docs/benchmark-gates.md', import.meta.url), 'utf8');
const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
const commands = { producer: ProducerCommand, compare: CompareCommand };

/** Throws where an option, an assertion or a limit of the line is none. */
function check(words: readonly string[]): void {
  const [id = '', ...args] = words[0] === 'mqbench' ? words.slice(1) : words;
  const spec = commandSpec(commands[id as keyof typeof commands], { bin: 'mqbench', id });
  const { values } = parseOptions(args, spec.options);
  for (const expression of values.get('assert')?.split('\n') ?? []) {
    checkPath(parseAssertion(expression));
  }
  for (const limit of values.get('failOver')?.split('\n') ?? []) {
    parseLimit(limit);
  }
  for (const child of [values.get('run'), values.has('run') ? values.get('vs') : undefined]) {
    if (child !== undefined) check(commandWords(child));
  }
}

it('the page about gates and the help of compare have commands that can be run', () => {
  expect(lines).toHaveLength(6);
  for (const line of [...lines, ...CompareCommand.examples]) {
    check(commandWords(line));
  }
});

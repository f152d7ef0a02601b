import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseAssertion } from '../../../src/bench/judge/assertion.js';
import { commandWords } from '../../../src/bench/judge/command-words.js';
import { checkPath } from '../../../src/bench/judge/schema-paths.js';
import { parseLimit } from '../../../src/bench/plans/search.js';
import { commandSpec } from '../../../src/cli/command-spec.js';
import { parseOptions } from '../../../src/cli/parse-options.js';
import { readValues } from '../../../src/cli/read-values.js';
import RunCommand from '../../../src/commands/mqbench/run.js';
import SearchCommand from '../../../src/commands/mqbench/search.js';
import SoakCommand from '../../../src/commands/mqbench/soak.js';
import SweepCommand from '../../../src/commands/mqbench/sweep.js';

const page = readFileSync(new URL('../../../docs/benchmark-plans.md', import.meta.url), 'utf8');
const lines = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
const commands = { run: RunCommand, search: SearchCommand, soak: SoakCommand, sweep: SweepCommand };
const examples = Object.values(commands).flatMap((command) => command.examples);

it.each([...lines, ...examples])('%s', (line) => {
  const [bin, id = '', ...args] = commandWords(line);
  expect(bin).toBe('mqbench');
  const spec = commandSpec(commands[id as keyof typeof commands], { bin: 'mqbench', id });
  const { values } = parseOptions(args, spec.options);
  readValues(spec.options, values, {});
  for (const expression of values.get('assert')?.split('\n') ?? []) checkPath(parseAssertion(expression));
  for (const limit of values.get('limit')?.split('\n') ?? []) parseLimit(limit);
});

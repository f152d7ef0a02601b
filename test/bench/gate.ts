/**
 * `npm run bench:gate [-- --base <revision> --pairs 5 --seconds 5]`
 *
 * Builds another revision beside this one and runs the same load on both in interleaved pairs, each with its own nodes and its own
 * mqbench. Prints what changed; judges nothing, since one machine's figures are noise until somebody looks at them. The row `gate` of
 * bench:peers judges the same runs.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { median } from '../peers/bench/measure.js';
import { compareRevisions } from './revisions.js';

function compare(what: string, base: readonly number[], now: readonly number[]): void {
  const ratios = now.map((value, pair) => value / (base[pair] ?? Number.NaN));
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  process.stdout.write(
    `${what.padEnd(28)} base ${median(base).toFixed(2)}, now ${median(now).toFixed(2)}, ratio ${median(ratios).toFixed(3)} (${range})\n`,
  );
}

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: 'HEAD~1' },
    pairs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
  },
});
const { base, now } = await compareRevisions({
  base: values.base,
  pairs: Number(values.pairs),
  seconds: Number(values.seconds),
  say: (text) => void process.stdout.write(`${text}\n`),
});
process.stdout.write(`base is ${values.base}, load average ${readFileSync('/proc/loadavg', 'utf8').split(' ')[0]}\n`);
const columns = { rate: 'sends, msg/s', p99Ms: 'p99, ms', cpuUs: 'broker CPU, us a message' } as const;
for (const key of ['rate', 'p99Ms', 'cpuUs'] as const) {
  compare(
    columns[key],
    base.map((run) => run[key]),
    now.map((run) => run[key]),
  );
}

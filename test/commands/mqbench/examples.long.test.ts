/* The examples in the help of the kinds are run as they stand, but for shorter times, smaller numbers and this cluster's address. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { loadBench, runBench } from './run-bench.js';

const KINDS = ['batch', 'transaction', 'timer', 'delay', 'latency', 'pingpong', 'fanout', 'backlog'];
const SHORTER: readonly (readonly [RegExp, string])[] = [
  [/--(duration|settle|before) \S+/g, '--$1 500ms'],
  [/--warmup \S+/g, '--warmup 100ms'],
  [/-q (\d)\d+/g, '-q $100'],
  [/--backlog-mb \d+/g, '--backlog-mb 1'],
  [/--rate (\d)\d*/g, '--rate $100'],
  [/-ri \d+/g, '-ri 100'],
];

describe('examples of the kinds', () => {
  let cluster: Sandbox;

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
  });

  afterAll(() => cluster.stop());

  for (const kind of KINDS) {
    it(kind, async () => {
      const { examples } = await loadBench(kind);
      expect(examples.length).toBeGreaterThan(1);
      for (const example of examples as string[]) {
        const shorter = SHORTER.reduce((text, [pattern, by]) => text.replace(pattern, by), example)
          .replace('127.0.0.1:9876', cluster.namesrvAddr)
          .replace('result.json', join(cluster.dir, 'result.json'));
        const [bin, name, ...words] = Array.from(shorter.matchAll(/'([^']*)'|(\S+)/g), (match) => match[1] ?? match[2] ?? '');
        expect([bin, name]).toEqual(['mqbench', kind]);
        const run = await runBench(kind, words);
        expect(run.exitCode, `${shorter}\n${run.stderr}`).toBe(0);
        expect(run.stdout.length).toBeGreaterThan(0);
      }
    });
  }
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransactionResult } from '../../../src/bench/kind-results.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { resultOf, runBench } from './run-bench.js';

describe('mqbench transaction', () => {
  let cluster: Sandbox;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4, transactionTimeOut: 200, transactionCheckInterval: 100 } });
    on = ['-n', cluster.namesrvAddr, '-t', 'TransactionTest'];
  });

  afterAll(() => cluster.stop());

  it('ends transactions as planned and waits until brokers have asked about the unknown ones', async () => {
    const run = await runBench('transaction', [
      ...[...on, '-w', '4', '-s', '100', '-q', '200', '-sr', '0.25', '-su', '0.2', '-cr', '0.5', '--settle', '15s', '--json'],
    ]);
    const result = resultOf<TransactionResult>(run);
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'transaction', seed: 1, send: { count: 200, errors: 0 } });
    const { committed, rolledBack, unknown, checks } = result.transactions;
    expect(committed + rolledBack + unknown).toBe(200);
    expect(rolledBack).toBeGreaterThan(20);
    expect(unknown).toBeGreaterThan(10);
    // A broker that is slow may ask once more before it has the answer.
    expect(checks.expected).toBe(unknown);
    expect(checks.committed + checks.rolledBack).toBe(unknown);
    expect(checks.rolledBack).toBeGreaterThan(0);
  });

  it("prints Apache's lines and nothing else with --classic", async () => {
    const run = await runBench('transaction', [...on, '-w', '2', '-i', '5', '-ri', '100', '--duration', '350ms', '--classic']);
    expect(run).toMatchObject({ exitCode: 0 });
    // A broker that finds the machine slow asks early, which is a line of its own.
    const lines = run.stdout
      .trimEnd()
      .split('\n')
      .filter((line) => !line.includes(' unexpected check: '));
    for (const line of lines) {
      expect(line).toMatch(
        /^Current Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| Send TPS: [ \d]{5} \| Max RT\(ms\): [ \d]{5} \| AVG RT\(ms\): \d+\.\d \| Send Failed: 0 \| Check: \d+ \| UnexpectedCheck: \d+ \| DuplicatedCheck: \d+$/,
      );
    }
  });

  it('refuses what cannot be planned before anything starts', async () => {
    const small = await runBench('transaction', [...on, '-s', '40']);
    expect(small).toMatchObject({ exitCode: 2, stdout: '' });
    expect(small.stderr).toBe('a message of 40 B has no room for how its transaction ends: at least 69 B (-s)\n');
    expect((await runBench('transaction', [...on, '-i', '5', '--rate', '100'])).exitCode).toBe(2);
    expect((await runBench('transaction', [...on, '-sr', '1.5'])).stderr).toBe('sendRollbackRate 1.5: a share lies between 0 and 1\n');
  });
});

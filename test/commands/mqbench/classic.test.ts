import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { runBench } from './run-bench.js';

describe("--classic: Apache's lines and nothing else", () => {
  let cluster: Sandbox;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 2 } });
    on = ['-n', cluster.namesrvAddr, '-t', 'ClassicTest'];
  });

  afterAll(() => cluster.stop());

  it('of a producer', async () => {
    const run = await runBench('producer', [...on, '-w', '2', '-q', '300', '-ri', '100', '--rate', '1000', '--classic', '-k', 'true']);
    expect(run).toMatchObject({ exitCode: 0 });
    const [first, second, ...lines] = run.stdout.trimEnd().split('\n');
    expect(first).toBe(
      'topic: ClassicTest, threadCount: 2, messageSize: 128, keyEnable: true, propertySize: 0, tagCount: 0, traceEnable: false, aclEnable: false, messageQuantity: 300, delayEnable: false, delayLevel: 1, asyncEnable: false',
    );
    expect(second).toBe(' compressEnable: false, reportInterval: 100');
    const figures = String.raw`Send TPS: \d+ \| Max RT\(ms\): \d+ \| Average RT\(ms\): [ \d]*\d\.\d{3} \| Send Failed: 0 \| Response Failed: 0$`;
    expect(lines.pop()).toMatch(new RegExp(String.raw`^\[Complete\] Send Total: 300 \| ${figures}`));
    for (const line of lines) {
      expect(line).toMatch(new RegExp(String.raw`^Current Time: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| ${figures}`));
    }
  });

  it('of a consumer, which has no closing line', async () => {
    await runBench('producer', [...on, '-q', '50']);
    const run = await runBench('consumer', [
      ...on,
      '-g',
      'classic',
      '--from',
      'first',
      '-q',
      '50',
      '-ri',
      '100',
      '-f',
      'TAG',
      '-e',
      '*',
      '--classic',
    ]);
    expect(run).toMatchObject({ exitCode: 0 });
    const [first, expression, started, ...lines] = run.stdout.trimEnd().split('\n');
    expect(first).toBe(
      'topic: ClassicTest, threadCount 20, group: classic, suffix: false, filterType: TAG, expression: *, msgTraceEnable: false, aclEnable: false, reportInterval: 100',
    );
    expect([expression, started]).toEqual(['Expression: *', 'Consumer Started.']);
    for (const line of lines) {
      expect(line).toMatch(
        /^Current Time: .* \| Consume TPS: \d+ \| AVG\(B2C\) RT\(ms\): .* \| MAX\(S2C\) RT\(ms\): \d+ \| Consume Fail: 0$/,
      );
    }
  });
});

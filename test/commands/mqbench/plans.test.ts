import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkloadResult } from '../../../src/bench/omb/omb-run.js';
import type { SearchResult } from '../../../src/bench/plans/search.js';
import type { SoakResult } from '../../../src/bench/plans/soak.js';
import type { SweepResult } from '../../../src/bench/plans/sweep.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { ROOT } from '../../tidy/sources.js';
import { runBench } from './run-bench.js';

const schema = JSON.parse(readFileSync(join(ROOT, 'src/bench/mqbench-1.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

/** The result in a file or in a text, which must be as the schema says. */
function resultOf<R>(json: string): R {
  const result = JSON.parse(json) as R;
  validate(result);
  expect(validate.errors ?? []).toEqual([]);
  return result;
}

describe('runs of many runs, on a bundled cluster', () => {
  let cluster: Sandbox;
  let dir: string;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    dir = mkdtempSync(join(tmpdir(), 'mqkit-plans-'));
    on = ['-n', cluster.namesrvAddr];
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('sweep prints the table and says each run', async () => {
    const file = join(dir, 'sweep.json');
    const args = ['--threads', '1,4', '--size', '64', '--repeats', '1', '--duration', '120ms', '--warmup', '1ms', '--json', file];
    const { stdout, stderr, exitCode } = await runBench('sweep', [...on, '-t', 'SweepTest', ...args]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stderr.match(/^[12]\/2 {2}[14] threads, 64 B: [\d,]+ msg\/s, mean /gm)).toHaveLength(2);
    expect(stdout).toMatch(/^Threads +Size +Best TPS .*\n +1 +64 .*\n +4 +64 /m);
    const { rows, runs, seed } = resultOf<SweepResult>(readFileSync(file, 'utf8'));
    expect(rows.map(({ threads, runs: times }) => [threads, times])).toEqual([
      [1, 1],
      [4, 1],
    ]);
    expect(runs).toHaveLength(2);
    expect(seed).toBe(1);
  });

  it('search prints the curve', async () => {
    const args = [
      '--limit',
      'p99<20s',
      '--start-rate',
      '100',
      '--max-rate',
      '100',
      '--verify',
      '1',
      '--duration',
      '150ms',
      '--warmup',
      '1ms',
    ];
    const { stdout, stderr, exitCode } = await runBench('search', [...on, '-t', 'SearchTest', ...args, '--json']);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const { points, curve } = resultOf<SearchResult>(stdout);
    expect(points.length).toBeGreaterThanOrEqual(2);
    expect(curve[0]?.rate).toBeLessThanOrEqual(100);
  });

  it('soak samples and judges', async () => {
    const file = join(dir, 'soak.json');
    const args = ['--rate', '100', '--duration', '4s', '--warmup', '1ms', '--sample', '1s', '-g', 'soak_test', '--json', file];
    const { stdout, exitCode } = await runBench('soak', [...on, '-t', 'SoakTest', ...args]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('verdict    the run is too short to say');
    const { samples, receive, drift } = resultOf<SoakResult>(readFileSync(file, 'utf8'));
    expect(samples.length).toBeGreaterThanOrEqual(1);
    expect(receive?.count).toBeGreaterThan(0);
    expect(Object.keys(drift)).toEqual(expect.arrayContaining(['rate', 'p99Ms', 'generatorRssBytes']));
  });

  it.each(['simple-workload-mini', 'max-rate-1-topic-16-partitions-1kb-mini'])('run %s, scaled to seconds', async (name) => {
    const folder = mkdtempSync(join(dir, 'omb-'));
    const args = ['--duration', '1500ms', '--warmup', '100ms', '--rate', '300', '--omb-result', folder, '--json'];
    const { stdout, stderr, exitCode } = await runBench('run', [
      name,
      join(ROOT, 'src/bench/omb/workloads/driver/rocketmq.yaml'),
      ...on,
      ...args,
    ]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const result = resultOf<WorkloadResult>(stdout);
    expect(result).toMatchObject({ kind: 'workload', send: { errors: 0 } });
    expect(result.receive.count).toBeGreaterThan(0);
    const [file] = readdirSync(folder);
    expect(file).toMatch(new RegExp(`^${name}-RocketMQ-\\d{4}(-\\d\\d){5}\\.json$`));
    const omb = JSON.parse(readFileSync(join(folder, file ?? ''), 'utf8')) as {
      publishRate: number[];
      aggregatedPublishLatency99pct: number;
    };
    expect(omb.publishRate.length).toBeGreaterThan(0);
    expect(omb.aggregatedPublishLatency99pct).toBeGreaterThan(0);
  });

  it('run names the workloads that come with the package', async () => {
    const { stdout, exitCode } = await runBench('run', ['--list']);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['simple-workload', 'simple-workload-mini']));
  });

  it.each([
    ['run', [], 2, /^give a workload file and, if wanted, a driver file/],
    ['run', ['no-such-workload'], 4, /^no workload file no-such-workload; mqbench run --list/],
    ['run', ['simple-workload', 'absent.yaml'], 4, /^no driver file absent\.yaml/],
    ['sweep', ['--threads', '1,x'], 2, /^--threads 1,x: x is not a whole number from 1 to 100000/],
    ['sweep', ['--size', '99999999'], 2, /^--size 99999999: 99999999 is not a whole number from 1 to 4194304/],
    ['sweep', ['--flush', 'SYNC_FLUSH'], 2, /^--flush SYNC_FLUSH: a sweep changes no running broker; add --embedded/],
    ['sweep', ['--embedded', '--slaves', '1'], 2, /^--slaves 1: the bundled broker does not replicate yet/],
    ['sweep', ['--repeats', '10000'], 2, /^a sweep of 6 cells with 10000 runs each is more than 10000 runs|out of range|1000/],
    ['search', ['--limit', 'fast'], 2, /^--limit fast: expected a limit such as p99<10ms/],
    ['search', ['--start-rate', '5', '--max-rate', '4'], 2, /^--start-rate 5 is above --max-rate 4/],
    ['search', ['-n', '127.0.0.1:1', '--duration', '100ms'], 3, /127\.0\.0\.1:1/],
    ['soak', ['-n', '127.0.0.1:1', '--duration', '100ms', '--warmup', '1ms'], 3, /127\.0\.0\.1:1/],
  ] as const)('%s %j is refused', async (command, args, exitCode, message) => {
    const ended = await runBench(command, args);
    expect(ended.stderr).toMatch(message);
    expect(ended.exitCode).toBe(exitCode);
  });

  it('run names the line and the key of a bad file', async () => {
    const file = join(dir, 'bad.yaml');
    writeFileSync(file, 'topics: 1\npartitionsPerTopic: 1\nmessageSize: big\ntestDurationMinutes: 1\n');
    const { stderr, exitCode } = await runBench('run', [file, ...on]);
    expect(stderr).toMatch(/bad\.yaml:3: messageSize: big is not a whole number from 1 to 4194304\n$/);
    expect(exitCode).toBe(2);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LatencyHistogram, loadHistograms } from '../../../src/bench/latency-histogram.js';
import type { OmbOutcome, OmbRunOptions } from '../../../src/bench/omb/omb-run.js';
import type { BenchHooks } from '../../../src/bench/progress.js';
import type { BenchResult } from '../../../src/bench/result.js';
import { ConnectError } from '../../../src/common/errors.js';
import { resultOf } from '../../bench/judge/results.js';
import { type BenchRun, runBench } from './run-bench.js';

const runOmbWorkload = vi.hoisted(() => vi.fn<(options: OmbRunOptions, hooks: BenchHooks) => Promise<OmbOutcome>>());
vi.mock('../../../src/bench/omb/omb-run.js', () => ({ runOmbWorkload }));

/** A result of a workload whose broker does not exist. */
function outcomeOf(rate: number, more: Partial<BenchResult> = {}): OmbOutcome {
  const { send, ...rest } = resultOf({ rate });
  const latencies = new LatencyHistogram();
  latencies.record(rate);
  const result = {
    ...rest,
    ...{ kind: 'workload', config: { workload: { name: `at ${rate}` } } },
    ...{ send: { ...send, histogram: latencies.encode() }, receive: { ...send } },
    ...more,
  };
  latencies.destroy();
  return { result, omb: { publishRate: [rate] } } as unknown as OmbOutcome;
}

describe('the workloads of a template', () => {
  let dir: string;
  let template: string;
  let json: string;

  beforeAll(async () => {
    await loadHistograms();
    dir = mkdtempSync(join(tmpdir(), 'mqkit-template-'));
    template = join(dir, 'template.yaml');
    json = join(dir, 'result.json');
    const keys = ['topics: 1', 'partitionsPerTopic: 1', 'messageSize: 64', 'testDurationMinutes: 1', 'producerRate: [100, 200, 300]'];
    writeFileSync(template, `${keys.join('\n')}\n`);
  });
  afterEach(() => runOmbWorkload.mockReset());
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const run = (...args: string[]): Promise<BenchRun> => runBench('run', [template, '-n', '127.0.0.1:1', '--json', json, ...args]);
  const written = (): BenchResult => JSON.parse(readFileSync(json, 'utf8')) as BenchResult;

  it('end with exit code 3 when one of them loses its broker, and nothing is begun after it', async () => {
    runOmbWorkload
      .mockResolvedValueOnce(outcomeOf(100))
      .mockResolvedValueOnce(outcomeOf(200, { partial: true, failure: 'no send succeeded in the last 5.0 s' }));
    const { exitCode, stderr } = await run();
    const failure = expect.stringMatching(/^workload 2 of 3 \(.+\) failed: no send succeeded in the last 5\.0 s$/);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
    expect(written()).toMatchObject({ kind: 'workloads', partial: true, failure });
    expect(written().runs).toHaveLength(2);
    expect(runOmbWorkload).toHaveBeenCalledTimes(2);
  });

  it('keep what was measured when a later one fails', async () => {
    runOmbWorkload.mockResolvedValueOnce(outcomeOf(100)).mockRejectedValueOnce(new ConnectError('connection to 127.0.0.1:1 was refused'));
    const { exitCode, stdout, stderr } = await run();
    expect(exitCode).toBe(3);
    expect(stderr).toContain('failed: connection to 127.0.0.1:1 was refused');
    expect(stdout).toMatch(/\nsent +1,000 messages/);
    expect(written()).toMatchObject({ partial: true, runs: [{ send: { rate: 100 } }] });
  });

  it('fail with the error of the first when that could not begin', async () => {
    runOmbWorkload.mockRejectedValueOnce(new ConnectError('connection to 127.0.0.1:1 was refused'));
    rmSync(json, { force: true });
    const { exitCode, stderr } = await run();
    expect(exitCode).toBe(3);
    expect(stderr).toContain('"message":"connection to 127.0.0.1:1 was refused"');
    expect(() => written()).toThrow('ENOENT');
  });

  it('share one interval log, and each has its distribution', async () => {
    for (const [at, rate] of [100, 200, 300].entries()) {
      runOmbWorkload.mockImplementationOnce(async (_, hooks) => {
        const latencies = new LatencyHistogram();
        const point = { atSeconds: 0, seconds: 1, count: 1, rate: 1, errors: 0, p50Ms: 1, p99Ms: 1, p999Ms: 1, meanMs: 1, maxMs: 1 };
        hooks.onPoint?.({ point, latencies, direction: 'send', startedAtMs: 1_700_000_000_000 + 60_000 * at });
        latencies.destroy();
        return outcomeOf(rate);
      });
    }
    const { exitCode, stderr } = await run('--hlog', join(dir, 'all.hlog'), '--hgrm', join(dir, 'all.hgrm'));
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const lines = readFileSync(join(dir, 'all.hlog'), 'utf8').split('\n');
    expect(lines.flatMap((line) => /^([\d.]+),1\.000,/.exec(line)?.[1] ?? [])).toEqual(['0.000', '60.000', '120.000']);
    expect(lines.filter((line) => line.startsWith('#[StartTime'))).toHaveLength(1);
    const distributions = readdirSync(dir).filter((name) => name.endsWith('.hgrm'));
    expect(distributions.sort()).toEqual(['all.2.hgrm', 'all.3.hgrm', 'all.hgrm']);
  });

  it('are not begun when there is no folder for the files of the OpenMessaging Benchmark', async () => {
    const { exitCode, stderr } = await run('--omb-result', join(dir, 'omb.json'));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('3 workloads need a folder that is there');
    expect(runOmbWorkload).not.toHaveBeenCalled();
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HdrLog } from '../../src/bench/hdr-files.js';
import { LatencyHistogram, loadHistograms } from '../../src/bench/latency-histogram.js';
import type { BenchResult } from '../../src/bench/result.js';
import { runBench } from '../commands/mqbench/run-bench.js';
import { type Sandbox, startSandbox } from '../sandbox.js';

describe('an interval log', () => {
  let cluster: Sandbox;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-hlog-'));
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    await loadHistograms();
  });

  afterAll(async () => {
    await cluster.stop();
    rmSync(dir, { recursive: true });
  });

  /** The tag of each line; '' for those without. */
  function tagsOf(file: string): string[] {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    return lines.filter((line) => /^(Tag=|\d)/.test(line)).map((line) => /^Tag=(\w+)/.exec(line)?.[1] ?? '');
  }

  it('has a line for each direction of a run whose seconds were never told', () => {
    const latencies = new LatencyHistogram();
    latencies.record(1000);
    const measured = { histogram: latencies.encode(), latencyMs: latencies.summary(), seconds: 1, windowStartedAtMs: 1000 };
    const file = join(dir, 'both.hlog');
    new HdrLog(file, 'send').end({ send: measured, receive: measured } as unknown as BenchResult);
    expect(tagsOf(file)).toEqual(['', 'receive']);
  });

  it('has the seconds of a run that only sends untagged, whatever its line calls them', async () => {
    const file = join(dir, 'pingpong.hlog');
    const words = ['-n', cluster.namesrvAddr, '-t', 'HlogPingpong', '-w', '2', '-q', '20', '--hlog', file];
    expect(await runBench('pingpong', words)).toMatchObject({ exitCode: 0 });
    expect(new Set(tagsOf(file))).toEqual(new Set(['']));
  });

  it('has the sends of a timer run and, tagged, what arrived of it', async () => {
    const file = join(dir, 'timer.hlog');
    const slots = ['-st', '2', '-mt', '5', '-tc', '2', '-sd', '200', '-p', '100', '--first', '500ms'];
    const run = await runBench('timer', ['-n', cluster.namesrvAddr, '-t', 'HlogTimer', ...slots, '--hlog', file]);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(new Set(tagsOf(file))).toEqual(new Set(['', 'receive']));
  });
});

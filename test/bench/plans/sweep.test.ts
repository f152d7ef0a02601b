import { describe, expect, it } from 'vitest';
import { sweepReport } from '../../../src/bench/plans/plan-text.js';
import { runSweep, type SweepAxes, sweepCells, sweepOrder } from '../../../src/bench/plans/sweep.js';
import { ConnectError } from '../../../src/common/errors.js';
import { fakeResult } from './fake-run.js';

const AXES: SweepAxes = { threads: [1, 8, 64], messageSize: [128, 1024], queues: [1, 8], flush: ['ASYNC_FLUSH', 'SYNC_FLUSH'] };

describe('a sweep', () => {
  it('has every combination once', () => {
    const cells = sweepCells(AXES, 1);
    expect(cells).toHaveLength(24);
    expect(new Set(cells.map((cell) => JSON.stringify(cell))).size).toBe(24);
    expect(cells[0]).toEqual({ threads: 1, messageSize: 128, queues: 1, flush: 'ASYNC_FLUSH' });
    expect(sweepCells({ ...AXES, queues: [], flush: [] }, 1)[0]).toEqual({ threads: 1, messageSize: 128 });
  });

  it('refuses more runs than anybody waits for', () => {
    expect(() => sweepCells(AXES, 1000)).toThrow('a sweep of 24 cells with 1000 runs each is more than 10000 runs');
  });

  it('runs all cells, then all again, in an order of its seed', () => {
    const cells = sweepCells(AXES, 3);
    const order = sweepOrder({ cells, repeats: 3, seed: 7 });
    for (const round of [order.slice(0, 24), order.slice(24, 48), order.slice(48)]) {
      expect([...round].sort((a, b) => a - b)).toEqual(cells.map((_, at) => at));
    }
    expect(order.slice(0, 24)).not.toEqual(order.slice(24, 48));
    expect(sweepOrder({ cells, repeats: 3, seed: 7 })).toEqual(order);
    expect(sweepOrder({ cells, repeats: 3, seed: 8 })).not.toEqual(order);
  });

  it('reports the fastest run of each cell, its spread and the worst latency of all', async () => {
    const cells = sweepCells({ threads: [1, 8], messageSize: [128], queues: [], flush: [] }, 3);
    let run = 0;
    const result = await runSweep({ cells, repeats: 3, seed: 1 }, async ({ threads }) => {
      run++;
      return fakeResult({ rate: threads * 1000 + run, p99: run, max: 100 - run });
    });
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'sweep', seed: 1, config: { repeats: 3 } });
    expect(result.runs).toHaveLength(6);
    const [one, eight] = result.rows;
    expect(one).toMatchObject({ threads: 1, runs: 3, errors: 0 });
    expect(one?.bestRate).toBeGreaterThan(one?.medianRate ?? 0);
    expect(one?.latencyMs.p99).toBe((one?.bestRate ?? 0) - 1000);
    expect(eight?.maxMs).toBeGreaterThan(eight?.latencyMs.max ?? 0);
    const lines = sweepReport(result).split('\n');
    expect(lines[0]).toMatch(
      /^Threads +Size +Best TPS +Median TPS +Spread +Average RT\(ms\) +p50 +p90 +p99 +p99\.9 +p99\.99 +Max RT\(ms\) +Failed$/,
    );
    expect(lines).toHaveLength(5);
  });

  it('keeps what it has when a run fails, and marks it', async () => {
    const cells = sweepCells({ threads: [1, 2, 3], messageSize: [128], queues: [], flush: [] }, 1);
    let run = 0;
    const result = await runSweep({ cells, repeats: 1, seed: 1 }, async () => {
      run++;
      if (run === 3) throw new ConnectError('connection to 127.0.0.1:10911 was refused');
      return fakeResult({ rate: 100 });
    });
    expect(result.rows).toHaveLength(2);
    expect(result).toMatchObject({
      partial: true,
      failure: expect.stringMatching(/^run 3 of 3 \(\d threads, 128 B\) failed: connection to/),
    });
  });

  it('makes no row of a run that lost its broker, and ends with it', async () => {
    const cells = sweepCells({ threads: [1, 2, 3], messageSize: [128], queues: [], flush: [] }, 1);
    let run = 0;
    const result = await runSweep({ cells, repeats: 1, seed: 1 }, async () => {
      run++;
      return fakeResult({ rate: 100, ...(run === 2 ? { failure: 'no send succeeded in the last 1.0 s' } : {}) });
    });
    expect(result.rows).toHaveLength(1);
    expect(result.runs).toHaveLength(2);
    expect(result).toMatchObject({
      partial: true,
      failure: expect.stringMatching(/^run 2 of 3 \(\d threads, 128 B\) failed: no send succeeded in the last 1\.0 s$/),
    });
  });

  it('fails with the error when not even one run succeeds', async () => {
    const cells = sweepCells({ threads: [1], messageSize: [128], queues: [], flush: [] }, 1);
    const failing = runSweep({ cells, repeats: 1, seed: 1 }, () => Promise.reject(new ConnectError('refused')));
    await expect(failing).rejects.toThrow('refused');
  });

  it('ends with Ctrl-C; the run that was cut short makes no row', async () => {
    const cells = sweepCells({ threads: [1, 2, 3], messageSize: [128], queues: [], flush: [] }, 1);
    const controller = new AbortController();
    let run = 0;
    const runCell = async () => {
      run++;
      if (run === 2) controller.abort();
      return fakeResult({ rate: 100, ...(run === 2 ? { interrupted: true as const } : {}) });
    };
    const result = await runSweep({ cells, repeats: 1, seed: 1 }, runCell, { signal: controller.signal });
    expect(result).toMatchObject({ interrupted: true });
    expect(result.rows).toHaveLength(1);
    expect(result.runs).toHaveLength(2);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBacklogBench } from '../../../src/bench/backlog-bench.js';
import { jain } from '../../../src/bench/fanout-bench.js';
import type { BacklogResult, FanoutResult, PingpongResult } from '../../../src/bench/kind-results.js';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { updateTopic } from '../../../src/client/admin/update-topic.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { resultOf, runBench } from './run-bench.js';

describe('runs that send and consume', () => {
  let cluster: Sandbox;
  let on: readonly string[];

  beforeAll(async () => {
    cluster = await startSandbox({ brokerConfig: { defaultTopicQueueNums: 4 } });
    on = ['-n', cluster.namesrvAddr, '-t', 'BothEnds'];
  });

  afterAll(() => cluster.stop());

  it('pingpong: every request has its reply', async () => {
    const run = await runBench('pingpong', [...on, '-w', '4', '-q', '60', '--reply-size', '16', '--json']);
    const result = resultOf<PingpongResult>(run);
    expect(result).toMatchObject({ schema: 'mqbench/1', kind: 'pingpong', config: { replyBytes: 16, inFlight: 4 } });
    expect(result.send).toMatchObject({ count: 60, errors: 0, attempts: 60 });
    expect(result.replies).toMatchObject({ count: 60, errors: 0, errorsByCode: {} });
  });

  it('fanout: every group gets every message, its consumers divide them', async () => {
    const run = await runBench('fanout', [...on, '--groups', '3', '--consumers', '2', '-q', '200', '-w', '8', '--json']);
    const result = resultOf<FanoutResult>(run);
    expect(result.send).toMatchObject({ count: 200, errors: 0 });
    expect(result.receive).toMatchObject({ count: 600 });
    expect(result.groups.map(({ consumerGroup, count }) => [consumerGroup, count])).toEqual([
      ['benchmark_fanout_0', 200],
      ['benchmark_fanout_1', 200],
      ['benchmark_fanout_2', 200],
    ]);
    for (const { consumers } of result.groups) {
      // Two of four queues each.
      expect(consumers[0]! + consumers[1]!).toBe(200);
      expect(Math.min(...consumers)).toBeGreaterThan(50);
    }
    expect(result.fairness.groups).toBe(1);
    expect(result.fairness.consumers).toBeGreaterThan(0.8);
    expect(result.delivery).toMatchObject({ sent: 600, received: 600, lost: 0, duplicates: 0 });
  });

  it('backlog: drains what was built and what was sent meanwhile', async () => {
    const run = await runBench('backlog', [...on, '-q', '2000', '-w', '16', '--rate', '200', '--before', '200ms', '--json']);
    const result = resultOf<BacklogResult>(run);
    expect(result.build).toMatchObject({ count: 2000, errors: 0 });
    const before = result.before?.count ?? 0;
    expect(before).toBeGreaterThan(0);
    expect(result.drain).toMatchObject({ backlogMessages: 2000 + before, backlogBytes: (2000 + before) * 128, isComplete: true });
    expect(result.receive?.count).toBe(2000 + before + (result.send?.count ?? 0));
    expect(result.delivery).toMatchObject({ lost: 0, duplicates: 0 });
  });

  it('backlog: a size in bytes, without a rate; what is not drained in time fails with the result so far', async () => {
    const run = await runBench('backlog', [...on, '--backlog-mb', '0.1', '-s', '1000']);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout).toMatch(/^mqbench backlog: .*, 100 messages of 1,000 B, drained by 1 consumers\n/);
    expect(run.stdout).toMatch(/\ndrained +100 messages \(100\.0 kB\) in /);
    const options = { namesrvAddr: cluster.namesrvAddr, topic: 'BothEnds', group: 'slow', bodyBytes: 100, messages: 50, inFlight: 8 };
    const late = runBacklogBench({ ...options, consumers: 2, concurrency: 1, beforeMs: 0, drainLimitMs: 0 });
    await expect(late).rejects.toMatchObject({
      message: 'the backlog of topic BothEnds was not drained within 0 s: 0 messages were consumed',
      exitCode: 3,
      context: { result: { kind: 'backlog', partial: true, build: { count: 50 }, drain: { isComplete: false } } },
    });
  });

  it('refuses impossible workloads in one line, before anything is sent', async () => {
    const admin = new AdminClient({ namesrvAddr: cluster.namesrvAddr });
    for (const [topic, perm] of [
      ['WriteOnly', 2],
      ['ReadOnly', 4],
    ] as const) {
      const settings = { topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, attributes: {} } as const;
      await updateTopic(admin, {
        clusterName: 'DefaultCluster',
        topic: { topicName: topic, readQueueNums: 2, writeQueueNums: 2, perm, ...settings },
      });
    }
    await admin.close();
    const ended = async (name: string, ...words: string[]): Promise<[number, string]> => {
      const { exitCode, stdout, stderr } = await runBench(name, ['-n', cluster.namesrvAddr, ...words, '--json']);
      expect(stdout).toBe('');
      return [exitCode, stderr.split('\n').filter((line) => !line.startsWith('mqbench '))[0] ?? ''];
    };
    expect(await ended('fanout', '-t', 'WriteOnly')).toEqual([5, expect.stringContaining('topic WriteOnly cannot be read')]);
    expect(await ended('backlog', '-t', 'ReadOnly', '-q', '5')).toEqual([expect.any(Number), expect.stringContaining('ReadOnly')]);
    expect(await ended('fanout', '--groups', '900', '--consumers', '2')).toEqual([
      2,
      expect.stringContaining('more than the 1000 consumers'),
    ]);
    expect(await ended('backlog', '-q', '5', '--backlog-mb', '1')).toEqual([2, expect.stringContaining('leave one out')]);
    expect(await ended('pingpong', '--rate', '0')).toEqual([2, expect.any(String)]);
    const down = await runBench('pingpong', ['-n', '127.0.0.1:1', '-q', '1']);
    expect(down.exitCode).toBe(3);
    expect(down.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

it("says with Jain's index how even shares are", () => {
  expect(jain([5, 5, 5])).toBe(1);
  expect(jain([9, 0, 0])).toBe(0.3333);
  expect(jain([0, 0])).toBe(1);
});

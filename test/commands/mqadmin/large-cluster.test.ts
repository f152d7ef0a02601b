/* Surveys of a cluster with many brokers, some of which do not answer. The full size is in large-cluster.long.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AllProgressResult } from '../../../src/client/admin/all-progress.js';
import { MAX_IN_FLIGHT_PER_NODE } from '../../../src/client/admin/limited-remoting.js';
import { groupName, LargeCluster, topicName } from './large-cluster.js';
import { BACKLOG_PER_BROKER } from './large-cluster-answers.js';
import { runCommand } from './run-command.js';

const SIZE = { brokers: 20, topics: 60, groups: 60 };
const MOODS = { 3: 'dead', 8: 'denying', 15: 'slow' } as const;

let well: LargeCluster;
let ailing: LargeCluster;

beforeAll(async () => {
  well = await LargeCluster.start(SIZE);
  ailing = await LargeCluster.start({ ...SIZE, mood: (index) => MOODS[index as keyof typeof MOODS] ?? 'well', slowMs: 50 });
});

afterAll(() => Promise.all([well.stop(), ailing.stop()]));

async function json<R>(cluster: LargeCluster, name: string, ...argv: string[]): Promise<{ exitCode: number; stderr: string; result: R }> {
  const { exitCode, stderr, stdout } = await runCommand(name, [...argv, '-n', cluster.namesrvAddr, '--json']);
  return { exitCode, stderr, result: JSON.parse(stdout) as R };
}

describe('a cluster of many brokers', () => {
  it('gives its topics in one answer', async () => {
    const before = well.requests;
    const { exitCode, result } = await json<{ topics: string[] }>(well, 'topicList');
    expect(exitCode).toBe(0);
    expect(result.topics).toHaveLength(SIZE.topics + SIZE.groups);
    expect(result.topics).toContain(topicName(SIZE.topics - 1));
    expect(well.requests - before).toBe(1);
  });

  it('gives the progress of every group from the brokers that have it, and no more', async () => {
    const before = well.requests;
    const { exitCode, stderr, result } = await json<AllProgressResult>(well, 'consumerProgress');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(result.groups.map(({ consumerGroup }) => consumerGroup)).toEqual(Array.from({ length: SIZE.groups }, (_, i) => groupName(i)));
    for (const group of result.groups) {
      expect(group).toMatchObject({ count: 2, consumeTps: 10, diffTotal: 4 * BACKLOG_PER_BROKER });
      expect(group.missing).toBeUndefined();
    }
    // Topics, brokers, a question to each broker, a route of each group, and two questions to its four brokers.
    expect(well.requests - before).toBe(2 + SIZE.brokers + SIZE.groups + SIZE.groups * 4 * 2);
  });

  it.each([['consumerProgress'], ['clusterList'], ['topicList', '-c'], ['statsAll'], ['brokerStatus', '-c', 'LargeCluster']])(
    'never has more than its share of requests of %s at one node',
    async (name, ...argv) => {
      const cluster = await LargeCluster.start({ ...SIZE, brokers: 6, answerMs: 3 });
      try {
        await runCommand(name, [...argv, '-n', cluster.namesrvAddr]);
        expect(cluster.requests).toBeGreaterThan(5);
        expect(cluster.mostInFlight).toBeLessThanOrEqual(MAX_IN_FLIGHT_PER_NODE);
      } finally {
        await cluster.stop();
      }
    },
  );
});

describe('brokers that do not answer', () => {
  it('are named with the groups they have, whose other figures are there', async () => {
    const { exitCode, stderr, result } = await json<AllProgressResult>(ailing, 'consumerProgress');
    expect(exitCode).toBe(6);
    const [dead, denying] = [ailing.brokers[3], ailing.brokers[8]];
    expect(result.unreachable.map(({ addr }) => addr)).toEqual([dead?.addr]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { category: 'partial', message: expect.stringContaining(dead?.addr ?? '') } });
    for (const [i, group] of result.groups.entries()) {
      const bad = ailing.brokersOf(i).filter((broker) => broker === dead || broker === denying);
      expect(group.missing ?? []).toEqual(bad.map(({ addr }) => addr));
      expect(group.diffTotal).toBe((4 - bad.length) * BACKLOG_PER_BROKER);
    }
  });

  it('mark the rows of the text', async () => {
    const { stdout, exitCode } = await runCommand('consumerProgress', ['-n', ailing.namesrvAddr]);
    expect(exitCode).toBe(6);
    const row = stdout.split('\n').find((line) => line.startsWith(groupName(0)));
    expect(row).toMatch(new RegExp(`${3 * BACKLOG_PER_BROKER} {2}\\(without ${ailing.brokers[3]?.addr}\\)$`));
  });

  it('are listed by clusterList, which shows the others', async () => {
    const { exitCode, result } = await json<{ brokers: unknown[]; unreachable: { addr: string }[] }>(ailing, 'clusterList');
    expect(exitCode).toBe(6);
    expect(result.brokers).toHaveLength(SIZE.brokers - 2);
    expect(result.unreachable.map(({ addr }) => addr).sort()).toEqual([ailing.brokers[3]?.addr, ailing.brokers[8]?.addr].sort());
  });
});

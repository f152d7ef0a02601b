/* The surveys of large-cluster.test.ts at full size: 300 brokers, 2,000 topics, and 2,000 groups on 4 brokers each. */
import { expect, it } from 'vitest';
import type { AllProgressResult } from '../../../src/client/admin/all-progress.js';
import { MAX_IN_FLIGHT_PER_NODE } from '../../../src/client/admin/limited-remoting.js';
import { type BrokerMood, LargeCluster } from './large-cluster.js';
import { BACKLOG_PER_BROKER } from './large-cluster-answers.js';
import { runCommand } from './run-command.js';

const SIZE = { brokers: 300, topics: 2000, groups: 2000 };
/** One broker of thirty is in some trouble. */
const MOODS: readonly BrokerMood[] = ['dead', 'silent', 'slow', 'denying'];

const moodOf = (index: number): BrokerMood => (index % 30 === 7 ? (MOODS[Math.floor(index / 30) % MOODS.length] ?? 'well') : 'well');

it('consumerProgress of 300 brokers is complete, marks what is missing, and keeps within the bound of each node', async () => {
  const cluster = await LargeCluster.start({ ...SIZE, mood: moodOf });
  try {
    const { stdout, exitCode } = await runCommand('consumerProgress', ['-n', cluster.namesrvAddr, '--json']);
    expect(exitCode).toBe(6);
    const { groups, unreachable } = JSON.parse(stdout) as AllProgressResult;
    const gone = cluster.brokers.filter(({ mood }) => mood === 'dead' || mood === 'silent');
    expect(unreachable.map(({ addr }) => addr).sort()).toEqual(gone.map(({ addr }) => addr).sort());
    expect(groups).toHaveLength(SIZE.groups);
    for (const [i, group] of groups.entries()) {
      const bad = cluster.brokersOf(i).filter(({ mood }) => mood !== 'well' && mood !== 'slow');
      expect([...(group.missing ?? [])].sort()).toEqual(bad.map(({ addr }) => addr).sort());
      expect(group.diffTotal).toBe((4 - bad.length) * BACKLOG_PER_BROKER);
    }
    expect(cluster.mostInFlight).toBeLessThanOrEqual(MAX_IN_FLIGHT_PER_NODE);
  } finally {
    await cluster.stop();
  }
});

/* The doctor on 300 brokers, 2,000 topics and 2,000 groups on 4 brokers each, of which some brokers are in trouble. */
import { expect, it } from 'vitest';
import type { DoctorReport } from '../../../src/client/admin/doctor/index.js';
import { MAX_IN_FLIGHT_PER_NODE } from '../../../src/client/admin/limited-remoting.js';
import { type BrokerMood, LargeCluster } from './large-cluster.js';
import { runCommand } from './run-command.js';

const MOODS: readonly BrokerMood[] = ['dead', 'silent', 'slow', 'denying'];
const moodOf = (index: number): BrokerMood => (index % 30 === 7 ? (MOODS[Math.floor(index / 30) % MOODS.length] ?? 'well') : 'well');

it('doctor looks at all of a large cluster, names every broker that is missing, and keeps within the bound of each node', async () => {
  const cluster = await LargeCluster.start({ brokers: 300, topics: 2000, groups: 2000, mood: moodOf });
  try {
    const { stdout, exitCode } = await runCommand('doctor', ['-n', cluster.namesrvAddr, '--json']);
    const { findings, looked } = JSON.parse(stdout) as DoctorReport;
    expect(exitCode).toBe(9);
    expect(looked).toMatchObject({ brokers: 300, topics: 2000, groups: 2000 });
    const namesOf = (...moods: BrokerMood[]): string[] =>
      cluster.brokers.filter(({ mood }) => moods.includes(mood)).map(({ brokerName }) => brokerName);
    expect(findings.filter(({ id }) => id === 'broker-unreachable').map(({ name }) => name)).toEqual(namesOf('dead', 'silent'));
    const denied = findings.find(({ id, name }) => id === 'not-checked' && name === 'state of brokers');
    expect(denied?.evidence.names).toEqual(namesOf('denying'));
    // No group is called offline because a broker of it was not heard.
    expect(findings.filter(({ id }) => id.startsWith('lag-'))).toEqual([]);
    expect(cluster.mostInFlight).toBeLessThanOrEqual(MAX_IN_FLIGHT_PER_NODE);
  } finally {
    await cluster.stop();
  }
}, 300_000);

import { expect, it } from 'vitest';
import type { ClusterSample } from '../../../src/client/admin/cluster-sample.js';
import { CLUSTER_METRICS } from '../../../src/commands/mqadmin/exporter-metrics.js';

it('the latency of timers is in milliseconds, which brokers say in seconds', () => {
  const facts = { runtimeInfo: { timerReadBehind: '7' } };
  const sample = { brokers: [{ clusterName: 'C', brokerName: 'a', brokerId: 0, facts }] } as unknown as ClusterSample;
  const metric = CLUSTER_METRICS.find(({ name }) => name === 'rocketmq_timer_dequeue_latency_milliseconds');
  expect([...(metric?.values(sample) ?? [])].map(([, value]) => value)).toEqual([7_000]);
});

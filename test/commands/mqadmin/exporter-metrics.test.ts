import { expect, it } from 'vitest';
import type { ClusterSample } from '../../../src/client/admin/cluster-sample.js';
import { TopRounds } from '../../../src/client/admin/top-round.js';
import { CLUSTER_METRICS } from '../../../src/commands/mqadmin/exporter-metrics.js';

it('the latency of timers is in milliseconds, which brokers say in seconds', () => {
  const facts = { runtimeInfo: { timerReadBehind: '7' } };
  const sample = { brokers: [{ clusterName: 'C', brokerName: 'a', brokerId: 0, facts }] } as unknown as ClusterSample;
  const metric = CLUSTER_METRICS.find(({ name }) => name === 'rocketmq_timer_dequeue_latency_milliseconds');
  expect([...(metric?.values(sample) ?? [])].map(([, value]) => value)).toEqual([7_000]);
});

it('what a broker does not know is absent, and not the -1 that it says', () => {
  const runtimeInfo = {
    commitLogDiskRatio: '-1.0',
    consumeQueueDiskRatio: '-1.0',
    commitLogMinOffset: '-1',
    commitLogMaxOffset: '0',
    dispatchBehindBytes: '0',
  };
  const broker = {
    clusterName: 'C',
    brokerName: 'a',
    brokerId: 0,
    brokerAddr: 'a:1',
    tookMs: 1,
    facts: { runtimeInfo, topics: [], groups: [] },
  };
  const sample = { time: 0, atMs: 0, tookMs: 1, namesrvs: [], brokers: [broker] } as unknown as ClusterSample;
  const said = CLUSTER_METRICS.filter(({ name }) => /storage_|brokeruntime_/.test(name)).filter(
    (metric) => [...metric.values(sample)].length > 0,
  );
  expect(said.map(({ name }) => name)).toEqual(['rocketmq_storage_dispatch_behind_bytes', 'rocketmq_brokeruntime_commitlog_maxoffset']);
  expect(new TopRounds().round(sample, { topics: true, groups: true })).toMatchObject({
    totals: { diskRatio: null },
    brokers: [{ diskRatio: null, behindBytes: 0 }],
  });
});

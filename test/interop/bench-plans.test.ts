import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDriver } from '../../src/bench/omb/driver.js';
import { runOmbWorkload } from '../../src/bench/omb/omb-run.js';
import { parseWorkloads } from '../../src/bench/omb/workload.js';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { apache } from '../peers/index.js';
import { interop, type Target } from './support.js';

const read = (name: string): string => readFileSync(new URL(`../../src/bench/omb/workloads/${name}.yaml`, import.meta.url), 'utf8');

interop('workload files on an Apache cluster', 'java', () => {
  describe.each(['4.9.7', '5.3.3'] as const)('%s', (version) => {
    let cluster: Target;
    beforeAll(async () => {
      cluster = await apache.startCluster({ version });
    });
    afterAll(() => cluster?.stop());

    it('run, and leave no topics and groups', async () => {
      const { driver } = parseDriver(read('driver/rocketmq'), 'rocketmq.yaml');
      const [workload] = parseWorkloads(read('1-topic-16-partitions-1kb-mini'), 'mini.yaml').workloads;
      const { namesrvAddr } = cluster;
      const { result } = await runOmbWorkload({
        workload: { ...workload!, producerRate: 200, warmupDurationMs: 300, testDurationMs: 3000 },
        // Brokers of 4.9 know no batch queues.
        driver: { ...driver, batchCQ: version !== '4.9.7' },
        cluster: { namesrvAddr, clusterName: 'DefaultCluster' },
      });
      expect(result.send).toMatchObject({ errors: 0 });
      expect(result.send.count).toBeGreaterThan(0);
      expect(result.receive.count).toBeGreaterThan(0);
      const admin = new AdminClient({ namesrvAddr });
      expect((await admin.topicNames()).filter((topic) => /RocketMQ-Benchmark|%RETRY%sub-/.test(topic))).toEqual([]);
      await admin.close();
    });
  });
});

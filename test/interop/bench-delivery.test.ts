import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConsumerBench } from '../../src/bench/consumer-bench.js';
import { runProducerBench } from '../../src/bench/producer-bench.js';
import { apache } from '../peers/index.js';
import { createTopic, interop, type Target } from './support.js';

interop('sequence numbers on an Apache cluster', 'java', () => {
  describe('5.3.3', () => {
    let cluster: Target;
    let dir: string;
    beforeAll(async () => {
      cluster = await apache.startCluster({ version: '5.3.3' });
      dir = mkdtempSync(join(tmpdir(), 'mqkit-delivery-'));
    });
    afterAll(async () => {
      await cluster?.stop();
      rmSync(dir, { recursive: true, force: true });
    });

    it.each([
      ['Plain', {}],
      ['Ordered', { ordered: true, keyCount: 100 }],
    ])('%s messages all arrive, once, and in the order of their keys', async (topic, more) => {
      const { namesrvAddr } = cluster;
      await createTopic(cluster, topic, 4);
      const load = { producerGroup: 'PG_delivery', bodyBytes: 64, inFlight: 32, warmupMs: 0, quantity: 5000 };
      const sent = await runProducerBench({ namesrvAddr, topic, ...load, ...more });
      expect(sent.send).toMatchObject({ count: 5000, errors: 0 });
      const expectFile = join(dir, `${topic}.json`);
      writeFileSync(expectFile, JSON.stringify(sent));
      const { delivery } = await runConsumerBench({
        ...{ namesrvAddr, topic, consumerGroup: `CG_${topic}`, concurrency: 8, warmupMs: 0, quantity: 4000 },
        ...{ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', expectFile },
      });
      expect(delivery).toMatchObject({ judgedBy: 'sent', sent: 5000, received: 5000, lost: 0, duplicates: 0, disordered: 0 });
    });
  });
});

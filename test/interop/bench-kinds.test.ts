import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  BacklogResult,
  BatchResult,
  FanoutResult,
  LatencyResult,
  PingpongResult,
  TimerResult,
  TransactionResult,
} from '../../src/bench/kind-results.js';
import { resultOf, runBench } from '../commands/mqbench/run-bench.js';
import { APACHE_VERSIONS, apache } from '../peers/index.js';
import { createTopic, interop, type Target } from './support.js';

interop('mqbench on a cluster of Apache', 'java', () => {
  describe.each(APACHE_VERSIONS)('Apache %s', (version) => {
    let target: Target;
    const topic = 'BenchKinds';

    beforeAll(async () => {
      target = await apache.startCluster({
        version,
        brokerConfig: { transactionTimeOut: 300, transactionCheckInterval: 500, messageDelayLevel: '1s 5s' },
      });
      await createTopic(target, topic, 4);
    });
    afterAll(() => target?.stop());

    const bench = async <R>(name: string, ...words: string[]): Promise<R> =>
      resultOf<R>(await runBench(name, ['-n', target.namesrvAddr, '-t', topic, ...words, '--json']));

    it('sends batches', async () => {
      const { send, batches } = await bench<BatchResult>('batch', '-b', '10', '-w', '4', '-q', '200');
      expect(send).toMatchObject({ count: 200, errors: 0 });
      expect(batches).toMatchObject({ count: 20, errors: 0 });
    });

    it('ends transactions and answers checks', async () => {
      const words = ['-w', '4', '-s', '128', '-q', '40', '-sr', '0.2', '-su', '0.2', '--settle', '60s'];
      const { send, transactions } = await bench<TransactionResult>('transaction', ...words);
      expect(send).toMatchObject({ count: 40, errors: 0 });
      const { unknown, checks } = transactions;
      expect(unknown).toBeGreaterThan(0);
      expect(checks.committed).toBe(unknown);
    });

    it('measures every message on its way, for one group and for several', async () => {
      const latency = await bench<LatencyResult>('latency', '--rate', '200', '-q', '100');
      expect(latency.receive.count).toBe(100);
      expect(latency.delivery).toMatchObject({ lost: 0, duplicates: 0 });
      const fanout = await bench<FanoutResult>('fanout', '--groups', '2', '--consumers', '2', '-q', '100', '-w', '8');
      expect(fanout.groups.map(({ count }) => count)).toEqual([100, 100]);
      expect(fanout.delivery).toMatchObject({ lost: 0, duplicates: 0 });
    });

    it('gets replies', async () => {
      const { send, replies } = await bench<PingpongResult>('pingpong', '-w', '4', '-q', '40', '--request-timeout', '30s');
      expect(send).toMatchObject({ count: 40, errors: 0 });
      expect(replies).toMatchObject({ count: 40, errors: 0 });
    });

    it('drains a backlog', async () => {
      const { drain, delivery } = await bench<BacklogResult>('backlog', '-q', '1000', '--rate', '100', '--before', '200ms');
      expect(drain).toMatchObject({ isComplete: true });
      expect(delivery).toMatchObject({ lost: 0, duplicates: 0 });
    });

    it('gets delayed messages when they are due', async () => {
      const { send, receive, deliveries } = await bench<TimerResult>('delay', '-e', '1', '--rate', '100', '-q', '30');
      expect(receive?.count).toBe(send?.count);
      expect(deliveries).toMatchObject({ early: 0 });
    });

    it.skipIf(version.startsWith('4.'))('gets messages of timer slots', async () => {
      const { send, receive, deliveries } = await bench<TimerResult>(
        'timer',
        '-st',
        '2',
        '-mt',
        '5',
        '-tc',
        '4',
        '-sd',
        '1000',
        '--first',
        '2s',
      );
      expect(send?.count).toBe(40);
      expect((receive?.count ?? 0) + (deliveries?.sentLate ?? 0)).toBe(40);
    });
  });
});

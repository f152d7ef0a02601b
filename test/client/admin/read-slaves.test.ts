import { expect, it } from 'vitest';
import type { AdminClient } from '../../../src/client/admin/admin-client.js';
import { readSlaves } from '../../../src/client/admin/check/read-brokers.js';

it('a slave whose master is gone has failed', async () => {
  const clusterBrokers = async (): Promise<unknown> => [{ brokerName: 'a', brokerId: 1, brokerAddr: 'h:1' }];
  const { readings } = await readSlaves({ clusterBrokers } as unknown as AdminClient, { clusterName: 'C' });
  expect(readings).toEqual([{ name: 'a', value: null, reason: 'it has no master', isFailed: true }]);
});

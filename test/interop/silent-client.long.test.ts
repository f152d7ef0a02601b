import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClientDriver, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, until } from './support.js';

const QUEUES = 4;
/** channelExpiredTimeout, and how often the broker looks. */
const EXPIRED_MS = 120_000;
const SCAN_MS = 10_000;

interop('a Java consumer whose process stands still', 'java', () => {
  let target: Target;
  const clients: ClientDriver[] = [];

  beforeAll(async () => {
    target = await startTarget();
    await createTopic(target, 'Silent', QUEUES);
    await createGroup(target, 'SilentGroup');
    for (const name of ['frozen', 'lively']) {
      const java = await javaClient('5.3.3');
      clients.push(java);
      await java.startPush({ name, namesrvAddr: target.namesrvAddr, group: 'SilentGroup', subscriptions: { Silent: '*' } });
    }
  });
  afterAll(async () => {
    clients[0]?.freeze(false);
    await Promise.all(clients.map((client) => client.close()));
    await target?.stop();
  });

  const members = async (): Promise<string[]> => {
    const answer = await rawRequest(target.broker.address, 38, { consumerGroup: 'SilentGroup' });
    return answer.code === 0 ? JSON.parse(answer.body.toString()).consumerIdList : [];
  };

  it('checklist 20: is dropped after 120 to 130 s and its queues go to the others; when it goes on, it is a member again', async () => {
    const [frozen, lively] = clients as [ClientDriver, ClientDriver];
    await until(async () => (await members()).length === 2 && (await lively.ownedQueues('lively')).length === QUEUES / 2, 60_000);
    frozen.freeze(true);
    const startMs = performance.now();
    await until(async () => (await members()).length === 1, EXPIRED_MS + 2 * SCAN_MS);
    const silentMs = performance.now() - startMs;
    // Its last heartbeat, or its last pull, was some time before it froze.
    expect(silentMs).toBeGreaterThan(EXPIRED_MS - 30_000);
    expect(silentMs).toBeLessThan(EXPIRED_MS + SCAN_MS + 5_000);
    await until(async () => (await lively.ownedQueues('lively')).length === QUEUES, 30_000);
    frozen.freeze(false);
    await until(async () => (await members()).length === 2, 60_000);
    await until(async () => (await lively.ownedQueues('lively')).length === QUEUES / 2, 60_000);
  }, 400_000);
});

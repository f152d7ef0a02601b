/* Java push consumers of what is deleted and made again, not there yet, or subscribed to in different ways: nothing stands still, nothing is lost. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AdminClient } from '../../src/client/admin/admin-client.js';
import { consumerConnection } from '../../src/client/admin/connections.js';
import { type ClientDriver, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, route, startTarget, type Target, until } from './support.js';

/** A Java client waits 3 s after a refused pull and 10 s after a corrected offset, 4.9.7 up to 20 s more for its next look at the queues. */
const RECOVERY_MS = 60_000;
const QUERY_CONSUMER_OFFSET = 14;

interop('Java push consumers whose subscription is in trouble', 'java', () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target?.stop());

  it.concurrent('a topic that is deleted and made again gives all of its new messages', async () => {
    const topic = 'Reborn';
    const java = await startJava(topic);
    try {
      const send = (body: string, count: number) => java.sendMany('p', { topic, body: `${body}%d` }, { count });
      await send('first', 6);
      await java.receive('c', 6);
      await java.call('push.persist', { name: 'c' });
      expect(await rawRequest(target.broker.address, 215, { topic })).toMatchObject({ code: 0 });
      expect(await rawRequest(target.namesrvAddr, 216, { topic })).toMatchObject({ code: 0 });
      expect(await route(target, topic)).toBeNull();
      await createTopic(target, topic, 1);
      // A consumer that asks for the seventh only after these are there goes on at their end, on any broker; one that finds the queue empty starts at 0.
      const queue = { consumerGroup: `G${topic}`, topic, queueId: '0', setZeroIfNotFound: 'false' };
      await until(
        async () => (await rawRequest(target.broker.address, QUERY_CONSUMER_OFFSET, queue)).extFields?.offset === '0',
        RECOVERY_MS,
      );
      await send('second', 5);
      const bodies = () => new Set(java.deliveries.filter(({ consumer }) => consumer === 'c').map(({ body }) => body));
      await until(() => bodies().size === 11, RECOVERY_MS);
    } finally {
      await java.close();
    }
  });

  it.concurrent('members that subscribe differently are seen as such, and two of one id lose nothing', async () => {
    const topic = 'Differ';
    const java = await startJava(topic);
    const admin = new AdminClient({ namesrvAddr: target.namesrvAddr });
    const other = await javaClient('5.3.3');
    try {
      const init = { namesrvAddr: target.namesrvAddr, group: `G${topic}`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' };
      await other.startPush({ ...init, name: 'd', subscriptions: { [topic]: 'A' } });
      // Nobody is known before the first heartbeat.
      const differences = async () => (await consumerConnection(admin, `G${topic}`).catch(() => null))?.subscriptionDifferences ?? [];
      await until(async () => (await differences()).length > 0);
      expect((await differences())[0]).toMatchObject({ topic, subscribers: [{ expression: '*' }, { expression: 'A' }] });
      // What the answer says beyond Apache's is nothing to its tool.
      const shown = await other.mqadmin(target.namesrvAddr, ['consumerConnection', '-g', `G${topic}`]);
      expect(shown).toMatchObject({ stderr: '', stdout: expect.stringContaining('Below is subscription:') });
      await other.stopPush('d');
      await until(async () => (await differences()).length === 0);
      // The same instance name and address: the same client id.
      await other.startPush({ ...init, name: 'c', subscriptions: { [topic]: '*' } });
      await java.sendMany('p', { topic, body: '%d' }, { count: 10 });
      const bodies = () => new Set([...java.deliveries, ...other.deliveries].map(({ body }) => body));
      await until(() => bodies().size === 10, RECOVERY_MS);
    } finally {
      await admin.close();
      await java.close();
      await other.close();
    }
  });

  /** A producer `p`, and a consumer `c` of a topic with one queue. */
  const startJava = async (topic: string): Promise<ClientDriver> => {
    const { namesrvAddr } = target;
    await createTopic(target, topic, 1);
    await createGroup(target, `G${topic}`);
    const java = await javaClient('5.3.3');
    await java.startProducer({ name: 'p', namesrvAddr, group: `P${topic}` });
    const init = { name: 'c', namesrvAddr, group: `G${topic}`, subscriptions: { [topic]: '*' } };
    await java.startPush({ ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
    return java;
  };
});

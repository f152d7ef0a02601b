import { afterAll, beforeAll, expect, it } from 'vitest';
import { aliOnsClient, type ClientDriver, type Delivery, goClient, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, messageCount, rawPull, startTarget, type Target, until } from './support.js';

const CLIENTS = [
  { label: 'client-go v2', prefix: 'Go', needs: 'java and go', open: goClient, full: true },
  // ali-ons has one way to send (a promise), no batches and no one-way; a failed message waits for the broker's first level.
  { label: 'ali-ons', prefix: 'Ons', needs: 'node', open: aliOnsClient, full: false },
] as const;

for (const { label, prefix, needs, open, full } of CLIENTS) {
  interop(`${label} on the bundled nodes`, needs, () => {
    let target: Target;
    let client: ClientDriver;
    let serial = 0;

    const fresh = async (queues = 4) => {
      const topic = `${prefix}T${++serial}`;
      const group = `${prefix}G${serial}`;
      const name = `c${serial}`;
      await createTopic(target, topic, queues);
      await createGroup(target, group);
      const init = { name, namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' } };
      return { topic, group, name, init: { ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' } };
    };
    const bodies = (deliveries: Delivery[]): string[] => deliveries.map(({ body }) => body).toSorted();

    beforeAll(async () => {
      target = await startTarget();
      client = await open();
      await client.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `${prefix}P` });
    });
    afterAll(async () => {
      await client?.close();
      await target?.stop();
    });

    // ali-ons asks for the default topic's route only after an empty answer, not after an error.
    it.runIf(full)('sends to a topic that does not exist yet', async () => {
      expect(await client.send('p', { topic: `${prefix}Auto`, body: 'first' })).toMatchObject({ sendStatus: 'SEND_OK', queueOffset: 0 });
      expect(await messageCount(target, `${prefix}Auto`, 4)).toBe(1);
    });

    it('sends sync, async and one-way as far as it can, and receives tags, keys and properties', async () => {
      const { topic, name, init } = await fresh();
      const message = { topic, tags: 'A', keys: 'k1 k2', properties: { own: 'é中' } };
      expect(await client.send('p', { ...message, body: 'sync' })).toMatchObject({ sendStatus: 'SEND_OK' });
      if (full) {
        expect(await client.send('p', { ...message, body: 'async' }, { mode: 'async' })).toMatchObject({ sendStatus: 'SEND_OK' });
        await client.send('p', { ...message, body: 'oneway' }, { mode: 'oneway' });
        await client.sendBatch(
          'p',
          ['b1', 'b2'].map((body) => ({ ...message, body })),
        );
      }
      const expected = full ? ['async', 'b1', 'b2', 'oneway', 'sync'] : ['sync'];
      await until(async () => (await messageCount(target, topic, 4)) === expected.length);
      await client.startPush(init);
      const deliveries = await client.receive(name, expected.length);
      expect(bodies(deliveries)).toEqual(expected);
      for (const { message: received } of deliveries) {
        expect(received).toMatchObject({ topic, tags: 'A', keys: 'k1 k2', reconsumeTimes: 0 });
        expect(received.properties.own).toBe('é中');
      }
      await client.stopPush(name);
    });

    it('filters by tag', async () => {
      const { topic, name, init } = await fresh(1);
      for (const tags of ['A', 'B', 'C', 'A']) await client.send('p', { topic, tags, body: tags });
      await client.startPush({ ...init, subscriptions: { [topic]: 'A||C' } });
      expect(bodies(await client.receive(name, 3))).toEqual(['A', 'A', 'C']);
      await client.stopPush(name);
    });

    it('checklist 7: compresses a body of 4096 bytes and reads back what it and Java compressed', async () => {
      const { topic, name, init } = await fresh(1);
      await client.send('p', { topic, bodyBytes: 4096 });
      const stored = (await rawPull(target, { topic, queueId: 0, offset: 0 })).body;
      expect(stored.readInt32BE(36) & 1).toBe(1);
      expect(stored.readInt32BE(0)).toBeLessThan(1000);
      let expected = 1;
      if (needs !== 'node') {
        const java = await javaClient('5.3.3');
        await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `${prefix}Java` });
        await java.send('p', { topic, bodyBytes: 4096 });
        await java.close();
        expected = 2;
      }
      await client.startPush(init);
      const deliveries = await client.receive(name, expected);
      for (const { body } of deliveries) expect(body).toHaveLength(4096);
      await client.stopPush(name);
    });

    it('a listener that fails at first gets the message again with its reconsumeTimes', async () => {
      const { topic, name, init } = await fresh(1);
      for (const body of ['x', 'y']) await client.send('p', { topic, tags: 'A', body });
      await client.startPush({ ...init, behaviour: { failTimes: 1, delayLevel: 1 } });
      const deliveries = await client.receive(name, 4);
      expect(bodies(deliveries.filter(({ message }) => message.reconsumeTimes === 1))).toEqual(['x', 'y']);
      for (const { message } of deliveries) expect(message.topic).toBe(topic);
      await client.stopPush(name);
    });

    it('two consumers share the queues, and one gets all when the other leaves', async () => {
      const { topic, group } = await fresh(4);
      const init = {
        namesrvAddr: target.namesrvAddr,
        group,
        subscriptions: { [topic]: '*' },
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      };
      // A second client in the same process would share the first one's connection.
      const second = await open();
      const names = [`${prefix}one`, `${prefix}two`] as const;
      const received = () => [client.received(names[0]), second.received(names[1])].map(bodies);
      let sent = 0;
      const send = async (count: number) => {
        for (const end = sent + count; sent < end; sent++) await client.send('p', { topic, body: String(sent).padStart(3, '0') });
      };
      try {
        await client.startPush({ ...init, name: names[0] });
        await second.startPush({ ...init, name: names[1] });
        await until(async () => {
          await send(8);
          return received().every((list) => list.length > 0);
        });
        await until(() => new Set(received().flat()).size === sent);
        await second.stopPush(names[1]);
        const before = client.received(names[0]).length;
        await send(16);
        await client.receive(names[0], before + 16);
      } finally {
        await second.close();
        await client.stopPush(names[0]);
      }
    });

    it('offsets survive the restart of the consumer and of the broker', async () => {
      const { topic, group, name, init } = await fresh(2);
      for (let i = 0; i < 6; i++) await client.send('p', { topic, body: `old ${i}` });
      await client.startPush(init);
      await client.receive(name, 6);
      // A message that was just delivered may not be counted yet when the consumer stops.
      const committed = async (queueId: string): Promise<number> =>
        Number((await rawRequest(target.broker.address, 14, { consumerGroup: group, topic, queueId })).extFields?.offset ?? 0);
      await until(async () => (await committed('0')) + (await committed('1')) === 6);
      await client.stopPush(name);
      await target.restartBroker();
      const next = await open();
      try {
        await next.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: `${prefix}P2` });
        for (let i = 0; i < 6; i++) await next.send('p', { topic, body: `new ${i}` });
        await next.startPush({ ...init, name: 'next', group });
        const deliveries = await next.receive('next', 6);
        expect(deliveries.every(({ body }) => body.startsWith('new'))).toBe(true);
      } finally {
        await next.close();
      }
    });
  });
}

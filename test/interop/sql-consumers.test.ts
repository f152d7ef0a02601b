import { afterAll, beforeAll, expect, it } from 'vitest';
import { APACHE_VERSIONS, type ClientDriver, goClient, javaClient } from '../peers/index.js';
import { createTopic, interop, startTarget, type Target } from './support.js';

const CLIENTS = [
  ...APACHE_VERSIONS.map((version) => ({ label: `Java ${version}`, needs: 'java' as const, open: () => javaClient(version) })),
  { label: 'client-go v2', needs: 'java and go' as const, open: goClient },
];

for (const { label, needs, open } of CLIENTS) {
  interop(`SQL92 subscriptions of ${label}`, needs, () => {
    let target: Target;
    let client: ClientDriver;
    const topic = 'Orders';

    beforeAll(async () => {
      target = await startTarget({ enablePropertyFilter: 'true' });
      await createTopic(target, topic, 2);
      client = await open();
      const { namesrvAddr } = target;
      await client.startProducer({ name: 'p', namesrvAddr, group: 'P' });
      for (const [body, properties] of [
        ['cheap', { price: '3', region: 'eu' }],
        ['dear', { price: '30', region: 'eu' }],
        ['unpriced', { region: 'eu' }],
        ['far', { price: '40', region: 'us' }],
        ['odd', { price: 'much', region: 'eu' }],
      ] as const) {
        await client.send('p', { topic, body, properties });
      }
    });
    afterAll(async () => {
      await client?.close();
      await target?.stop();
    });

    const received = async (group: string, selector: string, count: number): Promise<string[]> => {
      const init = { name: group, namesrvAddr: target.namesrvAddr, group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' };
      await client.startPush({ ...init, subscriptions: { [topic]: `sql:${selector}` } });
      const bodies = (await client.receive(group, count)).map(({ body }) => body).toSorted();
      await client.stopPush(group);
      return bodies;
    };

    it('checklist 26: a message without the property, or with a text that is no number, is skipped', async () => {
      expect(await received('Prices', 'price > 5', 2)).toEqual(['dear', 'far']);
    });

    it('checklist 27: a comparison with a missing property is unknown; IS NULL finds it', async () => {
      expect(await received('Unpriced', 'price IS NULL', 1)).toEqual(['unpriced']);
      expect(await received('Other', "price <> '3' AND region = 'eu'", 2)).toEqual(['dear', 'odd']);
    });

    it.runIf(label !== 'client-go v2')('checklist 26: a wrong selector stops the start of the consumer', async () => {
      const init = { name: 'bad', namesrvAddr: target.namesrvAddr, group: 'Bad', subscriptions: { [topic]: 'sql:price >' } };
      await expect(client.startPush(init)).rejects.toThrow(/23/);
    });
  });
}

interop('SQL92 subscriptions that are not allowed', 'java', () => {
  it('checklist 26: without enablePropertyFilter the consumer does not start', async () => {
    const target = await startTarget();
    const client = await javaClient('5.3.3');
    try {
      await createTopic(target, 'Orders', 1);
      const init = { name: 'c', namesrvAddr: target.namesrvAddr, group: 'G', subscriptions: { Orders: 'sql:price > 5' } };
      await expect(client.startPush(init)).rejects.toThrow(/does not support consumer to filter message by SQL92/);
    } finally {
      await client.close();
      await target.stop();
    }
  });
});

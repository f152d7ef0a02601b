import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Producer, PushConsumer } from '../../src/index.js';
import { APACHE_VERSIONS, javaClient } from '../peers/index.js';
import { createTopic, interop, startTarget, type Target, until } from './support.js';

interop('broadcasting consumers', 'java', () => {
  let target: Target;
  let producer: Producer;
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-broadcasting-'));
  beforeAll(async () => {
    target = await startTarget();
    producer = new Producer({ namesrvAddr: target.namesrvAddr, producerGroup: 'P', sendMsgTimeoutMs: 30_000 });
    await producer.start();
  });
  afterAll(async () => {
    await producer?.shutdown();
    await target?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(APACHE_VERSIONS)(
    'checklist 34: each gets every message, and goes on where a Java %s member or ours left its offset file',
    async (version) => {
      const [topic, group, name] = [`Cast${version.replaceAll('.', '')}`, 'CastG', `cast-${version}`];
      const { namesrvAddr } = target;
      await createTopic(target, topic, 2);
      const send = (body: string) => producer.send({ topic, body: Buffer.from(body) });
      const consumeFromWhere = 'CONSUME_FROM_FIRST_OFFSET';
      const java = await javaClient(version);
      const startJava = (member: string) =>
        java.startPush({ name: member, namesrvAddr, group, subscriptions: { [topic]: '*' }, consumeFromWhere, localOffsetStoreDir: dir });
      try {
        for (const body of ['1', '2']) await send(body);
        await startJava(name);
        await startJava(`other-${version}`);
        for (const member of [name, `other-${version}`]) {
          expect((await java.receive(member, 2)).map(({ body }) => body).sort()).toEqual(['1', '2']);
        }
        await java.stopPush(name);

        await send('3');
        const got: string[] = [];
        const messageModel = 'BROADCASTING';
        const options = { clientIP: '127.0.0.1', instanceName: name, localOffsetStoreDir: dir, consumeFromWhere, messageModel } as const;
        const ours = new PushConsumer({ namesrvAddr, consumerGroup: group, ...options });
        await ours.subscribe(topic);
        ours.onMessage((messages) => {
          got.push(...messages.map(({ body }) => body.toString()));
          // A broadcasting group has no retries.
          return 'RECONSUME_LATER';
        });
        await ours.start();
        await until(() => got.length > 0);
        await ours.shutdown();
        expect(got).toEqual(['3']);

        await send('4');
        await startJava(name);
        const all = await java.receive(name, 3);
        expect(all.map(({ body }) => body).sort()).toEqual(['1', '2', '4']);
      } finally {
        await java.close();
      }
    },
  );
});

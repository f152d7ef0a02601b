import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { quickest } from '../../timing.js';
import { bodiesOf, RawClient } from '../kit.js';

const SUSPEND = 4 | 2;
let sandbox: Sandbox;
let consumer: RawClient;
let producer: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  consumer = new RawClient(sandbox.brokerAddr);
  producer = new RawClient(sandbox.brokerAddr);
  for (let queueId = 0; queueId < 4; queueId++) await producer.send({ topic: 'Hold', queueId, body: 'first' });
});
afterAll(async () => {
  await consumer.close();
  await producer.close();
  await sandbox.stop();
});

const holds = () => sandbox.brokers[0]!.parts.holds;

describe('an idle pull', () => {
  it('is held, and answered within 100 ms of the send', async () => {
    const wokenMs = await quickest(3, async (index) => {
      const pull = consumer.pull({ topic: 'Hold', offset: 1 + index, sysFlag: SUSPEND, suspendMs: 15_000 });
      await until(() => holds().size === 1);
      const [answer] = await Promise.all([pull, producer.send({ topic: 'Hold', body: `woke ${index}` })]);
      expect(bodiesOf(answer)).toEqual([`woke ${index}`]);
      expect(holds().size).toBe(0);
    });
    expect(wokenMs).toBeLessThan(100);
  });

  it('is not woken by a message its tags do not want', async () => {
    const pull = consumer.pull({ topic: 'Hold', queueId: 1, offset: 1, sysFlag: SUSPEND, suspendMs: 15_000, subscription: 'Want' });
    await until(() => holds().size === 1);
    await producer.send({ topic: 'Hold', queueId: 1, body: 'no', properties: { TAGS: 'Other' } });
    await producer.send({ topic: 'Hold', queueId: 2, body: 'no' });
    expect(holds().size).toBe(1);
    await producer.send({ topic: 'Hold', queueId: 1, body: 'yes', properties: { TAGS: 'Want' } });
    expect(bodiesOf(await pull)).toEqual(['yes']);
  });

  it('gets 19 when its time is over, and not before', async () => {
    const from = performance.now();
    const answer = await consumer.pull({ topic: 'Hold', queueId: 2, offset: 2, sysFlag: SUSPEND, suspendMs: 300 });
    expect(answer).toMatchObject({ code: ResponseCode.PULL_NOT_FOUND, remark: 'OFFSET_OVERFLOW_ONE', body: null });
    expect(performance.now() - from).toBeGreaterThan(290);
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  it('of a queue that never had a message is held as well', async () => {
    await consumer.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
      topic: 'Empty',
      defaultTopic: 'TBW102',
      readQueueNums: '1',
      writeQueueNums: '1',
      perm: '6',
      topicFilterType: 'SINGLE_TAG',
      order: 'false',
    });
    const pull = consumer.pull({ topic: 'Empty', sysFlag: SUSPEND, suspendMs: 15_000 });
    await until(() => holds().size === 1);
    await producer.send({ topic: 'Empty', body: 'one' });
    expect(bodiesOf(await pull)).toEqual(['one']);
  });

  it('without the suspend flag is answered at once', async () => {
    const answeredMs = await quickest(3, async () => {
      expect((await consumer.pull({ topic: 'Hold', offset: 4, sysFlag: 4, suspendMs: 15_000 })).code).toBe(ResponseCode.PULL_NOT_FOUND);
    });
    expect(answeredMs).toBeLessThan(200);
  });

  it('is forgotten when its connection closes', async () => {
    const gone = new RawClient(sandbox.brokerAddr);
    const pull = gone.pull({ topic: 'Hold', offset: 4, sysFlag: SUSPEND, suspendMs: 15_000 }).catch(() => null);
    await until(() => holds().size === 1);
    await gone.close();
    await until(() => holds().size === 0);
    await pull;
  });

  it('ends with 17 when its topic is deleted', async () => {
    await producer.send({ topic: 'Doomed' });
    const pull = consumer.pull({ topic: 'Doomed', offset: 1, sysFlag: SUSPEND, suspendMs: 15_000 });
    await until(() => holds().size === 1);
    await producer.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'Doomed' });
    expect((await pull).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('ends with 21 when its group is reset, and commits until then are swallowed', async () => {
    const commit = { consumerGroup: 'G', topic: 'Hold', queueId: '3', commitOffset: '1' };
    await consumer.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, commit);
    const pull = consumer.pull({ topic: 'Hold', queueId: 3, offset: 1, sysFlag: SUSPEND, suspendMs: 15_000 });
    await until(() => holds().size === 1);
    const reset = await producer.invoke(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, {
      topic: 'Hold',
      group: 'G',
      timestamp: '0',
      isForce: 'true',
      queueId: '3',
    });
    expect(reset.body!.toString()).toBe('{"offsetTable":{{"brokerName":"broker-a","queueId":3,"topic":"Hold"}:0}}');
    expect(await pull).toMatchObject({ code: ResponseCode.PULL_OFFSET_MOVED, remark: 'OFFSET_RESET', extFields: { nextBeginOffset: '0' } });
  });

  it('whose read fails gets 1, and those after it their messages', async () => {
    await producer.send({ topic: 'Unreadable', body: 'first' });
    const pulls = [1, 2].map(() => consumer.pull({ topic: 'Unreadable', offset: 1, sysFlag: SUSPEND, suspendMs: 15_000 }));
    await until(() => holds().size === 2);
    const { store } = sandbox.brokers[0]!.parts;
    const read = vi.spyOn(store, 'getMessage').mockImplementationOnce(() => {
      throw new Error('EIO');
    });
    await producer.send({ topic: 'Unreadable', body: 'second' });
    const answers = await Promise.all(pulls);
    read.mockRestore();
    expect(answers.map((answer) => answer.code).sort()).toEqual([ResponseCode.SUCCESS, ResponseCode.SYSTEM_ERROR]);
    expect(answers.flatMap((answer) => bodiesOf(answer))).toEqual(['second']);
  });

  it('all of a thousand are answered by one message each', async () => {
    const pulls = Array.from({ length: 1000 }, (_, i) =>
      consumer.pull({ topic: 'Hold', queueId: 2, offset: 2, sysFlag: SUSPEND, suspendMs: 15_000, group: `G${i % 7}` }),
    );
    await until(() => holds().size === 1000);
    await producer.send({ topic: 'Hold', queueId: 2, body: 'all' });
    expect((await Promise.all(pulls)).map((answer) => bodiesOf(answer)[0])).toEqual(new Array(1000).fill('all'));
  });
});

/* Java's 5.3.3 push consumer in POP mode on the bundled broker: the broker assigns the queues, the client pops and acknowledges. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeSetMessageRequestModeRequestBody } from '../../src/remoting/bodies/index.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { type ClientDriver, type Delivery, javaClient, rawRequest } from '../peers/index.js';
import { createGroup, createTopic, interop, rawPull, startTarget, type Target, until } from './support.js';

/** First delay after a failure in POP mode. */
const FIRST_DELAY_MS = 10_000;
/** The shortest that the client takes. */
const INVISIBLE_MS = 5_000;
/** What is not acknowledged has come back by then. */
const COME_BACK_MS = INVISIBLE_MS + 4_000;

const bodies = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ body }) => body).sort();
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i)).sort();
const pass = async (ms: number): Promise<void> => {
  const fromMs = performance.now();
  await until(() => performance.now() - fromMs > ms, ms + 30_000);
};

interop('POP consumption by the Java client', 'java', () => {
  let target: Target;
  let java: ClientDriver;
  beforeAll(async () => {
    target = await startTarget();
    java = await javaClient('5.3.3');
    await java.startProducer({ name: 'p', namesrvAddr: target.namesrvAddr, group: 'PG_pop' });
  });
  afterAll(async () => {
    await java?.close();
    await target?.stop();
  });

  /** A consumer of a topic in POP mode; its name. */
  const start = async (topic: string, failTimes = 0): Promise<string> => {
    const group = `G${topic}`;
    const name = `c${topic}`;
    await createTopic(target, topic, 4);
    await createGroup(target, group);
    const body = encodeSetMessageRequestModeRequestBody({ topic, consumerGroup: group, mode: 'POP', popShareQueueNum: 0 });
    const answer = await rawRequest(target.broker.address, RequestCode.SET_MESSAGE_REQUEST_MODE, {}, body.toString());
    expect(answer.code).toBe(0);
    await java.call('push.start', {
      ...{ name, namesrvAddr: target.namesrvAddr, group, subscriptions: { [topic]: '*' }, popInvisibleTime: INVISIBLE_MS },
      ...{ consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', behaviour: { failTimes } },
    });
    return name;
  };

  /** Acknowledgements of messages of a topic, which wait on the timer. */
  const ackCount = async (topic: string): Promise<number> => {
    let count = 0;
    for (let offset = 0; ; ) {
      const { code, body, extFields } = await rawPull(target, { topic: 'rmq_sys_wheel_timer', queueId: 0, offset, expression: 'ack' });
      count += body.toString('latin1').split(`"t":"${topic}"`).length - 1;
      const next = Number(extFields?.nextBeginOffset);
      if (code !== 0 && next <= offset) return count;
      offset = next;
    }
  };

  it('checklist 38: gets every message once, and one that failed after 10 s again, counted, under its own topic', async () => {
    const [once, later] = [await start('PopOnce'), await start('PopLater', 1)];
    await java.sendMany('p', { topic: 'PopOnce', body: '%d' }, { count: 200 });
    await java.receive(once, 200);
    const { msgId } = await java.send('p', { topic: 'PopLater', body: 'later', tags: 'A', keys: 'k' });
    const [first, second] = await java.receive(later, 2);
    expect(first?.message).toMatchObject({ topic: 'PopLater', msgId, reconsumeTimes: 0 });
    expect(second?.message).toMatchObject({ topic: 'PopLater', msgId, reconsumeTimes: 1, tags: 'A', keys: 'k' });
    expect(second!.message.properties.POP_CK).toMatch(/^\d+ \d+ 5000 \d 1 broker-a 0 0$/);
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(FIRST_DELAY_MS);
    // By now those of the other topic would have come back, too.
    expect(second!.at - java.received(once).at(-1)!.at).toBeGreaterThan(INVISIBLE_MS);
    expect(bodies(java.received(once))).toEqual(numbers(200));
    await Promise.all([java.stopPush(once), java.stopPush(later)]);
  });

  it('loses nothing, and gets nothing again that it acknowledged, when the broker is killed', async () => {
    const topic = 'PopKilled';
    const name = await start(topic);
    await java.sendMany('p', { topic, body: '%d' }, { count: 100 });
    await java.receive(name, 100);
    await until(async () => (await ackCount(topic)) === 100);
    await target.restartBroker({ kill: true });
    await until(async () => (await java.send('p', { topic, body: '100' }).catch(() => null)) !== null);
    await java.sendMany('p', { topic, body: '%d' }, { count: 100, first: 101 });
    await until(() => new Set(bodies(java.received(name))).size === 201, 60_000);
    await pass(COME_BACK_MS);
    const again = java.received(name).filter(({ message }) => message.reconsumeTimes > 0);
    expect(again.filter(({ body }) => Number(body) < 100)).toEqual([]);
    expect([...new Set(bodies(java.received(name)))]).toEqual(numbers(201));
    await java.stopPush(name);
  });
});

/* The figures commands show are counted: what was sent and consumed is what they say. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { runCommand } from './run-command.js';

const SENT = 500;
const SOON = { heartbeatBrokerIntervalMs: 500, persistConsumerOffsetIntervalMs: 100 };

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 2, brokerConfig: { longPollingEnable: false } });
});

afterAll(() => sandbox.stop());

/** Runs a command for its JSON. */
async function json<T>(...words: string[]): Promise<T> {
  const [name = '', ...argv] = words;
  const run = await runCommand(name, [...argv, '--json'], { NAMESRV_ADDR: sandbox.namesrvAddr });
  expect(run).toMatchObject({ stderr: '', exitCode: 0 });
  return JSON.parse(run.stdout) as T;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

interface Totals {
  brokers: { inTotalToday: number; outTotalToday: number; inTps: number }[];
}

interface Stats {
  rows: { consumerGroup: string; accumulation: number; inMsg24Hour: number; outMsg24Hour: number; inTps: number }[];
}

describe('after messages were sent and consumed', () => {
  let before: Totals;

  beforeAll(async () => {
    await json('updateTopic', '-c', 'DefaultCluster', '-t', 'Counted', '-r', '3', '-w', '3');
    before = await json<Totals>('clusterList');
    const producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_counted', ...SOON });
    await producer.start();
    await Promise.all(
      Array.from({ length: SENT }, (_, i) => producer.send({ topic: 'Counted', body: Buffer.from(`m${i}`), keys: `k${i}` })),
    );
    await producer.shutdown();
  });

  it('topicStatus shows each message in a queue', async () => {
    const { queues } = await json<{ queues: { minOffset: number; maxOffset: number; lastUpdateTimestamp: number }[] }>(
      'topicStatus',
      '-t',
      'Counted',
    );
    expect(queues).toHaveLength(6);
    expect(sum(queues, (queue) => queue.maxOffset - queue.minOffset)).toBe(SENT);
    expect(queues.every((queue) => queue.maxOffset === 0 || queue.lastUpdateTimestamp > 0)).toBe(true);
  });

  it('clusterList counts them as put today', async () => {
    const after = await json<Totals>('clusterList', '-m');
    expect(sum(after.brokers, (broker) => broker.inTotalToday) - sum(before.brokers, (broker) => broker.inTotalToday)).toBe(SENT);
  });

  it('statsAll counts them for a topic that nobody consumes', async () => {
    const { rows } = await json<Stats>('statsAll', '-t', 'Counted');
    expect(rows).toMatchObject([{ consumerGroup: null, inMsg24Hour: SENT }]);
  });

  it('consumeMessage prints as many as it is asked for, and no offset moves', async () => {
    const { messageCount } = await json<{ messageCount: number }>('consumeMessage', '-t', 'Counted', '-c', String(SENT * 2));
    expect(messageCount).toBe(SENT);
    expect((await json<{ messageCount: number }>('consumeMessage', '-t', 'Counted', '-c', '7')).messageCount).toBe(7);
    const progress = await runCommand('consumerProgress', ['-g', 'TOOLS_CONSUMER'], { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(progress.exitCode).toBe(4);
  });

  it('queryMsgByKey finds the one message of each key', async () => {
    for (const key of ['k0', `k${SENT - 1}`]) {
      const { messages } = await json<{ messages: { keys: string; body: string }[] }>('queryMsgByKey', '-t', 'Counted', '-k', key);
      expect(messages.map((message) => Buffer.from(message.body, 'base64').toString())).toEqual([key.replace('k', 'm')]);
    }
  });

  it('a group has what it did not consume before it, and nothing after', async () => {
    const lag = async (): Promise<{ diffTotal: number; queues: unknown[] }> => json('consumerProgress', '-g', 'G_counted', '-t', 'Counted');
    await json('updateSubGroup', '-c', 'DefaultCluster', '-g', 'G_counted');
    await json('resetOffsetByTime', '-g', 'G_counted', '-t', 'Counted', '-s', '0');
    expect(await lag()).toMatchObject({ diffTotal: SENT });

    let consumed = 0;
    const consumer = new PushConsumer({
      namesrvAddr: sandbox.namesrvAddr,
      consumerGroup: 'G_counted',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...SOON,
    });
    consumer.subscribe('Counted', '*');
    consumer.onMessage((messages) => {
      consumed += messages.length;
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    await until(() => consumed >= SENT, 10_000);
    await until(async () => (await lag()).diffTotal === 0, 10_000);
    expect(consumed).toBe(SENT);

    const { rows } = await json<Stats>('statsAll', '-t', 'Counted');
    expect(rows).toMatchObject([{ consumerGroup: 'G_counted', accumulation: 0, inMsg24Hour: SENT, outMsg24Hour: SENT }]);
    const { groups } = await json<{ groups: { consumerGroup: string; count: number; diffTotal: number }[] }>('consumerProgress');
    expect(groups.find((group) => group.consumerGroup === 'G_counted')).toMatchObject({ count: 1, diffTotal: 0 });
    await consumer.shutdown();
  });
});

it('sendMessage -m true leaves a trace record beside the message', async () => {
  await json('updateTopic', '-c', 'DefaultCluster', '-t', 'Traced', '-r', '1', '-w', '1');
  const sent = await json<{ msgId: string; offsetMsgId: string }>(
    'sendMessage',
    '-t',
    'Traced',
    '-p',
    'hello',
    '-k',
    'tk',
    '-c',
    'TagT',
    '-m',
    'true',
  );
  const { messages } = await json<{ messages: { body: string }[] }>('queryMsgByKey', '-t', 'RMQ_SYS_TRACE_TOPIC', '-k', sent.msgId);
  const fields = Buffer.from(messages[0]!.body, 'base64').toString().replace('\u0002', '').split('\u0001');
  expect(fields).toHaveLength(14);
  expect([fields[0], ...fields.slice(2, 8), fields[9], ...fields.slice(11)]).toEqual([
    'Pub',
    'DefaultRegion',
    'TOOLS_PRODUCER',
    'Traced',
    sent.msgId,
    'TagT',
    'tk',
    '5',
    '0',
    sent.offsetMsgId,
    'true',
  ]);
});

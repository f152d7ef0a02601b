/*
 * The state in which the recorded runs of the Java tool were made: two masters, the same topics, groups, messages with fixed ids and
 * connected clients. The recorded commands that made topics and groups are run with our own commands.
 */

import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { producerConnection } from '../../../src/client/admin/connections.js';
import { groupProgress } from '../../../src/client/admin/consumer-progress.js';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { retryTopic } from '../../../src/common/topic-names.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';

/** The seeded cluster. */
export interface SeededCluster {
  readonly sandbox: Sandbox;
  /** Recorded addresses and names, replaced by those of this cluster. */
  toOurs(text: string): string;
  /** Addresses of this cluster, replaced by the recorded ones. */
  toRecorded(text: string): string;
  /** Sends the messages and connects the clients; topics and groups must be there. */
  fill(): Promise<void>;
  stop(): Promise<void>;
}

const TAGS = ['TagA', 'TagB', 'TagC'];

/** Starts name server and brokers. Held pulls end after a second: with each end a consumer commits how far a queue is filtered. */
export async function startSeededCluster(): Promise<SeededCluster> {
  const sandbox = await startSandbox({
    brokers: 2,
    brokerConfig: { enablePropertyFilter: true, traceTopicEnable: true, longPollingEnable: false },
  });
  const [brokerA = '', brokerB = ''] = sandbox.brokers.map((broker) => broker.address);
  const pairs: [string, string][] = [
    ['127.0.0.1:49876', sandbox.namesrvAddr],
    ['127.0.0.1:50911', brokerA],
    ['127.0.0.1:52911', brokerB],
  ];
  const clients: { shutdown(): Promise<unknown> | unknown }[] = [];
  return {
    sandbox,
    toOurs: (text) => pairs.reduce((result, [recorded, ours]) => result.replaceAll(recorded, ours), text),
    toRecorded: (text) => pairs.reduce((result, [recorded, ours]) => result.replaceAll(ours, recorded), text),
    fill: () => fill(sandbox, clients),
    async stop() {
      await Promise.all(clients.map((client) => client.shutdown()));
      await sandbox.stop();
    },
  };
}

async function fill(sandbox: Sandbox, clients: { shutdown(): Promise<unknown> | unknown }[]): Promise<void> {
  // Soon instead of every 30 s and 5 s: the tests wait for what these tell the brokers.
  const soon = { heartbeatBrokerIntervalMs: 500, persistConsumerOffsetIntervalMs: 200 };
  const common = { namesrvAddr: sandbox.namesrvAddr, clientIP: '127.0.0.1', ...soon };
  const producer = new Producer({ ...common, producerGroup: 'PG_SEED', instanceName: 'seed-producer' });
  clients.push(producer);
  await producer.start();
  await sendAll(producer);
  await commitOffsets(sandbox.namesrvAddr);

  const dlq = new PushConsumer({
    ...common,
    consumerGroup: 'GroupDlq',
    instanceName: 'seed-dlq',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  });
  dlq.subscribe('DlqSrcTopic', '*');
  let refused = 0;
  dlq.onMessage((messages, context) => {
    context.delayLevelWhenNextConsume = -1;
    refused += messages.length;
    return 'RECONSUME_LATER';
  });
  await dlq.start();
  await until(() => refused >= 2, 10_000);
  await dlq.shutdown();

  const push = new PushConsumer({
    ...common,
    consumerGroup: 'GroupPush',
    instanceName: 'seed-push',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  });
  clients.push(push);
  push.subscribe('PlainTopic', 'TagA || TagB');
  push.subscribe('OrdersTopic', '*');
  let consumed = 0;
  push.onMessage((messages) => {
    consumed += messages.length;
    return 'CONSUME_SUCCESS';
  });
  await push.start();
  // 27 of the 40 plain messages have the tags, and 8 ordered ones.
  await until(() => consumed >= 27 + 8, 15_000);
  const admin = new AdminClient({ namesrvAddr: sandbox.namesrvAddr });
  try {
    await until(async () => {
      const { queues, diffTotal } = await groupProgress(admin, { consumerGroup: 'GroupPush' });
      // Two topics of 8 queues, and the retry queue of each broker.
      return queues.length === 18 && diffTotal === 0;
    }, 15_000);
    await until(async () => (await producerConnection(admin, 'PG_SEED', 'PlainTopic').catch(() => null)) !== null, 15_000);
  } finally {
    await admin.close();
  }
}

async function sendAll(producer: Producer): Promise<void> {
  for (const { queue, body, tags, keys, uniqKey, idx, delayTimeLevel } of seedMessages()) {
    const properties = new Map([['UNIQ_KEY', uniqKey], ...(idx === undefined ? [] : [['idx', idx] as [string, string]])]);
    const delay = delayTimeLevel === undefined ? {} : { delayTimeLevel };
    await producer.send({ topic: queue.topic, body: Buffer.from(body), tags, keys, properties, ...delay }, { queue });
  }
}

/** One message of the seeded state. */
interface SeedMessage {
  readonly queue: { readonly topic: string; readonly brokerName: string; readonly queueId: number };
  readonly body: string;
  readonly tags: string;
  readonly keys: string;
  readonly uniqKey: string;
  readonly idx?: string;
  readonly delayTimeLevel?: number;
}

/** The messages of the seeded state, in the order in which they are sent. */
export function seedMessages(): SeedMessage[] {
  const messages: Omit<SeedMessage, 'uniqKey'>[] = [];
  const broker = (i: number): string => (i % 2 === 0 ? 'broker-a' : 'broker-b');
  for (let i = 0; i < 40; i++) {
    const queue = { topic: 'PlainTopic', brokerName: broker(i), queueId: Math.floor(i / 2) % 4 };
    messages.push({ queue, tags: TAGS[i % 3] ?? '', keys: `KEY-${i}`, body: `hello-${i}`, idx: String(i) });
  }
  for (let i = 0; i < 8; i++) {
    const queue = { topic: 'OrdersTopic', brokerName: broker(i), queueId: 1 };
    messages.push({ queue, tags: 'created', keys: `ORDER-${i % 2}`, body: `order-step-${i}` });
  }
  for (let i = 0; i < 2; i++) {
    const queue = { topic: 'DlqSrcTopic', brokerName: 'broker-a', queueId: 0 };
    messages.push({ queue, tags: 'TagA', keys: 'DUP', body: `dup-${i}` });
  }
  for (const [queueId, delayTimeLevel] of [
    [0, 3],
    [1, 18],
  ] as const) {
    const queue = { topic: 'DelayTopic', brokerName: 'broker-a', queueId };
    messages.push({ queue, tags: 'late', keys: `DELAY-${queueId + 1}`, body: `delayed-level-${delayTimeLevel}`, delayTimeLevel });
  }
  return messages.map((message, i) => ({ ...message, uniqKey: `7F000001000100000000${String(i + 1).padStart(12, '0')}` }));
}

/** Offsets of two groups that never connect. */
export async function commitOffsets(namesrvAddr: string): Promise<void> {
  const admin = new AdminClient({ namesrvAddr });
  try {
    const route = await admin.route('PlainTopic');
    for (const { brokerAddrs } of route.brokerDatas) {
      for (let queueId = 0; queueId < 4; queueId++) {
        for (const [consumerGroup, commitOffset] of [
          ['GroupLag', '2'],
          ['GroupReset', '1'],
        ] as const) {
          await admin.ask(brokerAddrs.get(0) ?? '', {
            code: RequestCode.UPDATE_CONSUMER_OFFSET,
            extFields: { consumerGroup, topic: 'PlainTopic', queueId: String(queueId), commitOffset },
          });
        }
      }
    }
    await until(async () => (await admin.findRoute(retryTopic('GroupReset'))) === null, 1000);
  } finally {
    await admin.close();
  }
}

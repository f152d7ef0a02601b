/** Topics, producers and consumers of a workload. */
import { AdminClient } from '../../client/admin/admin-client.js';
import { deleteTopic } from '../../client/admin/delete-topic.js';
import { mapLimited } from '../../client/admin/map-limited.js';
import { deleteSubGroup } from '../../client/admin/sub-group.js';
import { updateTopic } from '../../client/admin/update-topic.js';
import type { PulledMessage } from '../../client/consumer/pulled-message.js';
import { PushConsumer } from '../../client/consumer/push-consumer.js';
import { MQClient } from '../../client/mq-client.js';
import { Producer, type ProducerOptions } from '../../client/producer/producer.js';
import type { ProducerStats } from '../../client/producer/send-stats.js';
import type { TransactionHandler } from '../../client/producer/transaction-listener.js';
import { TransactionProducer } from '../../client/producer/transaction-producer.js';
import type { Credentials } from '../../client/types.js';
import type { Random } from '../../common/clock.js';
import { NotFoundError } from '../../common/errors.js';
import type { SendTarget } from '../send-load.js';
import type { Driver } from './driver.js';
import type { Workload } from './workload.js';

const TOPIC_PREFIX = 'RocketMQ-Benchmark';
const NAME_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Where a workload runs. */
export interface OmbCluster {
  readonly namesrvAddr: string;
  readonly clusterName: string;
  readonly credentials?: Credentials;
}

/** Seven letters that no other run has. */
export function randomName(random: Random): string {
  return Array.from({ length: 7 }, () => NAME_LETTERS.charAt(random.nextInt(NAME_LETTERS.length))).join('');
}

/** Creates the topics; their queues are divided by the brokers. */
export async function createTopics(cluster: OmbCluster, workload: Workload, driver: Driver, random: Random): Promise<string[]> {
  const topics = Array.from(
    { length: workload.topics },
    (_, index) => `${TOPIC_PREFIX}-${String(index).padStart(7, '0')}-${randomName(random)}`,
  );
  const admin = new AdminClient(cluster);
  try {
    const masters = await admin.clusterMasters(cluster.clusterName);
    if (masters.length === 0) throw new NotFoundError(`cluster ${cluster.clusterName} has no brokers`);
    const queues = Math.max(1, Math.floor(workload.partitionsPerTopic / masters.length));
    await mapLimited(topics, (topicName) =>
      updateTopic(admin, {
        clusterName: cluster.clusterName,
        topic: {
          topicName,
          readQueueNums: queues,
          writeQueueNums: queues,
          perm: 6,
          topicFilterType: 'SINGLE_TAG',
          topicSysFlag: 0,
          order: false,
          attributes: driver.batchCQ ? { '+queue.type': 'BatchCQ' } : {},
        },
      }),
    );
    return topics;
  } finally {
    await admin.close();
  }
}

/** Deletes topics, and groups with their retry topics; what is gone already is no error. */
export async function cleanUp(cluster: OmbCluster, topics: readonly string[], groups: readonly string[]): Promise<void> {
  const admin = new AdminClient(cluster);
  const { clusterName } = cluster;
  try {
    await mapLimited(topics, (topic) => deleteTopic(admin, { topic, clusterName }));
    await mapLimited(groups, (groupName) => deleteSubGroup(admin, { groupName, clusterName, removeOffset: true }));
  } finally {
    await admin.close();
  }
}

/** What sends the messages of a workload. */
export interface OmbSender {
  readonly target: SendTarget;
  start(): Promise<void>;
  stats(): ProducerStats;
  shutdown(): Promise<void>;
}

/** Sends every message as a transaction that is committed. */
export function transactionSender(cluster: OmbCluster, driver: Driver, random: Random): OmbSender {
  const commit = (): 'COMMIT_MESSAGE' => 'COMMIT_MESSAGE';
  const listener = { executeLocalTransaction: commit, checkLocalTransaction: commit };
  const producer = new TransactionProducer<null>({ ...producerOptions(cluster, { ...driver, autoBatch: false }, random), listener });
  return {
    target: {
      // Who is answered looks at the status alone.
      sendAsync: (message, handler, context) =>
        producer.sendInTransactionAsync(message, null, handler as unknown as TransactionHandler, context),
    },
    start: () => producer.start([]),
    stats: () => producer.stats(),
    shutdown: () => producer.shutdown(),
  };
}

/** One producer for all topics, as the driver of RocketMQ has it. */
export function createProducer(cluster: OmbCluster, driver: Driver, random: Random): Producer {
  return new Producer(producerOptions(cluster, driver, random));
}

function producerOptions(cluster: OmbCluster, driver: Driver, random: Random): ProducerOptions {
  const { autoBatch, batchCQ, batchMaxBytes, batchMaxDelayMs, totalBatchMaxBytes, maxMessageSize, compressMsgBodyOverHowmuch } = driver;
  return {
    namesrvAddr: cluster.namesrvAddr,
    producerGroup: `ProducerGroup_${randomName(random)}`,
    autoBatch,
    innerBatch: autoBatch && batchCQ,
    ...(batchMaxBytes === undefined ? {} : { batchMaxBytes }),
    ...(batchMaxDelayMs === undefined ? {} : { batchMaxDelayMs }),
    ...(totalBatchMaxBytes === undefined ? {} : { totalBatchMaxBytes }),
    ...(maxMessageSize === undefined ? {} : { maxMessageSize }),
    ...(compressMsgBodyOverHowmuch === undefined ? {} : { compressMsgBodyOverHowmuch }),
    ...(cluster.credentials === undefined ? {} : { credentials: cluster.credentials }),
  };
}

/** All consumers of a workload. */
export class Consumers {
  readonly #consumers: PushConsumer[] = [];

  /** Makes a group for each subscription of each topic; the n-th members of all groups share their connections. */
  constructor(
    cluster: OmbCluster,
    of: { workload: Workload; topics: readonly string[]; random: Random },
    onMessages: (messages: readonly PulledMessage[]) => void,
  ) {
    const { workload, topics, random } = of;
    const { namesrvAddr, credentials } = cluster;
    const access = { namesrvAddr, ...(credentials === undefined ? {} : { credentials }) };
    const clients = Array.from({ length: workload.consumerPerSubscription }, (_, index) => {
      return new MQClient({ ...access, instanceName: `ConsumerInstance_${index}_${randomName(random)}` });
    });
    for (const topic of topics) {
      for (let subscription = 0; subscription < workload.subscriptionsPerTopic; subscription++) {
        const consumerGroup = `sub-${String(subscription).padStart(3, '0')}-${randomName(random)}`;
        for (const client of clients) {
          const consumer = new PushConsumer({ ...access, client, consumerGroup, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
          void consumer.subscribe(topic, workload.filter ?? '*');
          this.#listen(consumer, workload.ordered === true, onMessages);
          this.#consumers.push(consumer);
        }
      }
    }
  }

  #listen(consumer: PushConsumer, ordered: boolean, onMessages: (messages: readonly PulledMessage[]) => void): void {
    if (ordered) {
      consumer.onMessageOrderly((messages) => {
        onMessages(messages);
        return 'SUCCESS';
      });
    } else {
      consumer.onMessage((messages) => {
        onMessages(messages);
        return 'CONSUME_SUCCESS';
      });
    }
  }

  /** Their groups. */
  get groups(): string[] {
    return [...new Set(this.#consumers.map(({ consumerGroup }) => consumerGroup))];
  }

  get count(): number {
    return this.#consumers.length;
  }

  async start(): Promise<void> {
    await mapLimited(this.#consumers, (consumer) => consumer.start());
  }

  pause(): void {
    for (const consumer of this.#consumers) consumer.suspend();
  }

  resume(): void {
    for (const consumer of this.#consumers) consumer.resume();
  }

  async shutdown(): Promise<void> {
    await mapLimited(this.#consumers, (consumer) => consumer.shutdown());
  }
}

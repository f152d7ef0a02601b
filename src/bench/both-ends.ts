import { AdminClient } from '../client/admin/admin-client.js';
import { getConsumerIdList, updateConsumerOffset } from '../client/broker-requests.js';
import { PullConsumer } from '../client/consumer/pull-consumer.js';
import type { PulledMessage } from '../client/consumer/pulled-message.js';
import { PushConsumer } from '../client/consumer/push-consumer.js';
import { MQClient } from '../client/mq-client.js';
import { Producer } from '../client/producer/producer.js';
import { MASTER_ID } from '../client/route-table.js';
import type { Credentials } from '../client/types.js';
import { DeniedError, TimeoutError, UsageError } from '../common/errors.js';
import { isReadable } from '../common/perm-name.js';
import { waitUntil } from './run-frame.js';

/** What both ends of a run are told, producers and consumers. */
export interface EndOptions {
  readonly namesrvAddr: string;
  readonly topic: string;
  readonly msgTraceEnable?: boolean;
  readonly credentials?: Credentials;
}

const ROUTE_LIMIT_MS = 10_000;
const DIVIDED_LIMIT_MS = 20_000;

/** Options of a client of one end. */
export function clientOptions({ namesrvAddr, msgTraceEnable, credentials }: EndOptions): {
  namesrvAddr: string;
  enableMsgTrace: boolean;
  credentials?: Credentials;
} {
  return { namesrvAddr, enableMsgTrace: msgTraceEnable ?? false, ...(credentials === undefined ? {} : { credentials }) };
}

/**
 * Sees that the topic is there and can be read, and that the groups begin at its end: what was sent before is no part of the run. A topic
 * that is missing is created by one message, where brokers create topics.
 * @throws UsageError when a group has members, which would take a share of the messages.
 */
export async function prepareGroups(options: EndOptions, groups: readonly string[]): Promise<void> {
  const { namesrvAddr, credentials, topic } = options;
  const admin = new AdminClient({ namesrvAddr, credentials });
  try {
    const route = (await admin.findRoute(topic)) ?? (await createTopic(admin, options));
    if (!route.queueDatas.some(({ perm }) => isReadable(perm))) {
      throw new DeniedError(`topic ${topic} cannot be read: none of its queues has read permission`, {
        hint: `give it: mqadmin updateTopicPerm -t ${topic} -c DefaultCluster -p 6`,
      });
    }
    const addrs = route.brokerDatas.flatMap(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID) ?? []);
    for (const group of groups) {
      for (const addr of addrs) {
        const members = await getConsumerIdList(callOf(admin, addr), group);
        if (members !== null && members.length > 0) {
          throw new UsageError(`consumer group ${group} has ${members.length} members, which would take their share of the messages`, {
            hint: 'end them, or give another group with -g',
          });
        }
      }
      await beginAtEnd(options, group);
    }
  } finally {
    await admin.close();
  }
}

/** Brokers know a group from a heartbeat on, and then take its offsets. */
async function beginAtEnd(options: EndOptions, consumerGroup: string): Promise<void> {
  const client = new MQClient(clientOptions(options));
  const consumer = new PullConsumer({ ...clientOptions(options), client, consumerGroup });
  await consumer.start();
  try {
    const queues = await consumer.fetchMessageQueues(options.topic);
    await client.heartbeat();
    for (const queue of queues) {
      const addr = client.routes.masterAddr(queue.brokerName);
      if (addr !== undefined) {
        const call = { remoting: client.remoting, addr, timeoutMs: client.apiTimeoutMs };
        await updateConsumerOffset(call, queue, consumerGroup, await consumer.maxOffset(queue));
      }
    }
  } finally {
    await consumer.shutdown();
  }
}

function callOf({ remoting, timeoutMs }: AdminClient, addr: string): Parameters<typeof getConsumerIdList>[0] {
  return { remoting, addr, timeoutMs };
}

type Route = NonNullable<Awaited<ReturnType<AdminClient['findRoute']>>>;

async function createTopic(admin: AdminClient, options: EndOptions): Promise<Route> {
  const { topic } = options;
  const producer = new Producer({ ...clientOptions({ ...options, msgTraceEnable: false }), producerGroup: 'benchmark_probe' });
  await producer.start();
  try {
    await producer.send({ topic, body: Buffer.from('creates the topic') });
  } finally {
    await producer.shutdown();
  }
  const endMs = performance.now() + ROUTE_LIMIT_MS;
  for (;;) {
    const route = await admin.findRoute(topic);
    if (route !== null) {
      return route;
    }
    if (performance.now() > endMs) {
      throw admin.noRoute(topic);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface ConsumerGroupOptions {
  readonly consumerGroup: string;
  readonly consumers: number;
  /** Listener calls at the same time, of each consumer. */
  readonly concurrency: number;
  /** Gets each message, with the number of the consumer within its group; what it answers with a promise is waited for. */
  readonly onMessage: (message: PulledMessage, consumer: number) => void | Promise<void>;
  /** Takes no messages until {@link ConsumerGroup.resume}. */
  readonly isSuspended?: boolean;
  /** False: others may be in the group, and have their share of the queues. */
  readonly isAlone?: boolean;
}

/** Consumers of one group, each with connections of its own. */
export class ConsumerGroup {
  readonly #consumers: PushConsumer[] = [];

  /** Starts the consumers and waits until they have divided the topic's queues. */
  static async start(options: EndOptions, group: ConsumerGroupOptions): Promise<ConsumerGroup> {
    const started = new ConsumerGroup();
    try {
      for (let i = 0; i < group.consumers; i++) {
        await started.#add(options, group, i);
      }
      if (group.isAlone !== false) {
        await started.#divided(options, group);
      }
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  /** Begins to consume, within a second. */
  resume(): void {
    for (const consumer of this.#consumers) {
      consumer.resume();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.shutdown()));
  }

  async #add(options: EndOptions, group: ConsumerGroupOptions, index: number): Promise<void> {
    const { consumerGroup, concurrency, onMessage } = group;
    const consumer = new PushConsumer({
      ...clientOptions(options),
      consumerGroup,
      consumeThreadMax: concurrency,
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    });
    await consumer.subscribe(options.topic);
    consumer.onMessage((messages) => {
      if (messages.length === 1) {
        const answer = onMessage(messages[0]!, index);
        return answer === undefined ? 'CONSUME_SUCCESS' : answer.then(() => 'CONSUME_SUCCESS');
      }
      return Promise.all(messages.map((message) => onMessage(message, index))).then(() => 'CONSUME_SUCCESS');
    });
    this.#consumers.push(consumer);
    if (group.isSuspended === true) {
      consumer.suspend();
    }
    await consumer.start();
  }

  /** Each queue has an owner, and only one. */
  async #divided({ topic, namesrvAddr, credentials }: EndOptions, { consumerGroup }: ConsumerGroupOptions): Promise<void> {
    const admin = new AdminClient({ namesrvAddr, credentials });
    try {
      const { queueDatas } = await admin.route(topic);
      const readable = queueDatas.filter(({ perm }) => isReadable(perm)).reduce((sum, { readQueueNums }) => sum + readQueueNums, 0);
      const isDivided = (): boolean => {
        const owned = this.#consumers.flatMap(({ assignedQueues }) =>
          assignedQueues.filter((queue) => queue.topic === topic).map(({ brokerName, queueId }) => `${brokerName}/${queueId}`),
        );
        return owned.length === readable && new Set(owned).size === readable;
      };
      if (!(await waitUntil(isDivided, DIVIDED_LIMIT_MS))) {
        throw new TimeoutError(
          `the consumers of group ${consumerGroup} did not divide the ${readable} queues of topic ${topic} among them`,
          {
            hint: 'is somebody else in the group? mqadmin consumerConnection shows it',
          },
        );
      }
    } finally {
      await admin.close();
    }
  }
}

import { type Clock, type Random, systemClock, systemRandom } from '../../common/clock.js';
import { MQError, NotFoundError, UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { UniqKeyGenerator } from '../../common/message/message-id.js';
import { AUTO_CREATE_TOPIC_KEY_TOPIC } from '../../common/topic-names.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { responseError } from '../../remoting/client.js';
import type { MessageQueue } from '../message-queue.js';
import { propertiesText } from '../producer/message-properties.js';
import { buildSendRequest, DEFAULT_CREATE_TOPIC_KEY } from '../producer/send-request.js';
import { RETRY_RESPONSE_CODES, readSendResult, sendStatusOf } from '../producer/send-response.js';
import { validateMessage } from '../producer/validate.js';
import { publishQueuesOf } from '../route-table.js';
import type { SendResult } from '../types.js';
import type { AdminClient } from './admin-client.js';

/** Producer group of messages sent by the administration. */
export const TOOLS_PRODUCER_GROUP = 'TOOLS_PRODUCER';
const DEFAULT_TOPIC_QUEUE_NUMS = 4;
/** Largest body, bytes: what Apache's producers and brokers allow unless they are configured otherwise. */
export const MAX_MESSAGE_SIZE = 4 * 1024 * 1024;
const ATTEMPTS = 3;

export interface SendMessageRequest {
  readonly message: Message;
  /** Only together with a queue id. */
  readonly brokerName?: string | undefined;
  readonly queueId?: number | undefined;
  /** Group in the request; {@link TOOLS_PRODUCER_GROUP} when absent. */
  readonly producerGroup?: string;
}

/**
 * Sends one message without the machinery of a producer: no heartbeat, no group registration. Tries other queues when a broker
 * refuses for a passing reason, unless the queue was chosen.
 */
export async function sendMessage(
  admin: AdminClient,
  request: SendMessageRequest,
  seams: { clock?: Clock; random?: Random } = {},
): Promise<SendResult> {
  const { message } = request;
  const problem = validateMessage(message, MAX_MESSAGE_SIZE);
  if (problem !== null) {
    throw problem;
  }
  const { clock = systemClock, random = systemRandom } = seams;
  const { route, queues } = await sendTargets(admin, request);
  const chosen = request.queueId !== undefined;
  const msgId = message.properties?.get('UNIQ_KEY') ?? new UniqKeyGenerator().create();
  const first = random.nextInt(queues.length);
  let failure: MQError | null = null;
  for (let attempt = 0; attempt < (chosen ? 1 : ATTEMPTS); attempt++) {
    const queue = queues[(first + attempt) % queues.length];
    const addr = route.brokerDatas.find((broker) => broker.brokerName === queue?.brokerName)?.brokerAddrs.get(0);
    if (queue === undefined || addr === undefined) {
      throw new NotFoundError(`broker ${queue?.brokerName ?? ''} has no master to send to`, { code: 'NO_MASTER' });
    }
    try {
      const producerGroup = request.producerGroup ?? TOOLS_PRODUCER_GROUP;
      return await sendOnce(admin, { message, queue, addr, msgId, producerGroup, bornTimestamp: clock.nowMs() });
    } catch (error) {
      if (!(error instanceof MQError) || !mayRetry(error)) {
        throw error;
      }
      failure = error;
    }
  }
  throw failure ?? new NotFoundError(`no queue of ${message.topic} took the message`);
}

/** The queues that a message may go to: the chosen one, or all that can be written. */
export async function sendTargets(
  admin: AdminClient,
  request: SendMessageRequest,
): Promise<{ route: TopicRouteData; queues: readonly MessageQueue[] }> {
  const { topic } = request.message;
  const route = await routeForSend(admin, topic);
  const queues = request.queueId === undefined ? writeableQueues(topic, route, admin) : [chosenQueue(topic, request, route)];
  return { route, queues };
}

/** Whether another queue may take what this one refused. */
export function mayRetry(error: MQError): boolean {
  const responseCode = error.context.responseCode;
  return error.category === 'connect' || (typeof responseCode === 'number' && RETRY_RESPONSE_CODES.has(responseCode));
}

/** One message to one queue. */
export interface Attempt {
  readonly message: Message;
  readonly queue: MessageQueue;
  readonly addr: string;
  readonly msgId: string;
  readonly producerGroup: string;
  readonly bornTimestamp: number;
  /** For a body that is compressed already. */
  readonly sysFlag?: number;
}

/** Sends to the queue given, once. @throws BrokerError when the broker refuses. */
export async function sendOnce(admin: AdminClient, attempt: Attempt): Promise<SendResult> {
  const { message, queue, addr, msgId } = attempt;
  const request = buildSendRequest(
    { producerGroup: attempt.producerGroup, createTopicKey: DEFAULT_CREATE_TOPIC_KEY, defaultTopicQueueNums: DEFAULT_TOPIC_QUEUE_NUMS },
    {
      message,
      queue,
      properties: propertiesText(message, msgId),
      body: message.body,
      sysFlag: attempt.sysFlag ?? 0,
      bornTimestamp: attempt.bornTimestamp,
      batch: false,
    },
  );
  const response = await admin.remoting.invoke(addr, request, admin.timeoutMs);
  const status = sendStatusOf(response.code);
  if (status === undefined) {
    throw responseError(response, addr);
  }
  return readSendResult(response, status, { queue, msgId });
}

/** The topic's route, or the auto-create topic's under its name: the broker then creates the topic with the first message. */
async function routeForSend(admin: AdminClient, topic: string): Promise<TopicRouteData> {
  const route = await admin.findRoute(topic);
  if (route !== null) {
    return route;
  }
  const byDefault = await admin.findRoute(AUTO_CREATE_TOPIC_KEY_TOPIC);
  if (byDefault === null) {
    throw admin.noRoute(topic);
  }
  const queueDatas = byDefault.queueDatas.map((data) => {
    const count = Math.min(DEFAULT_TOPIC_QUEUE_NUMS, data.readQueueNums);
    return { ...data, readQueueNums: count, writeQueueNums: count };
  });
  return { ...byDefault, queueDatas };
}

function writeableQueues(topic: string, route: TopicRouteData, admin: AdminClient): MessageQueue[] {
  const queues = publishQueuesOf(topic, route);
  if (queues.length === 0) {
    throw new NotFoundError(`topic ${topic} has no queue that can be written, on ${admin.namesrv.addresses.join(';')}`, {
      code: 'NO_WRITEABLE_QUEUE',
      hint: `look at its permission: mqadmin topicRoute -l -t ${topic}`,
    });
  }
  return queues;
}

function chosenQueue(topic: string, request: SendMessageRequest, route: TopicRouteData): MessageQueue {
  const { brokerName, queueId = 0 } = request;
  if (brokerName === undefined) {
    throw new UsageError('Broker name must be set if the queue is chosen!');
  }
  const data = route.queueDatas.find((entry) => entry.brokerName === brokerName);
  if (data === undefined) {
    const known = route.queueDatas.map((entry) => entry.brokerName).sort();
    throw new NotFoundError(`broker ${brokerName} does not serve topic ${topic}`, {
      code: 'BROKER_NOT_EXIST',
      hint: `brokers of the topic: ${known.join(', ')}`,
    });
  }
  if (queueId < 0 || queueId >= data.writeQueueNums) {
    throw new UsageError(
      `queue ${queueId} of topic ${topic} on ${brokerName} cannot be written: it has ${data.writeQueueNums} write queues`,
    );
  }
  return { topic, brokerName, queueId };
}

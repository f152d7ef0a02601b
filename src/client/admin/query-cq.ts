import { BrokerError, NotFoundError } from '../../common/errors.js';
import { type ConsumeQueueData, decodeQueryConsumeQueue, type QueryConsumeQueueResponseBody } from '../../remoting/bodies/consume-queue.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';

export interface QueryCqRequest {
  readonly topic: string;
  readonly queueId: number;
  readonly index: number;
  readonly count: number;
  /** The first broker of the topic, by name, that has the queue when absent. */
  readonly brokerAddr?: string | undefined;
  /** Group whose filter is tried. */
  readonly consumerGroup?: string | undefined;
}

export interface QueryCqResult extends Omit<QueryConsumeQueueResponseBody, 'queueData'> {
  readonly topic: string;
  readonly queueId: number;
  readonly brokerAddr: string;
  /** Addresses of other brokers that have a queue of this number. */
  readonly otherBrokers: readonly string[];
  readonly queueData: readonly (ConsumeQueueData & { readonly index: number })[];
}

/** Units of a consume queue from an index on. @throws NotFoundError when the queue is not there, or does not have the index */
export async function queryCq(admin: AdminClient, request: QueryCqRequest): Promise<QueryCqResult> {
  const { topic, queueId, index, count, consumerGroup } = request;
  const [brokerAddr = '', ...otherBrokers] =
    request.brokerAddr === undefined ? await brokersWith(admin, topic, queueId) : [request.brokerAddr];
  const response = await askQueue(admin, brokerAddr, {
    topic,
    queueId: String(queueId),
    index: String(index),
    count: String(count),
    ...(consumerGroup === undefined ? {} : { consumerGroup }),
  });
  // Apache's broker sends no body for an index that it does not have.
  const answer = response.length === 0 ? null : decodeQueryConsumeQueue(response);
  if (answer === null || (answer.queueData.length === 0 && (index < answer.minQueueIndex || index > answer.maxQueueIndex))) {
    const range = answer === null ? '' : `: it has ${answer.minQueueIndex} to ${answer.maxQueueIndex - 1}`;
    throw new NotFoundError(`index ${index} is not in queue ${queueId} of topic ${topic} on ${brokerAddr}${range}`, {
      code: 'INDEX_NOT_EXIST',
      hint: `see what the queue has: mqadmin topicStatus -t ${topic}`,
      context: { topic, queueId, index, brokerAddr },
    });
  }
  const { queueData, ...rest } = answer;
  return {
    topic,
    queueId,
    brokerAddr,
    otherBrokers,
    ...rest,
    queueData: queueData.map((data, i) => ({ index: index + i, ...data })),
  };
}

async function askQueue(admin: AdminClient, brokerAddr: string, extFields: Record<string, string>): Promise<Buffer> {
  try {
    return bodyOf(await admin.ask(brokerAddr, { code: RequestCode.QUERY_CONSUME_QUEUE, extFields }));
  } catch (error) {
    if (error instanceof BrokerError && error.responseCode === ResponseCode.SYSTEM_ERROR && /is not exist/.test(error.remark ?? '')) {
      throw notThere(extFields.topic ?? '', Number(extFields.queueId), brokerAddr);
    }
    throw error;
  }
}

async function brokersWith(admin: AdminClient, topic: string, queueId: number): Promise<string[]> {
  const { brokerDatas, queueDatas } = await admin.route(topic);
  const has = (brokerName: string): boolean =>
    queueDatas.some((data) => data.brokerName === brokerName && queueId < Math.max(data.readQueueNums, data.writeQueueNums));
  const addrs = [...brokerDatas]
    .sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
    .flatMap(({ brokerName, brokerAddrs }) => {
      const addr = brokerAddrs.get(0) ?? [...brokerAddrs.values()][0];
      return addr === undefined || !has(brokerName) ? [] : [addr];
    });
  if (addrs.length === 0) {
    throw notThere(topic, queueId, 'any broker');
  }
  return addrs;
}

function notThere(topic: string, queueId: number, where: string): NotFoundError {
  return new NotFoundError(`topic ${topic} has no queue ${queueId} on ${where}`, {
    code: 'QUEUE_NOT_EXIST',
    hint: `see which queues it has: mqadmin topicRoute -t ${topic}`,
    context: { topic, queueId },
  });
}

import { NotFoundError, type ProtocolError, UsageError } from '../../common/errors.js';
import { TOOLS_CONSUMER_GROUP } from '../../common/topic-names.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { MessageQueue } from '../message-queue.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { type MessageView, readableMessagesIn } from './message-view.js';

/** Address to read a queue of a broker from: the master, or a slave where there is none. @throws NotFoundError for a broker that is not in the route. */
export function addrInRoute(route: TopicRouteData, topic: string, brokerName: string): string {
  const broker = route.brokerDatas.find((entry) => entry.brokerName === brokerName);
  const addr = broker?.brokerAddrs.get(0) ?? [...(broker?.brokerAddrs.values() ?? [])][0];
  if (addr === undefined) {
    throw new NotFoundError(`broker ${brokerName} does not serve topic ${topic}`, {
      code: 'BROKER_NOT_EXIST',
      hint: `brokers of the topic: ${route.brokerDatas.map((entry) => entry.brokerName).join(', ')} (names, not addresses)`,
      context: { topic, brokerName },
    });
  }
  return addr;
}

/** An offset that a broker answers in its header. */
export async function offsetAt(
  admin: AdminClient,
  addr: string,
  code: number,
  queue: MessageQueue,
  extFields: Record<string, string> = {},
): Promise<number> {
  const { topic, queueId, brokerName } = queue;
  const response = await admin.ask(addr, { code, extFields: { topic, queueId: String(queueId), bname: brokerName, ...extFields } });
  return Number(response.extFields?.offset ?? 0);
}

/** A span of store times, ms: `begin` is in it, `end` is not. */
export interface TimeSpan {
  readonly begin?: number | undefined;
  readonly end?: number | undefined;
}

/** Where the messages of a span of store times lie in a queue. */
export interface QueueRange {
  /** What the broker says: the first offset of the span, and the one behind its last. */
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Where the queue begins and ends, whatever is asked for. */
  readonly queueBegin: number;
  readonly queueEnd: number;
  /** What has to be read: brokers of 4.9 say the nearest message, or any of those with the same time. */
  readonly from: number;
  readonly to: number;
}

/** Asks a broker where a span of store times lies in a queue. */
export async function queueRange(admin: AdminClient, addr: string, queue: MessageQueue, span: TimeSpan): Promise<QueueRange> {
  const search = (timestamp: number): Promise<number> =>
    offsetAt(admin, addr, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, queue, { timestamp: String(Math.max(0, timestamp)) });
  const min = await offsetAt(admin, addr, RequestCode.GET_MIN_OFFSET, queue);
  const max = await offsetAt(admin, addr, RequestCode.GET_MAX_OFFSET, queue);
  const minOffset = span.begin === undefined ? min : await search(span.begin);
  const maxOffset = span.end === undefined ? max : await search(span.end);
  // No broker is asked for a time before 1970; nothing was stored then.
  const before = span.begin === undefined || span.begin <= 0 ? min : await search(span.begin - 1);
  return {
    minOffset,
    maxOffset,
    queueBegin: min,
    queueEnd: max,
    from: Math.max(min, Math.min(minOffset, before)),
    to: span.end === undefined ? max : Math.min(max, maxOffset + 1),
  };
}

/** Whether a message was stored in the span. */
export function isInSpan(message: MessageView, span: TimeSpan): boolean {
  return (
    (span.begin === undefined || message.storeTimestamp >= span.begin) && (span.end === undefined || message.storeTimestamp < span.end)
  );
}

/** One pull of the administration. */
export interface AdminPull {
  readonly status: 'FOUND' | 'NO_NEW_MSG' | 'NO_MATCHED_MSG' | 'OFFSET_ILLEGAL';
  readonly messages: readonly MessageView[];
  /** What is wrong with records that were left out because they cannot be read. */
  readonly unreadable: readonly ProtocolError[];
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

const PULL_STATUS: Readonly<Record<number, AdminPull['status']>> = {
  [ResponseCode.SUCCESS]: 'FOUND',
  [ResponseCode.PULL_NOT_FOUND]: 'NO_NEW_MSG',
  [ResponseCode.PULL_RETRY_IMMEDIATELY]: 'NO_MATCHED_MSG',
  [ResponseCode.PULL_OFFSET_MOVED]: 'OFFSET_ILLEGAL',
};

/** The subscription travels with the pull. */
const PULL_SYS_FLAG_SUBSCRIPTION = 4;

/** Pulls without waiting and without committing. */
export async function pullOnce(
  admin: AdminClient,
  addr: string,
  pull: MessageQueue & { offset: number; maxNums: number; consumerGroup?: string; subExpression?: string },
): Promise<AdminPull> {
  if (pull.queueId < 0 || pull.offset < 0) {
    throw new UsageError(`queue ${pull.queueId} and offset ${pull.offset}: neither can be negative`);
  }
  const response = await admin.remoting.invoke(
    addr,
    {
      code: RequestCode.PULL_MESSAGE,
      extFields: {
        consumerGroup: pull.consumerGroup ?? TOOLS_CONSUMER_GROUP,
        topic: pull.topic,
        queueId: String(pull.queueId),
        queueOffset: String(pull.offset),
        maxMsgNums: String(pull.maxNums),
        sysFlag: String(PULL_SYS_FLAG_SUBSCRIPTION),
        commitOffset: '0',
        suspendTimeoutMillis: '0',
        subscription: pull.subExpression ?? '*',
        subVersion: '0',
        expressionType: 'TAG',
        bname: pull.brokerName,
      },
    },
    admin.timeoutMs,
  );
  const status = PULL_STATUS[response.code];
  if (status === undefined) {
    throw responseError(response, addr);
  }
  const number = (key: string): number => Number(response.extFields?.[key] ?? 0);
  const [minOffset, maxOffset] = [number('minOffset'), number('maxOffset')];
  const { messages, unreadable } = readableMessagesIn(status === 'FOUND' ? bodyOf(response) : Buffer.alloc(0), pull.brokerName);
  // Clients put the queue's bounds into the message; scripts look for them.
  const withBounds = messages.map((message) => ({
    ...message,
    properties: { ...message.properties, MIN_OFFSET: String(minOffset), MAX_OFFSET: String(maxOffset) },
  }));
  return { status, messages: withBounds, unreadable, nextBeginOffset: number('nextBeginOffset'), minOffset, maxOffset };
}

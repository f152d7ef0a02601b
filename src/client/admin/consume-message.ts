import { NotFoundError, type ProtocolError, UsageError } from '../../common/errors.js';
import { compareQueues, type MessageQueue } from '../message-queue.js';
import { subscribeQueuesOf } from '../route-table.js';
import type { AdminClient } from './admin-client.js';
import { type AdminPull, addrInRoute, isInSpan, pullOnce, queueRange, type TimeSpan } from './admin-pull.js';
import type { MessageView } from './message-view.js';

export interface ConsumeMessageRequest {
  readonly topic: string;
  readonly brokerName?: string | undefined;
  /** Needs the broker name. */
  readonly queueId?: number | undefined;
  /** Needs the queue. */
  readonly offset?: number | undefined;
  readonly consumerGroup?: string | undefined;
  /** Store time bounds, ms, both inclusive. */
  readonly beginTimestamp?: number | undefined;
  readonly endTimestamp?: number | undefined;
  /** At most so many messages in all. */
  readonly messageNumber: number;
  /** Told of messages that were left out because they cannot be read. */
  readonly onUnreadable?: (queue: MessageQueue, errors: readonly ProtocolError[]) => void;
}

/** What was read, in the order it was read. */
export type ConsumeEvent =
  /** Not everything that is there will be shown. */
  | { readonly kind: 'limited'; readonly messageNumber: number; readonly queueId: number }
  | { readonly kind: 'messages'; readonly queue: MessageQueue; readonly messages: readonly MessageView[] }
  | { readonly kind: 'end'; readonly queue: MessageQueue; readonly status: AdminPull['status']; readonly offset: number }
  | { readonly kind: 'noMatch'; readonly queue: MessageQueue; readonly offset: number };

const PULL_MAX_NUMS = 32;

/** Reads messages of a topic without committing anything; queues in the order of broker name and queue id. */
export async function* consumeMessage(admin: AdminClient, request: ConsumeMessageRequest): AsyncGenerator<ConsumeEvent> {
  const route = await admin.route(request.topic);
  const queues = subscribeQueuesOf(request.topic, route)
    .filter((queue) => request.brokerName === undefined || queue.brokerName === request.brokerName)
    .filter((queue) => request.queueId === undefined || queue.queueId === request.queueId)
    .sort(compareQueues);
  if (queues.length === 0) {
    throw new NotFoundError(
      `topic ${request.topic} has no readable queue${request.brokerName === undefined ? '' : ` on ${request.brokerName}`}${request.queueId === undefined ? '' : ` with id ${request.queueId}`}`,
      {
        code: 'NO_READABLE_QUEUE',
        hint: `look at its queues: mqadmin topicStatus -t ${request.topic}`,
      },
    );
  }
  let left = request.messageNumber;
  for (const queue of queues) {
    if (left <= 0) {
      return;
    }
    const addr = addrInRoute(route, request.topic, queue.brokerName);
    const range = await rangeOf(admin, addr, queue, request);
    if (range.count > left) {
      yield { kind: 'limited', messageNumber: left, queueId: queue.queueId };
    }
    for await (const event of readQueue(admin, { addr, queue, ...range, limit: left, request })) {
      left -= event.kind === 'messages' ? event.messages.length : 0;
      yield event;
    }
  }
}

/** Where to read, and how many messages lie there. */
async function rangeOf(
  admin: AdminClient,
  addr: string,
  queue: MessageQueue,
  request: ConsumeMessageRequest,
): Promise<{ begin: number; end: number; count: number }> {
  const { offset } = request;
  const { minOffset, maxOffset, from, to } = await queueRange(admin, addr, queue, offset === undefined ? spanOf(request) : {});
  if (offset === undefined) {
    return { begin: from, end: to, count: maxOffset - minOffset };
  }
  if (offset < minOffset || offset > maxOffset) {
    throw new UsageError(
      `offset ${offset} is outside queue ${queue.queueId} on ${queue.brokerName}, which holds ${minOffset} to ${maxOffset}`,
    );
  }
  return { begin: offset, end: maxOffset, count: maxOffset - offset };
}

/** The bounds of the request are both inclusive. */
function spanOf({ beginTimestamp, endTimestamp }: ConsumeMessageRequest): TimeSpan {
  return { begin: beginTimestamp, end: endTimestamp === undefined ? undefined : endTimestamp + 1 };
}

interface QueueRead {
  readonly addr: string;
  readonly queue: MessageQueue;
  readonly begin: number;
  readonly end: number;
  readonly limit: number;
  readonly request: ConsumeMessageRequest;
}

async function* readQueue(admin: AdminClient, read: QueueRead): AsyncGenerator<ConsumeEvent> {
  const { queue, request } = read;
  const span = spanOf(request);
  let left = read.limit;
  let offset = read.begin;
  while (left > 0 && offset < read.end) {
    const maxNums = Math.min(PULL_MAX_NUMS, left, read.end - offset);
    const group = request.consumerGroup === undefined ? {} : { consumerGroup: request.consumerGroup };
    const pulled = await pullOnce(admin, read.addr, { ...queue, offset, maxNums, ...group });
    if (pulled.unreadable.length > 0) {
      request.onUnreadable?.(queue, pulled.unreadable);
    }
    if (pulled.status === 'FOUND') {
      const messages = pulled.messages.filter((message) => message.queueOffset < read.end && isInSpan(message, span)).slice(0, left);
      if (messages.length > 0) {
        left -= messages.length;
        yield { kind: 'messages', queue, messages };
      }
    } else if (pulled.status === 'NO_MATCHED_MSG') {
      yield { kind: 'noMatch', queue, offset };
    } else {
      yield { kind: 'end', queue, status: pulled.status, offset };
      return;
    }
    if (pulled.nextBeginOffset <= offset) {
      return;
    }
    offset = pulled.nextBeginOffset;
  }
  const wholeQueue = request.endTimestamp === undefined && left > 0 && read.end > read.begin;
  if (wholeQueue) {
    yield { kind: 'end', queue, status: 'NO_NEW_MSG', offset };
  }
}

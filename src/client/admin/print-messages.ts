import { NotFoundError, type ProtocolError, UsageError } from '../../common/errors.js';
import type { MessageQueue } from '../message-queue.js';
import { subscribeQueuesOf } from '../route-table.js';
import { buildSubscription } from '../subscription.js';
import type { AdminClient } from './admin-client.js';
import { type AdminPull, addrInRoute, isInSpan, pullOnce, queueRange, type TimeSpan } from './admin-pull.js';
import type { MessageView } from './message-view.js';

export interface PrintRequest {
  readonly topic: string;
  /** Tags, separated by `||`; all messages when absent. */
  readonly subExpression?: string | undefined;
  /** Store time, ms. */
  readonly beginTimestamp?: number | undefined;
  /** Store time, ms; messages of that very moment are not shown. */
  readonly endTimestamp?: number | undefined;
  /** Name whose route says where the queues are: the parent topic of a light message queue. */
  readonly routeTopic?: string | undefined;
  /** Only this queue; the two belong together. */
  readonly brokerName?: string | undefined;
  readonly queueId?: number | undefined;
  /** Only says where the messages lie. */
  readonly rangesOnly?: boolean;
  /** Told of messages that were left out because they cannot be read. */
  readonly onUnreadable?: (queue: MessageQueue, errors: readonly ProtocolError[]) => void;
}

/** What was read, in the order it was read. */
export type PrintEvent =
  | { readonly kind: 'queue'; readonly queue: MessageQueue; readonly minOffset: number; readonly maxOffset: number }
  | { readonly kind: 'messages'; readonly queue: MessageQueue; readonly messages: readonly MessageView[] }
  /** The broker found no message with these tags up to `offset`. */
  | { readonly kind: 'noMatch'; readonly queue: MessageQueue; readonly status: AdminPull['status']; readonly offset: number }
  /** The queue ended before the offset that the broker had said. */
  | { readonly kind: 'end'; readonly queue: MessageQueue; readonly status: AdminPull['status']; readonly offset: number }
  | { readonly kind: 'queueDone'; readonly queue: MessageQueue };

const PULL_MAX_NUMS = 32;

/** Reads all messages of a topic or of one queue without committing anything; queues in the order of broker name and queue id. */
export async function* printMessages(admin: AdminClient, request: PrintRequest): AsyncGenerator<PrintEvent> {
  const { topic, brokerName, queueId } = request;
  const span: TimeSpan = { begin: request.beginTimestamp, end: request.endTimestamp };
  if (span.begin !== undefined && span.end !== undefined && span.begin > span.end) {
    throw new UsageError('the begin time is after the end time');
  }
  const { tagsSet } = buildSubscription(topic, request.subExpression, 0);
  const tags = new Set(tagsSet);
  const route = await admin.route(request.routeTopic ?? topic);
  const all = subscribeQueuesOf(topic, route);
  const queues = all.filter(
    (queue) => (brokerName === undefined || queue.brokerName === brokerName) && (queueId === undefined || queue.queueId === queueId),
  );
  if (queues.length === 0) {
    throw noQueue(request, all);
  }
  for (const queue of queues) {
    const addr = addrInRoute(route, topic, queue.brokerName);
    const { minOffset, maxOffset, from, to } = await queueRange(admin, addr, queue, span);
    yield { kind: 'queue', queue, minOffset, maxOffset };
    if (request.rangesOnly !== true) {
      const isWanted = (message: MessageView): boolean =>
        message.queueOffset < to && isInSpan(message, span) && (tags.size === 0 || (message.tags !== null && tags.has(message.tags)));
      yield* readQueue(admin, {
        addr,
        queue,
        from,
        to,
        subExpression: request.subExpression,
        isWanted,
        onUnreadable: request.onUnreadable,
      });
    }
    yield { kind: 'queueDone', queue };
  }
}

function noQueue({ topic, brokerName, queueId }: PrintRequest, all: readonly MessageQueue[]): NotFoundError {
  const which = brokerName === undefined ? '' : ` on broker ${brokerName}${queueId === undefined ? '' : ` with id ${queueId}`}`;
  const brokers = [...new Set(all.map((queue) => queue.brokerName))];
  return new NotFoundError(`topic ${topic} has no readable queue${which}`, {
    code: 'NO_READABLE_QUEUE',
    hint:
      brokerName !== undefined && brokers.length > 0 && !brokers.includes(brokerName)
        ? `brokers of the topic: ${brokers.join(', ')} (names, not addresses)`
        : `look at its queues: mqadmin topicRoute -l -t ${topic}`,
    context: { topic, brokerName, queueId },
  });
}

interface QueueRead {
  readonly addr: string;
  readonly queue: MessageQueue;
  readonly from: number;
  readonly to: number;
  readonly subExpression: string | undefined;
  readonly onUnreadable: PrintRequest['onUnreadable'];
  isWanted(message: MessageView): boolean;
}

async function* readQueue(admin: AdminClient, read: QueueRead): AsyncGenerator<PrintEvent> {
  const { addr, queue, subExpression } = read;
  let offset = read.from;
  while (offset < read.to) {
    const filter = subExpression === undefined ? {} : { subExpression };
    const pulled = await pullOnce(admin, addr, { ...queue, offset, maxNums: Math.min(PULL_MAX_NUMS, read.to - offset), ...filter });
    const { status, nextBeginOffset, unreadable } = pulled;
    if (unreadable.length > 0) {
      read.onUnreadable?.(queue, unreadable);
    }
    if (status === 'FOUND') {
      const messages = pulled.messages.filter((message) => read.isWanted(message));
      if (messages.length > 0) {
        yield { kind: 'messages', queue, messages };
      }
    } else if (status === 'NO_MATCHED_MSG') {
      yield { kind: 'noMatch', queue, status, offset: nextBeginOffset };
    } else {
      yield { kind: 'end', queue, status, offset: nextBeginOffset };
      return;
    }
    if (nextBeginOffset <= offset) {
      return;
    }
    offset = nextBeginOffset;
  }
}

import { NotFoundError, UsageError } from '../../common/errors.js';
import { allocateAveragely } from '../consumer/allocate.js';
import { compareText, type MessageQueue } from '../message-queue.js';
import { subscribeQueuesOf } from '../route-table.js';
import type { AdminClient } from './admin-client.js';

export interface AllocateQueuesResult {
  /** By client address, in the order given. */
  readonly result: Readonly<Record<string, readonly MessageQueue[]>>;
}

/** The queues of a topic that each client would own under the average strategy: clients and queues sorted, as consumers do it. */
export async function allocateQueues(
  admin: AdminClient,
  request: { topic: string; ips: readonly string[] },
): Promise<AllocateQueuesResult> {
  const { topic, ips } = request;
  if (ips.length === 0) {
    throw new UsageError('the list of client addresses is empty');
  }
  const twice = ips.find((ip, i) => ips.indexOf(ip) !== i);
  if (twice !== undefined) {
    throw new UsageError(`client address ${twice} is listed twice`);
  }
  const queues = subscribeQueuesOf(topic, await admin.route(topic));
  if (queues.length === 0) {
    throw new NotFoundError(`topic ${topic} has no readable queue`, {
      code: 'NO_READABLE_QUEUE',
      hint: `look at its permission: mqadmin topicRoute -l -t ${topic}`,
    });
  }
  const clientIds = [...ips].sort(compareText);
  const owned = (clientId: string): MessageQueue[] => allocateAveragely.allocate({ consumerGroup: '', clientId, queues, clientIds });
  return { result: Object.fromEntries(ips.map((ip) => [ip, owned(ip)])) };
}

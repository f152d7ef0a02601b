import type { MessageQueue } from '../message-queue.js';
import type { AdminClient } from './admin-client.js';
import { pullOnce } from './admin-pull.js';
import type { MessageView } from './message-view.js';

const PULL_MAX_NUMS = 32;

/** The messages of a queue from one offset to another, which is not read any more. */
export async function* readRange(
  admin: AdminClient,
  addr: string,
  queue: MessageQueue,
  range: { from: number; to: number },
): AsyncGenerator<MessageView> {
  const { topic, brokerName, queueId } = queue;
  let offset = range.from;
  while (offset < range.to) {
    const maxNums = Math.min(PULL_MAX_NUMS, range.to - offset);
    const pulled = await pullOnce(admin, addr, { topic, brokerName, queueId, offset, maxNums });
    yield* pulled.messages;
    if (pulled.nextBeginOffset <= offset) {
      return;
    }
    offset = pulled.nextBeginOffset;
  }
}

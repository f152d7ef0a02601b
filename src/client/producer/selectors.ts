import { type Random, systemRandom } from '../../common/clock.js';
import { stringHashCode } from '../../common/java.js';
import type { Message } from '../../common/message/message.js';
import type { MessageQueue } from '../message-queue.js';

/** Picks the queue of a message. Messages that must keep their order must get the same queue. */
export type MessageQueueSelector<Arg> = (queues: readonly MessageQueue[], message: Message, arg: Arg) => MessageQueue | null | undefined;

/** By the hash of the argument's text (Java's `String.hashCode`), so that equal arguments share a queue. */
export const selectByHash: MessageQueueSelector<string | number> = (queues, _message, arg) => {
  const hash = typeof arg === 'number' ? arg | 0 : stringHashCode(arg);
  return queues[Math.abs(hash % queues.length)];
};

/** Any queue. */
export function selectByRandom(random: Random = systemRandom): MessageQueueSelector<unknown> {
  return (queues) => queues[random.nextInt(queues.length)];
}

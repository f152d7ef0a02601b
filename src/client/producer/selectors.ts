import { type Random, systemRandom } from '../../common/clock.js';
import { stringHashCode } from '../../common/java.js';
import type { Message } from '../../common/message/message.js';
import { MessageConst } from '../../common/message/properties.js';
import type { MessageQueue } from '../message-queue.js';

/** Picks the queue of a message. Messages that must keep their order must get the same queue. */
export type MessageQueueSelector<Arg> = (queues: readonly MessageQueue[], message: Message, arg: Arg) => MessageQueue | null | undefined;

/** Java's `hashCode` of an argument: of a String, an Integer or a Long. */
function hashOf(arg: string | number | bigint): number {
  if (typeof arg === 'string') {
    return stringHashCode(arg);
  }
  if (typeof arg === 'number') {
    if ((arg | 0) === arg) {
      return arg;
    }
    if (!Number.isSafeInteger(arg)) {
      return stringHashCode(String(arg));
    }
  }
  const long = BigInt.asIntN(64, BigInt(arg));
  return Number(BigInt.asIntN(32, long ^ (long >> 32n)));
}

/**
 * By the hash of the argument (Java's `hashCode` of a String, an Integer, or a Long where it does not fit into an Integer), so that equal
 * arguments share a queue, and the one that Java clients choose.
 */
export const selectByHash: MessageQueueSelector<string | number | bigint> = (queues, _message, arg) =>
  queues[Math.abs(hashOf(arg) % queues.length)];

/** By the hash of the message's sharding key, the property `__SHARDINGKEY`; none without one. */
export const selectByShardingKey: MessageQueueSelector<unknown> = (queues, message) => {
  const shardingKey = message.properties?.get(MessageConst.SHARDING_KEY);
  return shardingKey === undefined ? null : queues[Math.abs(stringHashCode(shardingKey) % queues.length)];
};

/** Any queue. */
export function selectByRandom(random: Random = systemRandom): MessageQueueSelector<unknown> {
  return (queues) => queues[random.nextInt(queues.length)];
}

import type { ConsumeMessageDirectlyResult } from '../remoting/bodies/consume-stats.js';
import type { ConsumerRunningInfo } from '../remoting/bodies/running-info.js';
import type { ConsumerData } from '../remoting/bodies/subscription.js';
import type { PulledMessage } from './consumer/pulled-message.js';
import type { MessageQueue } from './message-queue.js';

/** What the shared client needs of a producer. */
export interface ProducerMember {
  readonly group: string;
  /** Topics whose routes it uses. */
  topics(): Iterable<string>;
}

/** What the shared client needs of a consumer. */
export interface ConsumerMember {
  readonly group: string;
  topics(): Iterable<string>;
  /** Its part of a heartbeat. */
  heartbeatData(): ConsumerData;
  /** Commits offsets without waiting. */
  persistOffsets(): void;
  /** Membership of the group changed: divide the queues again, now. */
  rebalanceImmediately(): void;
  /** A broker tells where to go on (220). */
  resetOffsets(topic: string, offsets: ReadonlyMap<MessageQueue, number>): Promise<void>;
  /** Offsets in memory of a topic's queues (221). */
  consumerStatus(topic: string): Map<MessageQueue, number>;
  runningInfo(jstackEnable: boolean): ConsumerRunningInfo;
  /** Gives one message to the listener, outside of consumption (309). */
  consumeDirectly(message: PulledMessage): Promise<ConsumeMessageDirectlyResult>;
}

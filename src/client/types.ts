import type { Clock, Random, Timers } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import type { RequestObserver } from '../remoting/client.js';
import type { MessageQueue } from './message-queue.js';

/** What became of a message the broker took. Everything but `SEND_OK` means: stored here, a further promise not kept in time. */
export const SendStatus = {
  SEND_OK: 'SEND_OK',
  FLUSH_DISK_TIMEOUT: 'FLUSH_DISK_TIMEOUT',
  FLUSH_SLAVE_TIMEOUT: 'FLUSH_SLAVE_TIMEOUT',
  SLAVE_NOT_AVAILABLE: 'SLAVE_NOT_AVAILABLE',
} as const;
export type SendStatus = (typeof SendStatus)[keyof typeof SendStatus];

/** The answer to a send. */
export interface SendResult {
  sendStatus: SendStatus;
  /** The client's unique id (`UNIQ_KEY`); of a batch the ids joined with `,`. */
  msgId: string;
  /** The broker's id; of a batch the ids joined with `,`. */
  offsetMsgId: string;
  messageQueue: MessageQueue;
  /** Position in the queue; of a batch the first one. */
  queueOffset: number;
  transactionId: string | undefined;
  regionId: string;
  traceOn: boolean;
  /** Only for timer messages of a 5.3 broker. */
  recallHandle: string | undefined;
}

export const PullStatus = {
  FOUND: 'FOUND',
  NO_NEW_MSG: 'NO_NEW_MSG',
  NO_MATCHED_MSG: 'NO_MATCHED_MSG',
  OFFSET_ILLEGAL: 'OFFSET_ILLEGAL',
} as const;
export type PullStatus = (typeof PullStatus)[keyof typeof PullStatus];

/** Where a group starts on a queue it has no offset for. */
export const ConsumeFromWhere = {
  CONSUME_FROM_LAST_OFFSET: 'CONSUME_FROM_LAST_OFFSET',
  CONSUME_FROM_FIRST_OFFSET: 'CONSUME_FROM_FIRST_OFFSET',
  CONSUME_FROM_TIMESTAMP: 'CONSUME_FROM_TIMESTAMP',
} as const;
export type ConsumeFromWhere = (typeof ConsumeFromWhere)[keyof typeof ConsumeFromWhere];

export const MessageModel = { CLUSTERING: 'CLUSTERING', BROADCASTING: 'BROADCASTING' } as const;
export type MessageModel = (typeof MessageModel)[keyof typeof MessageModel];

export const ConsumeType = { CONSUME_ACTIVELY: 'CONSUME_ACTIVELY', CONSUME_PASSIVELY: 'CONSUME_PASSIVELY' } as const;
export type ConsumeType = (typeof ConsumeType)[keyof typeof ConsumeType];

/** What a listener says of the messages it was given. */
export const ConsumeStatus = { CONSUME_SUCCESS: 'CONSUME_SUCCESS', RECONSUME_LATER: 'RECONSUME_LATER' } as const;
export type ConsumeStatus = (typeof ConsumeStatus)[keyof typeof ConsumeStatus];

/** What an ordered listener says. COMMIT and ROLLBACK count with `autoCommit` off: then SUCCESS only goes on to the next messages. */
export const ConsumeOrderlyStatus = {
  SUCCESS: 'SUCCESS',
  SUSPEND_CURRENT_QUEUE_A_MOMENT: 'SUSPEND_CURRENT_QUEUE_A_MOMENT',
  COMMIT: 'COMMIT',
  ROLLBACK: 'ROLLBACK',
} as const;
export type ConsumeOrderlyStatus = (typeof ConsumeOrderlyStatus)[keyof typeof ConsumeOrderlyStatus];

/** Keys for request signing (ACL). */
export interface Credentials {
  accessKey: string;
  secretKey: string;
  securityToken?: string;
}

/** Options every client has. */
export interface ClientOptions {
  /** Name servers, `host:port` separated by `;`. */
  namesrvAddr: string | readonly string[];
  /** Signs every request when given. */
  credentials?: Credentials;
  /** Second half of the client id `ip@instanceName`. Default `pid#time`, so that each client has its own. */
  instanceName?: string;
  /** First half of the client id, and the address in unique ids. Default: the first address that is not loopback. */
  clientIP?: string;
  /** Header form of requests: 0 JSON (default, as Apache's), 1 ROCKETMQ. */
  serializeType?: 0 | 1;
  /** Time-out of one TCP connect, ms. Default 3000. */
  connectTimeoutMs?: number;
  /** Time-out of requests that have none of their own, ms. Default 3000. */
  mqClientApiTimeoutMs?: number;
  /** How often routes are asked again, ms. Default 30000. */
  pollNameServerIntervalMs?: number;
  /** How often brokers get a heartbeat, ms. Default 30000; brokers forget a client after 120 s. */
  heartbeatBrokerIntervalMs?: number;
  /** How often consumers commit offsets, ms. Default 5000. */
  persistConsumerOffsetIntervalMs?: number;
  /**
   * Namespace of the second kind: names stay as they are, and every request says which namespace it means (`ns`).
   * What brokers of plain clusters make of it is nothing; proxies and clouds separate tenants by it.
   */
  namespaceV2?: string;
  /** Sends through the broker's port − 2. Default false. */
  vipChannelEnabled?: boolean;
  /**
   * Writes a trace of every message that is sent or consumed to the trace topic, for `mqadmin queryMsgTraceById`: later, many together, and
   * never at the cost of the messages themselves. Default false.
   */
  enableMsgTrace?: boolean;
  /** Where the trace goes. Default RMQ_SYS_TRACE_TOPIC, which brokers make with traceTopicEnable=true. */
  traceTopic?: string;
  /** Sees every request that goes out, and how it ends; it costs time for each. */
  observe?: RequestObserver | undefined;
  /** Where advertised addresses are reached from here: of containers, or through a tunnel. */
  addresses?: Readonly<Record<string, string>> | undefined;
  logger?: Logger;
  clock?: Clock;
  timers?: Timers;
  random?: Random;
}

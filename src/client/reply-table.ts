/* Requests of this client that wait for the reply of a consumer, and the replies that brokers push (326). */

import { randomUUID } from 'node:crypto';
import type { Clock, Timers } from '../common/clock.js';
import { decompressBody } from '../common/compression.js';
import { ConnectError, type MQError, ProtocolError } from '../common/errors.js';
import { type HostAddress, parseHostAddress } from '../common/host.js';
import { MAX_WAITING_REPLIES } from '../common/limits.js';
import { splitKeys } from '../common/message/message.js';
import { decodeProperties, MessageConst } from '../common/message/properties.js';
import { clearCompressed } from '../common/sys-flag.js';
import type { RemotingCommand } from '../remoting/command.js';
import { DeadlineTimer } from '../remoting/deadline-timer.js';
import { ReplyMessageRequestHeader, readHeader } from '../remoting/headers/index.js';

/** The reply to a request, as the broker pushed it. */
export interface ReplyMessage {
  topic: string;
  queueId: number;
  /** Inflated where it was compressed. */
  body: Buffer;
  flag: number;
  sysFlag: number;
  properties: Map<string, string>;
  tags: string | undefined;
  keys: string[];
  /** The replying client's unique id. */
  msgId: string;
  bornTimestamp: number;
  bornHost: HostAddress;
  storeTimestamp: number;
  storeHost: HostAddress;
  reconsumeTimes: number;
}

/** Gets the outcome of one request; exactly one of the two is called. */
export interface ReplyHandler {
  onReply(reply: ReplyMessage): void;
  onFailure(error: MQError): void;
}

interface WaitingRequest {
  readonly deadlineMs: number;
  readonly handler: ReplyHandler;
  /** The error when the time is over. */
  readonly expired: () => MQError;
}

/** The waiting requests of one client, by correlation id. */
export class ReplyTable {
  readonly #clock: Clock;
  readonly #deadlines: DeadlineTimer;
  readonly #waiting = new Map<string, WaitingRequest>();
  #lateReplies = 0;

  constructor(options: { clock: Clock; timers: Timers }) {
    this.#clock = options.clock;
    this.#deadlines = new DeadlineTimer(options.clock, options.timers, () => this.#expire());
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Replies that matched no waiting request. */
  get lateReplies(): number {
    return this.#lateReplies;
  }

  /**
   * Enters a request.
   * @returns its correlation id.
   * @throws ConnectError when too many wait already.
   */
  add(request: { timeoutMs: number; handler: ReplyHandler; expired: () => MQError }): string {
    if (this.#waiting.size >= MAX_WAITING_REPLIES) {
      throw new ConnectError(`${MAX_WAITING_REPLIES} requests wait for a reply already`, {
        code: 'REQUESTS_OVERLOADED',
        hint: 'send slower, or with a shorter time-out',
      });
    }
    const correlationId = randomUUID();
    const deadlineMs = this.#clock.monotonicMs() + request.timeoutMs;
    this.#waiting.set(correlationId, { deadlineMs, handler: request.handler, expired: request.expired });
    this.#deadlines.arm(deadlineMs);
    return correlationId;
  }

  /** Gives a reply to its request; false when nobody waits for it. */
  complete(reply: ReplyMessage): boolean {
    const request = this.#take(reply.properties.get(MessageConst.CORRELATION_ID) ?? '');
    if (request === undefined) {
      this.#lateReplies++;
      return false;
    }
    request.handler.onReply(reply);
    return true;
  }

  /** Ends a request that could not be sent. */
  fail(correlationId: string, error: MQError): void {
    this.#take(correlationId)?.handler.onFailure(error);
  }

  /** Fails everything that waits. */
  close(): void {
    this.#deadlines.stop();
    for (const correlationId of [...this.#waiting.keys()]) {
      this.fail(correlationId, new ConnectError('the client was closed before the reply came', { code: 'CONNECTION_CLOSED' }));
    }
  }

  #take(correlationId: string): WaitingRequest | undefined {
    const request = this.#waiting.get(correlationId);
    this.#waiting.delete(correlationId);
    return request;
  }

  #expire(): number {
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [correlationId, request] of [...this.#waiting]) {
      if (request.deadlineMs <= nowMs) {
        this.fail(correlationId, request.expired());
      } else {
        nextMs = Math.min(nextMs, request.deadlineMs);
      }
    }
    return nextMs;
  }
}

/**
 * Reads PUSH_REPLY_MESSAGE_TO_CLIENT (326).
 * @throws ProtocolError for a header or body that cannot be read.
 */
export function readReply(request: RemotingCommand, arriveTimeMs: number): ReplyMessage {
  const header = readHeader(ReplyMessageRequestHeader, request.extFields);
  const properties = decodeProperties(header.properties ?? '');
  properties.set(MessageConst.ARRIVE_TIME, String(arriveTimeMs));
  // The body is a view of the receive buffer, and a reply is kept.
  const stored = Buffer.from(request.body ?? Buffer.alloc(0));
  const body = decompressBody(stored, header.sysFlag);
  return {
    topic: header.topic,
    queueId: header.queueId,
    body,
    flag: header.flag,
    sysFlag: body === stored ? header.sysFlag : clearCompressed(header.sysFlag),
    properties,
    tags: properties.get(MessageConst.TAGS),
    keys: splitKeys(properties.get(MessageConst.KEYS)),
    msgId: properties.get(MessageConst.UNIQ_KEY) ?? '',
    bornTimestamp: header.bornTimestamp,
    bornHost: hostOf(header.bornHost),
    storeTimestamp: header.storeTimestamp,
    storeHost: hostOf(header.storeHost),
    reconsumeTimes: header.reconsumeTimes ?? 0,
  };
}

function hostOf(text: string): HostAddress {
  try {
    return parseHostAddress(text);
  } catch (cause) {
    throw new ProtocolError(`the pushed reply has the host ${text}, which is no ip:port`, { code: 'HEADER_FIELD', cause });
  }
}

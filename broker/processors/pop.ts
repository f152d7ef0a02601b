import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { PopMessageRequestHeader, readHeader } from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { isTagType, SQL92 } from '../connections/index.js';
import { MAX_SUSPEND_MS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { HeldPop, offsetInfos, type PopQuery, type PopResult } from '../pop/index.js';
import type { MessageFilter } from '../store/index.js';
import { topicNotExist } from './auto-create.js';
import { NO_FIELDS } from './fields.js';
import {
  ANSWER_AHEAD_MS,
  answerFailed,
  checkBrokerReadable,
  checkPopPlace,
  checkRetryName,
  countGiven,
  MAX_POP_MESSAGES,
  type PopFault,
  withBornTime,
} from './pop-checks.js';
import { parseTagExpressionCached } from './subscription-cache.js';

/** A pop that comes so long after its own end is not worth an answer with messages, ms. */
const MAX_LATE_MS = 500;

/** POP_MESSAGE (200050). */
export class PopProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    parts.popHolds.setResumer((held, why) => this.#resume(held, why));
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.POP_MESSAGE, (connection, request) => this.#pop(connection, request), { vip: false });
  }

  #pop(connection: Connection, request: RemotingCommand): void {
    const { clock } = this.#parts;
    const nowMs = clock.nowMs();
    const fields = request.extFields ?? NO_FIELDS;
    const header = readHeader(PopMessageRequestHeader, withBornTime(fields, nowMs));
    const waitMs = Math.min(header.pollTime, header.bornTime + header.pollTime - nowMs, MAX_SUSPEND_MS);
    const refusal =
      -(header.bornTime + header.pollTime - nowMs) > MAX_LATE_MS
        ? {
            code: ResponseCode.POLLING_TIMEOUT,
            remark: `the broker[${this.#parts.config.broker.brokerIP1}] pop message is timeout too much`,
          }
        : this.#check(connection, header);
    const filter = refusal === null ? this.#filterOf(header) : null;
    const refused = refusal ?? (filter !== null && 'code' in filter ? filter : null);
    if (refused !== null) {
      connection.respond(request, refused.code, refused.remark, { popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: '0' });
      return;
    }
    const query: PopQuery = {
      topic: header.topic,
      group: header.consumerGroup,
      queueId: Math.max(-1, header.queueId),
      maxMsgNums: Math.max(1, header.maxMsgNums),
      invisibleTime: header.invisibleTime,
      initMode: header.initMode,
      filter: filter as MessageFilter | null,
      order: header.order === true ? { attemptId: header.attemptId ?? '' } : null,
    };
    const deadlineMs = clock.monotonicMs() + waitMs - ANSWER_AHEAD_MS;
    this.#try(connection, request, query, deadlineMs);
  }

  #try(connection: Connection, request: RemotingCommand, query: PopQuery, deadlineMs: number): void {
    const { pop, popHolds, topics, clock } = this.#parts;
    if (topics.entry(query.topic) === undefined) {
      // Deleted while the pop waited.
      connection.respond(request, ResponseCode.TOPIC_NOT_EXIST, topicNotExist(query.topic));
      return;
    }
    pop.pop(query, (result) => {
      if (result.runs.length > 0) {
        this.#found(connection, request, query, result);
        return;
      }
      let code: number = ResponseCode.POLLING_TIMEOUT;
      if (deadlineMs > clock.monotonicMs() && !connection.closed) {
        const held = new HeldPop({ connection, request, query, deadlineMs });
        if (popHolds.hold(held, pop.retryTopics(query.topic, query.group))) {
          // Those that do not match are passed, a stretch of the queue at a time.
          if (result.hasSkipped) popHolds.wakeNext(query);
          return;
        }
        code = ResponseCode.POLLING_FULL;
      }
      connection.respond(request, code, 'NO_MESSAGE_IN_QUEUE', answerFields(query, result));
    });
  }

  /** Answers a pop that was held, or holds it again. Others are answered after it in the same turn, so its error ends here. */
  #resume({ connection, request, query, deadlineMs }: HeldPop, why: 'arrival' | 'deadline'): void {
    if (connection.closed) {
      // What woke it is for somebody else.
      if (why === 'arrival') this.#parts.popHolds.wakeNext(query);
      return;
    }
    try {
      this.#try(connection, request, query, why === 'deadline' ? 0 : deadlineMs);
    } catch (error) {
      answerFailed(this.#parts, { connection, request, query }, error as Error);
    }
  }

  #found(connection: Connection, request: RemotingCommand, query: PopQuery, result: PopResult): void {
    const { popHolds, clock } = this.#parts;
    countGiven(this.#parts, query.group, result.runs, Math.max(0, clock.nowMs() - result.popTime));
    const buffers = result.runs.flatMap((run) => run.buffers);
    connection.respond(request, ResponseCode.SUCCESS, 'FOUND', answerFields(query, result), buffers);
    if (result.restNum > 0) popHolds.wakeNext(query);
  }

  /** Checks in Apache's order; null when all pass. */
  #check(connection: Connection, header: PopMessageRequestHeader): PopFault | null {
    const { config } = this.#parts;
    const { brokerIP1 } = config.broker;
    const refusal = checkBrokerReadable(this.#parts, 'pop message');
    if (refusal !== null) return refusal;
    if (header.maxMsgNums > MAX_POP_MESSAGES) {
      return {
        code: ResponseCode.INVALID_PARAMETER,
        remark: `the broker[${brokerIP1}] pop message's num is greater than ${MAX_POP_MESSAGES}`,
      };
    }
    if (!config.store.timerWheelEnable) {
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: `the broker[${brokerIP1}] pop message is forbidden because timerWheelEnable is false`,
      };
    }
    return checkPopPlace(this.#parts, connection, header) ?? checkRetryName(header) ?? this.#checkInvisibleTime(header.invisibleTime);
  }

  #checkInvisibleTime(invisibleTime: number): PopFault | null {
    const maxMs = this.#parts.config.store.timerMaxDelaySec * 1000;
    if (invisibleTime > 0 && invisibleTime <= maxMs) return null;
    return { code: ResponseCode.INVALID_PARAMETER, remark: `invisibleTime ${invisibleTime} is illegal, it is from 1 to ${maxMs} ms` };
  }

  #filterOf({ topic, exp, expType }: PopMessageRequestHeader): MessageFilter | PopFault | null {
    if (exp === undefined || exp === '') return null;
    if (isTagType(expType)) {
      const subscription = parseTagExpressionCached(topic, exp);
      if (subscription !== null) return subscription.filter;
    } else if (expType === SQL92) {
      const filter = this.#parts.filters.filterOf(exp);
      if (filter !== null) return filter;
    }
    return { code: ResponseCode.SUBSCRIPTION_PARSE_FAILED, remark: "parse the consumer's subscription failed" };
  }
}

function answerFields({ invisibleTime }: PopQuery, result: PopResult): Record<string, string> {
  return {
    popTime: String(result.popTime),
    invisibleTime: String(invisibleTime),
    reviveQid: String(result.reviveQid),
    restNum: String(result.restNum),
    ...offsetInfos(result.runs),
    ...(result.orderCountInfo === undefined ? {} : { orderCountInfo: result.orderCountInfo }),
  };
}

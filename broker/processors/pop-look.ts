import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import {
  NotificationRequestHeader,
  PeekMessageRequestHeader,
  PollingInfoRequestHeader,
  readHeader,
} from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { MAX_SUSPEND_MS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { HeldPop, type PopQuery } from '../pop/index.js';
import { NO_FIELDS } from './fields.js';
import {
  ANSWER_AHEAD_MS,
  answerFailed,
  checkBrokerReadable,
  checkPopPlace,
  countGiven,
  MAX_POP_MESSAGES,
  withBornTime,
} from './pop-checks.js';
import { fault } from './respond.js';

/** PEEK_MESSAGE (200052), NOTIFICATION (200054) and POLLING_INFO (200055): they look at what a pop would find, and take nothing. */
export class PopLookProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    parts.popNotices.setResumer(({ connection, request, query, deadlineMs }, why) => {
      if (connection.closed) {
        if (why === 'arrival') parts.popNotices.wakeNext(query);
        return;
      }
      try {
        this.#tell(connection, request, query, why === 'deadline' ? 0 : deadlineMs);
      } catch (error) {
        answerFailed(parts, { connection, request, query }, error as Error);
      }
    });
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.PEEK_MESSAGE, (connection, request) => this.#peek(connection, request), { vip: false });
    server.register(RequestCode.NOTIFICATION, (connection, request) => this.#notification(connection, request), { vip: false });
    server.register(RequestCode.POLLING_INFO, (connection, request) => this.#pollingInfo(connection, request), { vip: false });
  }

  #peek(connection: Connection, request: RemotingCommand): void {
    const header = readHeader(PeekMessageRequestHeader, request.extFields ?? NO_FIELDS);
    this.#require(connection, header);
    const { topic, consumerGroup: group, queueId } = header;
    const began = this.#parts.clock.nowMs();
    const maxMsgNums = Math.min(Math.max(1, header.maxMsgNums), MAX_POP_MESSAGES);
    const { runs, restNum } = this.#parts.pop.peek({ topic, group, queueId: Math.max(-1, queueId), maxMsgNums });
    const fields = { popTime: '0', invisibleTime: '0', reviveQid: '0', restNum: String(restNum) };
    if (runs.length === 0) {
      connection.respond(request, ResponseCode.PULL_NOT_FOUND, 'NO_MESSAGE_IN_QUEUE', fields);
      return;
    }
    countGiven(this.#parts, group, runs, Math.max(0, this.#parts.clock.nowMs() - began));
    const buffers = runs.flatMap((run) => run.buffers);
    connection.respond(request, ResponseCode.SUCCESS, 'FOUND', fields, buffers);
  }

  #notification(connection: Connection, request: RemotingCommand): void {
    const { clock } = this.#parts;
    const nowMs = clock.nowMs();
    const fields = request.extFields ?? NO_FIELDS;
    const header = readHeader(NotificationRequestHeader, withBornTime(fields, nowMs));
    this.#require(connection, header);
    const waitMs = Math.min(header.pollTime, header.bornTime + header.pollTime - nowMs, MAX_SUSPEND_MS);
    const query: PopQuery = {
      ...{ topic: header.topic, group: header.consumerGroup, queueId: Math.max(-1, header.queueId) },
      ...{ maxMsgNums: 1, invisibleTime: 0, initMode: 0, filter: null },
      order: header.order === true ? { attemptId: header.attemptId ?? '' } : null,
    };
    this.#tell(connection, request, query, clock.monotonicMs() + waitMs - ANSWER_AHEAD_MS);
  }

  /** Says that there are messages, or waits for some until the deadline. */
  #tell(connection: Connection, request: RemotingCommand, query: PopQuery, deadlineMs: number): void {
    const { pop, popNotices, clock } = this.#parts;
    const hasMsg = pop.hasMessages(query);
    let pollingFull = false;
    if (!hasMsg && deadlineMs > clock.monotonicMs() && !connection.closed) {
      const held = new HeldPop({ connection, request, query, deadlineMs });
      if (popNotices.hold(held, pop.retryTopics(query.topic, query.group))) return;
      pollingFull = true;
    }
    connection.respond(request, ResponseCode.SUCCESS, null, { hasMsg: String(hasMsg), pollingFull: String(pollingFull) });
  }

  #pollingInfo(connection: Connection, request: RemotingCommand): void {
    const header = readHeader(PollingInfoRequestHeader, request.extFields ?? NO_FIELDS);
    this.#require(connection, header);
    const pollingNum = this.#parts.popHolds.countOf(header.topic, header.consumerGroup, header.queueId);
    connection.respond(request, ResponseCode.SUCCESS, null, { pollingNum: String(pollingNum) });
  }

  #require(connection: Connection, place: { topic: string; consumerGroup: string; queueId: number }): void {
    const refusal = checkBrokerReadable(this.#parts, 'peeking message') ?? checkPopPlace(this.#parts, connection, place);
    if (refusal !== null) throw fault(refusal.code, refusal.remark);
  }
}

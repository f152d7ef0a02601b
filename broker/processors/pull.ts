import { MQ_VERSION } from '../../src/common/mq-version.js';
import { PullSysFlag } from '../../src/common/sys-flag.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { FLAG_ONEWAY, OWN_LANGUAGE, type RemotingCommand, SERIALIZE_JSON } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { MAX_SUSPEND_MS } from '../limits.js';
import { HeldPull } from '../longpolling/index.js';
import type { BrokerParts } from '../parts.js';
import type { GetMessageResult, GetMessageStatus } from '../store/index.js';
import { NO_FIELDS } from './fields.js';
import { type CheckedPull, checkPull } from './pull-checks.js';
import { writePrefix } from './send-response.js';

/** Code of each outcome of a read, for a pull at an offset above 0. */
const STATUS_CODE: Readonly<Record<GetMessageStatus, number>> = {
  FOUND: ResponseCode.SUCCESS,
  NO_MATCHED_MESSAGE: ResponseCode.PULL_RETRY_IMMEDIATELY,
  MESSAGE_WAS_REMOVING: ResponseCode.PULL_RETRY_IMMEDIATELY,
  OFFSET_FOUND_NULL: ResponseCode.PULL_NOT_FOUND,
  OFFSET_OVERFLOW_ONE: ResponseCode.PULL_NOT_FOUND,
  OFFSET_OVERFLOW_BADLY: ResponseCode.PULL_OFFSET_MOVED,
  OFFSET_TOO_SMALL: ResponseCode.PULL_OFFSET_MOVED,
  NO_MATCHED_LOGIC_QUEUE: ResponseCode.PULL_OFFSET_MOVED,
  NO_MESSAGE_IN_QUEUE: ResponseCode.PULL_OFFSET_MOVED,
};

const PREFIX_BYTES = 8;
const MASTER_ID = 0;
/** Messages that a held pull's selector refused after which it is answered, so that the next pull does not read them again. */
const MAX_UNMATCHED_WHILE_HELD = 256;
/** Bodies up to this size are copied behind their header; longer ones are sent from where they are. */
const COPY_BELOW_BYTES = 64 * 1024;

/** Where an answer's numbers come from. */
interface Progress {
  nextBeginOffset: number;
  minOffset: number;
  maxOffset: number;
}

/** PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361): checks, one read of the store, and an answer or a place among the held pulls. */
export class PullProcessor {
  readonly #parts: BrokerParts;
  readonly #checked = {} as CheckedPull;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    parts.holds.setResumer((held) => this.#resume(held));
  }

  /** The VIP port has no pulls. */
  register(server: RemotingServer): void {
    server.register(RequestCode.PULL_MESSAGE, (connection, request) => this.#pull(connection, request, null), { vip: false });
    server.register(RequestCode.LITE_PULL_MESSAGE, (connection, request) => this.#pull(connection, request, null), { vip: false });
  }

  /** Answers a pull that was held. Others are answered after it in the same turn, so its error ends here. */
  #resume(held: HeldPull): void {
    const { connection, request, topic, queueId } = held;
    try {
      this.#pull(connection, request, held);
    } catch (error) {
      const { message } = error as Error;
      this.#parts.logger.error(`a held pull of ${topic}/${queueId} from ${connection.remoteAddr} failed: ${message}`, { error });
      connection.respond(request, ResponseCode.SYSTEM_ERROR, message);
    }
  }

  /** @param held set for a pull that was held already: it commits no offset, and whatever it finds is its answer */
  #pull(connection: Connection, request: RemotingCommand, held: HeldPull | null): void {
    const mayHold = held === null;
    if (!mayHold && connection.closed) return;
    const parts = this.#parts;
    const pull = this.#checked;
    const startMs = parts.clock.monotonicMs();
    const fields = request.extFields ?? NO_FIELDS;
    const fault = checkPull(parts, connection, fields, request.code === RequestCode.LITE_PULL_MESSAGE, pull);
    if (fault !== null) {
      const ext: Record<string, string> = {};
      if (fault.forbiddenType !== undefined) ext.forbiddenType = String(fault.forbiddenType);
      connection.respond(request, fault.code, fault.remark, ext);
      return;
    }
    const { topic, group, queueId } = pull;
    if (mayHold && (pull.sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0 && pull.commitOffset >= 0) {
      parts.offsets.commit(group, topic, queueId, pull.commitOffset, connection);
    }
    const reset = parts.offsets.takeReset(group, topic, queueId, pull.queueOffset, connection);
    if (reset >= 0) {
      const progress = {
        nextBeginOffset: reset,
        minOffset: parts.store.minOffset(topic, queueId),
        maxOffset: parts.store.maxOffset(topic, queueId),
      };
      this.#answer(connection, request, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_RESET', progress, pull);
      return;
    }
    // An answer in JSON up to this size is copied behind its header below, before the store is asked again.
    pull.isTransient = request.serializeType === SERIALIZE_JSON;
    const result = parts.store.getMessage(topic, queueId, pull.queueOffset, Math.max(1, pull.maxMsgNums), pull);
    if (result.status === 'FOUND') {
      this.#found(connection, request, result, pull);
      this.#count(result, pull, startMs);
      return;
    }
    const code = codeOf(result.status, pull.queueOffset);
    parts.runtime.countMiss();
    if (held !== null && result.status === 'NO_MATCHED_MESSAGE' && this.#holdAgain(held, result.nextBeginOffset)) return;
    if (code === ResponseCode.PULL_NOT_FOUND && mayHold && this.#hold(connection, request, pull)) return;
    this.#answer(connection, request, code, result.status, result, pull);
  }

  #found(connection: Connection, request: RemotingCommand, result: GetMessageResult, pull: CheckedPull): void {
    const parts = this.#parts;
    parts.offsets.setPullOffset(pull.group, pull.topic, pull.queueId, result.nextBeginOffset);
    if (request.serializeType !== SERIALIZE_JSON || result.bytes > COPY_BELOW_BYTES) {
      connection.respond(request, ResponseCode.SUCCESS, 'FOUND', this.#progressFields(result, pull, result.fromMemory), result.buffers);
      return;
    }
    if ((request.flag & FLAG_ONEWAY) !== 0) return;
    const header =
      `{"code":0,"extFields":{"suggestWhichBrokerId":"${this.#suggestedBroker(pull, result.fromMemory)}","groupSysFlag":"${pull.groupConfig.groupSysFlag}",` +
      `"nextBeginOffset":"${result.nextBeginOffset}","maxOffset":"${result.maxOffset}","minOffset":"${result.minOffset}",` +
      `"topicSysFlag":"${pull.entry.config.topicSysFlag}"},"flag":1,"language":"${OWN_LANGUAGE}","opaque":${request.opaque},` +
      `"remark":"FOUND","serializeTypeCurrentRPC":"JSON","version":${MQ_VERSION}}`;
    const headerBytes = header.length;
    const { buffer, offset } = connection.reserve(PREFIX_BYTES + headerBytes + result.bytes, request);
    writePrefix(buffer, offset, headerBytes, result.bytes);
    buffer.latin1Write(header, offset + PREFIX_BYTES);
    let at = offset + PREFIX_BYTES + headerBytes;
    for (const part of result.buffers) {
      buffer.set(part, at);
      at += part.length;
    }
  }

  #count({ messageCount, bytes }: GetMessageResult, pull: CheckedPull, startMs: number): void {
    const { stats, runtime, clock } = this.#parts;
    const topicStats = pull.entry.stats;
    const groupStats = topicStats.groups.get(pull.group) ?? stats.group(topicStats, pull.topic, pull.group);
    const latencyMs = clock.monotonicMs() - startMs;
    stats.countGetOfQueue(topicStats, groupStats, pull.queueId, messageCount, bytes, latencyMs);
    runtime.countFound(messageCount, latencyMs);
  }

  #hold(connection: Connection, request: RemotingCommand, pull: CheckedPull): boolean {
    if ((pull.sysFlag & PullSysFlag.SUSPEND) === 0 || (request.flag & FLAG_ONEWAY) !== 0) return false;
    const config = this.#parts.config.broker;
    const suspendMs = config.longPollingEnable ? Math.min(pull.suspendTimeoutMillis, MAX_SUSPEND_MS) : config.shortPollingTimeMills;
    if (suspendMs <= 0) return false;
    return this.#parts.holds.hold(
      new HeldPull({
        connection,
        request,
        topic: pull.topic,
        group: pull.group,
        queueId: pull.queueId,
        queueOffset: pull.queueOffset,
        filter: pull.filter,
        deadlineMs: this.#parts.clock.monotonicMs() + suspendMs,
      }),
    );
  }

  /** A held pull that was woken by messages its selector does not want waits on, until there are many that it would read again. */
  #holdAgain(held: HeldPull, nextBeginOffset: number): boolean {
    if (held.deadlineMs <= this.#parts.clock.monotonicMs() || nextBeginOffset - held.queueOffset >= MAX_UNMATCHED_WHILE_HELD) return false;
    return this.#parts.holds.hold(new HeldPull({ ...held, wakeOffset: nextBeginOffset }));
  }

  #answer(connection: Connection, request: RemotingCommand, code: number, remark: string, progress: Progress, pull: CheckedPull): void {
    connection.respond(request, code, remark, this.#progressFields(progress, pull, true));
  }

  /**
   * The broker that a client should pull from next: with slaveReadEnable the one that the group names for members that keep up, or for those that
   * read what is no longer in memory; else the master. A client that knows no such broker pulls from another.
   */
  #suggestedBroker({ groupConfig }: CheckedPull, keepsUp: boolean): number {
    if (!this.#parts.config.broker.slaveReadEnable) return MASTER_ID;
    return keepsUp ? groupConfig.brokerId : groupConfig.whichBrokerWhenConsumeSlowly;
  }

  #progressFields(progress: Progress, pull: CheckedPull, keepsUp: boolean): Record<string, string> {
    return {
      suggestWhichBrokerId: String(this.#suggestedBroker(pull, keepsUp)),
      groupSysFlag: String(pull.groupConfig.groupSysFlag),
      nextBeginOffset: String(progress.nextBeginOffset),
      maxOffset: String(progress.maxOffset),
      minOffset: String(progress.minOffset),
      topicSysFlag: String(pull.entry.config.topicSysFlag),
    };
  }
}

function codeOf(status: GetMessageStatus, queueOffset: number): number {
  if (queueOffset === 0 && (status === 'NO_MATCHED_LOGIC_QUEUE' || status === 'NO_MESSAGE_IN_QUEUE')) return ResponseCode.PULL_NOT_FOUND;
  return STATUS_CODE[status];
}

import { versionDesc } from '../../src/common/mq-version.js';
import { encodeResetOffsetBody, encodeResetOffsetBodyForC, type ResetOffsetTable } from '../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { bigField, booleanField, type ExtFields, NO_FIELDS, optionalInt, optionalLong, textField } from './fields.js';
import { fault } from './respond.js';

/** Clients older than this (V3_0_7_SNAPSHOT) know neither RESET_CONSUMER_CLIENT_OFFSET nor GET_CONSUMER_STATUS_FROM_CLIENT. */
export const FIRST_RESETTABLE_VERSION = 28;

const CPP = 'CPP';
/** What a pop asks for that takes from every queue. */
const ANY_QUEUE = -1;

/**
 * INVOKE_BROKER_TO_RESET_OFFSET (222). With useServerSideResetOffset the broker keeps the targets, for online and offline groups alike, and the next
 * pull of each queue is sent there; without it the online consumers are told to move themselves, as 4.x brokers do.
 */
export class ResetOffsetProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, (connection, request) => {
      const { config, holds, popHolds } = this.#parts;
      const fields = request.extFields ?? NO_FIELDS;
      const isHere = config.broker.useServerSideResetOffset;
      const table = isHere ? this.#resetHere(connection, fields) : this.#resetAtClients(request, fields);
      connection.respond(request, ResponseCode.SUCCESS, null, null, encodeResetOffsetBody(table));
      if (!isHere) return;
      const group = textField(fields, 'group');
      // A held pull or pop of an idle queue would learn of its new offset only when its time is over.
      for (const [{ topic, queueId }] of table) {
        holds.wakeGroup(topic, group, queueId);
        popHolds.wakeNext({ topic, group, queueId });
        popHolds.wakeNext({ topic, group, queueId: ANY_QUEUE });
      }
    });
  }

  #resetHere(connection: Connection, fields: ExtFields): ResetOffsetTable {
    const { topics, groups, offsets, config, logger } = this.#parts;
    const topic = textField(fields, 'topic');
    const group = textField(fields, 'group');
    if (config.store.brokerRole === 'SLAVE') throw fault(ResponseCode.SYSTEM_ERROR, 'Can not reset offset in slave broker');
    const entry = topics.entry(topic);
    if (entry === undefined) throw fault(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} does not exist`);
    if (!groups.has(group)) throw fault(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} does not exist`);
    const targets = this.#targets(topic, entry.readQueueNums, fields);
    if (targets.size === 0) throw fault(ResponseCode.SYSTEM_ERROR, `No queues to reset: topic ${topic} has no queues to read`);
    for (const [queueId, offset] of targets) offsets.assignReset(group, topic, queueId, offset);
    logger.info(`${connection.remoteAddr} reset group ${group} on topic ${topic}: ${JSON.stringify([...targets])}`);
    return this.#table(topic, targets);
  }

  /** The offset each queue goes to. An offset is meant for the queue that is named with it; all queues together go to a time. */
  #targets(topic: string, readQueueNums: number, fields: ExtFields): Map<number, number> {
    const timestamp = bigField(fields, 'timestamp');
    const queueId = optionalInt(fields, 'queueId', -1);
    const offset = optionalLong(fields, 'offset', -1);
    if (queueId < 0) return this.#targetsOfTime(topic, readQueueNums, timestamp);
    if (queueId >= readQueueNums) {
      throw fault(ResponseCode.SYSTEM_ERROR, `queueId ${queueId} is illegal: topic ${topic} has ${readQueueNums} queues to read`);
    }
    if (offset === -1) return new Map([[queueId, this.#offsetOfTime(topic, queueId, timestamp)]]);
    const { store } = this.#parts;
    const min = Math.max(0, store.minOffset(topic, queueId));
    const max = Math.max(0, store.maxOffset(topic, queueId));
    if (offset < min || offset > max + 1) {
      throw fault(ResponseCode.SYSTEM_ERROR, `Target offset ${offset} not in consume queue range [${min}-${max}] of ${topic}@${queueId}`);
    }
    return new Map([[queueId, offset]]);
  }

  #targetsOfTime(topic: string, queueNums: number, timestamp: bigint): Map<number, number> {
    const targets = new Map<number, number>();
    for (let queueId = 0; queueId < queueNums; queueId++) targets.set(queueId, this.#offsetOfTime(topic, queueId, timestamp));
    return targets;
  }

  /** A negative time is the end of the queue. */
  #offsetOfTime(topic: string, queueId: number, timestamp: bigint): number {
    const { store } = this.#parts;
    return Math.max(0, timestamp < 0n ? store.maxOffset(topic, queueId) : store.offsetByTime(topic, queueId, timestamp));
  }

  /** The members move themselves: they must be online, and without isForce a group only goes back. */
  #resetAtClients(request: RemotingCommand, fields: ExtFields): ResetOffsetTable {
    const { topics, offsets, consumers, logger } = this.#parts;
    const topic = textField(fields, 'topic');
    const group = textField(fields, 'group');
    const timestamp = bigField(fields, 'timestamp');
    const entry = topics.entry(topic);
    if (entry === undefined) {
      throw fault(ResponseCode.TOPIC_NOT_EXIST, `[reset-offset] reset offset failed, no topic in this broker. topic=${topic}`);
    }
    const targets = this.#targetsOfTime(topic, entry.writeQueueNums, timestamp);
    for (const [queueId, offset] of targets) {
      const current = offsets.query(group, topic, queueId);
      if (current < 0) throw fault(ResponseCode.SYSTEM_ERROR, `THe consumer group <${group}> not exist`);
      if (!booleanField(fields, 'isForce')) targets.set(queueId, Math.min(offset, current));
    }
    const channels = [...(consumers.group(group)?.channels.values() ?? [])];
    if (channels.length === 0) {
      throw fault(
        ResponseCode.CONSUMER_NOT_ONLINE,
        `Consumer not online, so can not reset offset, Group: ${group} Topic: ${topic} Timestamp: ${timestamp}`,
      );
    }
    const old = channels.find((channel) => channel.version < FIRST_RESETTABLE_VERSION);
    if (old !== undefined) {
      const remark = `the client does not support this feature. version=${versionDesc(old.version)}`;
      throw fault(ResponseCode.SYSTEM_ERROR, `${remark} clientId=${old.clientId}`);
    }
    const table = this.#table(topic, targets);
    const extFields = { topic, group, timestamp: String(timestamp), isForce: 'false', queueId: '-1' };
    for (const { connection, language } of channels) {
      const isC = request.language === CPP || language === CPP;
      const body = isC ? encodeResetOffsetBodyForC(table) : encodeResetOffsetBody(table);
      connection.invokeOneway({ code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET, extFields, body });
    }
    logger.info(`${channels.length} consumers of group ${group} are told their offsets on topic ${topic}: ${JSON.stringify([...targets])}`);
    return table;
  }

  #table(topic: string, targets: ReadonlyMap<number, number>): ResetOffsetTable {
    const { brokerName } = this.#parts.config.broker;
    return [...targets].map(([queueId, offset]) => [{ brokerName, queueId, topic }, offset]);
  }
}

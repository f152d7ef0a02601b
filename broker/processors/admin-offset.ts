import { stringifyFastjson } from '../../src/common/fastjson.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { booleanField, type ExtFields, longField, NO_FIELDS, optionalInt, optionalLong, textField } from './fields.js';
import { fault, type MessageQueue, respondJson, respondOk } from './respond.js';

/** Offsets for administrators and slaves: 222, 314, 308, 43, 45. */
export class AdminOffsetProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, (connection, request) => this.#reset(connection, request));
    server.register(RequestCode.CLONE_GROUP_OFFSET, (connection, request) => this.#clone(connection, request));
    server.register(RequestCode.QUERY_CORRECTION_OFFSET, (connection, request) => this.#correction(connection, request));
    server.register(RequestCode.GET_ALL_CONSUMER_OFFSET, (connection, request) => {
      respondJson(connection, request, this.#parts.offsets.toTable());
    });
    server.register(RequestCode.GET_ALL_DELAY_OFFSET, (connection, request) => {
      respondJson(connection, request, this.#parts.delay.toTable());
    });
  }

  #reset(connection: Connection, request: RemotingCommand): void {
    const { topics, groups, offsets, holds, config, logger } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    const group = textField(fields, 'group');
    const entry = topics.entry(topic);
    if (entry === undefined) throw fault(ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} does not exist`);
    if (!groups.has(group)) throw fault(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} does not exist`);
    const targets = this.#targets(topic, entry.readQueueNums, fields);
    if (!config.broker.useServerSideResetOffset) {
      this.#resetAtClients(connection, request, { topic, group, targets, fields });
      return;
    }
    for (const [queueId, offset] of targets) offsets.assignReset(group, topic, queueId, offset);
    logger.info(`${connection.remoteAddr} reset group ${group} on topic ${topic}: ${JSON.stringify([...targets])}`);
    respondJson(connection, request, { offsetTable: this.#queueTable(topic, targets) });
    // A held pull of an idle queue would learn of its new offset only when its time is over.
    for (const queueId of targets.keys()) holds.wakeGroup(topic, group, queueId);
  }

  /** The offset each queue goes to. */
  #targets(topic: string, readQueueNums: number, fields: ExtFields): Map<number, number> {
    const { store } = this.#parts;
    const timestamp = longField(fields, 'timestamp');
    const onlyQueue = optionalInt(fields, 'queueId', -1);
    const asked = optionalLong(fields, 'offset', -1);
    if (onlyQueue >= readQueueNums) {
      throw fault(ResponseCode.SYSTEM_ERROR, `queueId ${onlyQueue} is illegal: topic ${topic} has ${readQueueNums} queues to read`);
    }
    const targets = new Map<number, number>();
    const first = Math.max(0, onlyQueue);
    const end = onlyQueue < 0 ? readQueueNums : onlyQueue + 1;
    for (let queueId = first; queueId < end; queueId++) {
      const min = Math.max(0, store.minOffset(topic, queueId));
      const max = Math.max(0, store.maxOffset(topic, queueId));
      if (asked >= 0) {
        if (asked < min || asked > max + 1) {
          throw fault(
            ResponseCode.SYSTEM_ERROR,
            `Target offset ${asked} not in consume queue range [${min}-${max}] of ${topic}@${queueId}`,
          );
        }
        targets.set(queueId, asked);
      } else {
        targets.set(queueId, timestamp < 0 ? max : Math.max(0, store.offsetByTime(topic, queueId, timestamp)));
      }
    }
    return targets;
  }

  /** useServerSideResetOffset=false, as 4.9: the consumers are told, and must be online. */
  #resetAtClients(
    connection: Connection,
    request: RemotingCommand,
    reset: { topic: string; group: string; targets: Map<number, number>; fields: ExtFields },
  ): void {
    const { topic, group, targets, fields } = reset;
    const isForce = booleanField(fields, 'isForce');
    for (const [queueId, offset] of targets) {
      const current = this.#parts.offsets.query(group, topic, queueId);
      if (current < 0)
        throw fault(ResponseCode.SYSTEM_ERROR, `THe consumer group <${group}> not exist: it has no offset for ${topic}@${queueId}`);
      if (!isForce) targets.set(queueId, Math.min(offset, current));
    }
    const info = this.#parts.consumers.group(group);
    if (info === undefined) {
      throw fault(
        ResponseCode.CONSUMER_NOT_ONLINE,
        `Consumer not online, so can not reset offset, Group: ${group} Topic: ${topic} Timestamp: ${fields.timestamp}`,
      );
    }
    const { brokerName } = this.#parts.config.broker;
    const asList = [...targets].map(([queueId, offset]) => ({ brokerName, offset, queueId, topic }));
    const body = Buffer.from(stringifyFastjson({ offsetTable: this.#queueTable(topic, targets) }));
    const bodyOfC = Buffer.from(stringifyFastjson({ offsetTable: asList }));
    const extFields = { topic, group, timestamp: fields.timestamp ?? '0', isForce: String(isForce), queueId: '-1' };
    for (const channel of info.channels.values()) {
      channel.connection.invokeOneway({
        code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
        extFields,
        body: request.language === 'CPP' || channel.language === 'CPP' ? bodyOfC : body,
      });
    }
    connection.respond(request, ResponseCode.SUCCESS, null, null, body);
  }

  #queueTable(topic: string, targets: ReadonlyMap<number, number>): Map<MessageQueue, number> {
    const { brokerName } = this.#parts.config.broker;
    return new Map([...targets].map(([queueId, offset]) => [{ brokerName, queueId, topic }, offset]));
  }

  #clone(connection: Connection, request: RemotingCommand): void {
    const { offsets, topics, consumers } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const source = textField(fields, 'srcGroup');
    const target = textField(fields, 'destGroup');
    const sourceTopics = fields.topic === undefined || fields.topic === '' ? offsets.topicsOf(source) : [fields.topic];
    const info = consumers.group(source);
    for (const topic of sourceTopics) {
      if (topics.entry(topic) === undefined) continue;
      if (!booleanField(fields, 'offline') && info !== undefined && !info.subscriptions.has(topic)) continue;
      offsets.cloneOffsets(source, target, topic);
    }
    respondOk(connection, request);
  }

  #correction(connection: Connection, request: RemotingCommand): void {
    const { offsets, store } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    for (const group of (fields.filterGroups ?? '').split(',').filter((name) => name !== '')) offsets.removeGroup(group);
    const correctionOffsets = new Map<number, number>();
    for (const group of offsets.groupsOf(topic)) {
      for (const [queueId, offset] of offsets.queues(group, topic)) {
        if (offset < store.minOffset(topic, queueId)) continue;
        correctionOffsets.set(queueId, Math.min(offset, correctionOffsets.get(queueId) ?? offset));
      }
    }
    const compared = fields.compareGroup === undefined ? new Map<number, number>() : offsets.queues(fields.compareGroup, topic);
    for (const [queueId, offset] of compared) {
      const corrected = correctionOffsets.get(queueId);
      correctionOffsets.set(queueId, corrected !== undefined && corrected > offset ? Number.MAX_SAFE_INTEGER : (corrected ?? offset));
    }
    respondJson(connection, request, { correctionOffsets });
  }
}

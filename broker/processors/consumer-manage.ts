import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { MAX_QUEUES_PER_TOPIC } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { bigField, booleanField, type ExtFields, intField, NO_FIELDS, optionalInt, optionalLong, textField } from './fields.js';
import { fault, respondFields, respondJson } from './respond.js';

/** Offsets and members of groups: 14, 15, 38, and the offsets of queues: 29, 30, 31, 32. */
export class ConsumerManageProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    const add = (code: number, handle: (connection: Connection, request: RemotingCommand, fields: ExtFields) => void): void =>
      server.register(code, (connection, request) => handle(connection, request, request.extFields ?? NO_FIELDS));
    add(RequestCode.QUERY_CONSUMER_OFFSET, (connection, request, fields) => this.#queryOffset(connection, request, fields));
    add(RequestCode.UPDATE_CONSUMER_OFFSET, (connection, request, fields) => this.#updateOffset(connection, request, fields));
    add(RequestCode.GET_CONSUMER_LIST_BY_GROUP, (connection, request, fields) => this.#consumerList(connection, request, fields));
    add(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, (connection, request, fields) => this.#searchOffset(connection, request, fields));
    add(RequestCode.GET_MAX_OFFSET, (connection, request, fields) => {
      const offset = this.#parts.store.maxOffset(textField(fields, 'topic'), intField(fields, 'queueId'));
      respondFields(connection, request, { offset: String(Math.max(0, offset)) });
    });
    add(RequestCode.GET_MIN_OFFSET, (connection, request, fields) => {
      const offset = this.#parts.store.minOffset(textField(fields, 'topic'), intField(fields, 'queueId'));
      connection.respond(request, ResponseCode.SUCCESS, '', { offset: String(Math.max(0, offset)) });
    });
    add(RequestCode.GET_EARLIEST_MSG_STORETIME, (connection, request, fields) => {
      const timestamp = this.#parts.store.earliestMessageTime(textField(fields, 'topic'), intField(fields, 'queueId'));
      respondFields(connection, request, { timestamp: String(timestamp) });
    });
  }

  #queryOffset(connection: Connection, request: RemotingCommand, fields: ExtFields): void {
    const group = textField(fields, 'consumerGroup');
    const topic = textField(fields, 'topic');
    const queueId = intField(fields, 'queueId');
    const stored = this.#parts.offsets.query(group, topic, queueId);
    this.#parts.offsets.tellReset(group, topic, queueId, connection);
    if (stored >= 0) {
      respondFields(connection, request, { offset: String(stored) });
    } else if (fields.setZeroIfNotFound !== undefined && !booleanField(fields, 'setZeroIfNotFound')) {
      connection.respond(request, ResponseCode.QUERY_NOT_FOUND, 'Not found, do not set to zero, maybe this group boot first', {});
    } else if (this.#startsAtZero(topic, queueId)) {
      respondFields(connection, request, { offset: '0' });
    } else {
      connection.respond(request, ResponseCode.QUERY_NOT_FOUND, 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first', {});
    }
  }

  /** A new group starts at 0 where the queue still has its first message, and that message is in memory. */
  #startsAtZero(topic: string, queueId: number): boolean {
    const { store } = this.#parts;
    if (store.minOffset(topic, queueId) > 0) return false;
    const first = store.getMessage(topic, queueId, 0, 1);
    return first.status === 'FOUND' && first.fromMemory;
  }

  #updateOffset(connection: Connection, request: RemotingCommand, fields: ExtFields): void {
    const { groups, topics, offsets } = this.#parts;
    const group = textField(fields, 'consumerGroup');
    const topic = textField(fields, 'topic');
    const queueId = optionalInt(fields, 'queueId', -1);
    const offset = optionalLong(fields, 'commitOffset', -1);
    if (!groups.has(group)) {
      connection.respond(request, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `Group ${group} not exist!`, {});
    } else if (topics.entry(topic) === undefined) {
      connection.respond(request, ResponseCode.TOPIC_NOT_EXIST, `Topic ${topic} not exist!`, {});
    } else if (fields.queueId === undefined) {
      connection.respond(request, ResponseCode.INVALID_PARAMETER, `QueueId is null, topic is ${topic}`, {});
    } else if (fields.commitOffset === undefined) {
      connection.respond(request, ResponseCode.INVALID_PARAMETER, `Offset is null, topic is ${topic}`, {});
    } else if (offset < 0 || queueId < 0 || queueId >= MAX_QUEUES_PER_TOPIC) {
      connection.respond(request, ResponseCode.INVALID_PARAMETER, `QueueId ${queueId} or offset ${offset} is illegal`, {});
    } else {
      const isTaken = offsets.commit(group, topic, queueId, offset, connection);
      connection.respond(request, ResponseCode.SUCCESS, isTaken ? null : 'Offset has been previously reset', {});
    }
  }

  #consumerList(connection: Connection, request: RemotingCommand, fields: ExtFields): void {
    const group = textField(fields, 'consumerGroup');
    const info = this.#parts.consumers.group(group);
    if (info === undefined) {
      connection.respond(request, ResponseCode.SYSTEM_ERROR, `no consumer for this group, ${group}`, {});
      return;
    }
    respondJson(connection, request, { consumerIdList: [...new Set([...info.channels.values()].map((channel) => channel.clientId))] }, {});
  }

  #searchOffset(connection: Connection, request: RemotingCommand, fields: ExtFields): void {
    const boundary = (fields.boundaryType ?? 'LOWER').toUpperCase();
    if (boundary !== 'LOWER' && boundary !== 'UPPER') {
      throw fault(ResponseCode.INVALID_PARAMETER, `boundaryType ${boundary} is not known; LOWER and UPPER are`);
    }
    const topic = textField(fields, 'topic');
    const offset = this.#parts.store.offsetByTime(topic, intField(fields, 'queueId'), bigField(fields, 'timestamp'), boundary);
    respondFields(connection, request, { offset: String(Math.max(0, offset)) });
  }
}

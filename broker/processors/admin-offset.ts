import { encodeCorrectionOffsets } from '../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { booleanField, NO_FIELDS, textField } from './fields.js';
import { respondJson, respondOk } from './respond.js';

const LONG_MAX = 9_223_372_036_854_775_807n;

/** Offsets for administrators and slaves: 314, 308, 43, 45. */
export class AdminOffsetProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.CLONE_GROUP_OFFSET, (connection, request) => this.#clone(connection, request));
    server.register(RequestCode.QUERY_CORRECTION_OFFSET, (connection, request) => this.#correction(connection, request));
    server.register(RequestCode.GET_ALL_CONSUMER_OFFSET, (connection, request) => {
      respondJson(connection, request, this.#parts.offsets.toTable());
    });
    server.register(RequestCode.GET_ALL_DELAY_OFFSET, (connection, request) => {
      respondJson(connection, request, this.#parts.delay.toTable());
    });
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
      const { size = 0 } = info?.subscriptions ?? {};
      if (!booleanField(fields, 'offline') && size > 0 && info?.subscriptions.has(topic) !== true) continue;
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
    // Queues where the compared group is behind what is still there, and so behind the others, get the largest long.
    const body = new Map<number, number | bigint>(correctionOffsets);
    const compared = fields.compareGroup === undefined ? new Map<number, number>() : offsets.queues(fields.compareGroup, topic);
    for (const [queueId, offset] of compared) {
      const corrected = correctionOffsets.get(queueId);
      body.set(queueId, corrected !== undefined && corrected > offset ? LONG_MAX : (corrected ?? offset));
    }
    connection.respond(request, ResponseCode.SUCCESS, null, null, encodeCorrectionOffsets(body));
  }
}

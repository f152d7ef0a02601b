import { parseFastjsonObject } from '../../src/common/fastjson.js';
import { decodePopReceipt, storedTopicOf } from '../../src/common/pop.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { AckMessageRequestHeader, ChangeInvisibleTimeRequestHeader, readHeader } from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { asArray, asNumber, asObject, asText } from '../json.js';
import type { BrokerParts } from '../parts.js';
import { POP_ORDER_REVIVE_QUEUE, type Written } from '../pop/index.js';
import { topicNotExist } from './auto-create.js';
import { fault, respondFields, respondOk } from './respond.js';

/** Acknowledgements that one BATCH_ACK_MESSAGE may hold. */
const MAX_BATCH_ENTRIES = 1024;
/** Bits looked at in one entry of a batch: no check point spans more. */
const MAX_BATCH_BITS = 65_536;

/** ACK_MESSAGE (200051), BATCH_ACK_MESSAGE (200151), CHANGE_MESSAGE_INVISIBLETIME (200053). */
export class PopAckProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.ACK_MESSAGE, (connection, request) => this.#ack(connection, request));
    server.register(RequestCode.BATCH_ACK_MESSAGE, (connection, request) => this.#batchAck(connection, request));
    server.register(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, (connection, request) => this.#change(connection, request));
  }

  /** Answered when the acknowledgement is as safe as a send would be. Repeated and late ones succeed and change nothing. */
  #ack(connection: Connection, request: RemotingCommand): void {
    const header = readHeader(AckMessageRequestHeader, request.extFields);
    const { topic, consumerGroup: group, queueId, offset } = header;
    const { min, max } = this.#bounds(connection, topic, queueId);
    if (offset < min || offset > max) {
      throw fault(ResponseCode.NO_MESSAGE, `offset is illegal, key:${topic}@${queueId}, commit:${offset}, store:${min}~${max}`);
    }
    const receipt = decodePopReceipt(header.extraInfo);
    if (receipt.reviveQid === POP_ORDER_REVIVE_QUEUE) {
      const problem = this.#parts.pop.ordered.acknowledge({ topic, group, queueId }, offset, receipt.popTime);
      if (problem !== null) throw fault(ResponseCode.MESSAGE_ILLEGAL, problem);
      respondOk(connection, request);
      return;
    }
    const { startOffset, popTime, invisibleTime, brokerName } = receipt;
    const reviveQid = this.#reviveQueue(receipt.reviveQid);
    const ack = { topic, group, queueId, startOffset, popTime, brokerName, offsets: [offset] };
    this.#parts.pop.ack(ack, { invisibleTime, reviveQid, kind: 'single' }, ({ code, remark }) => connection.respond(request, code, remark));
  }

  #batchAck(connection: Connection, request: RemotingCommand): void {
    const body =
      request.body === null || request.body.length === 0 ? null : parseFastjsonObject(request.body, 'the batch of acknowledgements');
    const acks = asArray(body?.acks)
      .slice(0, MAX_BATCH_ENTRIES)
      .map((entry) => this.#batchEntry(asObject(entry) ?? {}, asText(body?.brokerName, '')));
    if (acks.length === 0) throw fault(ResponseCode.NO_MESSAGE, 'the batch holds no acknowledgement');
    let waiting = 1;
    let worst: Pick<Written, 'code' | 'remark'> = { code: ResponseCode.SUCCESS, remark: null };
    const done = (written: Pick<Written, 'code' | 'remark'>): void => {
      if (written.code !== ResponseCode.SUCCESS) worst = written;
      waiting--;
      if (waiting === 0) connection.respond(request, worst.code, worst.remark);
    };
    for (const { ack, ...options } of acks) {
      if (ack.offsets.length === 0) continue;
      waiting++;
      this.#parts.pop.ack(ack, { ...options, kind: 'batch' }, done);
    }
    done(worst);
  }

  #batchEntry(fields: Record<string, unknown>, brokerName: string) {
    const { store } = this.#parts;
    const group = asText(fields.c, '');
    const topic = storedTopicOf(asText(fields.t, ''), group, asText(fields.r, '0'));
    const queueId = asNumber(fields.q, 0);
    const startOffset = asNumber(fields.so, 0);
    const min = store.minOffset(topic, queueId);
    const max = store.maxOffset(topic, queueId);
    const offsets = bitsOf(asText(fields.b, ''))
      .map((bit) => startOffset + bit)
      .filter((offset) => offset >= min && offset <= max);
    const popTime = asNumber(fields.pt, 0);
    const ack = { topic, group, queueId, startOffset, popTime, brokerName, offsets };
    if (asNumber(fields.rq, -1) === POP_ORDER_REVIVE_QUEUE) {
      for (const offset of offsets) this.#parts.pop.ordered.acknowledge({ topic, group, queueId }, offset, popTime);
      return { ack: { ...ack, offsets: [] }, invisibleTime: 0, reviveQid: 0 };
    }
    const reviveQid = this.#reviveQueue(asNumber(fields.rq, -1));
    return { ack, invisibleTime: asNumber(fields.it, 0), reviveQid };
  }

  /** Answered when the new check point and the end of the old one are stored. */
  #change(connection: Connection, request: RemotingCommand): void {
    const header = readHeader(ChangeInvisibleTimeRequestHeader, request.extFields);
    const { topic, consumerGroup: group, queueId, offset, invisibleTime } = header;
    const { min, max } = this.#bounds(connection, topic, queueId);
    if (offset < min || offset >= max) {
      throw fault(ResponseCode.NO_MESSAGE, `offset is illegal, key:${topic}@${queueId}, change:${offset}, store:${min}~${max}`);
    }
    const maxMs = this.#parts.config.store.timerMaxDelaySec * 1000;
    if (invisibleTime < 0 || invisibleTime > maxMs) {
      throw fault(ResponseCode.INVALID_PARAMETER, `invisibleTime ${invisibleTime} is illegal, it is from 0 to ${maxMs} ms`);
    }
    const receipt = decodePopReceipt(header.extraInfo);
    if (receipt.reviveQid === POP_ORDER_REVIVE_QUEUE) {
      const message = { offset, popTime: receipt.popTime, invisibleTime };
      this.#answerOrdered(
        connection,
        request,
        receipt.popTime,
        this.#parts.pop.ordered.changeInvisibleTime({ topic, group, queueId }, message),
      );
      return;
    }
    const { startOffset, popTime, invisibleTime: oldInvisibleTime, brokerName } = receipt;
    const reviveQid = this.#reviveQueue(receipt.reviveQid);
    const ack = { topic, group, queueId, startOffset, popTime, brokerName, offsets: [offset] };
    this.#parts.pop.changeInvisibleTime(ack, { oldInvisibleTime, invisibleTime, reviveQid }, ({ isStored, code, remark }, newPopTime) => {
      if (!isStored) connection.respond(request, ResponseCode.SYSTEM_ERROR, `${remark ?? ''} (${code})`);
      else {
        const fields = { popTime: String(newPopTime), invisibleTime: String(invisibleTime), reviveQid: String(reviveQid) };
        connection.respond(request, ResponseCode.SUCCESS, null, fields);
      }
    });
  }

  /** A message that is acknowledged already has no new time. */
  #answerOrdered(connection: Connection, request: RemotingCommand, popTime: number, visibleAtMs: number | null): void {
    const [pop, invisible, reviveQid] = visibleAtMs === null ? [0, 0, 0] : [popTime, visibleAtMs - popTime, POP_ORDER_REVIVE_QUEUE];
    respondFields(connection, request, { popTime: String(pop), invisibleTime: String(invisible), reviveQid: String(reviveQid) });
  }

  #bounds(connection: Connection, topic: string, queueId: number): { min: number; max: number } {
    const { topics, store } = this.#parts;
    const entry = topics.entry(topic);
    if (entry === undefined) throw fault(ResponseCode.TOPIC_NOT_EXIST, topicNotExist(topic));
    if (queueId < 0 || queueId >= entry.readQueueNums) {
      throw fault(
        ResponseCode.MESSAGE_ILLEGAL,
        `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${entry.readQueueNums}] consumer:[/${connection.remoteAddr}]`,
      );
    }
    return { min: store.minOffset(topic, queueId), max: store.maxOffset(topic, queueId) };
  }

  #reviveQueue(reviveQid: number): number {
    if (this.#parts.pop.isReviveQueue(reviveQid)) return reviveQid;
    throw fault(ResponseCode.MESSAGE_ILLEGAL, `the receipt names the revive queue ${reviveQid}, which this broker does not have`);
  }
}

/** Set bits of a base64 text, least significant first. */
function bitsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  const bits: number[] = [];
  const end = Math.min(bytes.length * 8, MAX_BATCH_BITS);
  for (let bit = 0; bit < end; bit++) if ((bytes[bit >> 3]! & (1 << (bit & 7))) !== 0) bits.push(bit);
  return bits;
}

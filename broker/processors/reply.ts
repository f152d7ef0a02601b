import { MQError } from '../../src/common/errors.js';
import { stringHashCode } from '../../src/common/java.js';
import { encodeOffsetMsgId } from '../../src/common/message/message-id.js';
import { appendProperty, getProperty, MessageConst, removeProperty } from '../../src/common/message/properties.js';
import { RECORD_OVERHEAD_BYTES } from '../../src/common/message/record.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import { ReplyMessageRequestHeader, readSendHeader, type SendMessageRequestHeader, writeHeader } from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { CLIENT_CALL_TIMEOUT_MS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import type { PutMessage, PutStatus } from '../store/index.js';
import { describeTopic, type TopicEntry } from '../topics/index.js';
import { createTopicForSend } from './auto-create.js';
import { isStored } from './put-status.js';
import { fault } from './respond.js';
import { topicRefusal } from './topic-refusal.js';

/** A reply on its way through the broker. */
interface Reply {
  readonly header: SendMessageRequestHeader;
  readonly entry: TopicEntry;
  readonly queueId: number;
  readonly properties: string;
  readonly body: Buffer;
}

/**
 * SEND_REPLY_MESSAGE (324) and SEND_REPLY_MESSAGE_V2 (325): the reply is pushed to the client that waits for it (326), and then stored in
 * its topic when storeReplyMessageEnable says so, whether the push succeeded or not. The answer is that of the push.
 */
export class ReplyProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.SEND_REPLY_MESSAGE, (connection, request) => this.#process(connection, request));
    server.register(RequestCode.SEND_REPLY_MESSAGE_V2, (connection, request) => this.#process(connection, request));
  }

  async #process(connection: Connection, request: RemotingCommand): Promise<void> {
    const { regionId, traceOn, storeReplyMessageEnable } = this.#parts.config.broker;
    const answer: Record<string, string> = { MSG_REGION: regionId, TRACE_ON: String(traceOn) };
    let reply: Reply;
    try {
      reply = this.#read(connection, request);
    } catch (error) {
      if (!(error instanceof MQError) || typeof error.context.responseCode !== 'number') throw error;
      connection.respond(request, error.context.responseCode, error.message, answer);
      return;
    }
    const problem = await this.#push(connection, reply);
    if (problem === null) {
      // What a client finds when the reply is not stored.
      Object.assign(answer, { msgId: '0', queueId: String(reply.queueId), queueOffset: '0' });
    }
    if (storeReplyMessageEnable) Object.assign(answer, await this.#store(connection, reply));
    connection.respond(request, problem === null ? ResponseCode.SUCCESS : ResponseCode.SYSTEM_ERROR, problem, answer);
  }

  /** The checks of a send, up to the queue. Throws with the code of the answer. */
  #read(connection: Connection, request: RemotingCommand): Reply {
    const { topics, random, config } = this.#parts;
    const header = readSendHeader(request.code, request.extFields);
    const known = topics.entry(header.topic);
    const refusal = topicRefusal(this.#parts, header.topic, known);
    if (refusal !== null) throw fault(refusal.code, refusal.remark);
    const { topic, defaultTopic, defaultTopicQueueNums, queueId } = header;
    const send = { topic, defaultTopic, defaultTopicQueueNums, clientAddr: connection.remoteAddr };
    const entry = known ?? createTopicForSend(this.#parts, send);
    if ('remark' in entry) throw fault(entry.code, entry.remark);
    if (queueId >= entry.queueIdBound) {
      const remark = `request queueId[${queueId}] is illegal, ${describeTopic(entry.config)} Producer: ${connection.remoteAddr}`;
      throw fault(ResponseCode.INVALID_PARAMETER, remark);
    }
    if (request.body === null || request.body.length === 0) {
      throw fault(ResponseCode.MESSAGE_ILLEGAL, `reply to topic[${topic}] has no body`);
    }
    const { regionId, traceOn } = config.broker;
    const sent = removeProperty(removeProperty(header.properties ?? '', MessageConst.MSG_REGION), MessageConst.TRACE_ON);
    const properties = appendProperty(sent, MessageConst.MSG_REGION, regionId);
    return {
      header,
      entry,
      queueId: queueId < 0 ? random.nextInt(Math.max(1, entry.writeQueueNums)) : queueId,
      properties: appendProperty(properties, MessageConst.TRACE_ON, String(traceOn)),
      // A view of the receive buffer, and the push may take its time.
      body: Buffer.from(request.body),
    };
  }

  /** Gives the reply to the client that waits for it; says what went wrong, null when it has it. */
  async #push(connection: Connection, reply: Reply): Promise<string | null> {
    const clientId = getProperty(reply.properties, MessageConst.REPLY_TO_CLIENT);
    if (clientId === undefined) return 'REPLY_TO_CLIENT is null, can not reply message';
    const client = this.#parts.producers.findClient(clientId);
    if (client === undefined) return `push reply message fail, channel of <${clientId}> not found.`;
    const request = { code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, extFields: this.#pushFields(connection, reply), body: reply.body };
    try {
      const answer = await client.connection.invoke(request, CLIENT_CALL_TIMEOUT_MS);
      if (answer.code === ResponseCode.SUCCESS) return null;
      return `push reply message to ${clientId} fail: it answered code ${answer.code} ${answer.remark ?? ''}`.trimEnd();
    } catch (error) {
      if (!(error instanceof MQError)) throw error;
      return `push reply message to ${clientId} fail: ${error.message}`;
    }
  }

  #pushFields(connection: Connection, { header, queueId, properties }: Reply): Record<string, string> {
    const now = this.#parts.clock.nowMs();
    return writeHeader(ReplyMessageRequestHeader, {
      producerGroup: header.producerGroup,
      topic: header.topic,
      defaultTopic: header.defaultTopic,
      defaultTopicQueueNums: header.defaultTopicQueueNums,
      queueId,
      sysFlag: header.sysFlag,
      bornTimestamp: header.bornTimestamp,
      flag: header.flag,
      properties: appendProperty(properties, MessageConst.PUSH_REPLY_TIME, String(now)),
      reconsumeTimes: header.reconsumeTimes ?? 0,
      unitMode: header.unitMode ?? false,
      bornHost: connection.remoteAddr,
      storeHost: this.#parts.brokerAddr,
      storeTimestamp: now,
    });
  }

  /** Stores the reply in its topic; the fields that say where it is, none when it could not be stored. */
  async #store(connection: Connection, reply: Reply): Promise<Record<string, string>> {
    const { store, stats, storeHost, logger } = this.#parts;
    const { header, entry, queueId, properties, body } = reply;
    const tags = getProperty(properties, MessageConst.TAGS);
    const put: PutMessage = {
      topic: header.topic,
      queueId,
      flag: header.flag,
      sysFlag: header.sysFlag,
      bornTimestamp: header.bornTimestamp,
      bornHost: connection.remoteHost,
      storeHost,
      reconsumeTimes: header.reconsumeTimes ?? 0,
      preparedTransactionOffset: 0,
      body,
      properties,
      tagsCode: tags === undefined ? 0 : stringHashCode(tags),
      waitStoreMsgOK: getProperty(properties, MessageConst.WAIT) !== 'false',
      queueOffset: 0,
      commitLogOffset: 0,
      storeTimestamp: 0,
      context: null,
    };
    const status = await new Promise<PutStatus>((resolve) => {
      store.put(put, { onPut: (_message, outcome) => resolve(outcome) });
      // The put may come after the turn of its request, behind the client's answer to the push.
      this.#parts.flushTurn();
    });
    if (!isStored(status)) {
      logger.warn(`a reply could not be stored in topic ${header.topic}: ${status}`);
      return {};
    }
    stats.countPut(entry.stats, 1, body.length + properties.length + header.topic.length + RECORD_OVERHEAD_BYTES);
    const msgId = encodeOffsetMsgId(storeHost, put.commitLogOffset);
    return { msgId, queueId: String(queueId), queueOffset: String(put.queueOffset) };
  }
}

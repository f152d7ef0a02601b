import { TimeoutError } from '../../src/common/errors.js';
import { decodeOffsetMsgId } from '../../src/common/message/message-id.js';
import { versionDesc } from '../../src/common/mq-version.js';
import { decodeConsumerStatusBody, encodeConsumerStatusBody, type ResetOffsetTable } from '../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import type { ClientChannel } from '../connections/index.js';
import { CLIENT_CALL_TIMEOUT_MS, STATUS_CALL_TIMEOUT_MS } from '../limits.js';
import type { BrokerParts } from '../parts.js';
import { NO_FIELDS, textField } from './fields.js';
import { FIRST_RESETTABLE_VERSION } from './reset-offset.js';
import { fault, respondJson } from './respond.js';

/** Clients older than this do not answer the broker's requests. */
const FIRST_CALLABLE_VERSION = 62;

/** Who is connected, for administrators: 203, 204, 328, 300, 343, 345, and the requests that clients answer: 223, 307, 309. */
export class AdminConnectionProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.GET_CONSUMER_CONNECTION_LIST, (connection, request) => this.#consumers(connection, request));
    server.register(RequestCode.GET_PRODUCER_CONNECTION_LIST, (connection, request) => this.#producers(connection, request));
    server.register(RequestCode.GET_ALL_PRODUCER_INFO, (connection, request) => this.#allProducers(connection, request));
    server.register(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, (connection, request) => this.#consumedBy(connection, request));
    server.register(RequestCode.QUERY_TOPICS_BY_CONSUMER, (connection, request) => this.#topicsOf(connection, request));
    server.register(RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER, (connection, request) => this.#subscriptionOf(connection, request));
    server.register(RequestCode.GET_CONSUMER_RUNNING_INFO, (connection, request) => this.#runningInfo(connection, request));
    server.register(RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, (connection, request) => this.#consumerStatus(connection, request));
    server.register(RequestCode.CONSUME_MESSAGE_DIRECTLY, (connection, request) => this.#consumeDirectly(connection, request));
  }

  #consumers(connection: Connection, request: RemotingCommand): void {
    const group = textField(request.extFields ?? NO_FIELDS, 'consumerGroup');
    const info = this.#parts.consumers.group(group);
    if (info === undefined) throw fault(ResponseCode.CONSUMER_NOT_ONLINE, `the consumer group[${group}] not online`);
    const differences = this.#parts.consumers.differences(group);
    respondJson(connection, request, {
      connectionSet: [...info.channels.values()].map(connectionOf),
      consumeFromWhere: info.consumeFromWhere,
      consumeType: info.consumeType,
      messageModel: info.messageModel,
      // Beyond Apache's answer, for mqadmin; other readers skip what they do not know.
      ...(differences.length === 0 ? {} : { subscriptionDifferences: differences }),
      subscriptionTable: Object.fromEntries([...info.subscriptions].map(([topic, { data }]) => [topic, data])),
    });
  }

  #producers(connection: Connection, request: RemotingCommand): void {
    const group = textField(request.extFields ?? NO_FIELDS, 'producerGroup');
    const channels = this.#parts.producers.channels(group);
    if (channels === undefined) throw fault(ResponseCode.SYSTEM_ERROR, `the producer group[${group}] not exist`);
    respondJson(connection, request, { connectionSet: [...channels.values()].map(connectionOf) });
  }

  #allProducers(connection: Connection, request: RemotingCommand): void {
    const groups = [...this.#parts.producers.groups()].map(([group, channels]) => [
      group,
      [...channels.values()].map(({ clientId, language, lastUpdateMs, version, connection: from }) => ({
        clientId,
        language,
        lastUpdateTimestamp: lastUpdateMs,
        remoteIP: `/${from.remoteAddr}`,
        version,
      })),
    ]);
    respondJson(connection, request, { data: Object.fromEntries(groups) });
  }

  #consumedBy(connection: Connection, request: RemotingCommand): void {
    const topic = textField(request.extFields ?? NO_FIELDS, 'topic');
    const { consumers, offsets } = this.#parts;
    respondJson(connection, request, { groupList: [...new Set([...consumers.groupsOfTopic(topic), ...offsets.groupsOf(topic)])] });
  }

  #topicsOf(connection: Connection, request: RemotingCommand): void {
    const group = textField(request.extFields ?? NO_FIELDS, 'group');
    respondJson(connection, request, { brokerAddr: this.#parts.brokerAddr, topicList: this.#parts.offsets.topicsOf(group) });
  }

  #subscriptionOf(connection: Connection, request: RemotingCommand): void {
    const fields = request.extFields ?? NO_FIELDS;
    const group = textField(fields, 'group');
    const topic = textField(fields, 'topic');
    respondJson(connection, request, { group, subscriptionData: this.#parts.consumers.subscription(group, topic)?.data, topic });
  }

  /** The offsets that the members of a group have in memory; a member that does not answer is named in the remark. */
  async #consumerStatus(connection: Connection, request: RemotingCommand): Promise<void> {
    const fields = request.extFields ?? NO_FIELDS;
    const topic = textField(fields, 'topic');
    const group = textField(fields, 'group');
    const { clientAddr = '' } = fields;
    const channels = [...(this.#parts.consumers.group(group)?.channels.values() ?? [])];
    if (channels.length === 0) throw fault(ResponseCode.SYSTEM_ERROR, `No Any Consumer online in the consumer group: [${group}]`);
    const asked = channels.filter((channel) => clientAddr.trim() === '' || channel.clientId === clientAddr);
    const old = asked.find((channel) => channel.version < FIRST_RESETTABLE_VERSION);
    if (old !== undefined) {
      throw fault(ResponseCode.SYSTEM_ERROR, `the client does not support this feature. version=${versionDesc(old.version)}`);
    }
    const consumerTable = new Map<string, ResetOffsetTable>();
    const silent: string[] = [];
    await Promise.all(
      asked.map(async ({ connection: client, clientId }) => {
        try {
          const code = RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT;
          const answer = await client.invoke({ code, extFields: { topic, group } }, STATUS_CALL_TIMEOUT_MS);
          if (answer.code !== ResponseCode.SUCCESS || answer.body === null) throw new Error(`code ${answer.code} ${answer.remark ?? ''}`);
          consumerTable.set(clientId, decodeConsumerStatusBody(answer.body).messageQueueTable);
        } catch (error) {
          silent.push(`${clientId}: ${(error as Error).message}`);
        }
      }),
    );
    const remark = silent.length === 0 ? null : `unknown for ${silent.join('; ')}`;
    connection.respond(request, ResponseCode.SUCCESS, remark, null, encodeConsumerStatusBody({ messageQueueTable: [], consumerTable }));
  }

  async #runningInfo(connection: Connection, request: RemotingCommand): Promise<void> {
    const fields = request.extFields ?? NO_FIELDS;
    const client = this.#client(textField(fields, 'consumerGroup'), textField(fields, 'clientId'));
    await this.#passOn(connection, request, client, { ...fields }, null);
  }

  async #consumeDirectly(connection: Connection, request: RemotingCommand): Promise<void> {
    const { store, config, topics, groups } = this.#parts;
    const fields = request.extFields ?? NO_FIELDS;
    const group = textField(fields, 'consumerGroup');
    const client = this.#client(group, textField(fields, 'clientId'));
    const msgId = textField(fields, 'msgId');
    const record = store.lookMessageByOffset(decodeOffsetMsgId(msgId).commitLogOffset);
    if (record === null) throw fault(ResponseCode.SYSTEM_ERROR, `can not find the message ${msgId}`);
    const extFields: Record<string, string> = { ...fields, brokerName: config.broker.brokerName };
    const topic = topics.config(fields.topic ?? '');
    if (topic !== null) extFields.topicSysFlag = String(topic.topicSysFlag);
    extFields.groupSysFlag = String(groups.peek(group)?.groupSysFlag ?? 0);
    await this.#passOn(connection, request, client, extFields, record);
  }

  #client(group: string, clientId: string): ClientChannel {
    const client = this.#parts.consumers.findClient(group, clientId);
    if (client === undefined) throw fault(ResponseCode.SYSTEM_ERROR, `The Consumer <${group}> <${clientId}> not online`);
    if (client.version < FIRST_CALLABLE_VERSION) {
      throw fault(
        ResponseCode.SYSTEM_ERROR,
        `The Consumer <${clientId}> Version <${versionDesc(client.version)}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT`,
      );
    }
    return client;
  }

  async #passOn(
    connection: Connection,
    request: RemotingCommand,
    client: ClientChannel,
    extFields: Record<string, string>,
    body: Buffer | null,
  ): Promise<void> {
    try {
      const answer = await client.connection.invoke({ code: request.code, extFields, body }, CLIENT_CALL_TIMEOUT_MS);
      connection.respond(request, answer.code, answer.remark, answer.extFields, answer.body === null ? null : Buffer.from(answer.body));
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      throw fault(
        ResponseCode.CONSUME_MSG_TIMEOUT,
        `consumer <${extFields.consumerGroup}> <${client.clientId}> Timeout: no answer in ${CLIENT_CALL_TIMEOUT_MS} ms`,
      );
    }
  }
}

function connectionOf(channel: ClientChannel): object {
  return { clientAddr: channel.connection.remoteAddr, clientId: channel.clientId, language: channel.language, version: channel.version };
}

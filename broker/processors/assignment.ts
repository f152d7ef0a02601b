import { isRetryTopic } from '../../src/common/topic-names.js';
import {
  decodeQueryAssignmentRequestBody,
  decodeSetMessageRequestModeRequestBody,
  encodeQueryAssignmentResponseBody,
  type MessageQueueAssignment,
  type QueryAssignmentRequestBody,
  type SetMessageRequestModeRequestBody,
} from '../../src/remoting/bodies/assignment.js';
import type { MessageQueue } from '../../src/remoting/bodies/index.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { assignForPop, assignForPull } from '../assignment/index.js';
import { BROADCASTING } from '../connections/index.js';
import type { BrokerParts } from '../parts.js';
import { createGroup } from './pull-checks.js';
import { fault, requireKept, respondJson, respondOk } from './respond.js';

/** QUERY_ASSIGNMENT (400), SET_MESSAGE_REQUEST_MODE (401), GET_ALL_MESSAGE_REQUEST_MODE (402). */
export class AssignmentProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.QUERY_ASSIGNMENT, (connection, request) => this.#query(connection, request));
    server.register(RequestCode.SET_MESSAGE_REQUEST_MODE, (connection, request) => this.#setMode(connection, request));
    server.register(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE, (connection, request) => {
      respondJson(connection, request, this.#parts.requestModes.toTable());
    });
  }

  async #query(connection: Connection, request: RemotingCommand): Promise<void> {
    const body = decodeQueryAssignmentRequestBody(request.body);
    const mode = this.#parts.requestModes.modeOf(body.topic, body.consumerGroup);
    const queues = await this.#assigned(body, mode);
    const assignments: MessageQueueAssignment[] | null = queues?.map((messageQueue) => ({ messageQueue, mode: mode.mode })) ?? null;
    connection.respond(request, ResponseCode.SUCCESS, null, null, encodeQueryAssignmentResponseBody(assignments));
  }

  /** Null when there is nothing to go by: then the client keeps what it has. */
  async #assigned(
    { topic, consumerGroup, clientId, strategyName, messageModel }: QueryAssignmentRequestBody,
    { mode, popShareQueueNum }: SetMessageRequestModeRequestBody,
  ): Promise<readonly MessageQueue[] | null> {
    const { config, consumers, topicQueues, logger } = this.#parts;
    const queues = await topicQueues.of(topic);
    if (queues === null || messageModel === BROADCASTING || !config.broker.serverLoadBalancerEnable) return queues;
    // Asked after the route: members may have come meanwhile.
    const channels = consumers.group(consumerGroup)?.channels;
    if (channels === undefined) return null;
    const clientIds = [...new Set([...channels.values()].map((channel) => channel.clientId))].sort();
    const input = { strategyName, clientId, queues, clientIds };
    const assigned = mode === 'POP' ? assignForPop(input, popShareQueueNum) : assignForPull(input);
    if (assigned === null) logger.warn(`group ${consumerGroup} asks for the strategy ${strategyName}, which a broker does not apply`);
    return assigned;
  }

  #setMode(connection: Connection, request: RemotingCommand): void {
    const mode = decodeSetMessageRequestModeRequestBody(request.body);
    const { topics, requestModes, logger } = this.#parts;
    if (isRetryTopic(mode.topic)) throw fault(ResponseCode.NO_PERMISSION, 'retry topic is not allowed to set mode');
    if (topics.entry(mode.topic) === undefined) throw fault(ResponseCode.TOPIC_NOT_EXIST, `topic[${mode.topic}] not exist`);
    if (createGroup(this.#parts, mode.consumerGroup) === null) {
      throw fault(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'subscription group does not exist');
    }
    if (mode.mode !== 'PULL' && mode.mode !== 'POP') {
      throw fault(ResponseCode.INVALID_PARAMETER, `mode ${String(mode.mode)} is not known; PULL and POP are`);
    }
    requestModes.set(mode);
    logger.info(
      `${connection.remoteAddr} set group ${mode.consumerGroup} on topic ${mode.topic} to ${mode.mode}, sharing ${mode.popShareQueueNum}`,
    );
    requireKept(requestModes, `the mode of group ${mode.consumerGroup} on topic ${mode.topic}`);
    respondOk(connection, request);
  }
}

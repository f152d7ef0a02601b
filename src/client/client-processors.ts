/* Answers to what brokers ask of clients. Other codes are answered with 3 by the transport. */

import type { Clock } from '../common/clock.js';
import type { Logger } from '../common/logger.js';
import { MessageConst } from '../common/message/properties.js';
import { decodeResetOffsetBody, encodeConsumeMessageDirectlyResult, encodeConsumerStatusBody } from '../remoting/bodies/consume-stats.js';
import { encodeConsumerRunningInfo } from '../remoting/bodies/running-info.js';
import type { RemotingClient } from '../remoting/client.js';
import { RequestCode, ResponseCode } from '../remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../remoting/command.js';
import { readPulledMessages } from './consumer/pulled-message.js';
import type { ConsumerMember } from './members.js';
import { type TransactionCheckers, takeCheck } from './producer/transaction-checker.js';
import { type ReplyTable, readReply } from './reply-table.js';

/** The client whose consumers are asked. */
export interface ProcessorHost {
  readonly remoting: RemotingClient;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly replies: ReplyTable;
  readonly transactionCheckers: TransactionCheckers;
  consumer(group: string): ConsumerMember | undefined;
}

/** Registers the processors of a client. */
export function registerClientProcessors(client: ProcessorHost): void {
  const { remoting } = client;
  remoting.registerProcessor(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, (_addr, request) => {
    client.consumer(request.extFields?.consumerGroup ?? '')?.rebalanceImmediately();
    return null;
  });
  remoting.registerProcessor(RequestCode.CHECK_TRANSACTION_STATE, (addr, request) => {
    takeCheck(client.transactionCheckers, client.logger, addr, request);
    return null;
  });
  remoting.registerProcessor(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, (_addr, request) => {
    void resetOffsets(client, request);
    return null;
  });
  remoting.registerProcessor(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, (_addr, request) => {
    const consumer = client.consumer(request.extFields?.group ?? '');
    const table = consumer?.consumerStatus(request.extFields?.topic ?? '') ?? new Map();
    return { code: ResponseCode.SUCCESS, body: encodeConsumerStatusBody({ messageQueueTable: [...table], consumerTable: new Map() }) };
  });
  remoting.registerProcessor(RequestCode.GET_CONSUMER_RUNNING_INFO, (_addr, request) => {
    const group = request.extFields?.consumerGroup ?? '';
    const consumer = client.consumer(group);
    if (consumer === undefined) {
      return unknownGroup(group);
    }
    const info = consumer.runningInfo(request.extFields?.jstackEnable === 'true');
    return { code: ResponseCode.SUCCESS, body: encodeConsumerRunningInfo(info) };
  });
  remoting.registerProcessor(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, (_addr, request) => takeReply(client, request));
  remoting.registerProcessor(RequestCode.CONSUME_MESSAGE_DIRECTLY, (_addr, request) => consumeDirectly(client, request));
}

/** A reply that comes too late is taken all the same: the broker has done its part. */
function takeReply(client: ProcessorHost, request: RemotingCommand): RequestInit {
  const reply = readReply(request, client.clock.nowMs());
  if (!client.replies.complete(reply)) {
    const correlationId = reply.properties.get(MessageConst.CORRELATION_ID);
    client.logger.warn(`a reply came, but no request waits for it: ${correlationId}`, { msgId: reply.msgId });
  }
  return { code: ResponseCode.SUCCESS };
}

async function resetOffsets(client: ProcessorHost, request: RemotingCommand): Promise<void> {
  const ext = request.extFields;
  const { topic = '', group = '' } = ext ?? {};
  try {
    await client.consumer(group)?.resetOffsets(topic, new Map(decodeResetOffsetBody(request.body)));
    client.logger.info(`offsets of group ${group} on topic ${topic} were reset by a broker`);
  } catch (error) {
    client.logger.warn(`offsets of group ${group} on topic ${topic} could not be reset: ${String(error)}`);
  }
}

async function consumeDirectly(client: ProcessorHost, request: RemotingCommand): Promise<RequestInit> {
  const group = request.extFields?.consumerGroup ?? '';
  const brokerName = request.extFields?.brokerName ?? '';
  const consumer = client.consumer(group);
  if (consumer === undefined) {
    return unknownGroup(group);
  }
  const message = request.body === null ? undefined : readPulledMessages(request.body, brokerName)[0];
  if (message === undefined) {
    return { code: ResponseCode.SYSTEM_ERROR, remark: 'the request has no message' };
  }
  const result = await consumer.consumeDirectly(message);
  return { code: ResponseCode.SUCCESS, body: encodeConsumeMessageDirectlyResult(result) };
}

function unknownGroup(group: string): RequestInit {
  return { code: ResponseCode.SYSTEM_ERROR, remark: `The Consumer Group <${group}> not exist in this consumer` };
}

/*
 * Single requests to a broker that consumers (and tools) need. Every function takes the address and returns a typed answer, or
 * throws what `responseError` makes of the response code.
 */
import { decodeConsumerIdList } from '../remoting/bodies/subscription.js';
import { type RemotingClient, responseError } from '../remoting/client.js';
import { RequestCode, ResponseCode, requestCodeName } from '../remoting/codes.js';
import type { RemotingCommand, RequestInit } from '../remoting/command.js';
import type { MessageQueue } from './message-queue.js';
import { numberField } from './response-fields.js';

/** Where a request goes and how long it may take. */
export interface BrokerCall {
  remoting: RemotingClient;
  addr: string;
  timeoutMs: number;
}

async function ask(call: BrokerCall, request: RequestInit): Promise<RemotingCommand> {
  const response = await call.remoting.invoke(call.addr, request, call.timeoutMs);
  if (response.code !== ResponseCode.SUCCESS) {
    throw responseError(response, call.addr);
  }
  return response;
}

/** Asks and reads one number of the answer. */
async function askNumber(call: BrokerCall, request: RequestInit, field: string): Promise<number> {
  const response = await ask(call, request);
  return numberField(response.extFields?.[field], field, requestCodeName(request.code), call.addr);
}

function queueFields(queue: MessageQueue): Record<string, string> {
  return { topic: queue.topic, queueId: String(queue.queueId), bname: queue.brokerName };
}

/** Offset behind the last message; 0 for a queue the broker does not have. */
export async function getMaxOffset(call: BrokerCall, queue: MessageQueue): Promise<number> {
  const extFields = { ...queueFields(queue), committed: 'true' };
  return askNumber(call, { code: RequestCode.GET_MAX_OFFSET, extFields }, 'offset');
}

/** Offset of the first message that is still there. */
export async function getMinOffset(call: BrokerCall, queue: MessageQueue): Promise<number> {
  return askNumber(call, { code: RequestCode.GET_MIN_OFFSET, extFields: queueFields(queue) }, 'offset');
}

/** Offset of the first (LOWER) or last (UPPER) message stored at the time. */
export async function searchOffset(
  call: BrokerCall,
  queue: MessageQueue,
  at: { timestampMs: number; boundaryType?: 'LOWER' | 'UPPER' },
): Promise<number> {
  const extFields = { ...queueFields(queue), timestamp: String(at.timestampMs), boundaryType: at.boundaryType ?? 'LOWER' };
  return askNumber(call, { code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, extFields }, 'offset');
}

/** Store time of the first message, ms; −1 when there is none. */
export async function getEarliestMessageStoreTime(call: BrokerCall, queue: MessageQueue): Promise<number> {
  const extFields = queueFields(queue);
  return askNumber(call, { code: RequestCode.GET_EARLIEST_MSG_STORETIME, extFields }, 'timestamp');
}

/** Committed offset of a group; null when the broker has none (code 22). */
export async function queryConsumerOffset(call: BrokerCall, queue: MessageQueue, consumerGroup: string): Promise<number | null> {
  const extFields = { ...queueFields(queue), consumerGroup };
  const response = await call.remoting.invoke(call.addr, { code: RequestCode.QUERY_CONSUMER_OFFSET, extFields }, call.timeoutMs);
  if (response.code === ResponseCode.QUERY_NOT_FOUND) {
    return null;
  }
  if (response.code !== ResponseCode.SUCCESS) {
    throw responseError(response, call.addr);
  }
  return numberField(response.extFields?.offset, 'offset', 'QUERY_CONSUMER_OFFSET', call.addr);
}

/** The request that commits an offset. */
export function updateConsumerOffsetRequest(queue: MessageQueue, consumerGroup: string, commitOffset: number): RequestInit {
  return {
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    extFields: { ...queueFields(queue), consumerGroup, commitOffset: String(commitOffset) },
  };
}

/** Commits an offset and waits for the answer. */
export async function updateConsumerOffset(
  call: BrokerCall,
  queue: MessageQueue,
  consumerGroup: string,
  commitOffset: number,
): Promise<void> {
  await ask(call, updateConsumerOffsetRequest(queue, consumerGroup, commitOffset));
}

/** Client ids of a group's members; null when the broker knows none (code 1). */
export async function getConsumerIdList(call: BrokerCall, consumerGroup: string): Promise<string[] | null> {
  const response = await call.remoting.invoke(
    call.addr,
    { code: RequestCode.GET_CONSUMER_LIST_BY_GROUP, extFields: { consumerGroup } },
    call.timeoutMs,
  );
  if (response.code !== ResponseCode.SUCCESS || response.body === null) {
    return null;
  }
  return decodeConsumerIdList(response.body);
}

import type { BrokerCall } from '../broker-requests.js';
import type { MessageQueue } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import { brokerAddressUnknownError } from '../producer/send-errors.js';

/**
 * How to ask the master of a queue, or whoever can be read from where it has none; a broker that is not known yet is looked up.
 * @throws ConnectError when the queue's broker has no address.
 */
export async function callToMaster(client: MQClient, queue: MessageQueue): Promise<BrokerCall> {
  const { routes, remoting, apiTimeoutMs: timeoutMs } = client;
  if (routes.masterAddr(queue.brokerName) === undefined) {
    await routes.refresh(queue.topic);
  }
  const addr = routes.masterAddr(queue.brokerName) ?? routes.readAddr(queue.brokerName)?.addr;
  if (addr === undefined) {
    throw brokerAddressUnknownError(queue);
  }
  return { remoting, addr, timeoutMs };
}

import { encodeSetMessageRequestModeRequestBody, type MessageRequestMode } from '../../remoting/bodies/assignment.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { requireGroup, requireTopic } from './names.js';

export interface ConsumeModeRequest {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly topicName: string;
  readonly groupName: string;
  readonly mode: MessageRequestMode;
  /** POP: members that share a queue beside its owner; 0: all members share all queues. */
  readonly popShareQueueNum: number;
  readonly dryRun?: boolean;
}

export interface ConsumeModeResult extends Omit<ConsumeModeRequest, 'brokerAddr' | 'clusterName' | 'dryRun'> {
  readonly dryRun: boolean;
  readonly brokers: readonly NodeOutcome[];
}

/** Says how the members of a group get the messages of a topic, on one broker or on every master of a cluster. */
export async function setConsumeMode(admin: AdminClient, request: ConsumeModeRequest): Promise<ConsumeModeResult> {
  const { topicName, groupName, mode, popShareQueueNum, dryRun = false } = request;
  requireTopic(topicName);
  requireGroup(groupName);
  const addrs =
    request.brokerAddr === undefined
      ? (await admin.clusterMasters(request.clusterName ?? '')).map((broker) => broker.brokerAddr)
      : [request.brokerAddr];
  const shown = { dryRun, topicName, groupName, mode, popShareQueueNum };
  if (dryRun) {
    return { ...shown, brokers: planned(addrs) };
  }
  const body = encodeSetMessageRequestModeRequestBody({ topic: topicName, consumerGroup: groupName, mode, popShareQueueNum });
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.SET_MESSAGE_REQUEST_MODE, body }));
  const result = { ...shown, brokers: outcomes(results) };
  requireAll(results, `setConsumeMode of group ${groupName} on topic ${topicName}`, result);
  return result;
}

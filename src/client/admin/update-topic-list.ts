import { UsageError } from '../../common/errors.js';
import { encodeTopicConfigList, type TopicConfig } from '../../remoting/bodies/topic.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { requireTopic } from './names.js';

export interface UpdateTopicListRequest {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly topics: readonly TopicConfig[];
  readonly dryRun?: boolean;
}

export interface UpdateTopicListResult {
  readonly dryRun: boolean;
  readonly topics: readonly TopicConfig[];
  readonly brokers: readonly NodeOutcome[];
}

/** Creates many topics, or replaces their settings, with one request to each broker, which takes all of them or none. */
export async function updateTopicList(admin: AdminClient, request: UpdateTopicListRequest): Promise<UpdateTopicListResult> {
  const { topics, dryRun = false } = request;
  if (topics.length === 0) {
    throw new UsageError('the list of topics is empty');
  }
  for (const { topicName } of topics) {
    requireTopic(topicName);
  }
  const addrs =
    request.brokerAddr === undefined
      ? (await admin.clusterMasters(request.clusterName ?? '')).map((broker) => broker.brokerAddr)
      : [request.brokerAddr];
  if (dryRun) {
    return { dryRun, topics, brokers: planned(addrs) };
  }
  const body = encodeTopicConfigList(topics);
  const results = await askAll(addrs, (addr) => admin.ask(addr, { code: RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, body }));
  const result = { dryRun, topics, brokers: outcomes(results) };
  requireAll(results, `updateTopicList of ${topics.length} topics`, result);
  return result;
}

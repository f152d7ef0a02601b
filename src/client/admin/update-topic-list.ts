import { encodeTopicConfigList, type TopicConfig } from '../../remoting/bodies/topic.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { requireTopic } from './names.js';
import { type UpdateListResult, type UpdateListTarget, updateList } from './update-list.js';

export interface UpdateTopicListRequest extends UpdateListTarget {
  readonly topics: readonly TopicConfig[];
}

export interface UpdateTopicListResult extends UpdateListResult {
  readonly topics: readonly TopicConfig[];
}

/** Creates many topics, or replaces their settings, with one request to each broker, which takes all of them or none. */
export async function updateTopicList(admin: AdminClient, request: UpdateTopicListRequest): Promise<UpdateTopicListResult> {
  const { topics } = request;
  for (const { topicName } of topics) {
    requireTopic(topicName);
  }
  return updateList(admin, request, {
    name: 'updateTopicList',
    noun: 'topics',
    size: topics.length,
    code: RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
    encode: () => encodeTopicConfigList(topics),
    shown: { topics },
  });
}

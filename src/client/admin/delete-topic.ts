import { MQError, UsageError } from '../../common/errors.js';
import { isSystemTopic } from '../../common/topic-names.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, type NodeResult, outcomes, planned, requireAll } from './fan-out.js';

export interface DeleteTopicRequest {
  readonly topic: string;
  readonly clusterName: string;
  readonly dryRun?: boolean;
}

export interface DeleteTopicResult {
  readonly dryRun: boolean;
  readonly topic: string;
  /** Whether a name server knew the topic before; the brokers are asked to delete it in any case. */
  readonly existed: boolean;
  readonly clusterName: string;
  readonly brokers: readonly NodeOutcome[];
  readonly namesrvs: readonly NodeOutcome[];
}

/**
 * Deletes a topic from the masters of a cluster, then from every name server. Deleting what is already gone is a success.
 * @throws PartialError when some nodes did it and some did not.
 */
export async function deleteTopic(admin: AdminClient, request: DeleteTopicRequest): Promise<DeleteTopicResult> {
  const { topic, clusterName, dryRun = false } = request;
  if (isSystemTopic(topic)) {
    throw new UsageError(`topic ${topic} belongs to the system and cannot be deleted`, { code: 'SYSTEM_TOPIC' });
  }
  const masters = (await admin.clusterMasters(clusterName)).map((broker) => broker.brokerAddr);
  const namesrvs = admin.namesrv.addresses;
  const existed = await isKnownSomewhere(admin, topic);
  const shown = { dryRun, topic, existed, clusterName };
  if (dryRun) {
    return { ...shown, brokers: planned(masters), namesrvs: planned(namesrvs) };
  }
  const brokers = await askAll(masters, (addr) => admin.ask(addr, { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic } }));
  const partial: DeleteTopicResult = { ...shown, brokers: outcomes(brokers), namesrvs: [] };
  requireAll(brokers, `deleteTopic ${topic}`, partial);
  const onNamesrvs = await askAll(namesrvs, (addr) =>
    admin.ask(addr, { code: RequestCode.DELETE_TOPIC_IN_NAMESRV, extFields: { topic, clusterName } }),
  );
  const result: DeleteTopicResult = { ...partial, namesrvs: outcomes(onNamesrvs) };
  requireAll([...brokers, ...onNamesrvs], `deleteTopic ${topic}`, result);
  return result;
}

/** Name servers need not agree: one that knows the topic is enough; all silent is an error. */
async function isKnownSomewhere(admin: AdminClient, topic: string): Promise<boolean> {
  const answers: NodeResult<boolean>[] = await askAll(admin.namesrv.addresses, async (addr) => knowsTopic(admin, addr, topic));
  if (answers.some((answer) => answer.value === true)) {
    return true;
  }
  const silent = answers.find((answer) => answer.cause instanceof MQError);
  if (silent?.cause !== undefined) {
    throw silent.cause;
  }
  return false;
}

async function knowsTopic(admin: AdminClient, addr: string, topic: string): Promise<boolean> {
  const { decodeTopicList } = await import('../../remoting/bodies/topic.js');
  const response = await admin.ask(addr, { code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER });
  return response.body !== null && decodeTopicList(response.body).topicList.includes(topic);
}

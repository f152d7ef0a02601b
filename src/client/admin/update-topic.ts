import { NotFoundError, UsageError } from '../../common/errors.js';
import { AUTO_CREATE_TOPIC_KEY_TOPIC } from '../../common/topic-names.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { AdminClient, ClusterBroker } from './admin-client.js';
import { attributesText } from './attributes.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { requireTopic } from './names.js';
import type { TopicSettings } from './topic-config.js';

/** Namespace of the name server's key-value store that holds queue counts of ordered topics. */
export const ORDER_TOPIC_CONFIG = 'ORDER_TOPIC_CONFIG';

export interface UpdateTopicRequest {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly topic: TopicSettings;
  readonly dryRun?: boolean;
}

export interface UpdateTopicResult {
  readonly dryRun: boolean;
  readonly topicConfig: TopicSettings;
  readonly brokers: readonly NodeOutcome[];
  /** The entry written for an ordered topic, `broker-a:4;broker-b:4`. */
  readonly orderConf?: string;
}

/**
 * Creates a topic, or replaces its settings, on one broker or on every master of a cluster.
 * @throws PartialError when some masters did it and some did not.
 */
export async function updateTopic(admin: AdminClient, request: UpdateTopicRequest): Promise<UpdateTopicResult> {
  const { topic, dryRun = false } = request;
  requireTopic(topic.topicName);
  const targets = await targetBrokers(admin, request, topic.order);
  const addrs = targets.map((target) => target.brokerAddr);
  if (dryRun) {
    return { dryRun, topicConfig: topic, brokers: planned(addrs), ...(topic.order ? { orderConf: orderConfOf(targets, topic) } : {}) };
  }
  const results = await askAll(addrs, (addr) => sendTopicConfig(admin, addr, topic));
  const result: UpdateTopicResult = { dryRun, topicConfig: topic, brokers: outcomes(results) };
  requireAll(results, `updateTopic ${topic.topicName}`, result);
  if (!topic.order) {
    return result;
  }
  const orderConf = await writeOrderConf(admin, topic.topicName, targets, { topic, whole: request.clusterName !== undefined });
  return { ...result, orderConf };
}

/** Sets a topic on one broker. */
export async function sendTopicConfig(admin: AdminClient, addr: string, topic: TopicSettings): Promise<void> {
  await admin.ask(addr, {
    code: RequestCode.UPDATE_AND_CREATE_TOPIC,
    extFields: {
      topic: topic.topicName,
      defaultTopic: AUTO_CREATE_TOPIC_KEY_TOPIC,
      readQueueNums: String(topic.readQueueNums),
      writeQueueNums: String(topic.writeQueueNums),
      perm: String(topic.perm),
      topicFilterType: topic.topicFilterType,
      topicSysFlag: String(topic.topicSysFlag),
      order: String(topic.order),
      attributes: attributesText(topic.attributes),
    },
  });
}

/** Brokers by address; the names are looked up only where they are needed. */
async function targetBrokers(
  admin: AdminClient,
  request: Pick<UpdateTopicRequest, 'brokerAddr' | 'clusterName'>,
  namesNeeded: boolean,
): Promise<Pick<ClusterBroker, 'brokerAddr' | 'brokerName'>[]> {
  const { brokerAddr, clusterName } = request;
  if (clusterName !== undefined) {
    return admin.clusterMasters(clusterName);
  }
  if (brokerAddr === undefined) {
    throw new UsageError('give a broker address or a cluster name');
  }
  return [{ brokerAddr, brokerName: namesNeeded ? await brokerNameOf(admin, brokerAddr) : '' }];
}

async function brokerNameOf(admin: AdminClient, brokerAddr: string): Promise<string> {
  const info = await admin.clusterInfo();
  for (const [brokerName, data] of info.brokerAddrTable) {
    for (const addr of data.brokerAddrs.values()) {
      if (addr === brokerAddr) {
        return brokerName;
      }
    }
  }
  throw new NotFoundError(`no broker with address ${brokerAddr} is registered on ${admin.namesrv.addresses.join(';')}`, {
    code: 'BROKER_NOT_EXIST',
    hint: 'see the registered ones: mqadmin clusterList',
    context: { brokerAddr },
  });
}

function orderConfOf(targets: readonly { brokerName: string }[], topic: TopicSettings): string {
  return targets.map((target) => `${target.brokerName}:${topic.writeQueueNums}`).join(';');
}

/** Writes the order configuration to every name server: the whole value for a cluster, one broker's part for a broker. */
async function writeOrderConf(
  admin: AdminClient,
  topicName: string,
  targets: readonly { brokerName: string }[],
  options: { topic: TopicSettings; whole: boolean },
): Promise<string> {
  const key = { namespace: ORDER_TOPIC_CONFIG, key: topicName };
  const parts = new Map<string, string>();
  if (!options.whole) {
    const old = await admin.askNamesrv({ code: RequestCode.GET_KV_CONFIG, extFields: key }, [ResponseCode.QUERY_NOT_FOUND]);
    for (const part of (old.code === ResponseCode.SUCCESS ? (old.extFields?.value ?? '') : '').split(';')) {
      const colon = part.lastIndexOf(':');
      if (colon > 0) {
        parts.set(part.slice(0, colon), part);
      }
    }
  }
  for (const target of targets) {
    parts.set(target.brokerName, orderConfOf([target], options.topic));
  }
  const value = [...parts.values()].join(';');
  await everyNamesrv(admin, `order configuration of ${topicName}`, { code: RequestCode.PUT_KV_CONFIG, extFields: { ...key, value } });
  return value;
}

/** Sends a request to every name server of the list; throws unless all did it. */
export async function everyNamesrv(
  admin: AdminClient,
  what: string,
  request: { code: number; extFields: Record<string, string> },
  result?: unknown,
): Promise<NodeOutcome[]> {
  const results = await askAll(admin.namesrv.addresses, (addr) => admin.ask(addr, request));
  requireAll(results, what, result);
  return outcomes(results);
}

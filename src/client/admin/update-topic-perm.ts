import { NotFoundError } from '../../common/errors.js';
import type { TopicRouteData } from '../../remoting/bodies/route.js';
import { decodeTopicConfig } from '../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import type { TopicSettings } from './topic-config.js';
import { sendTopicConfig } from './update-topic.js';

export interface UpdateTopicPermRequest {
  /** One of the two. */
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  readonly topic: string;
  readonly perm: number;
  readonly dryRun?: boolean;
}

export interface UpdateTopicPermResult {
  readonly dryRun: boolean;
  readonly topic: string;
  readonly perm: number;
  /** Each broker with the permission that the topic had there, and its settings afterwards. */
  readonly brokers: readonly (NodeOutcome & { readonly oldPerm: number; readonly topicConfig: TopicSettings })[];
}

/**
 * Changes the permission of a topic on one broker or on all masters of a cluster that have it. Everything else of the topic stays as it is
 * on each broker; Apache's tool gives all brokers the queue counts of the first.
 */
export async function updateTopicPerm(admin: AdminClient, request: UpdateTopicPermRequest): Promise<UpdateTopicPermResult> {
  const { topic, perm, dryRun = false } = request;
  const route = await admin.route(topic);
  const targets = await targetsOf(admin, request, route);
  const configs = new Map<string, { oldPerm: number; topicConfig: TopicSettings }>();
  await Promise.all(
    targets.map(async ({ addr, brokerName }) => {
      const present = await settingsAt(admin, addr, { topic, brokerName, route });
      configs.set(addr, { oldPerm: present.perm, topicConfig: { ...present, perm } });
    }),
  );
  const withConfig = (node: NodeOutcome) => ({ ...node, ...configs.get(node.addr)! });
  const addrs = targets.map((target) => target.addr);
  if (dryRun) {
    return { dryRun, topic, perm, brokers: planned(addrs).map(withConfig) };
  }
  const results = await askAll(addrs, (addr) => sendTopicConfig(admin, addr, configs.get(addr)!.topicConfig));
  const result = { dryRun, topic, perm, brokers: outcomes(results).map(withConfig) };
  requireAll(results, `updateTopicPerm ${topic}`, result);
  return result;
}

async function targetsOf(
  admin: AdminClient,
  { brokerAddr, clusterName, topic }: UpdateTopicPermRequest,
  route: TopicRouteData,
): Promise<{ addr: string; brokerName: string }[]> {
  const masters = route.brokerDatas.flatMap(({ brokerName, brokerAddrs }) => {
    const addr = brokerAddrs.get(0);
    return addr === undefined ? [] : [{ addr, brokerName }];
  });
  const members = clusterName === undefined ? null : new Set((await admin.clusterMasters(clusterName)).map((broker) => broker.brokerAddr));
  const targets = masters.filter(({ addr }) => (members === null ? addr === brokerAddr : members.has(addr)));
  if (targets.length === 0) {
    throw new NotFoundError(
      `${clusterName === undefined ? `${brokerAddr} is no master` : `cluster ${clusterName} has no master`} of topic ${topic}`,
      {
        code: 'BROKER_NOT_EXIST',
        hint: `masters of the topic: ${masters.map(({ addr }) => addr).join(', ') || 'none'}`,
        context: { topic, brokerAddr, clusterName },
      },
    );
  }
  return targets.sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
}

/** A topic's settings on one broker; brokers of 4.9 cannot be asked, their settings are in the route. */
async function settingsAt(
  admin: AdminClient,
  addr: string,
  { topic, brokerName, route }: { topic: string; brokerName: string; route: TopicRouteData },
): Promise<TopicSettings> {
  const common = { topicName: topic, topicFilterType: 'SINGLE_TAG', attributes: {} } as const;
  const response = await admin.ask(addr, { code: RequestCode.GET_TOPIC_CONFIG, extFields: { topic } }, [
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
  ]);
  if (response.code === ResponseCode.SUCCESS) {
    const { readQueueNums, writeQueueNums, perm, topicSysFlag, order } = decodeTopicConfig(bodyOf(response));
    return { ...common, readQueueNums, writeQueueNums, perm, topicSysFlag, order };
  }
  const queues = route.queueDatas.find((entry) => entry.brokerName === brokerName);
  if (queues === undefined) {
    throw new NotFoundError(`the route of topic ${topic} says nothing of its queues on ${brokerName}`, { code: 'TOPIC_NOT_EXIST' });
  }
  const { readQueueNums, writeQueueNums, perm, topicSysFlag } = queues;
  return { ...common, readQueueNums, writeQueueNums, perm, topicSysFlag, order: (route.orderTopicConf ?? '') !== '' };
}

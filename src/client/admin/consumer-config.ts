import { NotFoundError } from '../../common/errors.js';
import { decodeSubscriptionGroupWrapper, type SubscriptionGroupConfig } from '../../remoting/bodies/subscription-group.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, requireAll } from './fan-out.js';

export interface ConsumerConfigResult {
  readonly groupName: string;
  /** Brokers that know the group, by cluster and broker name. */
  readonly brokers: readonly {
    readonly clusterName: string;
    readonly brokerName: string;
    readonly brokerAddr: string;
    readonly subscriptionGroupConfig: SubscriptionGroupConfig;
  }[];
}

/** The settings of a consumer group on every master that knows it. @throws NotFoundError when none does */
export async function consumerConfig(admin: AdminClient, groupName: string): Promise<ConsumerConfigResult> {
  const info = await admin.clusterInfo();
  const places = [...info.clusterAddrTable.keys()].sort().flatMap((clusterName) =>
    [...(info.clusterAddrTable.get(clusterName) ?? [])].sort().flatMap((brokerName) => {
      const brokerAddr = info.brokerAddrTable.get(brokerName)?.brokerAddrs.get(0);
      return brokerAddr === undefined ? [] : [{ clusterName, brokerName, brokerAddr }];
    }),
  );
  const results = await askAll(
    places.map(({ brokerAddr }) => brokerAddr),
    async (addr) => {
      const response = await admin.ask(addr, { code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
      return decodeSubscriptionGroupWrapper(bodyOf(response)).subscriptionGroupTable.get(groupName) ?? null;
    },
  );
  const brokers = places.flatMap((place, i) => {
    const subscriptionGroupConfig = results[i]?.value;
    return subscriptionGroupConfig == null ? [] : [{ ...place, subscriptionGroupConfig }];
  });
  const result = { groupName, brokers };
  requireAll(results, `getConsumerConfig -g ${groupName}`, brokers.length === 0 ? undefined : result);
  if (brokers.length === 0) {
    throw new NotFoundError(`group ${groupName} is not known to any broker`, {
      code: 'GROUP_NOT_EXIST',
      hint: `create it: mqadmin updateSubGroup -g ${groupName} -c CLUSTER`,
      context: { group: groupName },
    });
  }
  return result;
}

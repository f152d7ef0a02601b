import { RequestCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import type { Answer, Answers, FullNode } from './full-cluster.js';

interface Account {
  accessKey: string;
  secretKey?: string;
  admin: boolean;
  defaultTopicPerm?: string;
  defaultGroupPerm?: string;
  whiteRemoteAddress?: string;
  topicPerms?: string[];
  groupPerms?: string[];
}

/** The access configuration of one broker of 4.9. */
export function answerPlainAcl(node: FullNode): Answers {
  const accounts = new Map<string, Account>();
  let globalWhiteAddrs: string[] = [];
  let counter = 0;
  return new Map<number, (request: RemotingCommand) => Answer>([
    [
      RequestCode.UPDATE_AND_CREATE_ACL_CONFIG,
      ({ extFields }) => {
        const { admin, topicPerms, groupPerms, ...rest } = extFields as Record<string, string> & { accessKey: string };
        const list = (text: string | undefined): string[] | undefined => (text === undefined || text === '' ? undefined : text.split(','));
        const lists = { topicPerms: list(topicPerms), groupPerms: list(groupPerms) };
        const account = { ...rest, accessKey: rest.accessKey ?? '', admin: admin === 'true' };
        accounts.set(account.accessKey, { ...account, ...(lists as Pick<Account, 'topicPerms'>) });
        counter++;
        return {};
      },
    ],
    [
      RequestCode.DELETE_ACL_CONFIG,
      ({ extFields }) => {
        const existed = accounts.delete(extFields?.accessKey ?? '');
        return existed ? {} : { code: 1, remark: 'The accesskey is not exist' };
      },
    ],
    [
      RequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG,
      ({ extFields }) => {
        globalWhiteAddrs = (extFields?.globalWhiteAddrs ?? '').split(',');
        counter++;
        return {};
      },
    ],
    [
      RequestCode.GET_BROKER_CLUSTER_ACL_INFO,
      () => {
        const version = { counter, timestamp: new Date(2026, 10, 21, 4, 5, 6).getTime(), stateVersion: 0 };
        return {
          extFields: {
            clusterName: 'DefaultCluster',
            brokerName: node.brokerName,
            brokerAddr: node.addr,
            version: JSON.stringify(version),
            allAclFileVersion: JSON.stringify({ '/etc/rocketmq/plain_acl.yml': version }),
          },
        };
      },
    ],
    [RequestCode.GET_BROKER_CLUSTER_ACL_CONFIG, () => ({ body: { globalWhiteAddrs, plainAccessConfigs: [...accounts.values()] } })],
  ]);
}

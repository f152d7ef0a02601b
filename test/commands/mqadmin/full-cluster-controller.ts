import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import type { Answer, Answers, FullNode } from './full-cluster.js';

/** A controller that leads itself and knows one broker with two copies, the first of which is the master. */
export function answerController(node: FullNode): Answers {
  const config = new Map([
    ['enableElectUncleanMaster', 'false'],
    ['notifyBrokerRoleChanged', 'true'],
  ]);
  let master = 1;
  const replica = (brokerId: number, alive: boolean): unknown => ({
    alive,
    brokerAddress: `127.0.0.1:5${brokerId === 1 ? 4 : 5}911`,
    brokerId,
    brokerName: 'broker-c',
  });
  const field = (request: RemotingCommand, name: string): string => request.extFields?.[name] ?? '';
  return new Map<number, (request: RemotingCommand) => Answer>([
    [
      RequestCode.CONTROLLER_GET_METADATA_INFO,
      () => ({
        extFields: {
          group: 'group1',
          controllerLeaderId: 'n0',
          controllerLeaderAddress: node.addr,
          isLeader: 'true',
          peers: `n0:${node.addr};n1:127.0.0.1:49879`,
        },
      }),
    ],
    [
      RequestCode.CONTROLLER_GET_SYNC_STATE_DATA,
      (request) => {
        const names = JSON.parse(request.body?.toString('utf8') ?? '[]') as string[];
        const info = {
          inSyncReplicas: [replica(master, true)],
          masterAddress: `127.0.0.1:5${master === 1 ? 4 : 5}911`,
          masterBrokerId: master,
          masterEpoch: 1,
          notInSyncReplicas: [replica(3 - master, false)],
          syncStateSetEpoch: 2,
        };
        return { body: { replicasInfoTable: names.includes('broker-c') ? { 'broker-c': info } : {} } };
      },
    ],
    [
      RequestCode.CONTROLLER_ELECT_MASTER,
      (request) => {
        const brokerId = Number(field(request, 'brokerId'));
        if (brokerId === master) {
          const remark = `The old master ${master} is still alive, not need to elect new master for broker broker-c`;
          return { code: ResponseCode.CONTROLLER_MASTER_STILL_EXIST, remark };
        }
        if (brokerId !== 2) return { code: ResponseCode.CONTROLLER_ELECT_MASTER_FAILED, remark: 'Failed to elect a new master' };
        master = brokerId;
        return {
          extFields: { masterBrokerId: '2', masterAddress: '127.0.0.1:55911', masterEpoch: '2', syncStateSetEpoch: '3' },
          body: '{"brokerAddrs":{0:"127.0.0.1:55911",1:"127.0.0.1:54911"},"brokerName":"broker-c","cluster":"DefaultCluster"}',
        };
      },
    ],
    [
      RequestCode.CLEAN_BROKER_DATA,
      (request) =>
        field(request, 'brokerControllerIdsToClean') === String(master) && field(request, 'isCleanLivingBroker') === 'false'
          ? {
              code: ResponseCode.CONTROLLER_INVALID_CLEAN_BROKER_METADATA,
              remark: `Broker [broker-c,  ${master}] is still alive, clean up failure`,
            }
          : {},
    ],
    [RequestCode.GET_CONTROLLER_CONFIG, () => ({ body: [...config].map(([key, value]) => `${key}=${value}\n`).join('') })],
    [
      RequestCode.UPDATE_CONTROLLER_CONFIG,
      (request) => {
        const [key = '', value = ''] = (request.body?.toString('utf8') ?? '').trim().split('=');
        if (key === 'configStorePath') return { code: ResponseCode.NO_PERMISSION, remark: 'Can not update config in black list.' };
        config.set(key, value);
        return {};
      },
    ],
  ]);
}

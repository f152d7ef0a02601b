import type { AdminClient } from './admin-client.js';
import { getBrokerConfig } from './broker-config.js';

/** The settings that a cluster is set up again with. */
const KEYS = [
  'autoCreateSubscriptionGroup',
  'autoCreateTopicEnable',
  'brokerClusterName',
  'brokerId',
  'brokerName',
  'brokerRole',
  'fileReservedTime',
  'filterServerNums',
  'flushDiskType',
  'maxMessageSize',
  'messageDelayLevel',
  'msgTraceTopicName',
  'slaveReadEnable',
  'traceOn',
  'traceTopicEnable',
  'useTLS',
];

export interface ExportedConfigs {
  /** By broker name. */
  readonly brokerConfigs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly clusterScale: { readonly masterBrokerSize: number; readonly namesrvSize: number; readonly slaveBrokerSize: number };
}

/** The settings that matter of each master, and how many nodes there are. */
export async function exportConfigs(admin: AdminClient, clusterName: string): Promise<ExportedConfigs> {
  const members = await admin.clusterBrokers(clusterName);
  const { brokers } = await getBrokerConfig(admin, { clusterName });
  const masters = brokers.filter(({ role }) => role === 'master');
  const configs = masters.map(({ config }): [string, Record<string, string>] => [
    config.brokerName ?? '',
    Object.fromEntries(KEYS.flatMap((key) => (config[key] === undefined ? [] : [[key, config[key]]]))),
  ]);
  const slaveBrokerSize = members.filter(({ brokerId }) => brokerId !== 0).length;
  return {
    brokerConfigs: Object.fromEntries(configs),
    clusterScale: { masterBrokerSize: masters.length, namesrvSize: admin.namesrv.addresses.length, slaveBrokerSize },
  };
}

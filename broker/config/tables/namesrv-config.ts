// Keys of the name server.
import { inHome, ROCKETMQ_HOME } from '../defaults.js';
import { bool, type ConfigValues, int, text } from '../key.js';

/** Keys of `NamesrvConfig`, in Apache's order. */
export const NAMESRV_CONFIG = {
  rocketmqHome: text(ROCKETMQ_HOME, 'directory of an Apache installation; not needed here'),
  kvConfigPath: text(inHome('namesrv/kvConfig.json'), 'KV store (order topics)', { use: 'start' }),
  configStorePath: text(inHome('namesrv/namesrv.properties'), 'name server properties file', { use: 'start' }),
  productEnvName: text('center', 'unused'),
  clusterTest: bool(false, 'unused test switch'),
  orderMessageEnable: bool(false, 'answer the order topic configuration with routes', { use: 'live' }),
  returnOrderTopicConfigToBroker: bool(true, 'return order config at registration', { use: 'live', since: '5.x' }),
  clientRequestThreadPoolNums: int(8, 'route request threads', { since: '5.x' }),
  defaultThreadPoolNums: int(16, 'other request threads', { since: '5.x' }),
  clientRequestThreadPoolQueueCapacity: int(50_000, 'queue length', { since: '5.x' }),
  defaultThreadPoolQueueCapacity: int(10_000, 'queue length', { since: '5.x' }),
  scanNotActiveBrokerInterval: int(5000, 'pause between scans for dead brokers (4.x fixed 10000, dead after 120000)', {
    use: 'live',
    unit: 'ms',
    since: '5.x',
  }),
  unRegisterBrokerQueueCapacity: int(3000, 'queue length', { since: '5.x' }),
  supportActingMaster: bool(false, 'show smallest id as master', { use: 'live', since: '5.x' }),
  enableAllTopicList: bool(true, 'answer GET_ALL_TOPIC_LIST', { use: 'live', since: '5.x' }),
  enableTopicList: bool(true, 'answer topic list requests', { use: 'live', since: '5.x' }),
  notifyMinBrokerIdChanged: bool(false, 'push 905', { use: 'live', since: '5.x' }),
  enableControllerInNamesrv: bool(false, 'run a controller inside', { since: '5.x' }),
  needWaitForService: bool(false, 'refuse routes right after start', { use: 'live', since: '5.x' }),
  waitSecondsForService: int(45, 'seconds after start in which needWaitForService refuses routes', { use: 'live', since: '5.x' }),
  deleteTopicWithBrokerRegistration: bool(false, 'drop topics a broker no longer registers', { use: 'live', since: '5.x' }),
  configBlackList: text('configBlackList;configStorePath;kvConfigPath', 'keys that updateBrokerConfig/updateNamesrvConfig refuses', {
    use: 'start',
    since: '5.x',
  }),
} as const;

export type NamesrvConfigValues = ConfigValues<typeof NAMESRV_CONFIG>;

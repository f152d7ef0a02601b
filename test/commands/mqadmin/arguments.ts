import { fileURLToPath } from 'node:url';

/** A list of topics for the command that reads one. */
export const TOPICS_FILE = fileURLToPath(new URL('./vectors/topics.json', import.meta.url));
/** A list of groups, likewise. */
export const GROUPS_FILE = fileURLToPath(new URL('./vectors/groups.json', import.meta.url));

/** Offsets as they were, for the command that puts them back. */
export const UNDO_FILE = fileURLToPath(new URL('./vectors/undo.json', import.meta.url));

/** Where no broker and no controller is. */
const NOWHERE = '127.0.0.1:1';

/** Words that make each command complete, for tests of what all commands have in common. */
export const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  addBroker: ['-c', NOWHERE, '-b', 'x.conf'],
  addWritePerm: ['-b', 'B'],
  allocateMQ: ['-t', 'T', '-i', '10.0.0.1'],
  brokerConsumeStats: ['-b', '127.0.0.1:1'],
  brokerStatus: ['-c', 'C'],
  checkMsgSendRT: ['-t', 'T'],
  cleanExpiredCQ: ['-c', 'C'],
  cleanUnusedTopic: ['-c', 'C'],
  cloneGroupOffset: ['-s', 'G', '-d', 'H', '-t', 'T'],
  clusterList: [],
  clusterRT: [],
  consumeMessage: ['-t', 'T'],
  consumerConnection: ['-g', 'G'],
  consumerProgress: ['-g', 'G'],
  consumerStatus: ['-g', 'G'],
  deleteExpiredCommitLog: ['-c', 'C'],
  deleteKvConfig: ['-s', 'NS', '-k', 'k'],
  deleteSubGroup: ['-c', 'C', '-g', 'G'],
  deleteTopic: ['-c', 'C', '-t', 'T'],
  getBrokerConfig: ['-c', 'C'],
  getBrokerEpoch: ['-c', 'C'],
  getColdDataFlowCtrInfo: ['-c', 'C'],
  getConsumerConfig: ['-g', 'G'],
  getNamesrvConfig: [],
  haStatus: ['-c', 'C'],
  printMsg: ['-t', 'T'],
  printMsgByQueue: ['-t', 'T', '-a', 'B', '-i', '0'],
  producer: ['-b', '127.0.0.1:1'],
  producerConnection: ['-g', 'G', '-t', 'T'],
  queryCq: ['-t', 'T', '-q', '0', '-i', '0'],
  queryMsgById: ['-t', 'T', '-i', '7F000001000100000000000000000008'],
  queryMsgByKey: ['-t', 'T', '-k', 'K'],
  queryMsgByOffset: ['-t', 'T', '-b', 'B', '-i', '0', '-o', '0'],
  queryMsgByUniqueKey: ['-t', 'T', '-i', '7F000001000100000000000000000008'],
  queryMsgTraceById: ['-i', '7F000001000100000000000000000008'],
  removeBroker: ['-c', NOWHERE, '-b', 'C:B:0'],
  removeColdDataFlowCtrGroupConfig: ['-c', 'C', '-g', 'G'],
  resetMasterFlushOffset: ['-b', NOWHERE, '-o', '0'],
  resetOffsetByTime: ['-g', 'G', '-t', 'T', '-s', 'now'],
  sendMessage: ['-t', 'T', '-p', 'x'],
  sendMsgStatus: ['-b', 'B'],
  setCommitLogReadAheadMode: ['-c', 'C', '-m', '0'],
  setConsumeMode: ['-c', 'C', '-t', 'T', '-g', 'G', '-m', 'POP'],
  skipAccumulatedMessage: ['-g', 'G', '-t', 'T'],
  startMonitoring: [],
  statsAll: [],
  topicClusterList: ['-t', 'T'],
  topicList: [],
  topicRoute: ['-t', 'T'],
  topicStatus: ['-t', 'T'],
  undoOffsets: ['-f', UNDO_FILE],
  updateBrokerConfig: ['-c', 'C', '-k', 'k', '-v', 'v'],
  updateColdDataFlowCtrGroupConfig: ['-c', 'C', '-g', 'G', '-v', '1'],
  updateKvConfig: ['-s', 'NS', '-k', 'k', '-v', 'v'],
  updateNamesrvConfig: ['-k', 'k', '-v', 'v'],
  updateOrderConf: ['-t', 'T', '-m', 'get'],
  updateSubGroup: ['-c', 'C', '-g', 'G'],
  updateSubGroupList: ['-c', 'C', '-f', GROUPS_FILE],
  updateTopic: ['-c', 'C', '-t', 'T'],
  updateTopicList: ['-c', 'C', '-f', TOPICS_FILE],
  updateTopicPerm: ['-c', 'C', '-t', 'T', '-p', '6'],
  wipeWritePerm: ['-b', 'B'],
};

/** Commands that can be addressed to one broker without a name server. */
export const TO_ONE_BROKER: Readonly<Record<string, readonly string[]>> = {
  brokerConsumeStats: [],
  brokerStatus: [],
  cleanExpiredCQ: [],
  cleanUnusedTopic: [],
  consumerConnection: ['-g', 'G'],
  consumerStatus: ['-g', 'G'],
  deleteExpiredCommitLog: [],
  deleteSubGroup: ['-g', 'G'],
  getBrokerConfig: [],
  getColdDataFlowCtrInfo: [],
  haStatus: [],
  producer: [],
  queryCq: ['-t', 'T', '-q', '0', '-i', '0'],
  removeColdDataFlowCtrGroupConfig: ['-g', 'G'],
  resetMasterFlushOffset: ['-o', '0'],
  setCommitLogReadAheadMode: ['-m', '1'],
  setConsumeMode: ['-t', 'T', '-g', 'G', '-m', 'PULL'],
  updateBrokerConfig: ['-k', 'k', '-v', 'v'],
  updateColdDataFlowCtrGroupConfig: ['-g', 'G', '-v', '1'],
  updateSubGroup: ['-g', 'G'],
  updateSubGroupList: ['-f', GROUPS_FILE],
  updateTopic: ['-t', 'T'],
  updateTopicList: ['-f', TOPICS_FILE],
};

/** Commands that do without a name server. */
export const WITHOUT_NAMESRV: ReadonlySet<string> = new Set([
  'addBroker',
  'brokerConsumeStats',
  'producer',
  'removeBroker',
  'resetMasterFlushOffset',
  'undoOffsets',
]);

/** Commands for what the bundled nodes do not have. */
export const FOR_OTHER_CLUSTERS: ReadonlySet<string> = new Set([
  'addBroker',
  'getBrokerEpoch',
  'getColdDataFlowCtrInfo',
  'removeBroker',
  'removeColdDataFlowCtrGroupConfig',
  'setCommitLogReadAheadMode',
  'updateColdDataFlowCtrGroupConfig',
]);

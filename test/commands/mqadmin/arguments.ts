/** Words that make each command complete, for tests of what all commands have in common. */
export const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  brokerStatus: ['-c', 'C'],
  clusterList: [],
  consumeMessage: ['-t', 'T'],
  consumerConnection: ['-g', 'G'],
  consumerProgress: ['-g', 'G'],
  deleteSubGroup: ['-c', 'C', '-g', 'G'],
  deleteTopic: ['-c', 'C', '-t', 'T'],
  getBrokerConfig: ['-c', 'C'],
  producerConnection: ['-g', 'G', '-t', 'T'],
  queryMsgById: ['-t', 'T', '-i', '7F000001000100000000000000000008'],
  queryMsgByKey: ['-t', 'T', '-k', 'K'],
  queryMsgByOffset: ['-t', 'T', '-b', 'B', '-i', '0', '-o', '0'],
  queryMsgByUniqueKey: ['-t', 'T', '-i', '7F000001000100000000000000000008'],
  resetOffsetByTime: ['-g', 'G', '-t', 'T', '-s', 'now'],
  sendMessage: ['-t', 'T', '-p', 'x'],
  statsAll: [],
  topicList: [],
  topicRoute: ['-t', 'T'],
  topicStatus: ['-t', 'T'],
  updateBrokerConfig: ['-c', 'C', '-k', 'k', '-v', 'v'],
  updateSubGroup: ['-c', 'C', '-g', 'G'],
  updateTopic: ['-c', 'C', '-t', 'T'],
};

/** Commands that can be addressed to one broker without a name server. */
export const TO_ONE_BROKER: Readonly<Record<string, readonly string[]>> = {
  brokerStatus: [],
  consumerConnection: ['-g', 'G'],
  deleteSubGroup: ['-g', 'G'],
  getBrokerConfig: [],
  updateBrokerConfig: ['-k', 'k', '-v', 'v'],
  updateSubGroup: ['-g', 'G'],
  updateTopic: ['-t', 'T'],
};

/** Commands in the order in which Apache's tool lists them. */
const APACHE_ORDER = [
  'updateTopic updateTopicList deleteTopic updateSubGroup updateSubGroupList setConsumeMode deleteSubGroup updateBrokerConfig',
  'updateTopicPerm topicRoute topicStatus topicClusterList addBroker removeBroker resetMasterFlushOffset brokerStatus queryMsgById',
  'queryMsgByKey queryMsgByUniqueKey queryMsgByOffset queryMsgTraceById printMsg printMsgByQueue sendMsgStatus brokerConsumeStats',
  'producerConnection consumerConnection consumerProgress consumerStatus cloneGroupOffset producer clusterList topicList updateKvConfig',
  'deleteKvConfig wipeWritePerm addWritePerm resetOffsetByTime skipAccumulatedMessage updateOrderConf cleanExpiredCQ',
  'deleteExpiredCommitLog cleanUnusedTopic startMonitoring statsAll allocateMQ checkMsgSendRT clusterRT getNamesrvConfig',
  'updateNamesrvConfig getBrokerConfig getConsumerConfig queryCq sendMessage consumeMessage updateStaticTopic remappingStaticTopic',
  'exportMetadata exportConfigs exportMetrics exportMetadataInRocksDB exportPopRecord haStatus getSyncStateSet getBrokerEpoch',
  'getControllerMetaData getControllerConfig updateControllerConfig electMaster cleanBrokerMetadata dumpCompactionLog',
  'getColdDataFlowCtrInfo updateColdDataFlowCtrGroupConfig removeColdDataFlowCtrGroupConfig setCommitLogReadAheadMode createUser',
  'updateUser deleteUser getUser listUser copyUser createAcl updateAcl deleteAcl getAcl listAcl copyAcl rocksDBConfigToJson',
  'checkRocksdbCqWriteProgress',
]
  .join(' ')
  .split(' ');

/** Whether Apache's tool of 5.3 has the command. */
export function isApacheCommand(id: string): boolean {
  return APACHE_ORDER.includes(id);
}

/** Puts commands into Apache's order; ours come after them, by name. */
export function inListOrder<C extends { readonly id: string }>(commands: readonly C[]): C[] {
  const rank = (id: string): number => {
    const index = APACHE_ORDER.indexOf(id);
    return index < 0 ? APACHE_ORDER.length : index;
  };
  return [...commands].sort((a, b) => rank(a.id) - rank(b.id) || (a.id < b.id ? -1 : 1));
}

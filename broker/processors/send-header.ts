/** Names of the header fields in the two forms of a send header. */
export interface FieldNames {
  topic: string;
  defaultTopic: string;
  defaultTopicQueueNums: string;
  queueId: string;
  sysFlag: string;
  bornTimestamp: string;
  flag: string;
  properties: string;
  reconsumeTimes: string;
  maxReconsumeTimes: string;
  batch: string;
}

/** SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE: one letter a field. */
export const V2: FieldNames = {
  topic: 'b',
  defaultTopic: 'c',
  defaultTopicQueueNums: 'd',
  queueId: 'e',
  sysFlag: 'f',
  bornTimestamp: 'g',
  flag: 'h',
  properties: 'i',
  reconsumeTimes: 'j',
  maxReconsumeTimes: 'l',
  batch: 'm',
};

/** SEND_MESSAGE. */
export const V1: FieldNames = {
  topic: 'topic',
  defaultTopic: 'defaultTopic',
  defaultTopicQueueNums: 'defaultTopicQueueNums',
  queueId: 'queueId',
  sysFlag: 'sysFlag',
  bornTimestamp: 'bornTimestamp',
  flag: 'flag',
  properties: 'properties',
  reconsumeTimes: 'reconsumeTimes',
  maxReconsumeTimes: 'maxReconsumeTimes',
  batch: 'batch',
};

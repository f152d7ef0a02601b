import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import type { Answer, Answers } from './full-cluster.js';

/** Static topics of one broker: what it was given last. */
export function answerStaticTopics(brokerName: string): Answers {
  const topics = new Map<string, object>();
  return new Map<number, (request: RemotingCommand) => Answer>([
    [
      RequestCode.GET_TOPIC_CONFIG,
      ({ extFields }) => {
        const topic = topics.get(extFields?.topic ?? '');
        return topic === undefined
          ? { code: ResponseCode.TOPIC_NOT_EXIST, remark: `No topic in this broker. topic: ${extFields?.topic}` }
          : { body: extFields?.lo === 'true' ? topic : { ...topic, mappingDetail: undefined } };
      },
    ],
    [
      RequestCode.UPDATE_AND_CREATE_STATIC_TOPIC,
      ({ extFields, body }) => {
        const { topic = '', readQueueNums, writeQueueNums, perm, topicSysFlag, order, topicFilterType } = extFields ?? {};
        topics.set(topic, {
          topicName: topic,
          readQueueNums: Number(readQueueNums),
          writeQueueNums: Number(writeQueueNums),
          perm: Number(perm),
          topicFilterType,
          topicSysFlag: Number(topicSysFlag),
          order: order === 'true',
          attributes: {},
          mappingDetail: JSON.parse((body?.toString('utf8') ?? '{}').replace(/([{,])(\d+):/g, '$1"$2":')),
        });
        return {};
      },
    ],
    [
      RequestCode.GET_TOPIC_STATS_INFO,
      ({ extFields }) => {
        const { topic = '' } = extFields ?? {};
        const offsets = [0, 1, 2, 3].map(
          (queueId) =>
            `{"brokerName":"${brokerName}","queueId":${queueId},"topic":"${topic}"}:{"lastUpdateTimestamp":0,"maxOffset":${queueId * 10},"minOffset":0}`,
        );
        return { body: `{"offsetTable":{${offsets.join(',')}}}` };
      },
    ],
  ]);
}

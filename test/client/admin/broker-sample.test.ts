import { expect, it } from 'vitest';
import type { AdminClient } from '../../../src/client/admin/admin-client.js';
import { BrokerQuestions } from '../../../src/client/admin/broker-sample.js';
import { TopRounds } from '../../../src/client/admin/top-round.js';
import type { MessageQueue } from '../../../src/client/message-queue.js';
import { CLUSTER_METRICS } from '../../../src/commands/mqadmin/exporter-metrics.js';
import { systemClock } from '../../../src/common/clock.js';
import { encodeConsumeStats, type OffsetWrapper } from '../../../src/remoting/bodies/consume-stats.js';
import { encodeSubscriptionGroupWrapper, newSubscriptionGroupConfig } from '../../../src/remoting/bodies/subscription-group.js';
import { encodeTopicConfigWrapper } from '../../../src/remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RequestInit } from '../../../src/remoting/command.js';

const BROKER = { clusterName: 'C', brokerName: 'a', brokerId: 0, brokerAddr: 'a:1' };

const dataVersion = { stateVersion: 0, timestamp: 0, counter: 0 };
const queue = (queueId: number, brokerOffset: number, consumerOffset: number, pullOffset: number): [MessageQueue, OffsetWrapper] => [
  { topic: 'T', brokerName: 'a', queueId },
  { brokerOffset, consumerOffset, pullOffset, lastTimestamp: 0 },
];

it('a queue that ends before the offset of the group takes nothing from the lag of the others', async () => {
  const subscriptionGroupTable = new Map([['G', newSubscriptionGroupConfig('G')]]);
  const answers: Record<number, Buffer> = {
    [RequestCode.GET_BROKER_CONFIG]: Buffer.from(''),
    [RequestCode.GET_ALL_TOPIC_CONFIG]: encodeTopicConfigWrapper({ topicConfigTable: new Map(), dataVersion }),
    [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG]: encodeSubscriptionGroupWrapper({
      subscriptionGroupTable,
      forbiddenTable: {},
      dataVersion,
    }),
    [RequestCode.GET_CONSUME_STATS]: encodeConsumeStats({
      offsetTable: [queue(0, 10, 100, 100), queue(1, 100, 10, 40)],
      consumeTps: 0,
    }),
  };
  const admin = {
    ask: (_: string, { code }: RequestInit) => Promise.resolve({ code: ResponseCode.SUCCESS, body: answers[code] }),
  } as unknown as AdminClient;
  const questions = new BrokerQuestions(admin, BROKER, { limitMs: 60_000, clock: systemClock });
  const wants = {
    isTopic: () => true,
    isGroup: () => true,
    topics: true,
    groups: true,
    clients: false,
    lagTimes: false,
    pullOffsets: true,
  };
  const facts = await questions.facts({}, wants);
  expect(facts.groups[0]?.topics).toMatchObject([{ brokerOffset: 110, consumerOffset: 110, lag: 90, unpulled: 60, lagMs: null }]);
  const sample = { time: 0, atMs: 0, tookMs: 0, namesrvs: [], brokers: [{ ...BROKER, tookMs: 0, facts }] };
  const values = ['lag', 'ready'].map((what) => {
    const metric = CLUSTER_METRICS.find(({ name }) => name === `rocketmq_consumer_${what}_messages`);
    return [...(metric?.values(sample) ?? [])].map(([, value]) => value);
  });
  expect(values).toEqual([[90], [60]]);
  expect(new TopRounds().round(sample, wants)).toMatchObject({ groups: [{ lag: 90 }], totals: { lag: 90 } });
});

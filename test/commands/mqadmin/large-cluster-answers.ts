/* What the nodes of a large cluster answer. */
import { MQ_VERSION, versionDesc } from '../../../src/common/mq-version.js';
import {
  type ConsumeStats,
  encodeConsumerOffsetWrapper,
  encodeConsumeStats,
  encodeConsumeStatsList,
} from '../../../src/remoting/bodies/consume-stats.js';
import { encodeClusterInfo, encodeTopicRouteData } from '../../../src/remoting/bodies/route.js';
import { encodeConsumerRunningInfo } from '../../../src/remoting/bodies/running-info.js';
import { encodeConsumerConnection, encodeProducerTableInfo } from '../../../src/remoting/bodies/subscription.js';
import { encodeSubscriptionGroupWrapper, newSubscriptionGroupConfig } from '../../../src/remoting/bodies/subscription-group.js';
import {
  encodeGroupList,
  encodeKVTable,
  encodeTopicConfigWrapper,
  encodeTopicList,
  encodeTopicStatsTable,
  newTopicConfig,
} from '../../../src/remoting/bodies/topic.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Answerer, groupName, type LargeBroker, type LargeCluster, topicName } from './large-cluster.js';

const RETRY = '%RETRY%';
const QUEUES = 4;
/** Messages in each queue, and those of them that nobody consumed yet. */
const MESSAGES = 1000;
export const BACKLOG_PER_BROKER = QUEUES * 5;
const NO_VERSION = { stateVersion: 0, timestamp: 0, counter: 0 };

type Said = Pick<LargeBroker, 'brokerName' | 'topics' | 'groups'>;

function queues(brokerName: string, topic: string): { topic: string; brokerName: string; queueId: number }[] {
  return Array.from({ length: QUEUES }, (_, queueId) => ({ topic, brokerName, queueId }));
}

/** The number at the end of a name. */
function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('_') + 1));
}

/** The name server's answers. */
export function namesrvAnswers(cluster: LargeCluster, clusterName: string): ReadonlyMap<number, Answerer> {
  const { topics, groups } = cluster.options;
  const names = [
    ...Array.from({ length: topics }, (_, i) => topicName(i)),
    ...Array.from({ length: groups }, (_, i) => `${RETRY}${groupName(i)}`),
  ];
  const topicList = encodeTopicList({ topicList: names });
  const known = new Set(names);
  const dataOf = ({ brokerName, addr }: LargeBroker) => ({
    cluster: clusterName,
    brokerName,
    brokerAddrs: new Map([[0, addr]]),
    enableActingMaster: false,
  });
  const info = encodeClusterInfo({
    brokerAddrTable: new Map(cluster.brokers.map((broker) => [broker.brokerName, dataOf(broker)])),
    clusterAddrTable: new Map([[clusterName, cluster.brokers.map(({ brokerName }) => brokerName)]]),
  });
  const route: Answerer = (request) => {
    const topic = request.extFields?.topic ?? '';
    if (!known.has(topic)) {
      return null;
    }
    const members = cluster.brokersOf(numberOf(topic));
    const queueNums = topic.startsWith(RETRY) ? 1 : QUEUES;
    const queueDatas = members.map(({ brokerName }) => ({
      brokerName,
      readQueueNums: queueNums,
      writeQueueNums: queueNums,
      perm: 6,
      topicSysFlag: 0,
    }));
    return encodeTopicRouteData({ queueDatas, brokerDatas: members.map(dataOf), filterServerTable: new Map() }, { standardJson: true });
  };
  return new Map<number, Answerer>([
    [RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, () => topicList],
    [RequestCode.GET_BROKER_CLUSTER_INFO, () => info],
    [RequestCode.GET_ROUTEINFO_BY_TOPIC, route],
    [RequestCode.GET_KVLIST_BY_NAMESPACE, () => encodeKVTable({ table: new Map() })],
    [RequestCode.GET_NAMESRV_CONFIG, () => Buffer.from('listenPort=9876\n')],
  ]);
}

/** The answers of one broker. */
export class BrokerAnswers {
  readonly #broker: Said;
  readonly #clusterName: string;
  /** Answers that are the same each time. */
  readonly #made = new Map<number, Buffer>();

  constructor(broker: Said, clusterName: string) {
    this.#broker = broker;
    this.#clusterName = clusterName;
  }

  of(request: RemotingCommand): Buffer | null {
    const { consumerGroup = '', group = '', topic = '' } = request.extFields ?? {};
    switch (request.code) {
      case RequestCode.GET_BROKER_RUNTIME_INFO:
        return this.#runtimeInfo();
      case RequestCode.GET_CONSUME_STATS:
        return this.#consumeStats(consumerGroup);
      case RequestCode.GET_BROKER_CONSUME_STATS:
        return this.#allConsumeStats();
      case RequestCode.GET_CONSUMER_RUNNING_INFO:
        return this.#runningInfo(consumerGroup, request.extFields?.clientId ?? '');
      case RequestCode.GET_ALL_PRODUCER_INFO:
        return encodeProducerTableInfo(new Map());
      case RequestCode.GET_CONSUMER_CONNECTION_LIST:
        return this.#connections(consumerGroup);
      case RequestCode.GET_TOPIC_STATS_INFO:
        return this.#topicStats(topic);
      case RequestCode.QUERY_TOPIC_CONSUME_BY_WHO:
        return encodeGroupList({ groupList: this.#broker.groups.includes(groupName(numberOf(topic))) ? [groupName(numberOf(topic))] : [] });
      case RequestCode.QUERY_TOPICS_BY_CONSUMER:
        return encodeTopicList({ topicList: [topicName(numberOf(group))] });
      case RequestCode.QUERY_CONSUME_TIME_SPAN:
        return this.#timeSpans(topic);
      default:
        return this.#once(request.code);
    }
  }

  #once(code: number): Buffer | null {
    const made = this.#made.get(code) ?? this.#make(code);
    if (made !== null) {
      this.#made.set(code, made);
    }
    return made;
  }

  #make(code: number): Buffer | null {
    const { brokerName, topics, groups } = this.#broker;
    switch (code) {
      case RequestCode.GET_BROKER_CONFIG:
        return Buffer.from(`brokerName=${brokerName}\nbrokerClusterName=${this.#clusterName}\nbrokerId=0\nbrokerRole=ASYNC_MASTER\n`);
      case RequestCode.GET_ALL_TOPIC_CONFIG: {
        const retries = groups.map((name) => newTopicConfig(`${RETRY}${name}`, { readQueueNums: 1, writeQueueNums: 1 }));
        const own = topics.map((name) => newTopicConfig(name, { readQueueNums: QUEUES, writeQueueNums: QUEUES }));
        return encodeTopicConfigWrapper({
          topicConfigTable: new Map([...own, ...retries].map((config) => [config.topicName, config])),
          dataVersion: NO_VERSION,
        });
      }
      case RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG:
        return encodeSubscriptionGroupWrapper({
          subscriptionGroupTable: new Map(groups.map((name) => [name, newSubscriptionGroupConfig(name)])),
          forbiddenTable: {},
          dataVersion: NO_VERSION,
        });
      case RequestCode.GET_ALL_CONSUMER_OFFSET: {
        const offsets = new Map(Array.from({ length: QUEUES }, (_, queueId) => [queueId, MESSAGES - 5]));
        return encodeConsumerOffsetWrapper({
          offsetTable: new Map(groups.map((name) => [`${topicName(numberOf(name))}@${name}`, offsets])),
          groupTopicMap: new Map(),
          dataVersion: NO_VERSION,
        });
      }
      default:
        return null;
    }
  }

  #runtimeInfo(): Buffer {
    const nowMs = Date.now();
    return encodeKVTable({
      table: new Map(
        Object.entries({
          bootTimestamp: String(nowMs - 3_600_000),
          brokerActive: 'true',
          brokerVersion: String(MQ_VERSION),
          brokerVersionDesc: versionDesc(MQ_VERSION),
          commitLogDiskRatio: '0.41',
          consumeQueueDiskRatio: '0.41',
          commitLogDirCapacity: 'Total : 100.0 GiB, Free : 59.0 GiB.',
          earliestMessageTimeStamp: String(nowMs - 3_600_000),
          getTransferredTps: '10.0 9.0 8.0',
          msgGetTotalTodayNow: '1000',
          msgPutTotalTodayNow: '1000',
          pageCacheLockTimeMills: '0',
          putTps: '10.0 9.0 8.0',
          sendThreadPoolQueueSize: '0',
        }),
      ),
    });
  }

  #consumeStats(group: string): Buffer {
    return encodeConsumeStats(this.#statsOf(group));
  }

  #allConsumeStats(): Buffer {
    const { brokerName, groups } = this.#broker;
    return encodeConsumeStatsList({
      brokerAddr: brokerName,
      consumeStatsList: groups.map((group) => new Map([[group, [this.#statsOf(group)]]])),
      totalDiff: groups.length * BACKLOG_PER_BROKER,
    });
  }

  #statsOf(group: string): ConsumeStats {
    const { brokerName, groups } = this.#broker;
    const offset = { brokerOffset: MESSAGES, consumerOffset: MESSAGES - 5, pullOffset: MESSAGES - 5, lastTimestamp: Date.now() };
    const topic = topicName(numberOf(group));
    return {
      consumeTps: groups.includes(group) ? 2.5 : 0,
      offsetTable: groups.includes(group) ? queues(brokerName, topic).map((queue) => [queue, offset]) : [],
    };
  }

  /** Of two members, each has every second queue. */
  #runningInfo(group: string, clientId: string): Buffer {
    const { brokerName } = this.#broker;
    const topic = topicName(numberOf(group));
    const isFirst = clientId.startsWith('10.0.0.1@');
    const state = {
      commitOffset: MESSAGES - 5,
      cachedMsgMinOffset: 0,
      cachedMsgMaxOffset: 0,
      cachedMsgCount: 0,
      cachedMsgSizeInMiB: 0,
      transactionMsgMinOffset: 0,
      transactionMsgMaxOffset: 0,
      transactionMsgCount: 0,
      locked: false,
      tryUnlockTimes: 0,
      lastLockTimestamp: 0,
      droped: false,
      lastPullTimestamp: Date.now(),
      lastConsumeTimestamp: Date.now(),
    };
    return encodeConsumerRunningInfo({
      properties: new Map([['PROP_CONSUME_TYPE', 'CONSUME_PASSIVELY']]),
      subscriptionSet: [{ topic, subString: '*', tagsSet: [], codeSet: [], subVersion: 1, expressionType: 'TAG', classFilterMode: false }],
      mqTable: queues(brokerName, topic)
        .filter(({ queueId }) => (queueId % 2 === 0) === isFirst)
        .map((queue) => [queue, state]),
      mqPopTable: [],
      statusTable: new Map(),
      userConsumerInfo: new Map(),
    });
  }

  #connections(group: string): Buffer | null {
    const client = (index: number) => ({
      clientId: `10.0.0.${index}@${group}`,
      clientAddr: `10.0.0.${index}:3000${index}`,
      language: 'JAVA',
      version: MQ_VERSION,
    });
    const topic = topicName(numberOf(group));
    const subscription = {
      topic,
      subString: '*',
      tagsSet: [],
      codeSet: [],
      subVersion: 1,
      expressionType: 'TAG',
      classFilterMode: false,
    };
    return encodeConsumerConnection({
      connectionSet: [client(1), client(2)],
      subscriptionTable: new Map([[topic, subscription]]),
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    });
  }

  #topicStats(topic: string): Buffer {
    const { brokerName } = this.#broker;
    const offset = { minOffset: 0, maxOffset: MESSAGES, lastUpdateTimestamp: Date.now() };
    return encodeTopicStatsTable({ offsetTable: queues(brokerName, topic).map((queue) => [queue, offset]), topicPutTps: 1 });
  }

  #timeSpans(topic: string): Buffer {
    const nowMs = Date.now();
    const spans = queues(this.#broker.brokerName, topic).map((messageQueue) => ({
      messageQueue,
      minTimeStamp: nowMs - 3_600_000,
      maxTimeStamp: nowMs,
      consumeTimeStamp: nowMs - 1000,
      delayTime: 1000,
    }));
    return Buffer.from(JSON.stringify({ consumeTimeSpanSet: spans }));
  }
}

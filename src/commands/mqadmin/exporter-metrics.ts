/* What the exporter exports, and from which answers: one table that the text format, the documentation and the tests read. */
import type { Gauge } from 'prom-client';
import {
  type BrokerFacts,
  type BrokerSample,
  behindMaster,
  type ClusterSample,
  type GroupSample,
  type GroupTopicSample,
  runtimeNumber,
  type TopicSample,
} from '../../client/admin/cluster-sample.js';
import { isClustersOwn } from '../../client/admin/name-filter.js';
import { isDlqTopic, isRetryTopic, isSystemGroup } from '../../common/topic-names.js';

/** Whose name a metric has: of RocketMQ's brokers since 5.0, of Apache's rocketmq-exporter, or ours. */
export type MetricOrigin = 'broker' | 'exporter' | 'own';

type Labels = Readonly<Record<string, string>>;
type Value = readonly [labels: Labels, value: number];

/** One metric. */
export interface MetricSpec {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly origin: MetricOrigin;
  readonly help: string;
  readonly labels: readonly string[];
  /** What a sample says of it; nothing where it is unknown. */
  readonly values: (sample: ClusterSample) => Iterable<Value>;
}

const NODE = ['cluster', 'node_type', 'node_id'] as const;
const BROKER = [...NODE, 'broker_id'] as const;
const STORE = [...BROKER, 'storage_type', 'storage_medium'] as const;
const TOPIC = [...NODE, 'topic', 'is_system'] as const;
const GROUP = [...NODE, 'consumer_group', 'is_system'] as const;
const GROUP_TOPIC = [...NODE, 'consumer_group', 'topic', 'is_retry', 'is_system'] as const;

const LOCAL_DISK = { storage_type: 'local', storage_medium: 'disk' };

/** A broker that answered. */
type UpBroker = BrokerSample & { readonly facts: BrokerFacts };

function nodeLabels({ clusterName, brokerName }: BrokerSample): Labels {
  return { cluster: clusterName, node_type: 'broker', node_id: brokerName };
}

function brokerLabels(broker: BrokerSample): Labels {
  return { ...nodeLabels(broker), broker_id: String(broker.brokerId) };
}

function isUp(broker: BrokerSample): broker is UpBroker {
  return broker.facts !== null;
}

type Shape = Omit<MetricSpec, 'labels' | 'values'>;

/** One value a broker that answered, unless it is unknown. */
function ofBroker(shape: Shape, read: (broker: UpBroker, sample: ClusterSample) => number | null): MetricSpec {
  return {
    ...shape,
    labels: BROKER,
    *values(sample) {
      for (const broker of sample.brokers.filter(isUp)) {
        const value = read(broker, sample);
        if (value !== null && Number.isFinite(value)) {
          yield [brokerLabels(broker), value];
        }
      }
    },
  };
}

/** One value of the runtime information, which is a number or begins with one. */
function ofRuntime(shape: Shape, ...keys: readonly string[]): MetricSpec {
  return ofBroker(shape, (broker) => runtimeNumber(broker.facts, ...keys));
}

function ofStore(shape: Shape, read: (broker: UpBroker, sample: ClusterSample) => number | null): MetricSpec {
  const { values, ...rest } = ofBroker(shape, read);
  return {
    ...rest,
    labels: STORE,
    *values(sample) {
      for (const [labels, value] of values(sample)) {
        yield [{ ...labels, ...LOCAL_DISK }, value];
      }
    },
  };
}

function ofTopic(shape: Shape, read: (topic: TopicSample) => number | null): MetricSpec {
  return {
    ...shape,
    labels: TOPIC,
    *values(sample) {
      for (const broker of sample.brokers.filter(isUp)) {
        for (const topic of broker.facts.topics) {
          const value = read(topic);
          if (value !== null) {
            yield [{ ...nodeLabels(broker), topic: topic.topic, is_system: String(isClustersOwn(topic.topic, broker)) }, value];
          }
        }
      }
    },
  };
}

function ofGroup(shape: Shape, read: (group: GroupSample) => number | null): MetricSpec {
  return {
    ...shape,
    labels: GROUP,
    *values(sample) {
      for (const broker of sample.brokers.filter(isUp)) {
        for (const group of broker.facts.groups) {
          const value = read(group);
          if (value !== null) {
            const { consumerGroup } = group;
            yield [{ ...nodeLabels(broker), consumer_group: consumerGroup, is_system: String(isSystemGroup(consumerGroup)) }, value];
          }
        }
      }
    },
  };
}

function ofGroupTopic(shape: Shape, read: (entry: GroupTopicSample) => number | null): MetricSpec {
  return {
    ...shape,
    labels: GROUP_TOPIC,
    *values(sample) {
      for (const broker of sample.brokers.filter(isUp)) {
        for (const { consumerGroup, topics } of broker.facts.groups) {
          for (const entry of topics) {
            const value = read(entry);
            if (value !== null) {
              const isSystem = isSystemGroup(consumerGroup) || isClustersOwn(entry.topic, broker);
              const its = { consumer_group: consumerGroup, topic: entry.topic, is_retry: String(isRetryTopic(entry.topic)) };
              yield [{ ...nodeLabels(broker), ...its, is_system: String(isSystem) }, value];
            }
          }
        }
      }
    },
  };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Bytes of a text like `Total : 252.0 GiB, Free : 235.7 GiB.`, as exact as the text is; null when it is not there. */
function bytesIn(text: string | undefined, name = ''): number | null {
  const match = new RegExp(`${name === '' ? '' : `${name} : `}([0-9.]+) ([KMGTPE]?i?B)`).exec(text ?? '');
  const power = UNITS.indexOf(match?.[2] ?? '');
  return match === null || power < 0 ? null : Math.round(Number(match[1]) * 1024 ** power);
}

function capacity({ facts }: UpBroker, name: 'Total' | 'Free'): number | null {
  return bytesIn(facts.runtimeInfo.commitLogDirCapacity, name);
}

/** Names of the processors in RocketMQ's metric, and the keys of their queues. */
const PROCESSORS = {
  send: 'sendThreadPoolQueueSize',
  pull: 'pullThreadPoolQueueSize',
  lite_pull: 'litePullThreadPoolQueueSize',
  ack: 'ackThreadPoolQueueSize',
  query_message: 'queryThreadPoolQueueSize',
  transaction: 'EndTransactionQueueSize',
};

const CONSUME_MODES: Readonly<Record<string, string>> = { CONSUME_ACTIVELY: 'pull', CONSUME_PASSIVELY: 'push', CONSUME_POP: 'pop' };

const broker = (name: string, help: string, type: MetricSpec['type'] = 'gauge'): Shape => ({ name, help, type, origin: 'broker' });
const exporter = (name: string, help: string, type: MetricSpec['type'] = 'gauge'): Shape => ({ name, help, type, origin: 'exporter' });
const own = (name: string, help: string, type: MetricSpec['type'] = 'gauge'): Shape => ({ name, help, type, origin: 'own' });

const NODES: readonly MetricSpec[] = [
  {
    ...own('rocketmq_namesrv_up', '1 when the name server answered, else 0'),
    labels: ['node_type', 'node_id'],
    values: ({ namesrvs }) => namesrvs.map((entry) => [{ node_type: 'namesrv', node_id: entry.addr }, Number(entry.isUp)]),
  },
  {
    ...own('rocketmq_broker_up', '1 when the broker answered everything in time, else 0; then it has no other values'),
    labels: BROKER,
    values: ({ brokers }) => brokers.map((entry) => [brokerLabels(entry), Number(isUp(entry))]),
  },
  {
    ...own('rocketmq_broker_info', 'Always 1; address and version of the broker'),
    labels: [...BROKER, 'broker_addr', 'version'],
    values: ({ brokers }) =>
      brokers
        .filter(isUp)
        .map((entry) => [
          { ...brokerLabels(entry), broker_addr: entry.brokerAddr, version: entry.facts.runtimeInfo.brokerVersionDesc ?? '' },
          1,
        ]),
  },
  ofBroker(broker('rocketmq_broker_permission', 'Broker permission'), ({ facts }) => facts.permission),
  {
    ...broker('rocketmq_processor_watermark', 'Request processor watermark'),
    labels: [...BROKER, 'processor'],
    *values({ brokers }) {
      for (const entry of brokers.filter(isUp)) {
        for (const [processor, key] of Object.entries(PROCESSORS)) {
          const value = runtimeNumber(entry.facts, key);
          if (value !== null) {
            yield [{ ...brokerLabels(entry), processor }, value];
          }
        }
      }
    },
  },
  ofBroker(broker('rocketmq_topic_number', 'Active topic number'), ({ facts }) => facts.topicCount),
  ofBroker(broker('rocketmq_consumer_group_number', 'Active subscription group number'), ({ facts }) => facts.groupCount),
  ofRuntime(exporter('rocketmq_broker_tps', 'Messages put a second, of the last 10 s'), 'putTps'),
  // 4.9 brokers spell the key with one r.
  ofRuntime(exporter('rocketmq_broker_qps', 'Messages got a second, of the last 10 s'), 'getTransferredTps', 'getTransferedTps'),
];

const STORES: readonly MetricSpec[] = [
  ofStore(broker('rocketmq_storage_size_bytes', 'Used bytes of the disk with the store'), (entry) => {
    const [total, free] = [capacity(entry, 'Total'), capacity(entry, 'Free')];
    return total === null || free === null ? null : total - free;
  }),
  ofStore(broker('rocketmq_storage_flush_behind_bytes', 'Broker flush behind bytes'), ({ facts }) =>
    bytesIn(facts.runtimeInfo.remainHowManyDataToFlush),
  ),
  ofStore(broker('rocketmq_storage_dispatch_behind_bytes', 'Broker dispatch behind bytes'), (entry) =>
    runtimeNumber(entry.facts, 'dispatchBehindBytes'),
  ),
  ofStore(
    broker('rocketmq_storage_message_reserve_time_milliseconds', 'Age of the oldest message; none without one'),
    (entry, { time }) => {
      const earliest = runtimeNumber(entry.facts, 'earliestMessageTimeStamp');
      return earliest === null || earliest <= 0 ? null : Math.max(0, time - earliest);
    },
  ),
  ofStore(broker('rocketmq_timer_enqueue_lag', 'Timer enqueue messages lag'), (entry) => runtimeNumber(entry.facts, 'timerOffsetBehind')),
  ofStore(broker('rocketmq_timer_dequeue_latency_milliseconds', 'Timer dequeue latency'), (entry) => {
    const seconds = runtimeNumber(entry.facts, 'timerReadBehind');
    return seconds === null ? null : seconds * 1000;
  }),
  ofRuntime(exporter('rocketmq_brokeruntime_commitlog_disk_ratio', 'Used share of the disk with the commit log'), 'commitLogDiskRatio'),
  ofRuntime(
    exporter('rocketmq_brokeruntime_consumequeue_disk_ratio', 'Used share of the disk with the consume queues'),
    'consumeQueueDiskRatio',
  ),
  ofBroker(exporter('rocketmq_brokeruntime_commitlogdir_capacity_total', 'Bytes of the disk with the store'), (entry) =>
    capacity(entry, 'Total'),
  ),
  ofBroker(exporter('rocketmq_brokeruntime_commitlogdir_capacity_free', 'Free bytes of the disk with the store'), (entry) =>
    capacity(entry, 'Free'),
  ),
  ofRuntime(exporter('rocketmq_brokeruntime_commitlog_maxoffset', 'End of the commit log, bytes'), 'commitLogMaxOffset'),
  ofRuntime(exporter('rocketmq_brokeruntime_commitlog_minoffset', 'Begin of the commit log, bytes'), 'commitLogMinOffset'),
  ofBroker(exporter('rocketmq_broker_commitlog_diff', 'Bytes that a slave is behind its master, of slaves'), behindMaster),
  ofRuntime(exporter('rocketmq_brokeruntime_msg_put_total_today_now', 'Messages put since the broker started'), 'msgPutTotalTodayNow'),
  ofRuntime(exporter('rocketmq_brokeruntime_msg_gettotal_today_now', 'Messages got since the broker started'), 'msgGetTotalTodayNow'),
  ofRuntime(
    exporter('rocketmq_brokeruntime_pagecache_lock_time_mills', 'How long the put in progress holds its lock, ms'),
    'pageCacheLockTimeMills',
  ),
  ofRuntime(exporter('rocketmq_brokeruntime_put_latency_99', 'Latency of puts, 99th percentile'), 'putLatency99'),
  ofRuntime(exporter('rocketmq_brokeruntime_put_latency_999', 'Latency of puts, 99.9th percentile'), 'putLatency999'),
  ofRuntime(exporter('rocketmq_brokeruntime_put_message_average_size', 'Average bytes of a message put'), 'putMessageAverageSize'),
  ofRuntime(
    exporter('rocketmq_brokeruntime_send_threadpoolqueue_headwait_timemills', 'Wait of the first queued send, ms'),
    'sendThreadPoolQueueHeadWaitTimeMills',
  ),
  ofRuntime(
    exporter('rocketmq_brokeruntime_pull_threadpoolqueue_headwait_timemills', 'Wait of the first queued pull, ms'),
    'pullThreadPoolQueueHeadWaitTimeMills',
  ),
];

const TOPICS_AND_GROUPS: readonly MetricSpec[] = [
  ofTopic(
    broker('rocketmq_messages_in_total', 'Messages put into the topic since it exists: the ends of its queues', 'counter'),
    ({ maxOffset }) => maxOffset,
  ),
  ofTopic(exporter('rocketmq_producer_tps', 'Messages put a second as the broker counts them'), ({ putTps }) => putTps),
  ofTopic(own('rocketmq_topic_retained_messages', 'Messages between begin and end of the queues'), ({ minOffset, maxOffset }) =>
    Math.max(0, maxOffset - minOffset),
  ),
  ofTopic(
    own('rocketmq_topic_last_message_timestamp_seconds', 'When the last message was stored; none without one'),
    ({ lastUpdateTimestamp }) => (lastUpdateTimestamp > 0 ? lastUpdateTimestamp / 1000 : null),
  ),
  ofGroupTopic(broker('rocketmq_consumer_lag_messages', 'Consumer lag messages'), ({ lag }) => lag),
  ofGroupTopic(
    broker('rocketmq_consumer_lag_latency_milliseconds', 'Consumer lag time: age of the first message not consumed'),
    ({ lagMs }) => lagMs,
  ),
  ofGroupTopic(
    broker('rocketmq_consumer_inflight_messages', 'Messages pulled and not consumed; none of brokers before 5.0'),
    ({ pullOffset, consumerOffset }) => (pullOffset === null ? null : pullOffset - consumerOffset),
  ),
  ofGroupTopic(
    broker('rocketmq_consumer_ready_messages', 'Messages not yet pulled; none of brokers before 5.0'),
    ({ unpulled }) => unpulled,
  ),
  ofGroupTopic(
    exporter('rocketmq_group_consume_total_offset', 'Offsets of the group, summed over the queues'),
    ({ consumerOffset }) => consumerOffset,
  ),
  ofGroup(exporter('rocketmq_group_consume_tps', 'Messages a second as the broker counts them'), ({ consumeTps }) => consumeTps),
  {
    ...broker('rocketmq_send_to_dlq_messages_total', 'Messages in the dead-letter topic of the group since it exists', 'counter'),
    labels: GROUP,
    *values({ brokers }) {
      for (const entry of brokers.filter(isUp)) {
        for (const { topic, maxOffset } of entry.facts.topics.filter((its) => isDlqTopic(its.topic))) {
          const group = topic.slice(topic.indexOf('%', 1) + 1);
          yield [{ ...nodeLabels(entry), consumer_group: group, is_system: String(isSystemGroup(group)) }, maxOffset];
        }
      }
    },
  },
];

const CLIENTS: readonly MetricSpec[] = [
  {
    ...broker('rocketmq_producer_connections', 'Producer connections; none of brokers that do not list producers'),
    labels: [...NODE, 'language', 'version', 'protocol_type'],
    *values({ brokers }) {
      for (const entry of brokers.filter(isUp)) {
        for (const { language, version, count } of entry.facts.producers ?? []) {
          yield [{ ...nodeLabels(entry), ...clientLabels(language, version) }, count];
        }
      }
    },
  },
  {
    ...broker('rocketmq_consumer_connections', 'Consumer connections; 0 with empty labels of a group without any'),
    labels: [...GROUP, 'language', 'version', 'consume_mode', 'protocol_type'],
    *values({ brokers }) {
      for (const entry of brokers.filter(isUp)) {
        for (const { consumerGroup, clients, consumeType } of entry.facts.groups) {
          const its = { ...nodeLabels(entry), consumer_group: consumerGroup, is_system: String(isSystemGroup(consumerGroup)) };
          if (clients?.length === 0) {
            yield [{ ...its, language: '', version: '', consume_mode: '', protocol_type: '' }, 0];
          }
          for (const { language, version, count } of clients ?? []) {
            yield [{ ...its, ...clientLabels(language, version), consume_mode: CONSUME_MODES[consumeType] ?? '' }, count];
          }
        }
      }
    },
  },
];

function clientLabels(language: string, version: string): Labels {
  return { language: language.toLowerCase(), version: version.toLowerCase(), protocol_type: 'remoting' };
}

/** Everything that is said of a cluster. */
export const CLUSTER_METRICS: readonly MetricSpec[] = [...NODES, ...STORES, ...TOPICS_AND_GROUPS, ...CLIENTS];

/** What the exporter says of itself. */
export interface ExporterState {
  readonly gathers: number;
  readonly scrapes: number;
  /** Brokers and name servers that did not answer, and single questions that were refused, since the start. */
  readonly errors: number;
  readonly series: number;
  readonly version: string;
}

type OwnSpec = Omit<MetricSpec, 'values'> & { readonly values: (state: ExporterState, sample: ClusterSample) => Iterable<Value> };

const single = (shape: Shape, read: (state: ExporterState, sample: ClusterSample) => number): OwnSpec => ({
  ...shape,
  labels: [],
  values: (state, sample) => [[{}, read(state, sample)]],
});

export const EXPORTER_METRICS: readonly OwnSpec[] = [
  single(own('mqadmin_exporter_scrapes_total', 'Answers to /metrics', 'counter'), ({ scrapes }) => scrapes),
  single(own('mqadmin_exporter_gathers_total', 'Rounds in which the brokers were asked', 'counter'), ({ gathers }) => gathers),
  single(
    own('mqadmin_exporter_errors_total', 'Nodes that did not answer and single questions that were refused', 'counter'),
    ({ errors }) => errors,
  ),
  single(own('mqadmin_exporter_gather_duration_seconds', 'How long the last round took'), (_, { tookMs }) => tookMs / 1000),
  single(own('mqadmin_exporter_gather_timestamp_seconds', 'When the last round began'), (_, { time }) => time / 1000),
  {
    ...own('mqadmin_exporter_broker_duration_seconds', 'How long the broker took in the last round'),
    labels: BROKER,
    values: (_, { brokers }) => brokers.map((entry) => [brokerLabels(entry), entry.tookMs / 1000]),
  },
  single(own('mqadmin_exporter_series', 'Values of the clusters in this answer'), ({ series }) => series),
  {
    ...own('mqadmin_exporter_build_info', 'Always 1; version of the exporter'),
    labels: ['version'],
    values: ({ version }) => [[{ version }, 1]],
  },
];

/** The text format of a sample, with how many values the clusters have in it. */
export async function exposition(
  sample: ClusterSample,
  state: Omit<ExporterState, 'series'>,
): Promise<{ text: string; contentType: string; series: number }> {
  const { default: prom } = await import('prom-client');
  const registry = new prom.Registry();
  let series = 0;
  const add = ({ name, help, type, labels }: Omit<MetricSpec, 'values'>, values: Iterable<Value>): void => {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const set = type === 'gauge' ? gaugeSetter(new prom.Gauge(options)) : counterSetter(new prom.Counter(options));
    for (const [its, value] of values) {
      set(its, value);
      series++;
    }
  };
  for (const metric of CLUSTER_METRICS) {
    add(metric, metric.values(sample));
  }
  const clusterSeries = series;
  for (const metric of EXPORTER_METRICS) {
    add(metric, metric.values({ ...state, series: clusterSeries }, sample));
  }
  return { text: await registry.metrics(), contentType: registry.contentType, series: clusterSeries };
}

type Setter = (labels: Labels, value: number) => void;

function gaugeSetter(gauge: Gauge): Setter {
  return (labels, value) => gauge.set(labels, value);
}

/** The registry is new each time: counters begin at 0 and get their whole value. */
function counterSetter(counter: { inc(labels: Labels, value: number): void }): Setter {
  return (labels, value) => counter.inc(labels, value);
}

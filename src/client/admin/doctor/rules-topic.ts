import { PERM_READ, PERM_READ_WRITE, PERM_WRITE, permToString } from '../../../common/perm-name.js';
import { isDlqTopic, isRetryTopic, isSystemTopic, replyTopic } from '../../../common/topic-names.js';
import type { QueueData, TopicRouteData } from '../../../remoting/bodies/route.js';
import { newTopicConfig, type TopicConfig } from '../../../remoting/bodies/topic.js';
import { type BrokerFact, type DoctorFacts, isSilent } from './facts.js';
import type { Finding } from './finding.js';
import type { RuleContext } from './limits.js';

/** Bits of `topicSysFlag`. */
const UNIT_FLAG = 1;
const UNIT_SUB_FLAG = 2;
/** Queues of a topic that nobody said a number for. */
const USUAL_QUEUES = 8;

/** Topics that users made: routes, permissions, queues. */
export function topicRules(facts: DoctorFacts, context: RuleContext, options: { isNamed: boolean }): Finding[] {
  const masters = new Map(facts.brokers.filter(({ brokerId }) => brokerId === 0).map((broker) => [broker.brokerName, broker]));
  const findings = facts.topics.flatMap(({ topic, route }): Finding[] => {
    if (route.value === undefined) {
      return [];
    }
    if (route.value === null) {
      return [noRoute(topic, masters, context)];
    }
    const at: TopicPlace = { topic, route: route.value, masters, context };
    return [
      ...permissions(at),
      ...queueCounts(at),
      ...brokersLacking(at),
      ...orderConf(at, facts.orderConfs?.value?.get(topic)),
      ...(options.isNamed ? whereItIs(at) : []),
    ];
  });
  return [...findings, ...(options.isNamed ? [] : unusedBrokers(facts, context))];
}

interface TopicPlace {
  readonly topic: string;
  readonly route: TopicRouteData;
  /** By broker name. */
  readonly masters: ReadonlyMap<string, BrokerFact>;
  readonly context: RuleContext;
}

/** Whether users made it; clusters and brokers have topics of their own names. */
export function isUserTopic(topic: string, ownNames: ReadonlySet<string>): boolean {
  return !isSystemTopic(topic) && !isRetryTopic(topic) && !isDlqTopic(topic) && !ownNames.has(topic);
}

/** Names of the topics that clusters and brokers make for themselves. */
export function ownNamesOf(brokers: readonly Pick<BrokerFact, 'brokerName' | 'clusterName'>[]): Set<string> {
  return new Set(brokers.flatMap(({ brokerName, clusterName }) => [brokerName, clusterName, replyTopic(clusterName)]));
}

/** The whole settings: the command replaces what is left out by its default, but for attributes, which only a new topic needs. */
function settingsFix(config: TopicConfig, target: readonly string[], context: RuleContext, { isNew = false } = {}): string {
  const { topicName, readQueueNums, writeQueueNums, perm, order, topicSysFlag, attributes } = config;
  return context.mqadmin(
    'updateTopic',
    ...target,
    '-t',
    topicName,
    '-r',
    String(readQueueNums),
    '-w',
    String(writeQueueNums),
    ...(perm === PERM_READ_WRITE ? [] : ['-p', String(perm)]),
    ...(order ? ['-o', 'true'] : []),
    ...((topicSysFlag & UNIT_FLAG) === 0 ? [] : ['-u', 'true']),
    ...((topicSysFlag & UNIT_SUB_FLAG) === 0 ? [] : ['-s', 'true']),
    ...(isNew && attributes.size > 0 ? ['-a', [...attributes].map(([key, value]) => `+${key}=${value}`).join(',')] : []),
  );
}

/** Sets queue counts on the brokers of these names: on the whole cluster at once where all of it needs the same, else on the first of them. */
function queueFix({ topic, masters, context }: TopicPlace, names: readonly string[], countOf: (config: TopicConfig) => number): string {
  const its = names.flatMap((name) => {
    const broker = masters.get(name);
    const config = broker?.topics?.value?.get(topic);
    if (broker === undefined || config === undefined) {
      return [];
    }
    const count = countOf(config);
    return [{ broker, config: { ...config, readQueueNums: count, writeQueueNums: count } }];
  });
  const first = its[0];
  if (first === undefined) {
    return context.mqadmin('topicRoute', '-l', '-t', topic);
  }
  const { clusterName, brokerAddr } = first.broker;
  const commands = new Set(its.map(({ config }) => settingsFix(config, ['-c', clusterName], context)));
  const inCluster = [...masters.values()].filter((broker) => broker.clusterName === clusterName).length;
  const isWhole = its.length === inCluster && its.every(({ broker }) => broker.clusterName === clusterName) && commands.size === 1;
  return settingsFix(first.config, isWhole ? ['-c', clusterName] : ['-b', brokerAddr], context);
}

/** Creates the topic on a broker as it is on another one, or as the route says. */
function creationFix({ topic, route, masters, context }: TopicPlace, brokerAddr: string): string {
  const elsewhere = [...masters.values()].flatMap(({ topics }) => topics?.value?.get(topic) ?? [])[0];
  const config = elsewhere ?? newTopicConfig(topic, route.queueDatas[0]);
  return settingsFix(config, ['-b', brokerAddr], context, { isNew: true });
}

function clusterOf({ brokerDatas }: TopicRouteData): string {
  return brokerDatas[0]?.cluster ?? 'DefaultCluster';
}

function noRoute(topic: string, masters: ReadonlyMap<string, BrokerFact>, context: RuleContext): Finding {
  const having = [...masters.values()].filter(({ topics }) => topics?.value?.has(topic) === true).map(({ brokerName }) => brokerName);
  const clusterName = [...masters.values()][0]?.clusterName ?? 'DefaultCluster';
  return {
    severity: 'critical',
    id: 'topic-no-route',
    kind: 'topic',
    name: topic,
    what: `topic ${topic} has no route${having.length > 0 ? ` although ${having.join(', ')} has it` : ''}`,
    evidence: { nameServers: [...context.namesrvAddrs], brokersWithIt: having },
    advice:
      having.length > 0
        ? 'brokers tell the name servers of their topics every 30 s; see whether the broker is registered at all'
        : 'create it; or see whether its broker is up',
    fix: having.length > 0 ? context.mqadmin('clusterList') : context.mqadmin('updateTopic', '-c', clusterName, '-t', topic),
  };
}

function permissions({ topic, route, masters, context }: TopicPlace): Finding[] {
  const perms = route.queueDatas.map(({ brokerName, perm }) => `${brokerName}: ${permToString(perm)}`);
  return (
    [
      [PERM_WRITE, 'topic-not-writable', 'written'],
      [PERM_READ, 'topic-not-readable', 'read'],
    ] as const
  ).flatMap(([bit, id, word]): Finding[] => {
    const without = route.queueDatas.filter(({ perm }) => (perm & bit) === 0);
    if (without.length === 0) {
      return [];
    }
    const isAll = without.length === route.queueDatas.length;
    const names = without.map(({ brokerName }) => brokerName);
    return [
      {
        severity: isAll ? 'critical' : 'warning',
        id: isAll ? id : `${id}-partly`,
        kind: 'topic',
        name: topic,
        what: isAll ? `topic ${topic} cannot be ${word} anywhere` : `topic ${topic} cannot be ${word} on ${names.join(', ')}`,
        evidence: { perm: perms },
        advice: 'give the permission back unless it was taken on purpose',
        fix: permissionFix(without, { topic, route, masters, context }),
      },
    ];
  });
}

/** The permission may be gone from the topic's settings, or only from what the name servers say of the broker. */
function permissionFix(without: readonly QueueData[], { topic, route, masters, context }: TopicPlace): string {
  const first = without[0]!;
  const broker = masters.get(first.brokerName);
  const own = broker?.topics?.value?.get(topic)?.perm;
  if (broker !== undefined && (Number(broker.config?.value?.brokerPermission ?? PERM_READ_WRITE) & PERM_READ_WRITE) !== PERM_READ_WRITE) {
    return context.mqadmin('updateBrokerConfig', '-b', broker.brokerAddr, '-k', 'brokerPermission', '-v', '6');
  }
  if (own !== undefined && (own & PERM_READ_WRITE) === PERM_READ_WRITE) {
    return context.mqadmin('addWritePerm', '-b', first.brokerName);
  }
  return without.length === 1 && route.queueDatas.length > 1 && broker !== undefined
    ? context.mqadmin('updateTopicPerm', '-b', broker.brokerAddr, '-t', topic, '-p', '6')
    : context.mqadmin('updateTopicPerm', '-c', clusterOf(route), '-t', topic, '-p', '6');
}

function queueCounts(place: TopicPlace): Finding[] {
  const { topic, route } = place;
  const counts = route.queueDatas.map((data) => `${data.brokerName}: ${data.readQueueNums} read, ${data.writeQueueNums} write`);
  const unread = route.queueDatas.filter(({ readQueueNums, writeQueueNums }) => readQueueNums < writeQueueNums);
  if (route.queueDatas.every(({ readQueueNums, writeQueueNums }) => readQueueNums === 0 && writeQueueNums === 0)) {
    return [
      {
        severity: 'critical',
        id: 'topic-no-queues',
        kind: 'topic',
        name: topic,
        what: `topic ${topic} has no queues`,
        evidence: { queues: counts },
        advice: 'give it queues',
        fix: queueFix(
          place,
          route.queueDatas.map(({ brokerName }) => brokerName),
          () => USUAL_QUEUES,
        ),
      },
    ];
  }
  if (unread.length === 0) {
    return [];
  }
  const names = unread.map(({ brokerName }) => brokerName);
  return [
    {
      severity: 'warning',
      id: 'topic-queues-unread',
      kind: 'topic',
      name: topic,
      what: `topic ${topic} has more write than read queues on ${names.join(', ')}: messages of the others reach nobody`,
      evidence: { queues: counts },
      advice: 'make both numbers equal',
      fix: queueFix(place, names, ({ readQueueNums, writeQueueNums }) => Math.max(readQueueNums, writeQueueNums)),
    },
  ];
}

/** The name server sends clients to brokers that do not have the topic. */
function brokersLacking(place: TopicPlace): Finding[] {
  const { topic, route, masters } = place;
  const lacking = route.queueDatas.flatMap(({ brokerName }) => {
    const broker = masters.get(brokerName);
    return broker?.topics?.value !== undefined && !broker.topics.value.has(topic) ? [broker] : [];
  });
  const first = lacking[0];
  return first === undefined
    ? []
    : [
        {
          severity: 'critical',
          id: 'topic-lost-by-broker',
          kind: 'topic',
          name: topic,
          what: `the route of topic ${topic} names ${lacking.map(({ brokerName }) => brokerName).join(', ')}, which does not have it`,
          evidence: { route: route.queueDatas.map(({ brokerName }) => brokerName), lacking: lacking.map(({ brokerName }) => brokerName) },
          advice: 'create it there again, or delete it everywhere',
          fix: creationFix(place, first.brokerAddr),
        },
      ];
}

function orderConf({ topic, route, masters, context }: TopicPlace, conf: string | undefined): Finding[] {
  if (conf === undefined) {
    return [];
  }
  const said = new Map(
    conf.split(';').flatMap((part): [string, number][] => {
      const at = part.lastIndexOf(':');
      return at < 0 ? [] : [[part.slice(0, at).trim(), Number(part.slice(at + 1))]];
    }),
  );
  const real = new Map(route.queueDatas.map(({ brokerName, writeQueueNums }) => [brokerName, writeQueueNums]));
  const wrong = [...new Set([...said.keys(), ...real.keys()])].filter((name) => said.get(name) !== real.get(name)).sort();
  const right = [...real]
    .sort()
    .map(([name, count]) => `${name}:${count}`)
    .join(';');
  if (wrong.length === 0) {
    return [];
  }
  // A broker that is down is no reason to write the configuration anew.
  const gone = wrong.filter((name) => !masters.has(name));
  return [
    {
      severity: 'warning',
      id: 'order-conf-mismatch',
      kind: 'topic',
      name: topic,
      what:
        gone.length > 0
          ? `order configuration of topic ${topic} names ${gone.join(', ')}, which ${gone.length === 1 ? 'is' : 'are'} not registered`
          : `order configuration of topic ${topic} is not what its brokers have (${wrong.join(', ')})`,
      evidence: { orderConf: conf, queues: right },
      advice:
        gone.length > 0
          ? 'ordered messages of these queues wait until the broker is back; take it out only when it is gone for good'
          : 'producers of ordered messages spread them by the configuration: bring it in line',
      fix: context.mqadmin('updateOrderConf', ...(gone.length > 0 ? ['-m', 'get', '-t', topic] : ['-m', 'put', '-t', topic, '-v', right])),
    },
  ];
}

/** For one topic: the brokers of it that are gone, and those of its cluster that do not have it. */
function whereItIs(place: TopicPlace): Finding[] {
  const { topic, route, masters, context } = place;
  const dead = route.brokerDatas.filter(({ brokerName }) => {
    return isSilent(masters.get(brokerName)?.runtime.error) || !masters.has(brokerName);
  });
  const having = new Set(route.queueDatas.map(({ brokerName }) => brokerName));
  const clusters = new Set(route.brokerDatas.map(({ cluster }) => cluster));
  const without = [...masters.values()].filter(({ brokerName, clusterName }) => clusters.has(clusterName) && !having.has(brokerName));
  const findings: Finding[] = [];
  if (dead.length > 0) {
    findings.push({
      severity: dead.length === route.brokerDatas.length ? 'critical' : 'warning',
      id: 'topic-broker-unreachable',
      kind: 'topic',
      name: topic,
      what: `${dead.length} of ${route.brokerDatas.length} brokers of topic ${topic} do not answer`,
      evidence: { unreachable: dead.map(({ brokerName }) => brokerName), brokers: route.brokerDatas.map(({ brokerName }) => brokerName) },
      advice: 'messages in their queues wait until they are back; producers go on to the others',
      fix: context.mqadmin('topicRoute', '-l', '-t', topic),
    });
  }
  if (without.length > 0 && having.size > 0) {
    findings.push({
      severity: 'info',
      id: 'topic-not-on-all-brokers',
      kind: 'topic',
      name: topic,
      what: `topic ${topic} is on ${having.size} of the ${having.size + without.length} brokers of its cluster`,
      evidence: { with: [...having].sort(), without: without.map(({ brokerName }) => brokerName).sort() },
      advice: 'create it on the others too if the load shall be spread over all',
      fix: creationFix(place, without[0]!.brokerAddr),
    });
  }
  return findings;
}

/** Masters that have no topic of users while others of their cluster have. */
function unusedBrokers({ brokers }: DoctorFacts, context: RuleContext): Finding[] {
  const clusters = [...new Set(brokers.map(({ clusterName }) => clusterName))].sort();
  return clusters.flatMap((name) =>
    unusedIn(
      brokers.filter(({ clusterName }) => clusterName === name),
      context,
    ),
  );
}

function unusedIn(brokers: readonly BrokerFact[], context: RuleContext): Finding[] {
  const ownNames = ownNamesOf(brokers);
  const counted = brokers.flatMap((broker) => {
    const topics = broker.brokerId === 0 ? broker.topics?.value : undefined;
    const names = [...(topics?.keys() ?? [])].filter((topic) => isUserTopic(topic, ownNames)).sort();
    return topics === undefined ? [] : [{ broker, names, count: names.length }];
  });
  const most = Math.max(0, ...counted.map(({ count }) => count));
  const model = counted.find(({ count }) => count === most);
  const example = model?.broker.topics?.value?.get(model.names[0] ?? '');
  return example === undefined
    ? []
    : counted
        .filter(({ count }) => count === 0)
        .map(({ broker }) => ({
          severity: 'warning',
          id: 'broker-without-topics',
          kind: 'broker',
          name: broker.brokerName,
          what: `${broker.brokerName} has no topics, other brokers have up to ${most}`,
          evidence: { brokerAddr: broker.brokerAddr, topics: 0, mostElsewhere: most },
          advice: 'a new broker gets no load until topics are created there',
          fix: settingsFix(example, ['-b', broker.brokerAddr], context, { isNew: true }),
        }));
}

import { differenceText, type SubscriptionDifference, subscriptionDifferences } from '../../../common/subscription-differences.js';
import { dlqTopic, isRetryTopic } from '../../../common/topic-names.js';
import type { SubscriptionGroupConfig } from '../../../remoting/bodies/subscription-group.js';
import type { BrokerFact, DoctorFacts, GroupFact } from './facts.js';
import { memberIds } from './facts.js';
import type { Finding } from './finding.js';
import type { RuleContext } from './limits.js';

/** A group and the brokers that have settings of it. */
interface GroupPlace {
  readonly fact: GroupFact;
  readonly configs: readonly { readonly broker: BrokerFact; readonly config: SubscriptionGroupConfig }[];
  readonly isOnline: boolean;
  readonly context: RuleContext;
}

/** Settings of groups and what their members subscribe to; lag is a matter of its own. */
export function groupRules(facts: DoctorFacts, context: RuleContext): Finding[] {
  const masters = facts.brokers.filter(({ brokerId }) => brokerId === 0);
  return facts.groups.flatMap((fact) => {
    const configs = masters.flatMap((broker) => {
      const config = broker.groups?.value?.get(fact.group);
      return config === undefined ? [] : [{ broker, config }];
    });
    const place: GroupPlace = { fact, configs, isOnline: (fact.connections.value?.length ?? 0) > 0, context };
    return [
      ...consumeEnabled(place),
      ...retries(place),
      ...sameSettings(place),
      ...settingsEverywhere(place, masters),
      ...broadcasting(place),
      ...sameSubscriptions(place),
      ...idleMembers(place),
      ...deadLetters(place),
    ];
  });
}

/** The whole settings again with a change: the command replaces what is left out by its default. */
function updateFix(
  config: SubscriptionGroupConfig,
  target: readonly string[],
  change: Partial<SubscriptionGroupConfig>,
  context: RuleContext,
): string {
  const its = { ...config, ...change };
  const words = (option: string, value: unknown, usual: unknown): string[] => (value === usual ? [] : [option, String(value)]);
  const policy = JSON.stringify(its.groupRetryPolicy);
  return context.mqadmin(
    'updateSubGroup',
    ...target,
    '-g',
    its.groupName,
    ...('consumeEnable' in change ? ['-s', String(its.consumeEnable)] : words('-s', its.consumeEnable, true)),
    ...words('-m', its.consumeFromMinEnable, false),
    ...words('-d', its.consumeBroadcastEnable, false),
    ...words('-o', its.consumeMessageOrderly, false),
    ...words('-q', its.retryQueueNums, 1),
    ...('retryMaxTimes' in change ? ['-r', String(its.retryMaxTimes)] : words('-r', its.retryMaxTimes, 16)),
    ...(policy === '{"type":"CUSTOMIZED"}' || policy === '{}' ? [] : ['-p', policy]),
    ...words('-i', its.brokerId, 0),
    ...words('-w', its.whichBrokerWhenConsumeSlowly, 1),
    ...words('-a', its.notifyConsumerIdsChangedEnable, true),
  );
}

function consumeEnabled({ fact, configs, isOnline, context }: GroupPlace): Finding[] {
  const disabled = configs.filter(({ config }) => !config.consumeEnable);
  const first = disabled[0];
  if (first === undefined) {
    return [];
  }
  const names = disabled.map(({ broker }) => broker.brokerName);
  return [
    {
      severity: isOnline ? 'critical' : 'warning',
      id: 'group-disabled',
      kind: 'group',
      name: fact.group,
      what: `group ${fact.group} may not consume on ${names.join(', ')}`,
      evidence: { consumeEnable: false, brokers: names, online: isOnline },
      advice: 'enable it unless it was stopped on purpose',
      fix: updateFix(first.config, ['-b', first.broker.brokerAddr], { consumeEnable: true }, context),
    },
  ];
}

function retries({ fact, configs, context }: GroupPlace): Finding[] {
  const findings: Finding[] = [];
  const withoutQueues = configs.find(({ config }) => config.retryQueueNums <= 0);
  if (withoutQueues !== undefined) {
    findings.push({
      severity: 'critical',
      id: 'group-no-retry-queues',
      kind: 'group',
      name: fact.group,
      what: `group ${fact.group} has no retry queues: a message that fails is gone`,
      evidence: { retryQueueNums: withoutQueues.config.retryQueueNums, brokerName: withoutQueues.broker.brokerName },
      advice: 'give it one',
      fix: updateFix(withoutQueues.config, ['-c', withoutQueues.broker.clusterName], { retryQueueNums: 1 }, context),
    });
  }
  const withoutTimes = configs.find(({ config }) => config.retryMaxTimes === 0);
  if (withoutTimes !== undefined && withoutQueues === undefined) {
    findings.push({
      severity: 'warning',
      id: 'group-no-retries',
      kind: 'group',
      name: fact.group,
      what: `group ${fact.group} tries no message again: one failure and it is in ${dlqTopic(fact.group)}`,
      evidence: { retryMaxTimes: 0, brokerName: withoutTimes.broker.brokerName },
      advice: 'let it try again unless that is what you want',
      fix: updateFix(withoutTimes.config, ['-c', withoutTimes.broker.clusterName], { retryMaxTimes: 16 }, context),
    });
  }
  return findings;
}

const COMPARED = ['consumeEnable', 'consumeBroadcastEnable', 'consumeMessageOrderly', 'retryQueueNums', 'retryMaxTimes'] as const;

function sameSettings({ fact, configs, context }: GroupPlace): Finding[] {
  const clusters = new Set(configs.map(({ broker }) => broker.clusterName));
  return [...clusters].sort().flatMap((clusterName): Finding[] => {
    const here = configs.filter(({ broker }) => broker.clusterName === clusterName);
    const different = COMPARED.filter((key) => new Set(here.map(({ config }) => config[key])).size > 1);
    return different.length === 0
      ? []
      : [
          {
            severity: 'warning',
            id: 'group-settings-differ',
            kind: 'group',
            name: fact.group,
            what: `settings of group ${fact.group} are not the same on all brokers of ${clusterName}: ${different.join(', ')}`,
            evidence: Object.fromEntries(
              different.map((key) => [key, here.map(({ broker, config }) => `${broker.brokerName}: ${config[key]}`)]),
            ),
            advice: 'set them for the whole cluster',
            fix: context.mqadmin('getConsumerConfig', '-g', fact.group),
          },
        ];
  });
}

/** Brokers with topics that the group consumes, and without settings of it, turn its consumers away or make some up. */
function settingsEverywhere({ fact, configs, context }: GroupPlace, masters: readonly BrokerFact[]): Finding[] {
  const subscribed = new Set(
    (fact.connections.value ?? [])
      .flatMap(({ connection }) => [...connection.subscriptionTable.keys()])
      .filter((topic) => !isRetryTopic(topic)),
  );
  const lacking = masters.filter(
    ({ groups, topics }) =>
      groups?.value !== undefined && !groups.value.has(fact.group) && [...subscribed].some((topic) => topics?.value?.has(topic)),
  );
  const first = lacking[0];
  if (first === undefined) {
    return [];
  }
  const isRefused = lacking.some(({ config }) => config?.value?.autoCreateSubscriptionGroup === 'false');
  const names = lacking.map(({ brokerName }) => brokerName);
  const pattern = configs[0]?.config;
  return [
    {
      severity: isRefused ? 'critical' : 'info',
      id: 'group-unknown-to-broker',
      kind: 'group',
      name: fact.group,
      what: `group ${fact.group} consumes topics of ${names.join(', ')}, which ${names.length === 1 ? 'has' : 'have'} no settings of it`,
      evidence: { brokers: names, autoCreateSubscriptionGroup: !isRefused, topics: [...subscribed].sort() },
      advice: isRefused
        ? 'its consumers are refused there: create the group'
        : 'it is made with default settings at the first pull: create it to be sure',
      fix:
        pattern === undefined
          ? context.mqadmin('updateSubGroup', '-b', first.brokerAddr, '-g', fact.group)
          : updateFix(pattern, ['-b', first.brokerAddr], {}, context),
    },
  ];
}

function broadcasting({ fact, configs, context }: GroupPlace): Finding[] {
  const isBroadcasting = fact.connections.value?.some(({ connection }) => connection.messageModel === 'BROADCASTING') === true;
  const refused = isBroadcasting ? configs.find(({ config }) => !config.consumeBroadcastEnable) : undefined;
  return refused === undefined
    ? []
    : [
        {
          severity: 'critical',
          id: 'group-broadcast-disabled',
          kind: 'group',
          name: fact.group,
          what: `consumers of group ${fact.group} broadcast, which ${refused.broker.brokerName} does not allow to the group`,
          evidence: { messageModel: 'BROADCASTING', consumeBroadcastEnable: false, brokerName: refused.broker.brokerName },
          advice: 'allow it',
          fix: updateFix(refused.config, ['-c', refused.broker.clusterName], { consumeBroadcastEnable: true }, context),
        },
      ];
}

/** As the brokers say it, else as the members say it. */
function differencesIn(fact: GroupFact): readonly SubscriptionDifference[] {
  const told = fact.connections.value?.flatMap(({ connection }) => connection.subscriptionDifferences ?? []) ?? [];
  if (told.length > 0) {
    return [...new Map(told.map((entry) => [entry.topic, entry])).values()];
  }
  const members = [...(fact.running ?? [])].flatMap(([clientId, { value }]) =>
    value === undefined ? [] : [{ clientId, subscriptions: value.subscriptionSet }],
  );
  return subscriptionDifferences(members);
}

function sameSubscriptions({ fact, context }: GroupPlace): Finding[] {
  const differences = differencesIn(fact);
  return differences.length === 0
    ? []
    : [
        {
          severity: 'critical',
          id: 'subscription-mismatch',
          kind: 'group',
          name: fact.group,
          what: `members of group ${fact.group} subscribe differently: messages get lost`,
          evidence: { differences: differences.map(differenceText) },
          advice: 'give all members the same subscriptions, or another group to those that differ',
          fix: context.mqadmin('consumerConnection', '-g', fact.group),
        },
      ];
}

/** More members than queues: some have nothing to do. */
function idleMembers({ fact, context }: GroupPlace): Finding[] {
  const known = [...(fact.running ?? [])].flatMap(([clientId, { value }]) => (value === undefined ? [] : [{ clientId, value }]));
  const idle = known
    .filter(
      ({ value }) =>
        value.subscriptionSet.length > 0 && !value.mqTable.some(([queue]) => !isRetryTopic(queue.topic)) && value.mqPopTable.length === 0,
    )
    .map(({ clientId }) => clientId);
  const isClustering = fact.connections.value?.every(({ connection }) => connection.messageModel !== 'BROADCASTING') === true;
  return !isClustering || idle.length === 0 || idle.length === known.length || known.length < memberIds(fact).size
    ? []
    : [
        {
          severity: 'info',
          id: 'group-idle-members',
          kind: 'group',
          name: fact.group,
          what: `${idle.length} of ${known.length} members of group ${fact.group} have no queue`,
          evidence: { idle: idle.sort(), members: known.length },
          advice: 'there are more consumers than queues: stop some, or give the topic more queues',
          fix: context.mqadmin('consumerStatus', '-g', fact.group),
        },
      ];
}

function deadLetters({ fact, context }: GroupPlace): Finding[] {
  const count = fact.deadLetters?.value ?? 0;
  return count < Math.max(1, context.limits.deadLetterWarning)
    ? []
    : [
        {
          severity: 'warning',
          id: 'dead-letters',
          kind: 'group',
          name: fact.group,
          what: `${count} message${count === 1 ? '' : 's'} of group ${fact.group} could not be consumed: they are in ${dlqTopic(fact.group)}`,
          evidence: { deadLetters: count, topic: dlqTopic(fact.group) },
          advice: 'see why they failed, then send them again: mqadmin dlq resend',
          fix: context.mqadmin('dlq', 'show', '-g', fact.group, '--last', '10'),
        },
      ];
}

import { isRetryOf } from '../../../common/pop.js';
import { isRetryTopic } from '../../../common/topic-names.js';
import type { ConsumerRunningInfo, ProcessQueueInfo } from '../../../remoting/bodies/running-info.js';
import { queueKey } from '../../message-queue.js';
import { type DoctorFacts, type GroupFact, memberIds, type ProgressFact } from './facts.js';
import type { EvidenceValue, Finding, Severity } from './finding.js';
import type { RuleContext } from './limits.js';

/** Messages that a client holds of one queue before it stops pulling, unless it is set otherwise. */
const PULL_THRESHOLD = 1_000;
/** A client that has not asked for so long does not pull, ms; as in Apache's clients. */
const PULL_IDLE_MS = 120_000;
/** Messages are waiting and nobody took one for so long, ms. */
const BLOCKED_MS = 60_000;
/** Queues that evidence names. */
const NAMED_QUEUES = 10;

/** A group that is behind, and all that may say why. */
interface LagPlace {
  readonly fact: GroupFact;
  readonly rows: readonly TimedRow[];
  readonly diff: number;
  readonly severity: Severity;
  readonly rates: Rates | null;
  readonly members: ReadonlyMap<string, ConsumerRunningInfo>;
  /** All members said what they do. */
  readonly isComplete: boolean;
  readonly context: RuleContext;
}

/** A row with the time of its reading, monotonic, ms. */
interface TimedRow extends ProgressFact {
  readonly atMs: number;
}

interface Rates {
  /** Between the readings, the longest of all brokers. */
  readonly seconds: number;
  readonly consumeRate: number;
  readonly produceRate: number;
  /** Offsets later, by queue. */
  readonly later: ReadonlyMap<string, TimedRow>;
}

/** Groups that are behind, by cause. */
export function lagRules(facts: DoctorFacts, context: RuleContext): Finding[] {
  const byGroup = new Map<string, TimedRow[]>();
  for (const { progress } of facts.brokers) {
    for (const row of progress?.value?.rows ?? []) {
      const its = byGroup.get(row.consumerGroup) ?? [];
      its.push({ ...row, atMs: progress?.value?.atMs ?? 0 });
      byGroup.set(row.consumerGroup, its);
    }
  }
  return facts.groups.flatMap((fact) => {
    const all = byGroup.get(fact.group) ?? [];
    const isBroadcasting = fact.connections.value?.some(({ connection }) => connection.messageModel === 'BROADCASTING') === true;
    // Offsets of broadcasting consumers are with the clients.
    return isBroadcasting ? [] : [...retryBacklog(fact, all, context), ...backlog(fact, all, context)];
  });
}

/** What a group has not consumed of its topics; its retry topic is counted apart. */
export function lagOf(rows: readonly ProgressFact[]): number {
  return rows.reduce((total, row) => total + (isRetryTopic(row.topic) ? 0 : Math.max(0, row.brokerOffset - row.consumerOffset)), 0);
}

function retryBacklog(fact: GroupFact, rows: readonly ProgressFact[], context: RuleContext): Finding[] {
  const waiting = rows.filter((row) => isRetryOf(row.topic, fact.group) && row.brokerOffset > row.consumerOffset);
  const count = waiting.reduce((total, row) => total + row.brokerOffset - row.consumerOffset, 0);
  const topics = [...new Set(waiting.map(({ topic }) => topic))].sort();
  return count < Math.max(1, context.limits.retryWarning)
    ? []
    : [
        {
          severity: 'warning',
          id: 'retry-backlog',
          kind: 'group',
          name: fact.group,
          what: `${count} failed messages of group ${fact.group} wait for another try`,
          evidence: { retryBacklog: count, topic: topics.length === 1 ? (topics[0] ?? '') : topics },
          advice: 'its listener fails more often than it succeeds: see the log of the consumers',
          fix: context.mqadmin('retry', 'show', '-g', fact.group),
        },
      ];
}

function backlog(fact: GroupFact, all: readonly TimedRow[], context: RuleContext): Finding[] {
  const { lagWarning, lagCritical } = context.limits;
  const rows = all.filter(({ topic }) => !isRetryTopic(topic));
  const diff = lagOf(rows);
  const connections = fact.connections.value;
  if (diff === 0 || connections === undefined) {
    return [];
  }
  const severity: Severity = diff >= lagCritical ? 'critical' : diff >= lagWarning ? 'warning' : 'info';
  const members = new Map([...(fact.running ?? [])].flatMap(([id, { value }]) => (value === undefined ? [] : [[id, value] as const])));
  const isComplete = members.size > 0 && members.size >= memberIds(fact).size;
  const rates = ratesOf(rows, fact);
  const place: LagPlace = { fact, rows, diff, severity, rates, members, isComplete, context };
  if (connections.length === 0) {
    return [noConsumer(place)];
  }
  if (severity === 'info') {
    return [];
  }
  const causes = [...unassigned(place), ...stuck(place), ...memberCauses(place), ...filtered(place)];
  return causes.some(({ severity: its }) => its !== 'info') ? causes : [...causes, slow(place)];
}

/** Each broker by its own two readings: one that is slow is read later than the others. */
function ratesOf(rows: readonly TimedRow[], { later }: GroupFact): Rates | null {
  const after = new Map((later ?? []).flatMap(({ atMs, rows: its }) => its.map((row) => [queueKey(row), { ...row, atMs }])));
  let [seconds, consumeRate, produceRate] = [0, 0, 0];
  for (const row of rows) {
    const next = after.get(queueKey(row));
    const spent = next === undefined ? 0 : (next.atMs - row.atMs) / 1000;
    if (next !== undefined && spent > 0) {
      seconds = Math.max(seconds, spent);
      consumeRate += (next.consumerOffset - row.consumerOffset) / spent;
      produceRate += (next.brokerOffset - row.brokerOffset) / spent;
    }
  }
  return seconds === 0 ? null : { seconds, consumeRate, produceRate, later: after };
}

function rateEvidence({ rates }: LagPlace): Record<string, EvidenceValue> {
  return rates === null
    ? {}
    : {
        consumedPerSecond: rounded(rates.consumeRate),
        producedPerSecond: rounded(rates.produceRate),
        measuredSeconds: rounded(rates.seconds),
      };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function queueNames(rows: readonly ProgressFact[]): string[] {
  const names = rows.map((row) => `${row.topic}@${row.brokerName}@${row.queueId} (${row.brokerOffset - row.consumerOffset})`);
  return names.length > NAMED_QUEUES ? [...names.slice(0, NAMED_QUEUES), `and ${names.length - NAMED_QUEUES} more`] : names;
}

function noConsumer({ fact, rows, diff, severity, context }: LagPlace): Finding {
  const last = Math.max(0, ...rows.map(({ lastTimestamp }) => lastTimestamp));
  return {
    severity,
    id: 'lag-no-consumer',
    kind: 'group',
    name: fact.group,
    what: `group ${fact.group} is ${diff} messages behind and no consumer is online`,
    evidence: {
      lag: diff,
      topics: [...new Set(rows.map(({ topic }) => topic))].sort(),
      consumers: 0,
      ...(last > 0 ? { lastConsumedStoredAt: new Date(last).toISOString() } : {}),
    },
    advice: 'start its consumers; if it is no longer needed, delete the group',
    fix: context.mqadmin('consumerProgress', '-g', fact.group),
  };
}

function unassigned({ fact, rows, members, isComplete, severity, context }: LagPlace): Finding[] {
  const isPop = [...members.values()].some(({ mqPopTable }) => mqPopTable.length > 0);
  if (!isComplete || isPop) {
    return [];
  }
  const assigned = new Set([...members.values()].flatMap(({ mqTable }) => mqTable.map(([queue]) => queueKey(queue))));
  const without = rows.filter((row) => row.brokerOffset > row.consumerOffset && !assigned.has(queueKey(row)));
  return without.length === 0
    ? []
    : [
        {
          severity,
          id: 'lag-unassigned-queues',
          kind: 'group',
          name: fact.group,
          what: `${without.length} of ${rows.length} queues of group ${fact.group} have messages and no consumer, though ${members.size} are online`,
          evidence: { lag: lagOf(without), queues: queueNames(without), consumers: [...members.keys()].sort() },
          advice:
            'members that do not subscribe to the topic, or count each other wrongly, take no queues: compare their subscriptions and client ids',
          fix: context.mqadmin('consumerStatus', '-g', fact.group),
        },
      ];
}

/** Queues whose offset stands still while others move. */
function stuck({ fact, rows, rates, severity, members, context }: LagPlace): Finding[] {
  if (rates === null) {
    return [];
  }
  const moved = (row: ProgressFact): boolean => (rates.later.get(queueKey(row))?.consumerOffset ?? row.consumerOffset) > row.consumerOffset;
  // Of queues that were not read again nothing is known.
  const behind = rows.filter((row) => row.brokerOffset > row.consumerOffset && rates.later.has(queueKey(row)));
  const still = behind.filter((row) => !moved(row));
  // Where nothing moves at all the causes are others, and where all move there is none of this kind.
  if (still.length === 0 || !rows.some(moved)) {
    return [];
  }
  const watchedMs = Math.min(...still.map((row) => (rates.later.get(queueKey(row))?.atMs ?? row.atMs) - row.atMs));
  const owners = new Set(
    [...members]
      .filter(([, { mqTable }]) => mqTable.some(([queue]) => still.some((row) => queueKey(row) === queueKey(queue))))
      .map(([id]) => id),
  );
  return [
    {
      severity,
      id: 'lag-stuck-queue',
      kind: 'group',
      name: fact.group,
      what: `${still.length} of ${behind.length} queues of group ${fact.group} stood still for ${rounded(watchedMs / 1000)} s while others moved`,
      evidence: { lag: lagOf(still), queues: queueNames(still), ...(owners.size === 0 ? {} : { clients: [...owners].sort() }) },
      advice: 'a listener hangs, or one message fails again and again in an ordered queue: look at the stacks of the client',
      fix: context.mqadmin('consumerStatus', '-g', fact.group, ...(owners.size === 1 ? ['-i', [...owners][0]!] : []), '-s'),
    },
  ];
}

interface OwnedQueue extends ProcessQueueInfo {
  readonly clientId: string;
  /** How long nobody took a message of it, and how long it was not pulled from, ms; 0 when the member does not say it. */
  readonly untakenMs: number;
  readonly unpulledMs: number;
  readonly key: string;
  readonly name: string;
}

/** Queues of members that are behind, with what the members say of them. */
function ownedQueues({ fact, rows, members }: LagPlace): OwnedQueue[] {
  const behind = new Set(rows.filter((row) => row.brokerOffset > row.consumerOffset).map(queueKey));
  const queues = [...members].flatMap(([clientId, { mqTable }]) => {
    const saidAtMs = fact.running?.get(clientId)?.atMs ?? 0;
    // Members pull all the time, from queues whose messages nobody takes too: the last time is what their own clock shows.
    const pulledAtMs = Math.max(...mqTable.map(([, { lastPullTimestamp }]) => lastPullTimestamp));
    const clientMs = pulledAtMs > 0 ? Math.min(saidAtMs, pulledAtMs) : saidAtMs;
    return mqTable.map(([queue, state]): OwnedQueue => {
      const { topic, brokerName, queueId } = queue;
      const { lastConsumeTimestamp, lastPullTimestamp } = state;
      return {
        ...state,
        clientId,
        untakenMs: lastConsumeTimestamp > 0 ? clientMs - lastConsumeTimestamp : 0,
        unpulledMs: lastPullTimestamp > 0 ? saidAtMs - lastPullTimestamp : 0,
        key: queueKey(queue),
        name: `${topic}@${brokerName}@${queueId}`,
      };
    });
  });
  return queues.filter(({ key, droped }) => behind.has(key) && !droped);
}

/** What members say of their queues. */
function memberCauses(place: LagPlace): Finding[] {
  const { fact, members, rates } = place;
  const its = ownedQueues(place);
  const blocked = its.filter(({ cachedMsgCount, untakenMs }) => cachedMsgCount > 0 && untakenMs > BLOCKED_MS);
  const full = its.filter((queue) => queue.cachedMsgCount >= PULL_THRESHOLD && !blocked.includes(queue));
  const idle = its.filter(({ cachedMsgCount, unpulledMs }) => cachedMsgCount === 0 && unpulledMs > PULL_IDLE_MS);
  const cached = (chosen: readonly OwnedQueue[]): number => chosen.reduce((total, { cachedMsgCount }) => total + cachedMsgCount, 0);
  return [
    ...memberFinding(place, 'lag-blocked-listener', blocked, {
      what: `clients of group ${fact.group} hold messages of ${blocked.length} queues that no listener takes`,
      advice: 'its threads hang or wait for something: look at their stacks',
      evidence: { cachedMsgCount: cached(blocked), longestWaitMs: Math.max(0, ...blocked.map(({ untakenMs }) => untakenMs)) },
    }),
    ...memberFinding(place, 'lag-flow-control', full, {
      what: `clients of group ${fact.group} stopped pulling from ${full.length} queues because they hold too many messages`,
      advice: 'consumption is the bottleneck, not the broker: more threads or members, or a faster listener',
      evidence: {
        cachedMsgCount: cached(full),
        pullThresholdForQueue: PULL_THRESHOLD,
        ...consumeTimes(members),
        ...(rates === null ? {} : { consumedPerSecond: rounded(rates.consumeRate) }),
      },
    }),
    ...memberFinding(place, 'lag-not-pulling', idle, {
      what: `clients of group ${fact.group} have not pulled from ${idle.length} queues for more than ${PULL_IDLE_MS / 60_000} minutes`,
      advice: 'they are suspended, or their pull thread is dead: resume or restart them',
      evidence: { longestIdleMs: Math.max(0, ...idle.map(({ unpulledMs }) => unpulledMs)) },
    }),
  ];
}

/** A cause of lag that lies with the members that have these queues; none without queues. */
function memberFinding(
  { fact, rows, severity, context }: LagPlace,
  id: string,
  chosen: readonly OwnedQueue[],
  said: { what: string; advice: string; evidence: Record<string, EvidenceValue> },
): Finding[] {
  const [first] = chosen;
  if (first === undefined) {
    return [];
  }
  return [
    {
      severity,
      id,
      kind: 'group',
      name: fact.group,
      what: said.what,
      evidence: {
        lag: lagOf(rows),
        queues: chosen.slice(0, NAMED_QUEUES).map(({ name }) => name),
        clients: [...new Set(chosen.map(({ clientId }) => clientId))].sort(),
        ...said.evidence,
      },
      advice: said.advice,
      fix: context.mqadmin('consumerStatus', '-g', fact.group, '-i', first.clientId, '-s'),
    },
  ];
}

/** Mean time of the listener and rates, as the members count them. */
function consumeTimes(members: ReadonlyMap<string, ConsumerRunningInfo>): Record<string, EvidenceValue> {
  const rows = [...members.values()].flatMap(({ statusTable }) => [...statusTable.values()]);
  const busy = rows.filter(({ consumeOKTPS, consumeFailedTPS }) => consumeOKTPS + consumeFailedTPS > 0);
  const failed = rows.reduce((total, { consumeFailedTPS }) => total + consumeFailedTPS, 0);
  return {
    ...(busy.length === 0 ? {} : { consumeRtMs: rounded(busy.reduce((total, { consumeRT }) => total + consumeRT, 0) / busy.length) }),
    ...(failed === 0 ? {} : { failedPerSecond: rounded(failed) }),
  };
}

/** A part of the lag may be messages that the filter drops: they are passed over with the next pull. */
function filtered({ fact, diff, context }: LagPlace): Finding[] {
  const filters = (fact.connections.value ?? []).flatMap(({ connection }) =>
    [...connection.subscriptionTable.values()]
      .filter(({ topic, subString }) => !isRetryTopic(topic) && subString !== '*' && subString !== '')
      .map(({ topic, subString }) => `${topic}: ${subString}`),
  );
  return filters.length === 0
    ? []
    : [
        {
          severity: 'info',
          id: 'lag-filtered',
          kind: 'group',
          name: fact.group,
          what: `group ${fact.group} filters: of its lag of ${diff} some may be messages that it does not want`,
          evidence: { lag: diff, filters: [...new Set(filters)].sort() },
          advice: 'lag counts all messages of the queues; the offset passes over unwanted ones with the next pull',
          fix: context.mqadmin('consumerProgress', '-g', fact.group, '--output', 'wide'),
        },
      ];
}

function slow(place: LagPlace): Finding {
  const { fact, diff, severity, rates, members, context } = place;
  const gain = rates === null ? 0 : rates.consumeRate - rates.produceRate;
  const drain = gain > 0 ? diff / gain : null;
  const speed =
    rates === null
      ? 'how fast it consumes was not measured'
      : rates.consumeRate <= 0
        ? `nothing was consumed in ${rounded(rates.seconds)} s`
        : drain === null
          ? 'it consumes no faster than messages come'
          : `it needs about ${drain >= 120 ? `${Math.round(drain / 60)} min` : `${Math.round(drain)} s`} to catch up`;
  return {
    severity,
    id: rates !== null && rates.consumeRate <= 0 ? 'lag-nothing-consumed' : 'lag-slow',
    kind: 'group',
    name: fact.group,
    what: `group ${fact.group} is ${diff} messages behind: ${speed}`,
    evidence: { lag: diff, consumers: memberIds(fact).size, ...rateEvidence(place), ...consumeTimes(members) },
    advice:
      rates !== null && rates.consumeRate <= 0
        ? 'consumers are online and nothing moves: look at their stacks and logs'
        : 'more members (up to the number of queues), more threads, or a faster listener',
    fix: context.mqadmin('consumerStatus', '-g', fact.group),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../common/clock.js';
import { dlqTopic, isRetryTopic, RETRY_GROUP_TOPIC_PREFIX, retryTopic } from '../../../common/topic-names.js';
import type { ConsumerConnection } from '../../../remoting/bodies/subscription.js';
import { decodeTopicStatsTable } from '../../../remoting/bodies/topic.js';
import { RequestCode } from '../../../remoting/codes.js';
import { type AdminClient, bodyOf } from '../admin-client.js';
import { consumersAt } from '../connections.js';
import { mapLimited } from '../map-limited.js';
import { askRunningInfo } from '../running-info.js';
import {
  type Answer,
  answerOf,
  type BrokerFact,
  type DoctorFacts,
  type GroupFact,
  type MemberAnswer,
  type ProgressFact,
  type ProgressReading,
  type Unknown,
} from './facts.js';
import { progressAt } from './gather-brokers.js';
import { lagOf } from './rules-lag.js';

/** Groups asked about at once. */
const GROUPS_AT_ONCE = 32;
/** Brokers that are asked who of a group is online, where nobody named the group. */
const BROKERS_OF_GROUP = 8;

export interface GroupsRequest {
  readonly groups: readonly string[];
  /** Masters, with what they said. */
  readonly masters: readonly BrokerFact[];
  /** The groups were named: all their brokers and members are asked. */
  readonly isNamed: boolean;
  /** Members that are asked what they do, at most. */
  readonly maxClients: number;
  /** From this lag on a group is read a second time, and its members are asked. */
  readonly lagWarning: number;
  /** Time between the two readings, ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface GatheredGroups {
  readonly groups: readonly GroupFact[];
  /** Members that were not asked because there were too many. */
  readonly clientsLeftOut: number;
  /** Second readings that failed. */
  readonly gaps: DoctorFacts['gaps'];
}

/** Who of each group is online, what members do, how offsets move, and what could not be consumed at all. */
export async function gatherGroups(admin: AdminClient, request: GroupsRequest): Promise<GatheredGroups> {
  const { groups, masters, clock } = request;
  const rows = rowsByGroup(masters.flatMap(({ progress }) => progress?.value?.rows ?? []));
  let done = 0;
  const found = await mapLimited(
    groups,
    async (group) => {
      const fact = await membersOf(admin, group, rows.get(group) ?? [], request);
      request.onProgress?.(++done, groups.length);
      return fact;
    },
    GROUPS_AT_ONCE,
  );
  const behind = new Set(groups.filter((group) => request.isNamed || lagOf(rows.get(group) ?? []) >= Math.max(1, request.lagWarning)));
  const { running, leftOut } = await gatherRunning(admin, found, { behind, maxClients: request.maxClients, clock });
  const moving = new Set(
    found.filter(({ group, connections }) => behind.has(group) && connections.value?.length !== 0).map(({ group }) => group),
  );
  const again = masters.filter(({ progress }) =>
    progress?.value?.rows.some((row) => moving.has(row.consumerGroup) && row.brokerOffset > row.consumerOffset),
  );
  const firstAtMs = Math.max(0, ...again.map(({ progress }) => progress?.value?.atMs ?? 0));
  const waitMs = request.intervalMs - (clock.monotonicMs() - firstAtMs);
  if (again.length > 0 && waitMs > 0) {
    await sleep(waitMs, undefined, request.signal === undefined ? {} : { signal: request.signal });
  }
  const second = await mapLimited(again, async ({ brokerName, brokerAddr }) => ({
    brokerName,
    reading: await answerOf(() => progressAt(admin, brokerAddr, { clock, group: request.isNamed ? groups[0] : undefined })),
  }));
  const later = laterByGroup(second.flatMap(({ reading }) => (reading.value === undefined ? [] : [reading.value])));
  return {
    groups: found.map((fact) => ({
      ...fact,
      running: running.get(fact.group) ?? null,
      later: moving.has(fact.group) ? (later.get(fact.group) ?? null) : null,
    })),
    clientsLeftOut: leftOut,
    gaps: second.flatMap(({ brokerName, reading }) =>
      reading.error === undefined ? [] : [{ name: brokerName, what: 'second reading of lag', error: reading.error }],
    ),
  };
}

/** Groups that topics for retries are of; `%RETRY%a_b` is of group a where that is known and b a topic, as POP names it. */
export function groupsWithRetries(topics: ReadonlySet<string>, known: ReadonlySet<string>): Set<string> {
  const isOfPop = (name: string): boolean => {
    for (let at = name.indexOf('_'); at >= 0; at = name.indexOf('_', at + 1)) {
      if (known.has(name.slice(0, at)) && topics.has(name.slice(at + 1))) {
        return true;
      }
    }
    return false;
  };
  // No name of a group or topic has a plus sign, which the other naming puts between them.
  const names = [...topics].filter(isRetryTopic).map((topic) => topic.slice(RETRY_GROUP_TOPIC_PREFIX.length).replace(/\+.*/, ''));
  return new Set(names.filter((name) => known.has(name) || !isOfPop(name)));
}

function rowsByGroup(all: readonly ProgressFact[]): Map<string, ProgressFact[]> {
  const rows = new Map<string, ProgressFact[]>();
  for (const row of all) {
    const list = rows.get(row.consumerGroup);
    if (list === undefined) {
      rows.set(row.consumerGroup, [row]);
    } else {
      list.push(row);
    }
  }
  return rows;
}

function laterByGroup(readings: readonly ProgressReading[]): Map<string, ProgressReading[]> {
  const found = new Map<string, ProgressReading[]>();
  for (const { atMs, rows } of readings) {
    for (const [group, its] of rowsByGroup(rows)) {
      found.set(group, [...(found.get(group) ?? []), { atMs, rows: its }]);
    }
  }
  return found;
}

async function membersOf(
  admin: AdminClient,
  group: string,
  rows: readonly ProgressFact[],
  { masters, isNamed }: GroupsRequest,
): Promise<GroupFact> {
  const reached = masters.filter(({ runtime }) => runtime.value !== undefined);
  const progressed = new Set(rows.map(({ brokerName }) => brokerName));
  const wasThere = ({ brokerName, topics }: BrokerFact): boolean =>
    progressed.has(brokerName) || topics?.value?.has(retryTopic(group)) === true;
  // Settings alone are often everywhere; behind the brokers that have them come those that did not say what they have.
  const ranks = [
    wasThere,
    ({ groups }: BrokerFact) => groups?.value?.has(group) === true,
    ({ groups }: BrokerFact) => groups?.value === undefined,
  ];
  const its = reached.filter((broker) => ranks.some((isOf) => isOf(broker)));
  const rankOf = (broker: BrokerFact): number => ranks.findIndex((isOf) => isOf(broker));
  const sorted = its.length === 0 ? reached : its.sort((a, b) => rankOf(a) - rankOf(b));
  // Nobody is said to be missing from a group that is behind before all brokers that it was at were asked.
  const most = lagOf(rows) > 0 ? Math.max(BROKERS_OF_GROUP, its.filter(wasThere).length) : BROKERS_OF_GROUP;
  const asked = isNamed ? sorted : sorted.slice(0, most);
  const connections: { brokerAddr: string; connection: ConsumerConnection }[] = [];
  let error: Unknown | undefined;
  for (const { brokerAddr } of asked) {
    const answer = await answerOf(() => consumersAt(admin, brokerAddr, group));
    error = answer.error ?? error;
    if (answer.value !== undefined && answer.value !== null) {
      connections.push({ brokerAddr, connection: answer.value });
      // Members are connected to every broker of their topics: the first that knows them is enough for a survey.
      if (!isNamed) {
        break;
      }
    }
  }
  return {
    group,
    connections: connections.length === 0 && error !== undefined ? { error } : { value: connections },
    running: null,
    later: null,
    deadLetters: await deadLettersOf(admin, group, reached),
  };
}

async function deadLettersOf(admin: AdminClient, group: string, masters: readonly BrokerFact[]): Promise<Answer<number> | null> {
  const topic = dlqTopic(group);
  const having = masters.filter(({ topics }) => topics?.value?.has(topic) === true);
  if (having.length === 0) {
    return null;
  }
  return answerOf(async () => {
    let total = 0;
    for (const { brokerAddr } of having) {
      const response = await admin.ask(brokerAddr, { code: RequestCode.GET_TOPIC_STATS_INFO, extFields: { topic } });
      for (const [, { minOffset, maxOffset }] of decodeTopicStatsTable(bodyOf(response)).offsetTable) {
        total += Math.max(0, maxOffset - minOffset);
      }
    }
    return total;
  });
}

/**
 * What members say of themselves: those of groups that are behind first, then those of groups whose broker does not say whether
 * its members subscribe alike.
 */
async function gatherRunning(
  admin: AdminClient,
  groups: readonly GroupFact[],
  { behind, maxClients, clock }: { behind: ReadonlySet<string>; maxClients: number; clock: Clock },
): Promise<{ running: Map<string, Map<string, MemberAnswer>>; leftOut: number }> {
  const wanted = groups
    .map(({ group, connections }) => {
      const members = new Map<string, string>();
      for (const { brokerAddr, connection } of connections.value ?? []) {
        for (const { clientId } of connection.connectionSet) {
          members.set(clientId, members.get(clientId) ?? brokerAddr);
        }
      }
      const isTold = (connections.value ?? []).some(({ connection }) => connection.subscriptionDifferences !== undefined);
      const rank = behind.has(group) ? 0 : members.size > 1 && !isTold ? 1 : 2;
      return { group, members, rank };
    })
    .filter(({ rank }) => rank < 2)
    .sort((a, b) => a.rank - b.rank);
  const all = wanted.flatMap(({ group, members }) => [...members].map(([clientId, brokerAddr]) => ({ group, clientId, brokerAddr })));
  const asked = all.slice(0, maxClients);
  const answers = await mapLimited(asked, async ({ group, clientId, brokerAddr }) => {
    const answer = await answerOf(() => askRunningInfo(admin, brokerAddr, { consumerGroup: group, clientId }));
    return { group, clientId, answer: { ...answer, atMs: clock.nowMs() } };
  });
  const running = new Map<string, Map<string, MemberAnswer>>();
  for (const { group, clientId, answer } of answers) {
    const its = running.get(group) ?? new Map<string, MemberAnswer>();
    its.set(clientId, answer);
    running.set(group, its);
  }
  return { running, leftOut: all.length - asked.length };
}

import { type Clock, systemClock } from '../../../common/clock.js';
import { ConnectError, NotFoundError } from '../../../common/errors.js';
import { suggest } from '../../../common/suggest.js';
import { isSystemGroup } from '../../../common/topic-names.js';
import type { AdminClient } from '../admin-client.js';
import { mapLimited } from '../map-limited.js';
import {
  type Answer,
  answerOf,
  type BrokerFact,
  type ClientFact,
  type DoctorFacts,
  isSilent,
  type NamesrvFact,
  type TopicFact,
} from './facts.js';
import { countFindings, type Finding, type FindingCounts, shellWord, sortFindings } from './finding.js';
import {
  type BrokerParts,
  gatherBrokers,
  gatherNamesrvs,
  type KnownBroker,
  knownBrokers,
  ofCluster,
  ofTopic,
  orderConfs,
  producersAt,
} from './gather-brokers.js';
import { type GatheredGroups, gatherGroups, groupsWithRetries } from './gather-groups.js';
import { DEFAULT_INTERVAL_MS, DEFAULT_LIMITS, DEFAULT_MAX_CLIENTS, type DoctorLimits, type RuleContext } from './limits.js';
import { brokerRules, freshStarts } from './rules-broker.js';
import { clientRules } from './rules-client.js';
import { clusterRules } from './rules-cluster.js';
import { gapRules } from './rules-gaps.js';
import { groupRules } from './rules-group.js';
import { lagRules } from './rules-lag.js';
import { isUserTopic, ownNamesOf, topicRules } from './rules-topic.js';

/** What is looked at; `all` is everything. */
export type DoctorScope = 'all' | 'cluster' | 'topic' | 'group' | 'broker' | 'client';

export interface DoctorRequest {
  readonly scope?: DoctorScope;
  /** Only this cluster, topic, group, broker (name or address) or client; all of them when absent. */
  readonly name?: string | undefined;
  readonly limits?: Partial<DoctorLimits>;
  /** Between two readings of the offsets of groups that are behind, ms; clients store offsets every 5 s. */
  readonly intervalMs?: number;
  /** Members of groups that are asked what they do, at most. */
  readonly maxClients?: number;
  /** Words that the command lines of fixes end with, where the name servers have to be named. */
  readonly commandTail?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
}

/** What was looked at. */
export interface DoctorCounts {
  readonly namesrvs: number;
  readonly brokers: number;
  readonly topics: number;
  readonly groups: number;
  readonly clients: number;
}

export interface DoctorReport {
  readonly scope: DoctorScope;
  readonly name: string | null;
  /** Worst first. */
  readonly findings: readonly Finding[];
  readonly counts: FindingCounts;
  readonly looked: DoctorCounts;
  readonly tookMs: number;
}

/**
 * Looks at a cluster, or at one part of it, and says what is wrong with evidence and remedy. What cannot be found out is a finding too.
 * @throws NotFoundError when what was named is not there, ConnectError when no name server answers
 */
export async function diagnose(admin: AdminClient, request: DoctorRequest = {}, seams: { clock?: Clock } = {}): Promise<DoctorReport> {
  const { clock = systemClock } = seams;
  const { scope = 'all', name } = request;
  const begin = clock.monotonicMs();
  const limits = { ...DEFAULT_LIMITS, ...request.limits };
  const facts = await new Gatherer(admin, request, { clock, limits }).gather();
  const tail = request.commandTail ?? [];
  const context: RuleContext = {
    limits,
    namesrvAddrs: admin.namesrv.addresses,
    mqadmin: (...words) => ['mqadmin', ...words, ...(words.includes('-n') ? [] : tail)].map(shellWord).join(' '),
  };
  const findings = sortFindings(findingsOf(facts, context, { scope, name }));
  const clients = new Set(
    [
      ...facts.groups.flatMap(({ connections }) => (connections.value ?? []).flatMap(({ connection }) => connection.connectionSet)),
      ...facts.producers,
    ].map(({ clientId }) => clientId),
  );
  return {
    scope,
    name: name ?? null,
    findings,
    counts: countFindings(findings),
    looked: {
      namesrvs: facts.namesrvs.length,
      brokers: facts.brokers.length,
      topics: facts.topics.length,
      groups: facts.groups.length,
      clients: clients.size,
    },
    tookMs: Math.round(clock.monotonicMs() - begin),
  };
}

/** All rules that belong to what was looked at. */
export function findingsOf(
  facts: DoctorFacts,
  context: RuleContext,
  { scope, name }: { scope: DoctorScope; name?: string | undefined },
): Finding[] {
  const isIn = (...scopes: DoctorScope[]): boolean => scope === 'all' || scopes.includes(scope);
  const clients = isIn('client', 'group') ? clientRules(facts, context) : [];
  return [
    ...(isIn('cluster') ? clusterRules(facts, context) : []),
    ...(isIn('cluster', 'broker') ? [...brokerRules(facts, context), ...freshStarts(facts, context)] : []),
    ...(isIn('topic') ? topicRules(facts, context, { isNamed: scope === 'topic' && name !== undefined }) : []),
    ...(isIn('group') ? groupRules(facts, context) : []),
    ...(isIn('group', 'topic') ? lagRules(facts, context) : []),
    ...(scope === 'client' ? groupRules(facts, context).filter(({ id }) => id === 'subscription-mismatch') : []),
    ...(scope === 'client' && name !== undefined
      ? clients.filter((finding) => JSON.stringify(finding).includes(JSON.stringify(name)))
      : clients),
    // Brokers that do not answer are missing from whatever was looked at.
    ...(isIn('cluster', 'broker')
      ? []
      : brokerRules(facts, context).filter(({ id }) => id === 'broker-unreachable' || id === 'broker-address')),
    ...(isIn('cluster') ? [] : clusterRules(facts, context).filter(({ id }) => alwaysSaid(scope).includes(id))),
    ...gapRules(facts, context),
  ];
}

/** Findings about the cluster that belong to each of its parts. */
function alwaysSaid(scope: DoctorScope): readonly string[] {
  return scope === 'broker' ? ['namesrv-unreachable', 'no-broker', 'broker-no-master'] : ['namesrv-unreachable'];
}

const PARTS: Readonly<Record<DoctorScope, BrokerParts>> = {
  all: { config: true, topics: true, groups: true, progress: true, replication: true },
  cluster: { config: true, replication: true },
  broker: { config: true, replication: true },
  topic: { config: true, topics: true, groups: true, progress: true },
  group: { config: true, topics: true, groups: true, progress: true },
  client: { groups: true, topics: true },
};

/** Asks for the facts, in the order in which one needs the other. */
class Gatherer {
  readonly #admin: AdminClient;
  readonly #request: DoctorRequest;
  readonly #scope: DoctorScope;
  readonly #clock: Clock;
  readonly #limits: DoctorLimits;

  constructor(admin: AdminClient, request: DoctorRequest, { clock, limits }: { clock: Clock; limits: DoctorLimits }) {
    this.#admin = admin;
    this.#request = request;
    this.#scope = request.scope ?? 'all';
    this.#clock = clock;
    this.#limits = limits;
  }

  async gather(): Promise<DoctorFacts> {
    const namesrvs = await gatherNamesrvs(this.#admin);
    requireNamesrv(namesrvs);
    const known = this.#wantedBrokers(knownBrokers(namesrvs));
    let asked = 0;
    const all = await gatherBrokers(this.#admin, known, {
      parts: { ...PARTS[this.#scope], group: this.#scope === 'group' ? this.#request.name : undefined },
      clock: this.#clock,
      onBroker: () => this.#tell(`brokers ${++asked}/${known.length}`),
    });
    const brokers = this.#scope === 'topic' && this.#request.name !== undefined ? ofTopic(all, this.#request.name) : all;
    const masters = brokers.filter(({ brokerId }) => brokerId === 0);
    const topics = await this.#topics(namesrvs, brokers);
    const groupNames = this.#groupNames(namesrvs, masters);
    const gathered = await this.#groups(groupNames, masters);
    const { producers, gaps } = await this.#producers(masters);
    const confs = this.#isIn('topic') ? await answerOf(() => orderConfs(this.#admin)) : undefined;
    const { clientsLeftOut } = gathered;
    return {
      nowMs: this.#clock.nowMs(),
      namesrvs: this.#wantedNamesrvs(namesrvs),
      brokers,
      topics,
      groups: this.#wantedGroups(gathered, producers),
      producers,
      ...(confs === undefined ? {} : { orderConfs: confs }),
      gaps: [...gathered.gaps, ...gaps],
      leftOut: clientsLeftOut === 0 ? [] : [{ what: 'consumers were not asked what they do', count: clientsLeftOut, option: '--clients' }],
    };
  }

  #tell(text: string): void {
    this.#request.onProgress?.(text);
  }

  #isIn(...scopes: DoctorScope[]): boolean {
    return this.#scope === 'all' || scopes.includes(this.#scope);
  }

  #wantedBrokers(known: readonly KnownBroker[]): readonly KnownBroker[] {
    const { name } = this.#request;
    if (name === undefined) {
      return known;
    }
    if (this.#scope === 'cluster') {
      const clusters = [...new Set(known.map(({ clusterName }) => clusterName))];
      return found(known, ({ clusterName }) => clusterName === name, { kind: 'cluster', name, names: clusters });
    }
    if (this.#scope === 'broker') {
      const brokers = [...new Set(known.map(({ brokerName }) => brokerName))];
      // An address stands for the broker with all its nodes: what they are to one another is looked at too.
      const its = known.find(({ brokerAddr }) => brokerAddr === name);
      const isIt = ({ brokerName, clusterName }: KnownBroker): boolean =>
        brokerName === name || (brokerName === its?.brokerName && clusterName === its.clusterName);
      return found(known, isIt, {
        kind: 'broker',
        name,
        names: brokers,
      });
    }
    return known;
  }

  /** With a cluster named, what they say of it. */
  #wantedNamesrvs(namesrvs: readonly NamesrvFact[]): readonly NamesrvFact[] {
    const { name } = this.#request;
    return this.#scope === 'cluster' && name !== undefined ? ofCluster(namesrvs, name) : namesrvs;
  }

  async #topics(namesrvs: readonly NamesrvFact[], brokers: readonly BrokerFact[]): Promise<TopicFact[]> {
    if (!this.#isIn('topic')) {
      return [];
    }
    const ownNames = ownNamesOf(brokers);
    const all = new Set(namesrvs.flatMap(({ topics }) => topics.value ?? []));
    for (const { topics } of brokers) {
      for (const topic of topics?.value?.keys() ?? []) {
        all.add(topic);
      }
    }
    const { name } = this.#request;
    if (name !== undefined) {
      found([...all], (topic) => topic === name, { kind: 'topic', name, names: [...all] });
    }
    const wanted = name !== undefined ? [name] : [...all].filter((topic) => isUserTopic(topic, ownNames)).sort();
    let done = 0;
    return mapLimited(wanted, async (topic) => {
      const route = await answerOf(() => this.#admin.findRoute(topic));
      this.#tell(`topics ${++done}/${wanted.length}`);
      return { topic, route };
    });
  }

  /** Groups of users that brokers have settings, offsets or a retry topic of. */
  #groupNames(namesrvs: readonly NamesrvFact[], masters: readonly BrokerFact[]): string[] {
    if (!this.#isIn('group', 'topic', 'client')) {
      return [];
    }
    const all = new Set(masters.flatMap(({ groups }) => [...(groups?.value?.keys() ?? [])]));
    for (const { progress } of masters) {
      for (const { consumerGroup } of progress?.value?.rows ?? []) {
        all.add(consumerGroup);
      }
    }
    for (const group of groupsWithRetries(new Set(namesrvs.flatMap(({ topics }) => topics.value ?? [])), all)) {
      all.add(group);
    }
    const { name } = this.#request;
    if (this.#scope === 'group' && name !== undefined) {
      return found([...all], (group) => group === name, { kind: 'group', name, names: [...all] }).slice();
    }
    if (this.#scope === 'topic' && name !== undefined) {
      return [...new Set(masters.flatMap(({ progress }) => progress?.value?.rows ?? []).map(({ consumerGroup }) => consumerGroup))].sort();
    }
    return this.#scope === 'topic' ? [] : [...all].filter((group) => !isSystemGroup(group)).sort();
  }

  #groups(groups: readonly string[], masters: readonly BrokerFact[]): Promise<GatheredGroups> {
    const { name, intervalMs = DEFAULT_INTERVAL_MS, maxClients = DEFAULT_MAX_CLIENTS, signal } = this.#request;
    return gatherGroups(this.#admin, {
      groups,
      masters,
      isNamed: this.#scope === 'group' && name !== undefined,
      maxClients,
      lagWarning: this.#limits.lagWarning,
      intervalMs,
      clock: this.#clock,
      signal,
      onProgress: (done, total) => this.#tell(`groups ${done}/${total}`),
    });
  }

  /** With a client named, only its groups. */
  #wantedGroups({ groups }: GatheredGroups, producers: readonly ClientFact[]): DoctorFacts['groups'] {
    const { name } = this.#request;
    if (this.#scope !== 'client' || name === undefined) {
      return groups;
    }
    const its = groups.filter(({ connections }) =>
      (connections.value ?? []).some(({ connection }) => connection.connectionSet.some(({ clientId }) => clientId === name)),
    );
    if (its.length === 0 && !producers.some(({ clientId }) => clientId === name)) {
      throw new NotFoundError(`client ${name} is not online`, {
        code: 'CLIENT_NOT_ONLINE',
        hint: 'see the clients of a group: mqadmin consumerConnection -g GROUP',
        context: { name },
      });
    }
    return its;
  }

  async #producers(masters: readonly BrokerFact[]): Promise<{ producers: ClientFact[]; gaps: DoctorFacts['gaps'] }> {
    if (!this.#isIn('client')) {
      return { producers: [], gaps: [] };
    }
    const reached = masters.filter(({ runtime }) => runtime.value !== undefined);
    const answers = await mapLimited(reached, async ({ brokerName, brokerAddr }) => ({
      brokerName,
      answer: await answerOf(() => producersAt(this.#admin, brokerAddr)),
    }));
    return {
      producers: answers.flatMap(({ answer }) => answer.value ?? []),
      gaps: answers.flatMap(({ brokerName, answer }) => gapOf(brokerName, answer)),
    };
  }
}

function gapOf(name: string, { error }: Answer<unknown>): DoctorFacts['gaps'] {
  return error === undefined ? [] : [{ name, what: 'producers of brokers', error }];
}

function requireNamesrv(namesrvs: readonly NamesrvFact[]): void {
  const errors = namesrvs.flatMap(({ clusterInfo }) => (clusterInfo.error === undefined ? [] : [clusterInfo.error]));
  if (errors.length < namesrvs.length || errors[0] === undefined) {
    return;
  }
  const isSame = errors.every(({ code }) => code === errors[0]?.code);
  if (errors.length === 1 || (isSame && !isSilent(errors[0]))) {
    throw errors[0].cause;
  }
  throw new ConnectError(errors.map(({ message }) => message).join('; '), {
    code: errors[0].code,
    context: { namesrvAddrs: namesrvs.map(({ addr }) => addr) },
  });
}

function found<V>(
  all: readonly V[],
  isIt: (item: V) => boolean,
  { kind, name, names }: { kind: string; name: string; names: readonly string[] },
): readonly V[] {
  const its = all.filter(isIt);
  if (its.length > 0) {
    return its;
  }
  const near = suggest(name, names)[0];
  throw new NotFoundError(`${kind} ${name} is not known to the name servers`, {
    code: `${kind.toUpperCase()}_NOT_EXIST`,
    hint: near === undefined ? 'see what there is: mqadmin doctor' : `did you mean ${near}?`,
    context: { name },
  });
}

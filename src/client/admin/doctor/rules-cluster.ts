import { compareText } from '../../message-queue.js';
import { nodeName } from '../node-name.js';
import { type BrokerFact, type DoctorFacts, isSilent, type NamesrvFact } from './facts.js';
import type { Finding, Severity } from './finding.js';
import type { RuleContext } from './limits.js';

/** A clock that is this far away is wrong, whatever the limit for a warning. */
const CRITICAL_SKEW_MS = 60_000;
/** The time a broker says of itself is cut to whole seconds. */
const RUNTIME_STEP_MS = 1_000;

/** Name servers, and what brokers are like beside one another. */
export function clusterRules(facts: DoctorFacts, context: RuleContext): Finding[] {
  return [
    ...facts.namesrvs.flatMap((namesrv) => namesrvReachable(namesrv, context)),
    ...brokersAgreed(facts.namesrvs, context),
    ...topicsAgreed(facts.namesrvs, context),
    ...facts.namesrvs.flatMap((namesrv) => tablesWhole(namesrv, context)),
    ...mastersThere(facts, context),
    ...versionsAlike(facts.brokers, context),
    ...clocksRight(facts.brokers, context),
  ];
}

function namesrvReachable({ addr, clusterInfo }: NamesrvFact, context: RuleContext): Finding[] {
  if (clusterInfo.error === undefined || !isSilent(clusterInfo.error)) {
    return [];
  }
  return [
    {
      severity: 'warning',
      id: 'namesrv-unreachable',
      kind: 'namesrv',
      name: addr,
      what: `name server ${addr} does not answer`,
      evidence: { error: clusterInfo.error.message, nameServers: [...context.namesrvAddrs] },
      advice: 'start it, or take it off the lists of brokers and clients, which lose time with it',
      fix: `mqnamesrv listenPort=${addr.slice(addr.lastIndexOf(':') + 1)}`,
    },
  ];
}

function brokersAgreed(namesrvs: readonly NamesrvFact[], context: RuleContext): Finding[] {
  const tables = namesrvs.flatMap(({ addr, clusterInfo }) =>
    clusterInfo.value === undefined ? [] : [{ addr, addresses: addressesIn(clusterInfo.value.brokerAddrTable) }],
  );
  const all = new Map(tables.flatMap(({ addresses }) => [...addresses]));
  return [...all].sort().flatMap(([key, address]): Finding[] => {
    const registeredAt = tables.filter(({ addresses }) => addresses.get(key) === address).map(({ addr }) => addr);
    const missingAt = tables.filter(({ addresses }) => !addresses.has(key)).map(({ addr }) => addr);
    const elsewhere = tables.filter(({ addresses }) => addresses.has(key) && addresses.get(key) !== address);
    if (missingAt.length === 0 && elsewhere.length === 0) {
      return [];
    }
    const other = elsewhere.map(({ addr, addresses }) => `${addr}: ${addresses.get(key)}`);
    return [
      {
        severity: 'critical',
        id: 'namesrv-disagree',
        kind: 'broker',
        name: key,
        what:
          missingAt.length > 0
            ? `name servers disagree: ${key} (${address}) is registered at ${registeredAt.join(', ')} but not at ${missingAt.join(', ')}`
            : `name servers disagree about the address of ${key}`,
        evidence: { brokerAddr: address, registeredAt, missingAt, ...(other.length === 0 ? {} : { otherAddress: other }) },
        advice: 'clients that ask the other name server do not find it; give the broker the whole list',
        fix: context.mqadmin('updateBrokerConfig', '-b', address, '-k', 'namesrvAddr', '-v', context.namesrvAddrs.join(';')),
      },
    ];
  });
}

function addressesIn(table: ReadonlyMap<string, { readonly brokerAddrs: ReadonlyMap<number, string> }>): Map<string, string> {
  return new Map(
    [...table].flatMap(([brokerName, { brokerAddrs }]) =>
      [...brokerAddrs].map(([brokerId, addr]): [string, string] => [nodeName({ brokerName, brokerId }), addr]),
    ),
  );
}

function topicsAgreed(namesrvs: readonly NamesrvFact[], context: RuleContext): Finding[] {
  const lists = namesrvs.flatMap(({ addr, topics }) => (topics.value === undefined ? [] : [{ addr, topics: new Set(topics.value) }]));
  const all = new Set(lists.flatMap(({ topics }) => [...topics]));
  return lists.flatMap(({ addr, topics }): Finding[] => {
    const missing = [...all].filter((topic) => !topics.has(topic)).sort();
    return missing.length === 0
      ? []
      : [
          {
            severity: 'warning',
            id: 'namesrv-topics-differ',
            kind: 'namesrv',
            name: addr,
            what: `name server ${addr} lacks ${missing.length} of the ${all.size} topics that the others have`,
            evidence: { missing, known: topics.size },
            advice: 'brokers tell every name server of their topics within 30 s; one that stays behind is not on their lists',
            fix: context.mqadmin('topicList', '-n', addr),
          },
        ];
  });
}

/** A name server keeps the members of clusters and the addresses of brokers in two tables. */
function tablesWhole({ addr, clusterInfo }: NamesrvFact, context: RuleContext): Finding[] {
  const info = clusterInfo.value;
  if (info === undefined) {
    return [];
  }
  const members = new Set([...info.clusterAddrTable.values()].flat());
  const half = [...info.brokerAddrTable.keys()].filter((name) => !members.has(name));
  const lost = [...members].filter((name) => !info.brokerAddrTable.has(name));
  return [...half, ...lost].sort().map((name) => ({
    severity: 'warning',
    id: 'broker-half-registered',
    kind: 'broker',
    name,
    what: half.includes(name) ? `broker ${name} belongs to no cluster at ${addr}` : `broker ${name} has no address at ${addr}`,
    evidence: { nameServer: addr, inCluster: members.has(name), hasAddress: info.brokerAddrTable.has(name) },
    advice: 'it is half gone: start it again, or wait until its registration has expired',
    fix: context.mqadmin('clusterList', '-n', addr),
  }));
}

function mastersThere(facts: DoctorFacts, context: RuleContext): Finding[] {
  const infos = facts.namesrvs.flatMap(({ clusterInfo }) => (clusterInfo.value === undefined ? [] : [clusterInfo.value]));
  if (infos.length > 0 && infos.every(({ brokerAddrTable }) => brokerAddrTable.size === 0)) {
    return [
      {
        severity: 'critical',
        id: 'no-broker',
        kind: 'cluster',
        name: context.namesrvAddrs.join(';'),
        what: 'no broker is registered',
        evidence: { nameServers: [...context.namesrvAddrs] },
        advice: 'start a broker with these name servers',
        fix: `mqbroker -n '${context.namesrvAddrs.join(';')}'`,
      },
    ];
  }
  const names = new Set(facts.brokers.map(({ brokerName }) => brokerName));
  return [...names].sort().flatMap((brokerName): Finding[] => {
    const members = facts.brokers.filter((broker) => broker.brokerName === brokerName);
    const first = members[0];
    return first === undefined || members.some(({ brokerId }) => brokerId === 0)
      ? []
      : [
          {
            severity: 'critical',
            id: 'broker-no-master',
            kind: 'broker',
            name: brokerName,
            what: `broker ${brokerName} has no master: nothing can be sent to it`,
            evidence: { clusterName: first.clusterName, slaves: members.map(({ brokerId, brokerAddr }) => `${brokerId}: ${brokerAddr}`) },
            advice: 'start the master, or see why it does not register',
            fix: context.mqadmin('clusterList', '-c', first.clusterName),
          },
        ];
  });
}

function versionsAlike(brokers: readonly BrokerFact[], context: RuleContext): Finding[] {
  const clusters = new Set(brokers.map(({ clusterName }) => clusterName));
  return [...clusters].sort().flatMap((clusterName): Finding[] => {
    const byVersion = new Map<string, string[]>();
    for (const broker of brokers) {
      const version = broker.runtime.value?.brokerVersionDesc;
      if (broker.clusterName === clusterName && version !== undefined) {
        byVersion.set(version, [...(byVersion.get(version) ?? []), nodeName(broker)]);
      }
    }
    const versions = [...byVersion].sort(([a], [b]) => compareText(a, b));
    return versions.length < 2
      ? []
      : [
          {
            severity: 'warning',
            id: 'broker-versions-differ',
            kind: 'cluster',
            name: clusterName,
            what: `brokers of ${clusterName} have ${versions.length} different versions`,
            evidence: Object.fromEntries(versions.map(([version, names]) => [version, names.sort()])),
            advice: 'bring all to one version; what only the newer ones know does not work everywhere',
            fix: context.mqadmin('clusterList', '-c', clusterName),
          },
        ];
  });
}

/** How long a broker runs, as it says itself, ms, cut to whole seconds; null when it does not say so. */
export function uptimeOf({ runtime }: Pick<BrokerFact, 'runtime'>): number | null {
  const parts = /(\d+) days, (\d+) hours, (\d+) minutes, (\d+) seconds/.exec(runtime.value?.runtime ?? '')?.slice(1);
  if (parts === undefined) {
    return null;
  }
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.map(Number);
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

/** How far a broker's clock is ahead, at least and at most, ms; null when it does not say its time. */
export function skewOf({ runtime, askTime }: Pick<BrokerFact, 'runtime' | 'askTime'>): { atLeast: number; atMost: number } | null {
  const boot = Number(runtime.value?.bootTimestamp ?? Number.NaN);
  const uptimeMs = uptimeOf({ runtime });
  if (!Number.isFinite(boot) || uptimeMs === null || askTime === null) {
    return null;
  }
  const brokerMs = boot + uptimeMs;
  return { atLeast: brokerMs - askTime.receivedMs, atMost: brokerMs + RUNTIME_STEP_MS - askTime.sentMs };
}

function clocksRight(brokers: readonly BrokerFact[], context: RuleContext): Finding[] {
  const skews = brokers.flatMap((broker) => {
    const skew = skewOf(broker);
    return skew === null ? [] : [{ broker, ...skew, middle: Math.round((skew.atLeast + skew.atMost) / 2) }];
  });
  const isWrong = ({ atLeast, atMost }: { atLeast: number; atMost: number }): boolean =>
    atLeast > context.limits.clockSkewMs || atMost < -context.limits.clockSkewMs;
  const wrong = skews.filter(isWrong);
  const first = wrong[0];
  // All brokers agree with each other and not with us: it is the clock here.
  if (first !== undefined && wrong.length > 1 && wrong.length === skews.length && skews.every((skew) => overlaps(skew, first))) {
    return [skewFinding({ ...first, name: 'this machine', kind: 'client', ahead: -first.middle }, context)];
  }
  return wrong.map((skew) => skewFinding({ ...skew, name: nodeName(skew.broker), kind: 'broker', ahead: skew.middle }, context));
}

function overlaps(a: { atLeast: number; atMost: number }, b: { atLeast: number; atMost: number }): boolean {
  return a.atLeast <= b.atMost && b.atLeast <= a.atMost;
}

function skewFinding(
  skew: { broker: BrokerFact; name: string; kind: 'client' | 'broker'; ahead: number; atLeast: number; atMost: number },
  context: RuleContext,
): Finding {
  const { broker, name, kind, ahead } = skew;
  const severity: Severity = Math.abs(ahead) >= CRITICAL_SKEW_MS ? 'critical' : 'warning';
  const than = kind === 'client' ? 'the brokers' : 'this machine';
  return {
    severity,
    id: 'clock-skew',
    kind,
    name,
    what: `clock of ${name} is ${(Math.abs(ahead) / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} ${than}`,
    evidence: { brokerAddr: broker.brokerAddr, aheadAtLeastMs: Math.round(skew.atLeast), aheadAtMostMs: Math.round(skew.atMost) },
    advice: 'set the clock (NTP): store times, delays, retention and lag in time are counted with it',
    fix: context.mqadmin('brokerStatus', '-b', broker.brokerAddr),
  };
}

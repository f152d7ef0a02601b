import { nodeName } from '../node-name.js';
import { type Answer, type DoctorFacts, isSilent, type Unknown } from './facts.js';
import type { Finding } from './finding.js';
import type { RuleContext } from './limits.js';

/** Something that could not be found out. */
interface Gap {
  readonly what: string;
  readonly name: string;
  readonly error: Unknown;
}

/** What could not be looked at is said, never passed over; nodes that do not answer have findings of their own. */
export function gapRules(facts: DoctorFacts, context: RuleContext): Finding[] {
  const byReason = new Map<string, Gap[]>();
  for (const gap of gapsOf(facts)) {
    const key = `${gap.what} ${gap.error.isUnsupported} ${gap.error.code}`;
    byReason.set(key, [...(byReason.get(key) ?? []), gap]);
  }
  const gaps = [...byReason.values()].map((same) => gapFinding(same, context));
  const leftOut = facts.leftOut.map(
    ({ what, count, option }): Finding => ({
      severity: 'info',
      id: 'left-out',
      kind: 'cluster',
      name: what,
      what: `${count} ${what}: there are too many`,
      evidence: { count },
      advice: `look at groups by name, or raise ${option}`,
      fix: null,
    }),
  );
  return [...gaps, ...leftOut];
}

const PARTS = [
  ['config', 'settings of brokers'],
  ['topics', 'topics of brokers'],
  ['groups', 'groups of brokers'],
  ['progress', 'lag on brokers'],
  ['replication', 'replication of brokers'],
] as const;

function gapsOf(facts: DoctorFacts): Gap[] {
  const gap = (what: string, name: string, answer: Answer<unknown> | null | undefined): Gap[] =>
    answer?.error === undefined ? [] : [{ what, name, error: answer.error }];
  return [
    ...facts.namesrvs.flatMap(({ addr, clusterInfo, topics }) =>
      clusterInfo.error === undefined
        ? gap('topics of name servers', addr, topics)
        : isSilent(clusterInfo.error)
          ? []
          : gap('brokers of name servers', addr, clusterInfo),
    ),
    ...facts.brokers.flatMap((broker) =>
      broker.runtime.error === undefined
        ? PARTS.flatMap(([part, what]) => gap(what, nodeName(broker), broker[part]))
        : isSilent(broker.runtime.error)
          ? []
          : gap('state of brokers', nodeName(broker), broker.runtime),
    ),
    ...facts.topics.flatMap(({ topic, route }) => gap('routes of topics', topic, route)),
    ...facts.groups.flatMap(({ group, connections, running, deadLetters }) => [
      ...gap('consumers of groups', group, connections),
      ...gap('dead letters of groups', group, deadLetters),
      ...[...(running ?? [])].flatMap(([clientId, answer]) => gap('what consumers do', `${clientId} of ${group}`, answer)),
    ]),
    ...gap('order configurations', 'name server', facts.orderConfs),
    ...facts.gaps,
  ];
}

function gapFinding(same: readonly Gap[], context: RuleContext): Finding {
  const { what, error } = same[0]!;
  const names = [...new Set(same.map(({ name }) => name))].sort();
  const isDenied = error.category === 'denied';
  return {
    severity: error.isUnsupported ? 'info' : 'warning',
    id: 'not-checked',
    kind: 'cluster',
    name: what,
    what: `not known: ${what} (${names.length === 1 ? names[0] : `${names.length} of them`})`,
    evidence: { names, code: error.code, reason: error.message },
    advice: error.isUnsupported
      ? 'these nodes do not have this request: an older version, or another kind of node'
      : isDenied
        ? 'sign with a key that may ask for it: --accessKey and --secretKey, or a context'
        : 'try again when they answer; what stands above may be incomplete',
    fix: isDenied || error.isUnsupported ? null : context.mqadmin('clusterList'),
  };
}

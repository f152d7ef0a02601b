import { versionDesc } from '../../../common/mq-version.js';
import { compareText } from '../../message-queue.js';
import { type ClientFact, clientsOf, type DoctorFacts } from './facts.js';
import type { Finding } from './finding.js';
import type { RuleContext } from './limits.js';

/** Clients of all groups: who they are, and whether two of them pretend to be one. */
export function clientRules(facts: DoctorFacts, context: RuleContext): Finding[] {
  const consumers = facts.groups.flatMap(clientsOf);
  return [...sameIds(consumers, context), ...sameIds(facts.producers, context), ...mixedGroups(consumers, context)];
}

/** Two processes with one client id get the same queues; brokers know them as one. */
function sameIds(clients: readonly ClientFact[], context: RuleContext): Finding[] {
  const byId = new Map<string, { readonly client: ClientFact; readonly addrs: Set<string> }>();
  for (const client of clients) {
    // One broker sees a client by one connection.
    const key = `${client.role} ${client.group} ${client.clientId} ${client.brokerAddr}`;
    const seen = byId.get(key) ?? { client, addrs: new Set() };
    seen.addrs.add(client.clientAddr);
    byId.set(key, seen);
  }
  const shown = new Set<string>();
  return [...byId.values()].flatMap(({ client, addrs }): Finding[] => {
    const key = `${client.role} ${client.group} ${client.clientId}`;
    if (addrs.size < 2 || shown.has(key)) {
      return [];
    }
    shown.add(key);
    const isConsumer = client.role === 'consumer';
    return [
      {
        severity: isConsumer ? 'critical' : 'info',
        id: 'client-duplicate-id',
        kind: 'client',
        name: client.clientId,
        what: `${addrs.size} ${client.role}s of group ${client.group} have the same client id ${client.clientId}`,
        evidence: { group: client.group, clientAddrs: [...addrs].sort(), brokerAddr: client.brokerAddr },
        advice: isConsumer
          ? 'they take the same queues and leave others alone: give each an instanceName of its own'
          : 'give each an instanceName of its own, so that they can be told apart',
        fix: isConsumer
          ? context.mqadmin('consumerConnection', '-g', client.group, '-b', client.brokerAddr)
          : context.mqadmin('producer', '-b', client.brokerAddr),
      },
    ];
  });
}

/** Groups whose members are of different languages or versions. */
function mixedGroups(consumers: readonly ClientFact[], context: RuleContext): Finding[] {
  const byGroup = new Map<string, Map<string, Set<string>>>();
  for (const { group, clientId, language, version } of consumers) {
    const kinds = byGroup.get(group) ?? new Map<string, Set<string>>();
    const kind = `${language} ${versionDesc(version)}`;
    kinds.set(kind, (kinds.get(kind) ?? new Set()).add(clientId));
    byGroup.set(group, kinds);
  }
  return [...byGroup].flatMap(([group, kinds]): Finding[] =>
    kinds.size < 2
      ? []
      : [
          {
            severity: 'info',
            id: 'client-kinds-differ',
            kind: 'group',
            name: group,
            what: `members of group ${group} are of ${kinds.size} different kinds`,
            evidence: Object.fromEntries([...kinds].sort(([a], [b]) => compareText(a, b)).map(([kind, ids]) => [kind, [...ids].sort()])),
            advice: 'clients of different languages may share queues by different rules: bring them to one version',
            fix: context.mqadmin('consumerConnection', '-g', group),
          },
        ],
  );
}

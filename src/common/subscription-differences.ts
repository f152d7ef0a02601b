import { isRetryTopic } from './topic-names.js';

/** One topic of a member, as in heartbeats and running information. */
export interface MemberSubscription {
  readonly topic: string;
  readonly subString: string;
  /** TAG when absent or empty. */
  readonly expressionType?: string | null | undefined;
}

/** A client of a consumer group. */
export interface SubscribedMember {
  readonly clientId: string;
  readonly subscriptions: readonly MemberSubscription[];
}

/** A topic on which the members of a group do not agree. */
export interface SubscriptionDifference {
  readonly topic: string;
  readonly subscribers: readonly {
    /** Null for those that do not subscribe to the topic. */
    readonly expression: string | null;
    readonly clientIds: readonly string[];
  }[];
}

const ALL = '*';
const TAG = 'TAG';
const TAG_SEPARATOR = '||';
/** Clients that a text names of each side. */
const NAMED_CLIENTS = 3;

/**
 * Where members of a group subscribe differently, by topic. That loses messages: a broker keeps one subscription for the whole group, and
 * each member gets only its share of the queues of every topic. Retry topics do not count, and neither do members without any subscription,
 * which choose their queues themselves. Tags in another order are the same expression.
 */
export function subscriptionDifferences(members: readonly SubscribedMember[]): SubscriptionDifference[] {
  const subscribed = members
    .map(({ clientId, subscriptions }) => ({ clientId, expressions: expressionsOf(subscriptions) }))
    .filter(({ expressions }) => expressions.size > 0);
  const topics = new Set(subscribed.flatMap(({ expressions }) => [...expressions.keys()]));
  const differences: SubscriptionDifference[] = [];
  for (const topic of [...topics].sort()) {
    const clientIds = new Map<string | null, string[]>();
    for (const member of subscribed) {
      const expression = member.expressions.get(topic) ?? null;
      const same = clientIds.get(expression);
      if (same === undefined) {
        clientIds.set(expression, [member.clientId]);
      } else {
        same.push(member.clientId);
      }
    }
    if (clientIds.size > 1) {
      const subscribers = [...clientIds].map(([expression, ids]) => ({ expression, clientIds: ids.sort() }));
      differences.push({ topic, subscribers });
    }
  }
  return differences;
}

/** A difference in one line: the topic, and who wants what of it. */
export function differenceText({ topic, subscribers }: SubscriptionDifference): string {
  const sides = subscribers.map(({ expression, clientIds }) => {
    const more = clientIds.length - NAMED_CLIENTS;
    const names = clientIds.slice(0, NAMED_CLIENTS).join(', ') + (more > 0 ? ` and ${more} more` : '');
    return `${expression === null ? 'not subscribed' : `'${expression}'`} by ${names}`;
  });
  return `topic ${topic}: ${sides.join('; ')}`;
}

/** Topic → expression in the form in which it is compared. */
function expressionsOf(subscriptions: readonly MemberSubscription[]): Map<string, string> {
  const expressions = new Map<string, string>();
  for (const { topic, subString, expressionType } of subscriptions) {
    if (!isRetryTopic(topic)) {
      expressions.set(topic, comparable(subString, expressionType ?? TAG));
    }
  }
  return expressions;
}

function comparable(subString: string, expressionType: string): string {
  if (expressionType !== TAG && expressionType !== '') {
    return `${expressionType}: ${subString.trim()}`;
  }
  const tags = new Set(subString.split(TAG_SEPARATOR).map((tag) => tag.trim()));
  tags.delete('');
  return tags.size === 0 ? ALL : [...tags].sort().join(` ${TAG_SEPARATOR} `);
}

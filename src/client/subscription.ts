import { UsageError } from '../common/errors.js';
import { stringHashCode } from '../common/java.js';
import type { SubscriptionData } from '../remoting/bodies/subscription.js';

export const SUB_ALL = '*';
export const ExpressionType = { TAG: 'TAG', SQL92: 'SQL92' } as const;
export type ExpressionType = (typeof ExpressionType)[keyof typeof ExpressionType];

/** A filter by SQL; write tags as a plain string. */
export interface SqlExpression {
  sql: string;
}

/**
 * The subscription of one topic, as brokers know it.
 * Tags are separated by `||`; empty, blank or `*` means all messages.
 * @throws UsageError for an expression of separators only.
 */
export function buildSubscription(
  topic: string,
  expression: string | SqlExpression | null | undefined,
  subVersion: number,
): SubscriptionData {
  const base = { classFilterMode: false, topic, subVersion };
  if (typeof expression === 'object' && expression !== null) {
    return { ...base, subString: expression.sql, tagsSet: [], codeSet: [], expressionType: ExpressionType.SQL92 };
  }
  if (expression === null || expression === undefined || expression === '' || expression === SUB_ALL) {
    return { ...base, subString: SUB_ALL, tagsSet: [], codeSet: [], expressionType: ExpressionType.TAG };
  }
  const tags = [
    ...new Set(
      expression
        .split('||')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    ),
  ];
  if (tags.length === 0) {
    throw new UsageError(`the subscription expression ${JSON.stringify(expression)} of topic ${topic} has no tag`, {
      hint: 'write tags separated by "||", or "*" for all',
    });
  }
  return { ...base, subString: expression, tagsSet: tags, codeSet: tags.map(stringHashCode), expressionType: ExpressionType.TAG };
}

import { parseTagExpression, SUB_ALL, Subscription } from '../connections/index.js';

/** Parsed expressions kept; a pull consumer sends the same one with each pull. */
const MAX_CACHED = 1000;
const cached = new Map<string, Subscription>();
const everything = new Subscription(parseTagExpression('', SUB_ALL)!);

/** The filter of an expression that a pull carries; null when it cannot be parsed. */
export function parseTagExpressionCached(topic: string, expression: string | undefined): Subscription | null {
  if (expression === undefined || expression === '' || expression === SUB_ALL) return everything;
  const present = cached.get(expression);
  if (present !== undefined) return present;
  const data = parseTagExpression(topic, expression);
  if (data === null) return null;
  const subscription = new Subscription(data);
  if (cached.size >= MAX_CACHED) cached.clear();
  cached.set(expression, subscription);
  return subscription;
}

import { isRetryTopic } from '../../common/topic-names.js';
import { ConsumeFromWhere } from '../types.js';

/** What the rule needs to ask; each is asked at most once. */
export interface StartOffsetQuestions {
  /** The stored offset; null when there is none. */
  stored(): Promise<number | null>;
  maxOffset(): Promise<number>;
  searchOffset(timestampMs: number): Promise<number>;
}

/**
 * Where a consumer starts on a queue. A stored offset always wins; a broker answers 0 for a new group on a queue whose first message
 * is still in memory, so that on young topics every mode starts at the beginning.
 * @throws what the questions throw: the queue is then tried again later, never started at a guess.
 */
export async function computeStartOffset(
  topic: string,
  where: ConsumeFromWhere,
  consumeTimestampMs: number,
  ask: StartOffsetQuestions,
): Promise<number> {
  const stored = await ask.stored();
  if (stored !== null && stored >= 0) {
    return stored;
  }
  switch (where) {
    case ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET:
      return 0;
    case ConsumeFromWhere.CONSUME_FROM_TIMESTAMP:
      return isRetryTopic(topic) ? ask.maxOffset() : ask.searchOffset(consumeTimestampMs);
    default:
      return isRetryTopic(topic) ? 0 : ask.maxOffset();
  }
}

/** Reads `yyyyMMddHHmmss`, local time; null when it is not such a time. */
export function parseConsumeTimestamp(text: string): number | null {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(text);
  if (match === null) {
    return null;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const date = new Date(year, month - 1, day, hour, minute, second);
  const valid = date.getMonth() === month - 1 && date.getDate() === day && hour < 24 && minute < 60 && second < 60;
  return valid ? date.getTime() : null;
}

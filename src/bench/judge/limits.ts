import { UsageError } from '../../common/errors.js';
import type { LossLimit } from './comparison.js';

/** Reads `10%` or `p999:25%`. */
export function parseLimit(text: string): LossLimit {
  const [, metric, number = ''] = /^(?:([^:\s]+):)?\s*(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim()) ?? [];
  const lossPercent = Number(number);
  if (number === '' || !(lossPercent < 1000)) {
    throw new UsageError(`--fail-over "${text}" is no limit`, { hint: 'write it as 10%, or with a metric: send.latencyMs.p99:20%' });
  }
  return { ...(metric === undefined ? {} : { metric }), lossPercent };
}

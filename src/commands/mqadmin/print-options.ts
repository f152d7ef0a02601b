import { defineOptions } from '../../cli/options.js';
import { readTime } from '../../cli/read-time.js';

/** Options that printMsg and printMsgByQueue share; Apache's long names end in a blank, which nobody has to write. */
export const PRINT_OPTIONS = defineOptions({
  topic: { short: 't', required: true, text: 'topic name' },
  charsetName: { short: 'c', long: 'charsetName ', default: 'UTF-8', text: 'CharsetName(eg: UTF-8,GBK)' },
  subExpression: { short: 's', long: 'subExpression ', default: '*', text: 'Subscribe Expression(eg: TagA || TagB)' },
  beginTimestamp: { short: 'b', long: 'beginTimestamp ', text: 'Begin timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]' },
  endTimestamp: { short: 'e', long: 'endTimestamp ', text: 'End timestamp[currentTimeMillis|yyyy-MM-dd#HH:mm:ss:SSS]' },
});

/** The bounds as milliseconds. */
export function printBounds(values: { beginTimestamp?: string | undefined; endTimestamp?: string | undefined }): {
  beginTimestamp: number | undefined;
  endTimestamp: number | undefined;
} {
  const { beginTimestamp, endTimestamp } = values;
  return {
    beginTimestamp: beginTimestamp === undefined ? undefined : readTime(beginTimestamp, '-b, --beginTimestamp'),
    endTimestamp: endTimestamp === undefined ? undefined : readTime(endTimestamp, '-e, --endTimestamp'),
  };
}

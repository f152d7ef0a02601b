import { defineOptions } from '../../cli/options.js';
import { type RunLength, runLength } from './shared-options.js';

/** Options that several kinds of runs have. */
export const rateOption = defineOptions({
  rate: { kind: 'decimal', own: true, min: 0.001, text: 'Messages per second, planned evenly; latency counts from the planned time' },
});
export const warmupOption = defineOptions({
  warmup: { kind: 'duration', own: true, text: 'Runs for so long before it measures, eg: 5s' },
});
export const classicOption = defineOptions({
  classic: {
    kind: 'flag',
    own: true,
    text: "Print the lines of Apache's tool and nothing else; without an end given it runs until Ctrl-C",
  },
});

/** The length that the options ask for; like Apache's tool, `--classic` goes on until it is ended unless it has another end. */
export function lengthOf(values: Parameters<typeof runLength>[0] & { readonly classic: boolean }): RunLength {
  return values.classic && values.duration === undefined && !values.messageQuantity ? {} : runLength(values);
}

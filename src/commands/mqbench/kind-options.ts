import { type SigningKeys, signingKeys } from '../../cli/credentials.js';
import { defineOptions } from '../../cli/options.js';
import {
  accessOptions,
  DEFAULT_NAMESRV_ADDR,
  durationOption,
  type RunLength,
  reportOption,
  runLength,
  topicOption,
} from './shared-options.js';

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

/** Options of runs that send and consume in one process, before those of their own. */
export const bothEndsOptions = defineOptions({
  ...topicOption,
  messageSize: { short: 's', kind: 'int', default: 128, min: 1, max: 4 * 1024 * 1024, text: 'Message Size, Default: 128' },
  ...accessOptions,
  ...reportOption,
  messageQuantity: { short: 'q', kind: 'int', own: true, min: 0, text: 'Messages to send (0 = until --duration ends)' },
  ...durationOption,
  ...warmupOption,
});

/** Values of {@link bothEndsOptions} as a bench takes them. */
export async function bothEndsOf(
  values: Parameters<typeof signingKeys>[0] & {
    readonly namesrvAddr?: string | undefined;
    readonly topic: string;
    readonly msgTraceEnable: boolean;
    readonly messageSize: number;
    readonly warmup: number | undefined;
  },
  env: NodeJS.ProcessEnv,
): Promise<{
  namesrvAddr: string;
  topic: string;
  msgTraceEnable: boolean;
  bodyBytes: number;
  warmupMs: number;
  credentials?: SigningKeys;
}> {
  const credentials = await signingKeys(values, env);
  return {
    namesrvAddr: values.namesrvAddr ?? DEFAULT_NAMESRV_ADDR,
    topic: values.topic,
    msgTraceEnable: values.msgTraceEnable,
    bodyBytes: values.messageSize,
    warmupMs: values.warmup ?? 0,
    ...(credentials === undefined ? {} : { credentials }),
  };
}

import { seconds, wholeNumber } from '../../bench/text.js';
import { defineOptions } from '../../cli/options.js';
import { judgeOptions } from './judging.js';

/** Without another end a run takes so long. */
const DEFAULT_DURATION_MS = 30_000;
export const DEFAULT_NAMESRV_ADDR = '127.0.0.1:9876';

/** Options of Apache's benchmark tools that both commands have, in their order. */
export const topicOption = defineOptions({
  topic: { short: 't', default: 'BenchmarkTest', text: 'Topic name, Default: BenchmarkTest' },
});
/** Nodes that a run brings along. */
export const embeddedOptions = defineOptions({
  embedded: { kind: 'flag', own: true, text: 'Run on a name server and brokers that are started for it and removed after it' },
  brokers: { kind: 'int', own: true, min: 1, max: 16, text: 'With --embedded: number of brokers, Default: 1' },
  queues: { kind: 'int', own: true, min: 1, max: 65_536, text: 'With --embedded: queues of the topic on each broker, Default: 8' },
  flush: { own: true, text: 'With --embedded: ASYNC_FLUSH, SYNC_FLUSH, Default: ASYNC_FLUSH' },
  slaves: { kind: 'int', own: true, min: 0, text: 'With --embedded: refused until the bundled broker replicates' },
});
export const accessOptions = defineOptions({
  msgTraceEnable: { short: 'm', kind: 'boolean', default: false, text: 'Message Trace Enable, Default: false' },
  aclEnable: { short: 'a', kind: 'boolean', default: false, text: 'Acl Enable, Default: false' },
  accessKey: { short: 'ak', env: 'ROCKETMQ_ACCESS_KEY', text: 'Acl access key' },
  secretKey: { short: 'sk', env: 'ROCKETMQ_SECRET_KEY', text: 'Acl secret key; better kept in the environment or in tools.yml' },
  ...embeddedOptions,
});
export const reportOption = defineOptions({
  reportInterval: { short: 'ri', kind: 'int', default: 10_000, min: 100, text: 'The number of ms between reports, Default: 10000' },
});

/** Options that Apache's tools do not have. */
export const durationOption = defineOptions({
  duration: { kind: 'duration', own: true, text: 'Length of the measured window, eg: 30s; default 30s without -q' },
});
export const jsonOption = defineOptions({
  json: { kind: 'optionalText', own: true, text: 'Print the result as JSON, or write it to the file named' },
  hlog: { own: true, text: "Write an interval log for HdrHistogram's tools, a line each second" },
  hgrm: { own: true, text: 'Write the percentile distribution, in ms; others of the run beside it' },
  ...judgeOptions,
});

/** What ends the measured window: a number of messages, a time, or whichever comes first. */
export interface RunLength {
  readonly quantity?: number;
  readonly durationMs?: number;
}

/** The length that the options ask for; 0 messages means no number. */
export function runLength(values: { readonly messageQuantity: number | undefined; readonly duration: number | undefined }): RunLength {
  const quantity = values.messageQuantity === undefined || values.messageQuantity === 0 ? undefined : values.messageQuantity;
  const durationMs = values.duration ?? (quantity === undefined ? DEFAULT_DURATION_MS : undefined);
  return { ...(durationMs === undefined ? {} : { durationMs }), ...(quantity === undefined ? {} : { quantity }) };
}

/** `for 1,000 messages or 30 s after 5 s of warm-up`, the end of an opening line. */
export function lengthText(run: RunLength & { readonly warmupMs: number }, values: { readonly duration: number | undefined }): string {
  const until = [
    ...(run.quantity === undefined ? [] : [`${wholeNumber(run.quantity)} messages`]),
    ...(run.durationMs === undefined ? [] : [seconds(run.durationMs)]),
  ].join(' or ');
  const reason = values.duration === undefined && run.quantity === undefined ? ' (neither -q nor --duration given)' : '';
  const warmup = run.warmupMs > 0 ? ` after ${seconds(run.warmupMs)} of warm-up` : '';
  return `for ${until}${reason}${warmup}`;
}

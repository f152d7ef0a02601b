import { parseDistribution } from '../../bench/payload/distribution.js';
import type { PayloadOptions, StampedPayload } from '../../bench/payload/payload.js';
import { parseSizes } from '../../bench/payload/sizes.js';
import { wholeNumber } from '../../bench/text.js';
import { defineOptions, longName, type OptionValues } from '../../cli/options.js';
import { UsageError } from '../../common/errors.js';

/** What the bodies, keys and properties of a load are. */
export const stampedPayloadOptions = defineOptions({
  sizes: { own: true, text: 'Body sizes instead of -s: 100-2000, or with weights 128:70,1k-4k:30' },
  randomBytesRatio: {
    kind: 'decimal',
    own: true,
    min: 0,
    long: 'random-bytes-ratio',
    text: 'Bodies are random bytes up to this share, 0 to 1, and zeros behind them; default: letters and digits',
  },
  payloadPool: { kind: 'int', own: true, min: 1, max: 10_000, long: 'payload-pool', text: 'Different bodies, by chance, Default: 1' },
  keys: { kind: 'int', own: true, min: 1, max: 1_000_000, text: 'Messages have one of so many keys' },
  keyDistribution: { own: true, long: 'key-distribution', text: 'With --keys: turn, uniform, zipf or zipf:1.2, Default: uniform' },
  properties: { kind: 'int', own: true, min: 1, max: 1000, text: 'Number of user properties of each message' },
  propertySize: { kind: 'int', own: true, min: 1, max: 32_000, long: 'property-size', text: 'Characters of each of them, Default: 16' },
  seed: { kind: 'int', own: true, min: 0, text: 'Seed of all random choices; the result says which one was taken' },
});

/** The same with tags, messages from files and ordered keys. */
export const payloadOptions = defineOptions({
  ...stampedPayloadOptions,
  payloadFile: { own: true, long: 'payload-file', text: 'The content of this file is the body of every message, as it is' },
  payloadLines: {
    own: true,
    long: 'payload-lines',
    text: 'Messages from the lines of this file, in turn: {"body" or "bodyBase64", "tags", "keys", "properties"}',
  },
  tagDistribution: { own: true, long: 'tag-distribution', text: 'With -l: turn, uniform, zipf or zipf:1.2, Default: turn' },
  ordered: { kind: 'flag', own: true, text: 'Messages of one of the --keys go to one queue, each when the one before is answered' },
});

type StampedValues = OptionValues<typeof stampedPayloadOptions> & { readonly messageSize: number };
type Values = OptionValues<typeof payloadOptions>;

/** Options of the command that these exclude or need. */
interface OwnValues {
  readonly messageSize: number;
  readonly keyEnable: boolean;
  readonly tagCount: number;
}

/** @throws UsageError for values that make no sense. */
export function stampedPayloadOf(values: StampedValues): StampedPayload {
  const { randomBytesRatio } = values;
  if (randomBytesRatio !== undefined && randomBytesRatio > 1) {
    throw new UsageError(`--random-bytes-ratio ${randomBytesRatio}: a share lies between 0 and 1`);
  }
  if (values.keyDistribution !== undefined && values.keys === undefined) {
    throw new UsageError('--key-distribution needs a number of keys; give it with --keys');
  }
  return {
    bodyBytes: values.messageSize,
    ...(values.sizes === undefined ? {} : { sizes: parseSizes(values.sizes, '--sizes') }),
    ...(randomBytesRatio === undefined ? {} : { randomBytesRatio }),
    ...(values.payloadPool === undefined ? {} : { bodyPool: values.payloadPool }),
    ...(values.keys === undefined ? {} : { keyCount: values.keys }),
    ...(values.keyDistribution === undefined ? {} : { keyDistribution: parseDistribution(values.keyDistribution, '--key-distribution') }),
    ...(values.properties === undefined ? {} : { propertyCount: values.properties }),
    ...(values.propertySize === undefined ? {} : { propertyBytes: values.propertySize }),
    ...(values.seed === undefined ? {} : { seed: values.seed }),
  };
}

/** @throws UsageError for values that make no sense, or none together. */
export function payloadOf(values: Values & OwnValues): Omit<PayloadOptions, 'topic' | 'seed' | 'delayTimeLevel'> & { seed?: number } {
  checkTogether(values);
  return {
    ...stampedPayloadOf(values),
    keys: values.keyEnable,
    tagCount: values.tagCount,
    ...(values.payloadFile === undefined ? {} : { bodyFile: values.payloadFile }),
    ...(values.payloadLines === undefined ? {} : { linesFile: values.payloadLines }),
    ...(values.tagDistribution === undefined ? {} : { tagDistribution: parseDistribution(values.tagDistribution, '--tag-distribution') }),
    ...(values.ordered ? { ordered: true } : {}),
  };
}

function checkTogether(values: Values & OwnValues): void {
  const bodies = (['payloadFile', 'payloadLines', 'sizes'] as const).filter((name) => values[name] !== undefined);
  if (bodies.length > 1) {
    throw new UsageError(`${bodies.map((name) => optionName(name)).join(' and ')}: give one of them, each says what the bodies are`);
  }
  const isFromFile = values.payloadFile !== undefined || values.payloadLines !== undefined;
  if (isFromFile && (values.randomBytesRatio !== undefined || values.payloadPool !== undefined)) {
    throw new UsageError('--random-bytes-ratio and --payload-pool make bodies; leave them out with a payload file');
  }
  const others = values.keyEnable || values.keys !== undefined || values.tagCount > 0 || values.properties !== undefined || values.ordered;
  if (values.payloadLines !== undefined && others) {
    throw new UsageError(
      '--payload-lines: tags, keys and properties come from the lines; leave -k, -l, --keys, --properties and --ordered out',
    );
  }
  if (values.keyEnable && values.keys !== undefined) {
    throw new UsageError('-k true gives each message a key of its own, --keys one of a number; give one of them');
  }
  if (values.ordered && values.keys === undefined) {
    throw new UsageError('--ordered needs the number of keys whose order is kept; give it with --keys, eg: --keys 1000');
  }
  if (values.tagDistribution !== undefined && values.tagCount === 0) {
    throw new UsageError('--tag-distribution needs a number of tags; give it with -l');
  }
}

function optionName(key: keyof typeof payloadOptions): string {
  return `--${longName(key, payloadOptions[key])}`;
}

/** What the bodies are, for an opening line. */
export function bodiesText(values: {
  readonly messageSize: number;
  readonly sizes: string | undefined;
  readonly payloadFile?: string | undefined;
  readonly payloadLines?: string | undefined;
}): string {
  const { sizes, payloadFile, payloadLines } = values;
  const file = payloadFile ?? payloadLines;
  return file === undefined ? `${sizes ?? wholeNumber(values.messageSize)} B bodies` : `bodies of ${file}`;
}

/** Driver files of the OpenMessaging Benchmark for RocketMQ 4.x. */
import type { Credentials } from '../../client/types.js';
import { type KeySpec, readYamlKeys, type YamlValue } from './yaml-keys.js';

/** What a driver file says; absent keys are the client's defaults. */
export interface Driver {
  readonly name: string;
  readonly clusterName?: string;
  readonly namesrvAddr?: string;
  readonly batchCQ: boolean;
  readonly autoBatch: boolean;
  readonly batchMaxBytes?: number;
  readonly batchMaxDelayMs?: number;
  readonly totalBatchMaxBytes?: number;
  readonly enableBackpressure: boolean;
  readonly backpressureConcurrency?: number;
  readonly maxMessageSize?: number;
  readonly compressMsgBodyOverHowmuch?: number;
  readonly credentials?: Credentials;
}

/** What is used without a driver file. */
export const DEFAULT_DRIVER: Driver = { name: 'RocketMQ', batchCQ: false, autoBatch: false, enableBackpressure: false };

const bytes: KeySpec = { kind: 'int', min: 1, max: 2 ** 31 - 1 };

const KEYS = {
  name: { kind: 'text' },
  driverClass: { kind: 'text' },
  clusterName: { kind: 'text' },
  namesrvAddr: { kind: 'text' },
  vipChannelEnabled: { kind: 'boolean' },
  batchCQ: { kind: 'boolean' },
  autoBatch: { kind: 'boolean' },
  batchMaxBytes: bytes,
  batchMaxDelayMs: { kind: 'int', min: 1, max: 30_000 },
  totalBatchMaxBytes: bytes,
  enableBackpressure: { kind: 'boolean' },
  backpressureConcurrency: { kind: 'int', min: 1, max: 1_000_000 },
  maxMessageSize: bytes,
  compressMsgBodyOverHowmuch: bytes,
  accessKey: { kind: 'text' },
  secretKey: { kind: 'text' },
} satisfies Record<string, KeySpec>;

/** Reads a driver file. @throws ConfigError that names file, line and key. */
export function parseDriver(text: string, file: string): { readonly driver: Driver; readonly warnings: readonly string[] } {
  const keys = readYamlKeys(text, file, KEYS);
  const value = (key: keyof typeof KEYS): YamlValue | undefined => keys.values.get(key)?.values[0];
  const optional = (...names: (keyof typeof KEYS)[]): object =>
    Object.fromEntries(names.filter((name) => value(name) !== undefined).map((name) => [name, value(name)]));
  const [accessKey, secretKey] = [String(value('accessKey') ?? ''), String(value('secretKey') ?? '')];
  const warnings = [...keys.warnings];
  if (value('vipChannelEnabled') === true) {
    warnings.push(
      `${file}:${keys.values.get('vipChannelEnabled')?.line}: vipChannelEnabled has no effect; all requests use the broker's listenPort`,
    );
  }
  const driver: Driver = {
    name: String(value('name') ?? DEFAULT_DRIVER.name),
    batchCQ: value('batchCQ') === true,
    autoBatch: value('autoBatch') === true,
    enableBackpressure: value('enableBackpressure') === true,
    ...optional('clusterName', 'namesrvAddr', 'batchMaxBytes', 'batchMaxDelayMs', 'totalBatchMaxBytes', 'backpressureConcurrency'),
    ...optional('maxMessageSize', 'compressMsgBodyOverHowmuch'),
    ...(accessKey !== '' && secretKey !== '' ? { credentials: { accessKey, secretKey } } : {}),
  };
  return { driver, warnings };
}

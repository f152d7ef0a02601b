import { AdminClient } from '../client/admin/admin-client.js';
import { getBrokerConfig } from '../client/admin/broker-config.js';
import { MASTER_ID } from '../client/route-table.js';
import { readDelayLevels } from '../common/delay-level-text.js';
import { ConfigError, UsageError } from '../common/errors.js';
import type { EndOptions } from './both-ends.js';

/** `messageDelayLevel` of a broker that says nothing else. */
const DEFAULT_LEVELS = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';

/**
 * Length of a delay level, as a broker of the cluster is configured; as by default when it does not say.
 * @throws UsageError for a level that the brokers do not have.
 */
export async function delayLevelMs(options: EndOptions, level: number): Promise<number> {
  const levels = levelsOf(await configured(options));
  const ms = levels[level - 1];
  if (ms === undefined) {
    throw new UsageError(`-e ${level}: the brokers have the delay levels 1 to ${levels.length}`);
  }
  return ms;
}

async function configured({ namesrvAddr, credentials }: EndOptions): Promise<string> {
  const admin = new AdminClient({ namesrvAddr, credentials });
  try {
    const { brokerAddrTable } = await admin.clusterInfo();
    const brokerAddr = [...brokerAddrTable.values()].flatMap(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID) ?? [])[0];
    try {
      const { brokers } = await getBrokerConfig(admin, { brokerAddr });
      return brokers[0]?.config.messageDelayLevel ?? DEFAULT_LEVELS;
    } catch {
      // Not everybody may read it; a broker that is gone is found by the run itself.
      return DEFAULT_LEVELS;
    }
  } finally {
    await admin.close();
  }
}

/** Milliseconds of each level in `1s 5s 10s`. */
export function levelsOf(text: string): number[] {
  return readDelayLevels(text).map(({ word, ms }) => {
    if (ms === null) {
      throw new ConfigError(`messageDelayLevel "${text}" of the brokers has "${word}", which is no time such as 10s`);
    }
    return ms;
  });
}

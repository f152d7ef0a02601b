import { AdminClient } from '../client/admin/admin-client.js';
import { runtimeInfo } from '../client/admin/runtime-info.js';
import { MASTER_ID } from '../client/route-table.js';
import type { Credentials } from '../client/types.js';

/** What a run works on. */
export interface ClusterTarget {
  readonly namesrvAddr: string;
  readonly topic: string;
  readonly credentials?: Credentials | undefined;
}

export interface ClusterFacts {
  readonly brokerAddrs: readonly string[];
  /** Of all brokers asked; several where they differ. */
  readonly brokerVersion?: string;
}

const LIMIT_MS = 3000;
/** Brokers that are asked, at most. */
const MOST_BROKERS = 16;

/** Asks for the masters of a topic, else of the cluster, and for their versions; what does not answer or denies is left out. */
export async function probeCluster({ namesrvAddr, topic, credentials }: ClusterTarget): Promise<ClusterFacts> {
  const admin = new AdminClient({ namesrvAddr, credentials, timeoutMs: LIMIT_MS, connectTimeoutMs: LIMIT_MS });
  try {
    const brokerAddrs = (await masters(admin, topic)).slice(0, MOST_BROKERS);
    const answers = await Promise.allSettled(brokerAddrs.map((addr) => runtimeInfo(admin, addr)));
    const versions = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.brokerVersionDesc ?? ''] : []));
    const brokerVersion = [...new Set(versions)].filter((version) => version !== '').join(', ');
    return { brokerAddrs, ...(brokerVersion === '' ? {} : { brokerVersion }) };
  } catch {
    // The run itself says what is wrong with the cluster.
    return { brokerAddrs: [] };
  } finally {
    await admin.close();
  }
}

async function masters(admin: AdminClient, topic: string): Promise<string[]> {
  const route = await admin.findRoute(topic);
  const brokers = route?.brokerDatas ?? [...(await admin.clusterInfo()).brokerAddrTable.values()];
  return brokers.map(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID) ?? '').filter((addr) => addr !== '');
}

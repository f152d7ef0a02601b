import { NotFoundError, UsageError } from '../../common/errors.js';
import { parseProperties } from '../../common/properties-file.js';
import { suggest } from '../../common/suggest.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf, type ClusterBroker } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

/** The running configuration of one broker. */
export interface BrokerConfigEntry {
  readonly brokerAddr: string;
  /** Absent where the broker was addressed directly. */
  readonly role?: 'master' | 'slave';
  /** Address of the slave's master; absent when there is none. */
  readonly masterAddr?: string;
  readonly config: Readonly<Record<string, string>>;
}

export interface BrokerConfigResult {
  readonly brokers: readonly BrokerConfigEntry[];
}

/** The running configuration of one broker, or of all brokers of a cluster. Keys are sorted. */
export async function getBrokerConfig(
  admin: AdminClient,
  target: { brokerAddr?: string | undefined; clusterName?: string | undefined },
): Promise<BrokerConfigResult> {
  const members = target.brokerAddr !== undefined ? null : await admin.clusterBrokers(target.clusterName ?? '');
  const addrs = members === null ? [target.brokerAddr ?? ''] : members.map((broker) => broker.brokerAddr);
  const results = await askAll(addrs, (addr) => readConfig(admin, addr));
  const brokers = results.flatMap(({ addr, value }) =>
    value === undefined ? [] : [{ brokerAddr: addr, ...roleOf(addr, members), config: value }],
  );
  requireAll(results, 'getBrokerConfig', { brokers });
  return { brokers };
}

function roleOf(addr: string, members: readonly ClusterBroker[] | null): Pick<BrokerConfigEntry, 'role' | 'masterAddr'> {
  const member = members?.find((broker) => broker.brokerAddr === addr);
  if (member === undefined) {
    return {};
  }
  if (member.brokerId === 0) {
    return { role: 'master' };
  }
  const master = members?.find((broker) => broker.brokerName === member.brokerName && broker.brokerId === 0);
  return { role: 'slave', ...(master === undefined ? {} : { masterAddr: master.brokerAddr }) };
}

async function readConfig(admin: AdminClient, addr: string): Promise<Record<string, string>> {
  const response = await admin.ask(addr, { code: RequestCode.GET_BROKER_CONFIG });
  // The body is UTF-8 although the format is the one of .properties files.
  const { entries } = parseProperties(bodyOf(response).toString('utf8'));
  return Object.fromEntries(
    Array.from(entries, ([key, entry]): [string, string] => [key, entry.value]).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export interface UpdateBrokerConfigRequest {
  readonly brokerAddr?: string | undefined;
  readonly clusterName?: string | undefined;
  /** Slaves too. */
  readonly allBrokers?: boolean;
  readonly key: string;
  readonly value: string;
  readonly dryRun?: boolean;
  /** Send keys too that the brokers do not list. */
  readonly anyKey?: boolean;
}

export interface UpdateBrokerConfigResult {
  readonly dryRun: boolean;
  readonly key: string;
  readonly value: string;
  readonly brokers: readonly NodeOutcome[];
  /** Brokers that took the request but still run with another value: it counts after a restart. */
  readonly notInEffect: readonly { readonly addr: string; readonly value: string | null }[];
  /** What brokers said of the change, such as `after restart: listenPort`. */
  readonly remarks: readonly { readonly addr: string; readonly remark: string }[];
}

/** Changes one key of the running configuration and reads it back. */
export async function updateBrokerConfig(admin: AdminClient, request: UpdateBrokerConfigRequest): Promise<UpdateBrokerConfigResult> {
  const { key, value, dryRun = false } = request;
  if (!/^[A-Za-z0-9_.-]+$/.test(key) || /[\r\n]/.test(value)) {
    throw new UsageError(`${JSON.stringify(key)}=${JSON.stringify(value)} is not a key and value of a configuration`);
  }
  const addrs = await targetAddrs(admin, request);
  if (request.anyKey !== true) {
    await requireKnownKey(admin, addrs, key);
  }
  if (dryRun) {
    return { dryRun, key, value, brokers: planned(addrs), notInEffect: [], remarks: [] };
  }
  const body = Buffer.from(`${key}=${value}\n`, 'utf8');
  const results = await askAll(addrs, async (addr) => {
    const { remark } = await admin.ask(addr, { code: RequestCode.UPDATE_BROKER_CONFIG, body });
    return { remark, value: (await readConfig(admin, addr))[key] ?? null };
  });
  const notInEffect = results
    .filter((entry) => entry.outcome === 'done' && entry.value?.value !== value)
    .map((entry) => ({ addr: entry.addr, value: entry.value?.value ?? null }));
  const remarks = results.flatMap(({ addr, value: answer }) => (answer?.remark ? [{ addr, remark: answer.remark }] : []));
  const result: UpdateBrokerConfigResult = { dryRun, key, value, brokers: outcomes(results), notInEffect, remarks };
  requireAll(results, `updateBrokerConfig ${key}=${value}`, result);
  return result;
}

/** Apache's brokers accept any key and forget the unknown ones; here a key that a reachable broker does not list is an error. */
async function requireKnownKey(admin: AdminClient, addrs: readonly string[], key: string): Promise<void> {
  const configs = await askAll(addrs, (addr) => readConfig(admin, addr));
  for (const { addr, value } of configs) {
    if (value !== undefined && !Object.hasOwn(value, key)) {
      const near = suggest(key, Object.keys(value));
      throw new NotFoundError(`configuration key ${key} is not known to ${addr}: nothing was changed`, {
        code: 'CONFIG_KEY_NOT_EXIST',
        hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `see the keys: mqadmin getBrokerConfig -b ${addr}`,
        context: { key, brokerAddr: addr },
      });
    }
  }
}

async function targetAddrs(admin: AdminClient, request: UpdateBrokerConfigRequest): Promise<string[]> {
  if (request.brokerAddr !== undefined) {
    return [request.brokerAddr];
  }
  const clusterName = request.clusterName ?? '';
  const brokers = request.allBrokers === true ? await admin.clusterBrokers(clusterName) : await admin.clusterMasters(clusterName);
  return brokers.map((broker) => broker.brokerAddr);
}

import { type Clock, systemClock } from '../../../common/clock.js';
import { ConnectError, MQError, TimeoutError } from '../../../common/errors.js';
import { decodeHARuntimeInfo } from '../../../remoting/bodies/replication.js';
import { RequestCode } from '../../../remoting/codes.js';
import { type AdminClient, bodyOf, type ClusterBroker } from '../admin-client.js';
import { askAll, type NodeResult } from '../fan-out.js';
import { mapLimited } from '../map-limited.js';
import { nodeName } from '../node-name.js';
import { type RuntimeInfo, runtimeInfo } from '../runtime-info.js';
import type { Reading, Readings } from './check.js';
import { targetOf } from './kinds.js';

/** Which brokers are meant: one by name or address, those of a cluster, or all. */
export interface BrokersWanted {
  readonly broker?: string | undefined;
  readonly clusterName?: string | undefined;
}

interface WantedBroker extends ClusterBroker {
  /** How it is called in what was read. */
  readonly name: string;
  /** Without it nobody said whether it is a master, nor what belongs to it. */
  readonly isRegistered: boolean;
}

interface Wanted {
  readonly target: string;
  readonly brokers: readonly WantedBroker[];
}

/** By an address one node is meant, or, with `withMembers`, all nodes of its name. */
async function wantedBrokers(
  admin: AdminClient,
  { broker, clusterName }: BrokersWanted,
  { withMembers = false }: { withMembers?: boolean } = {},
): Promise<Wanted> {
  const target = targetOf('broker', { broker, clusterName });
  if (broker?.includes(':') === true) {
    return { target, brokers: await brokersAt(admin, broker, withMembers) };
  }
  if (broker === undefined && clusterName !== undefined) {
    return { target, brokers: (await admin.clusterBrokers(clusterName)).map(registered) };
  }
  const all = await admin.allBrokers();
  const brokers = broker === undefined ? all : all.filter(({ brokerName }) => brokerName === broker);
  if (broker !== undefined && brokers.length === 0) {
    throw admin.noBroker(broker, [...new Set(all.map(({ brokerName }) => brokerName))]);
  }
  return { target, brokers: brokers.map(registered) };
}

async function brokersAt(admin: AdminClient, addr: string, withMembers: boolean): Promise<WantedBroker[]> {
  const all = await knownBrokers(admin);
  const its = all.find(({ brokerAddr }) => brokerAddr === addr);
  if (its === undefined) {
    return [{ brokerName: addr, brokerId: 0, brokerAddr: addr, name: addr, isRegistered: false }];
  }
  return withMembers
    ? all.filter(({ brokerName }) => brokerName === its.brokerName).map(registered)
    : [{ ...its, name: addr, isRegistered: true }];
}

/** A broker that has an address can be looked at without a name server, too. */
async function knownBrokers(admin: AdminClient): Promise<readonly ClusterBroker[]> {
  try {
    return await admin.allBrokers();
  } catch (error) {
    if (!(error instanceof MQError)) {
      throw error;
    }
    return [];
  }
}

function registered(broker: ClusterBroker): WantedBroker {
  return { ...broker, name: nodeName(broker), isRegistered: true };
}

interface Asked {
  readonly broker: WantedBroker;
  readonly info: RuntimeInfo | null;
  readonly rtMs: number;
  readonly reason: string;
}

function askInfo(admin: AdminClient, brokers: readonly WantedBroker[], clock: Clock): Promise<Asked[]> {
  return mapLimited(brokers, async (broker) => {
    try {
      // The first answer is behind the opening of the connection; the second is timed.
      await runtimeInfo(admin, broker.brokerAddr);
      const begin = clock.monotonicMs();
      const info = await runtimeInfo(admin, broker.brokerAddr);
      return { broker, info, rtMs: clock.monotonicMs() - begin, reason: '' };
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      return { broker, info: null, rtMs: 0, reason: error.message };
    }
  });
}

const BROKER_KEYS: Readonly<Record<string, string>> = {
  sendQueueWait: 'sendThreadPoolQueueHeadWaitTimeMills',
  pullQueueWait: 'pullThreadPoolQueueHeadWaitTimeMills',
  pageCache: 'pageCacheLockTimeMills',
};

/** How brokers answer; one that does not answer has failed. */
export async function readBrokers(
  admin: AdminClient,
  { metric, ...wanted }: BrokersWanted & { metric: string },
  seams: { clock?: Clock } = {},
): Promise<Readings> {
  const { target, brokers } = await wantedBrokers(admin, wanted);
  const asked = await askInfo(admin, brokers, seams.clock ?? systemClock);
  return {
    target,
    readings: asked.map(({ broker, info, rtMs, reason }): Reading => {
      const { name, brokerId, isRegistered } = broker;
      if (info === null) {
        return { name, value: null, reason, isFailed: true };
      }
      const value = metric === 'rt' ? Math.round(rtMs * 1000) / 1000 : figure(info, BROKER_KEYS[metric] ?? '');
      // A slave of Apache's never is.
      if (info.brokerActive === 'false' && isRegistered && brokerId === 0) {
        return { name, value, reason: 'the broker is not active', isFailed: true };
      }
      return { name, value, ...(value === null ? { reason: 'the broker does not say it' } : {}) };
    }),
  };
}

function figure(info: RuntimeInfo, key: string): number | null {
  const value = Number(info[key] ?? Number.NaN);
  return Number.isFinite(value) ? value : null;
}

/** How full the disks of brokers are: the fuller one of commit log and consume queues. */
export async function readDisks(admin: AdminClient, wanted: BrokersWanted): Promise<Readings> {
  const { target, brokers } = await wantedBrokers(admin, wanted);
  const results = await askAll(
    brokers.map(({ brokerAddr }) => brokerAddr),
    (addr) => runtimeInfo(admin, addr),
  );
  return {
    target,
    readings: brokers.map(({ name }, i): Reading => {
      const info = results[i]?.value;
      const ratios = ['commitLogDiskRatio', 'consumeQueueDiskRatio']
        .map((key) => Number(info?.[key] ?? Number.NaN))
        .filter((ratio) => ratio >= 0);
      return ratios.length === 0
        ? { name, value: null, ...whyNot(results[i], 'the broker does not say it') }
        : { name, value: Math.round(Math.max(...ratios) * 10_000) / 100 };
    }),
  };
}

/** Why a broker did not say something; one that does not answer has failed, as opposed to one that refuses it or does not know it. */
function whyNot(result: NodeResult<unknown> | undefined, otherwise: string): Pick<Reading, 'reason' | 'isFailed'> {
  const cause = result?.cause;
  const isSilent = cause instanceof ConnectError || cause instanceof TimeoutError;
  return { reason: cause?.message ?? otherwise, ...(isSilent ? { isFailed: true } : {}) };
}

/** Names whose master is gone. */
function headlessOf(brokers: readonly ClusterBroker[]): string[] {
  const masters = new Set(brokers.filter(({ brokerId }) => brokerId === 0).map(({ brokerName }) => brokerName));
  return [...new Set(brokers.map(({ brokerName }) => brokerName))].filter((name) => !masters.has(name));
}

/** How far slaves are behind their masters; one that does not copy has failed. */
export async function readSlaves(admin: AdminClient, wanted: BrokersWanted): Promise<Readings> {
  const { target, brokers } = await wantedBrokers(admin, wanted, { withMembers: true });
  const masters = brokers.filter(({ brokerId }) => brokerId === 0);
  const readings = await mapLimited(masters, async (master): Promise<Reading[]> => {
    const slaveCount = brokers.filter(({ brokerName, brokerId }) => brokerName === master.brokerName && brokerId !== 0).length;
    const [result] = await askAll([master.brokerAddr], async (addr) =>
      decodeHARuntimeInfo(bodyOf(await admin.ask(addr, { code: RequestCode.GET_BROKER_HA_STATUS }))),
    );
    const state = result?.value;
    if (state === undefined) {
      return slaveCount === 0 && master.isRegistered ? [] : [{ name: master.name, value: null, ...whyNot(result, 'no answer') }];
    }
    const slaves = state.haConnectionInfo;
    const missing = slaveCount - slaves.length;
    return [
      ...slaves.map(({ addr, diff }): Reading => ({ name: `${master.brokerName} to ${addr}`, value: Math.max(0, diff) })),
      ...(missing > 0
        ? [{ name: master.brokerName, value: null, reason: `${missing} of ${slaveCount} slaves do not copy`, isFailed: true }]
        : []),
    ];
  });
  const all = [
    ...headlessOf(brokers).map((name): Reading => ({ name, value: null, reason: 'it has no master', isFailed: true })),
    ...readings.flat(),
  ];
  return { target, readings: all.length > 0 ? all : [{ name: target, value: null, reason: 'there is no slave' }] };
}

/** Brokers of a cluster that answer and that do not, and name servers. */
export async function readCluster(
  admin: AdminClient,
  { clusterName, metric }: { clusterName?: string | undefined; metric: string },
): Promise<Readings> {
  const { target, brokers } = await wantedBrokers(admin, { clusterName });
  const results = await askAll(
    brokers.map(({ brokerAddr }) => brokerAddr),
    (addr) => runtimeInfo(admin, addr),
  );
  const namesrvs = await askAll(admin.namesrv.addresses, (addr) => admin.ask(addr, { code: RequestCode.GET_BROKER_CLUSTER_INFO }));
  const gone = brokers.filter((_, i) => results[i]?.value === undefined);
  const headless = headlessOf(brokers);
  const silent = namesrvs.filter(({ outcome }) => outcome !== 'done').map(({ addr }) => addr);
  const answering = brokers.filter(({ brokerId }, i) => brokerId === 0 && results[i]?.value !== undefined).length;
  return {
    target,
    readings: [
      { name: metric, value: metric === 'masters' ? answering : gone.length + headless.length },
      // One that is silent costs clients time, and the other one is all that is left.
      ...silent.map((addr): Reading => ({ name: `name server ${addr}`, value: null, reason: 'it does not answer' })),
      ...(brokers.length === 0 ? [{ name: 'brokers', value: null, reason: 'no broker is registered', isFailed: true }] : []),
    ],
    beside: [
      { name: 'brokers', value: brokers.length, unit: '' },
      { name: 'masters', value: answering, unit: '' },
      { name: 'namesrvs', value: namesrvs.length - silent.length, unit: '' },
    ],
    notes: [
      ...gone.map((broker) => `${broker.name} (${broker.brokerAddr}) does not answer`),
      ...headless.map((name) => `${name} has no master`),
    ],
  };
}

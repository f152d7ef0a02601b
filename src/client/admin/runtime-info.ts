import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerError } from '../../common/errors.js';
import { decodeKVTable } from '../../remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf, type ClusterBroker, membersOf } from './admin-client.js';
import { askAll, type NodeOutcome, type NodeResult, outcomes, requireAll } from './fan-out.js';

/** Runtime figures of one broker, names and texts as the broker gives them. */
export type RuntimeInfo = Readonly<Record<string, string>>;

/** A broker counts once a second. Before the first count, which may be late on a busy machine, Apache's refuses (StoreStatsService). */
const FIRST_COUNT_TRIES = 6;
const FIRST_COUNT_PAUSE_MS = 500;

/** Asks one broker; one that has only just started is asked again until it has figures. */
export async function runtimeInfo(admin: AdminClient, brokerAddr: string): Promise<RuntimeInfo> {
  for (let tries = 1; ; tries++) {
    try {
      const response = await admin.ask(brokerAddr, { code: RequestCode.GET_BROKER_RUNTIME_INFO });
      return Object.fromEntries(decodeKVTable(bodyOf(response)).table);
    } catch (error) {
      if (tries === FIRST_COUNT_TRIES || !hasNoFiguresYet(error)) throw error;
      await sleep(FIRST_COUNT_PAUSE_MS);
    }
  }
}

function hasNoFiguresYet(error: unknown): boolean {
  return (
    error instanceof BrokerError && error.responseCode === ResponseCode.SYSTEM_ERROR && /NoSuchElementException/.test(error.remark ?? '')
  );
}

export interface BrokerStatusResult {
  /** By address; sorted names inside. */
  readonly brokers: readonly { readonly brokerAddr: string; readonly runtimeInfo: RuntimeInfo }[];
}

/** Runtime figures of one broker, or of all brokers of a cluster. */
export async function brokerStatus(
  admin: AdminClient,
  target: { brokerAddr?: string | undefined; clusterName?: string | undefined },
): Promise<BrokerStatusResult> {
  const addrs =
    target.brokerAddr !== undefined
      ? [target.brokerAddr]
      : (await admin.clusterBrokers(target.clusterName ?? '')).map((broker) => broker.brokerAddr);
  const results = await askAll(addrs, (addr) => runtimeInfo(admin, addr));
  const brokers = results.flatMap(({ addr, value }) =>
    value === undefined ? [] : [{ brokerAddr: addr, runtimeInfo: sortedByKey(value) }],
  );
  requireAll(results, 'brokerStatus', { brokers });
  return { brokers };
}

function sortedByKey(info: RuntimeInfo): RuntimeInfo {
  return Object.fromEntries(Object.entries(info).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One line of clusterList. */
export interface ClusterListRow {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly brokerAddr: string;
  readonly version: string;
  /** Messages a second, of the last 10 s. */
  readonly inTps: number;
  readonly outTps: number;
  readonly sendThreadPoolQueueSize: string;
  readonly sendThreadPoolQueueHeadWaitTimeMills: string;
  readonly pullThreadPoolQueueSize: string;
  readonly pullThreadPoolQueueHeadWaitTimeMills: string;
  readonly ackThreadPoolQueueSize: string;
  readonly ackThreadPoolQueueHeadWaitTimeMills: string;
  readonly timerReadBehind: number;
  readonly timerOffsetBehind: number;
  readonly timerCongestNum: number;
  readonly timerEnqueueTps: number;
  readonly timerDequeueTps: number;
  readonly pageCacheLockTimeMills: string;
  /** Age of the oldest message in hours; null where the broker has none. */
  readonly earliestMessageHours: number | null;
  readonly commitLogDiskRatio: number;
  readonly brokerActive: boolean;
  readonly inTotalYesterday: number;
  readonly outTotalYesterday: number;
  readonly inTotalToday: number;
  readonly outTotalToday: number;
}

export interface ClusterListResult {
  /** By cluster, broker name and id. */
  readonly brokers: readonly ClusterListRow[];
  /** Brokers that are registered but did not answer. */
  readonly unreachable: readonly NodeOutcome[];
}

/**
 * The brokers of all clusters, or of one, with their load.
 * @param nowMs wall clock, for the age of the oldest message
 */
export async function clusterList(
  admin: AdminClient,
  options: { clusterName?: string | undefined; nowMs: number },
): Promise<ClusterListResult> {
  const brokers = await brokersOf(admin, options.clusterName);
  const results = await askAll(
    brokers.map((broker) => broker.brokerAddr),
    (addr) => runtimeInfo(admin, addr),
  );
  const rows = brokers.flatMap((broker, i) => {
    const info = results[i]?.value;
    return info === undefined ? [] : [rowOf(broker, info, options.nowMs)];
  });
  const bad = results.filter((entry): entry is NodeResult<RuntimeInfo> => entry.outcome !== 'done');
  const result: ClusterListResult = { brokers: rows, unreachable: outcomes(bad) };
  requireAll(results, 'clusterList', result);
  return result;
}

async function brokersOf(admin: AdminClient, clusterName: string | undefined): Promise<(ClusterBroker & { clusterName: string })[]> {
  if (clusterName !== undefined) {
    return (await admin.clusterBrokers(clusterName)).map((broker) => ({ ...broker, clusterName }));
  }
  const info = await admin.clusterInfo();
  const brokers: (ClusterBroker & { clusterName: string })[] = [];
  for (const name of [...info.clusterAddrTable.keys()].sort()) {
    for (const brokerName of [...(info.clusterAddrTable.get(name) ?? [])].sort()) {
      brokers.push(...membersOf(brokerName, info).map((broker) => ({ clusterName: name, ...broker })));
    }
  }
  return brokers;
}

const HOUR_MS = 3_600_000;

function rowOf(broker: ClusterBroker & { clusterName: string }, info: RuntimeInfo, nowMs: number): ClusterListRow {
  const number = (key: string): number => Number(info[key] ?? 0) || 0;
  const text = (key: string): string => info[key] ?? '0';
  const firstOf = (value: string | undefined): number => Number((value ?? '0').trim().split(/\s+/)[0]) || 0;
  const earliest = number('earliestMessageTimeStamp');
  return {
    clusterName: broker.clusterName,
    brokerName: broker.brokerName,
    brokerId: broker.brokerId,
    brokerAddr: broker.brokerAddr,
    version: info.brokerVersionDesc ?? '',
    inTps: firstOf(info.putTps),
    // 4.9 brokers spell the key with one r.
    outTps: firstOf(info.getTransferredTps ?? info.getTransferedTps),
    sendThreadPoolQueueSize: text('sendThreadPoolQueueSize'),
    sendThreadPoolQueueHeadWaitTimeMills: text('sendThreadPoolQueueHeadWaitTimeMills'),
    pullThreadPoolQueueSize: text('pullThreadPoolQueueSize'),
    pullThreadPoolQueueHeadWaitTimeMills: text('pullThreadPoolQueueHeadWaitTimeMills'),
    ackThreadPoolQueueSize: text('ackThreadPoolQueueSize'),
    ackThreadPoolQueueHeadWaitTimeMills: text('ackThreadPoolQueueHeadWaitTimeMills'),
    timerReadBehind: number('timerReadBehind'),
    timerOffsetBehind: number('timerOffsetBehind'),
    timerCongestNum: number('timerCongestNum'),
    timerEnqueueTps: number('timerEnqueueTps'),
    timerDequeueTps: number('timerDequeueTps'),
    pageCacheLockTimeMills: text('pageCacheLockTimeMills'),
    earliestMessageHours: earliest > 0 ? (nowMs - earliest) / HOUR_MS : null,
    commitLogDiskRatio: number('commitLogDiskRatio'),
    brokerActive: info.brokerActive !== 'false',
    inTotalYesterday: number('msgPutTotalTodayMorning') - number('msgPutTotalYesterdayMorning'),
    outTotalYesterday: number('msgGetTotalTodayMorning') - number('msgGetTotalYesterdayMorning'),
    inTotalToday: number('msgPutTotalTodayNow') - number('msgPutTotalTodayMorning'),
    outTotalToday: number('msgGetTotalTodayNow') - number('msgGetTotalTodayMorning'),
  };
}

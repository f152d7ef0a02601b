import { JavaDouble } from '../../common/fastjson.js';
import { versionDesc } from '../../common/mq-version.js';
import { RMQ_SYS_SCHEDULE_TOPIC, RMQ_SYS_TRANS_HALF_TOPIC } from '../../common/topic-names.js';
import type { AdminClient, ClusterBroker } from './admin-client.js';
import { getBrokerConfig } from './broker-config.js';
import { consumersAt } from './connections.js';
import { askAll, requireAll } from './fan-out.js';
import { mapLimited } from './map-limited.js';
import { type RuntimeInfo, runtimeInfo } from './runtime-info.js';
import { brokerSums } from './stats-all.js';
import { userGroups, userTopics } from './user-config.js';

/** Messages a second, and messages of the last whole day. */
interface Traffic {
  readonly normalIn: number;
  readonly normalOut: number;
  readonly transIn: number;
  readonly scheduleIn: number;
}

interface BrokerMetrics {
  readonly brokerName: string;
  readonly tps: Traffic;
  readonly oneDay: Traffic;
  readonly report: Record<string, unknown>;
}

/** Figures of the masters of a cluster in the form of Apache's file, and their sums. */
export async function exportMetrics(admin: AdminClient, clusterName: string): Promise<Record<string, unknown>> {
  const masters = await admin.clusterMasters(clusterName);
  const results = await askAll(
    masters.map(({ brokerAddr }) => brokerAddr),
    (addr) => metricsOf(admin, masters.find(({ brokerAddr }) => brokerAddr === addr)!),
  );
  requireAll(results, 'exportMetrics', undefined);
  const metrics = results.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const tps = metrics.map((entry) => entry.tps).reduce(plus, NOTHING);
  const oneDay = metrics.map((entry) => entry.oneDay).reduce(plus, NOTHING);
  return {
    evaluateReport: Object.fromEntries(metrics.map(({ brokerName, report }) => [brokerName, report])),
    totalData: {
      totalOneDayNum: oneDayFields(oneDay),
      totalTps: {
        totalNormalInTps: new JavaDouble(tps.normalIn),
        totalNormalOutTps: new JavaDouble(tps.normalOut),
        totalScheduleInTps: new JavaDouble(tps.scheduleIn),
        totalTransInTps: new JavaDouble(tps.transIn),
      },
    },
  };
}

const NOTHING: Traffic = { normalIn: 0, normalOut: 0, transIn: 0, scheduleIn: 0 };

function plus(a: Traffic, b: Traffic): Traffic {
  return {
    normalIn: a.normalIn + b.normalIn,
    normalOut: a.normalOut + b.normalOut,
    transIn: a.transIn + b.transIn,
    scheduleIn: a.scheduleIn + b.scheduleIn,
  };
}

function oneDayFields(oneDay: Traffic): Record<string, number> {
  return {
    normalOneDayInNum: oneDay.normalIn,
    normalOneDayOutNum: oneDay.normalOut,
    scheduleOneDayInNum: oneDay.scheduleIn,
    transOneDayInNum: oneDay.transIn,
  };
}

async function metricsOf(admin: AdminClient, { brokerAddr, brokerName }: ClusterBroker): Promise<BrokerMetrics> {
  const sumsOf = (statsKey: string): Promise<{ tps: number; sum: number }> =>
    brokerSums(admin, [brokerAddr], { statsName: 'TOPIC_PUT_NUMS', statsKey });
  const [info, { brokers }, topics, groups, trans, schedule] = await Promise.all([
    runtimeInfo(admin, brokerAddr),
    getBrokerConfig(admin, { brokerAddr }),
    userTopics(admin, brokerAddr, false),
    userGroups(admin, brokerAddr),
    sumsOf(RMQ_SYS_TRANS_HALF_TOPIC),
    sumsOf(RMQ_SYS_SCHEDULE_TOPIC),
  ]);
  const groupNames = Object.keys(groups.table);
  const tps: Traffic = { normalIn: rate(info.putTps), normalOut: rate(outTps(info)), transIn: trans.tps, scheduleIn: schedule.tps };
  const oneDay: Traffic = {
    normalIn: Number(info.msgPutTotalTodayMorning ?? 0) - Number(info.msgPutTotalYesterdayMorning ?? 0),
    normalOut: Number(info.msgGetTotalTodayMorning ?? 0) - Number(info.msgGetTotalYesterdayMorning ?? 0),
    transIn: trans.sum,
    scheduleIn: schedule.sum,
  };
  const report = {
    runtimeEnv: { cpuNum: brokers[0]?.config.clientCallbackExecutorThreads, totalMemKBytes: info.totalMemKBytes },
    runtimeQuota: {
      diskRatio: { commitLogDiskRatio: info.commitLogDiskRatio, consumeQueueDiskRatio: info.consumeQueueDiskRatio },
      groupSize: groupNames.length,
      messageAverageSize: info.putMessageAverageSize,
      oneDayNum: oneDayFields(oneDay),
      topicSize: Object.keys(topics.table).length,
      tps: {
        normalInTps: new JavaDouble(tps.normalIn),
        normalOutTps: new JavaDouble(tps.normalOut),
        scheduleInTps: new JavaDouble(tps.scheduleIn),
        transInTps: new JavaDouble(tps.transIn),
      },
    },
    runtimeVersion: { clientInfo: await clientsOf(admin, brokerAddr, groupNames), rocketmqVersion: info.brokerVersionDesc },
  };
  return { brokerName, tps, oneDay, report };
}

/** Language and version of the consumers that are connected. */
async function clientsOf(admin: AdminClient, brokerAddr: string, groupNames: readonly string[]): Promise<string[]> {
  const connections = await mapLimited(groupNames, (group) => consumersAt(admin, brokerAddr, group));
  const clients = connections.flatMap((connection) => connection?.connectionSet ?? []);
  return [...new Set(clients.map(({ language, version }) => `${language}%${versionDesc(version)}`))].sort();
}

/** 4.9 writes one `r`. */
function outTps(info: RuntimeInfo): string | undefined {
  return info.getTransferredTps ?? info.getTransferedTps;
}

/** The first of a broker's rates, the one of the last 10 s. */
function rate(text: string | undefined): number {
  return Number(text?.split(' ')[0] ?? 0) || 0;
}

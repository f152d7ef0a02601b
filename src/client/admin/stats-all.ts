import { isDlqTopic, isRetryTopic } from '../../common/topic-names.js';
import { type BrokerStatsData, decodeBrokerStatsData } from '../../remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { consumeStatsAt, progressRows } from './consumer-progress.js';
import { askAll, requireAll } from './fan-out.js';
import { mapLimited } from './map-limited.js';
import { groupsOf, masterAddrs } from './topic-list.js';

/** Traffic of one topic, for one group that consumes it. */
export interface StatsRow {
  readonly topic: string;
  /** Null for a topic that nobody consumes. */
  readonly consumerGroup: string | null;
  /** Messages not yet consumed by the group. */
  readonly accumulation: number;
  readonly inTps: number;
  readonly outTps: number | null;
  readonly inMsg24Hour: number;
  readonly outMsg24Hour: number | null;
}

export interface StatsAllResult {
  readonly rows: readonly StatsRow[];
}

/** Traffic of all topics, or of one, without retry and dead-letter topics. */
export async function statsAll(
  admin: AdminClient,
  options: { topic?: string | undefined; activeTopic?: boolean },
): Promise<StatsAllResult> {
  const names = (await admin.topicNames()).filter((topic) => !isRetryTopic(topic) && !isDlqTopic(topic)).sort();
  const wanted = options.topic === undefined ? names : names.filter((topic) => topic === options.topic);
  if (options.topic !== undefined && wanted.length === 0) {
    throw admin.noRoute(options.topic);
  }
  const results = await mapLimited(wanted, async (topic) => (await askAll([topic], () => rowsOf(admin, topic)))[0]!);
  const rows = results.flatMap(({ value }) => value ?? []).filter((row) => options.activeTopic !== true || isActive(row));
  requireAll(results, 'statsAll', { rows });
  return { rows };
}

function isActive(row: StatsRow): boolean {
  return row.inMsg24Hour > 0 || (row.outMsg24Hour ?? 0) > 0;
}

async function rowsOf(admin: AdminClient, topic: string): Promise<StatsRow[]> {
  const route = await admin.findRoute(topic);
  if (route === null) {
    return [];
  }
  const addrs = masterAddrs(route);
  const groups = await groupsOf(admin, topic, route);
  const put = await brokerSums(admin, addrs, { statsName: 'TOPIC_PUT_NUMS', statsKey: topic });
  if (groups.length === 0) {
    return [{ topic, consumerGroup: null, accumulation: 0, inTps: put.tps, outTps: null, inMsg24Hour: put.sum, outMsg24Hour: null }];
  }
  return Promise.all(
    groups.map(async (consumerGroup) => {
      const get = await brokerSums(admin, addrs, { statsName: 'GROUP_GET_NUMS', statsKey: `${topic}@${consumerGroup}` });
      const stats = await Promise.all(addrs.map((addr) => consumeStatsAt(admin, addr, consumerGroup, topic)));
      const accumulation = stats.flatMap((entry) => progressRows(entry)).reduce((sum, row) => sum + Math.max(0, row.diff), 0);
      return { topic, consumerGroup, accumulation, inTps: put.tps, outTps: get.tps, inMsg24Hour: put.sum, outMsg24Hour: get.sum };
    }),
  );
}

/** A counter summed over brokers; a broker that has no such counter adds nothing. */
export async function brokerSums(
  admin: AdminClient,
  addrs: readonly string[],
  extFields: { statsName: string; statsKey: string },
): Promise<{ tps: number; sum: number }> {
  const parts = await Promise.all(
    addrs.map(async (addr) => {
      const response = await admin.ask(addr, { code: RequestCode.VIEW_BROKER_STATS_DATA, extFields }, [ResponseCode.SYSTEM_ERROR]);
      return response.code === ResponseCode.SUCCESS ? decodeBrokerStatsData(bodyOf(response)) : null;
    }),
  );
  return parts.reduce(
    (total, part) => (part === null ? total : { tps: total.tps + part.statsMinute.tps, sum: total.sum + longestSum(part) }),
    { tps: 0, sum: 0 },
  );
}

/** What stands for 24 hours: the day's sum, or the hour's or minute's while the broker is too young for it. */
function longestSum(data: BrokerStatsData): number {
  return Number(data.statsDay.sum) || Number(data.statsHour.sum) || Number(data.statsMinute.sum);
}

import { decodeConsumeStatsList } from '../../remoting/bodies/consume-stats.js';
import { RequestCode } from '../../remoting/codes.js';
import { compareQueues } from '../message-queue.js';
import { type AdminClient, bodyOf } from './admin-client.js';

export interface BrokerConsumeStatsRequest {
  readonly brokerAddr: string;
  readonly timeoutMillis: number;
  /** Only queues with at least this many messages to go. */
  readonly level: number;
  /** Only ordered topics. */
  readonly order: boolean;
}

/** A group's progress on one queue of the broker. */
export interface BrokerConsumeRow {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly diff: number;
  /** Store time of the last message consumed, ms; 0 when there is none. */
  readonly lastTimestamp: number;
}

export interface BrokerConsumeStatsResult {
  readonly brokerAddr: string;
  readonly rows: readonly BrokerConsumeRow[];
  /** Of all queues, also those that the rows leave out. */
  readonly diffTotal: number;
}

/** The progress of all groups on one broker. */
export async function brokerConsumeStats(admin: AdminClient, request: BrokerConsumeStatsRequest): Promise<BrokerConsumeStatsResult> {
  const { brokerAddr, level, order } = request;
  const extFields = { isOrder: String(order) };
  const response = await admin.ask(brokerAddr, { code: RequestCode.GET_BROKER_CONSUME_STATS, extFields }, [], request.timeoutMillis);
  const { consumeStatsList, totalDiff } = decodeConsumeStatsList(bodyOf(response));
  const rows = consumeStatsList
    .flatMap((groups) => [...groups])
    .flatMap(([consumerGroup, list]) => list.flatMap((stats) => [...stats.offsetTable].map((entry) => ({ consumerGroup, entry }))))
    .map(({ consumerGroup, entry: [queue, { brokerOffset, consumerOffset, lastTimestamp }] }): BrokerConsumeRow => {
      const { topic, brokerName, queueId } = queue;
      return {
        topic,
        consumerGroup,
        brokerName,
        queueId,
        brokerOffset,
        consumerOffset,
        diff: brokerOffset - consumerOffset,
        lastTimestamp,
      };
    });
  const shown = rows.filter((row) => row.diff >= level);
  shown.sort((a, b) => (a.consumerGroup < b.consumerGroup ? -1 : a.consumerGroup > b.consumerGroup ? 1 : compareQueues(a, b)));
  return { brokerAddr, rows: shown, diffTotal: totalDiff };
}

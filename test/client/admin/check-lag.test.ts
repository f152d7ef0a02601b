/* Checks of groups and topics where some brokers do not answer, on brokers that are made up. */
import { expect, it } from 'vitest';
import type { AdminClient } from '../../../src/client/admin/admin-client.js';
import { judge } from '../../../src/client/admin/check/check.js';
import { readLag } from '../../../src/client/admin/check/read-lag.js';
import { readTopic } from '../../../src/client/admin/check/read-topic.js';
import { TimeoutError } from '../../../src/common/errors.js';
import { encodeConsumeStats } from '../../../src/remoting/bodies/consume-stats.js';
import { encodeTopicStatsTable } from '../../../src/remoting/bodies/topic.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RequestInit } from '../../../src/remoting/command.js';

const NOW_MS = 1_700_000_000_000;
const ADDRS = ['a:1', 'b:1'];

interface Row {
  readonly topic: string;
  readonly diff: number;
  /** Age of the first message that is not consumed. */
  readonly ageMs?: number;
}

function bodyOf(request: RequestInit, rows: readonly Row[]): Buffer {
  const queue = ({ topic }: Row) => ({ topic, brokerName: 'a', queueId: 0 });
  const { topic } = (request.extFields ?? {}) as { topic?: string };
  switch (request.code) {
    case RequestCode.GET_CONSUME_STATS:
      return encodeConsumeStats({
        consumeTps: 0,
        offsetTable: rows
          .filter((row) => topic === undefined || row.topic === topic)
          .map((row) => [queue(row), { brokerOffset: row.diff + 1, consumerOffset: 1, lastTimestamp: 0 }]),
      });
    case RequestCode.QUERY_CONSUME_TIME_SPAN: {
      const spans = rows.filter((row) => row.topic === topic);
      const times = { minTimeStamp: 1, maxTimeStamp: 2, consumeTimeStamp: 1 };
      const consumeTimeSpanSet = spans.map((row) => ({ messageQueue: queue(row), ...times, delayTime: row.ageMs ?? 0 }));
      return Buffer.from(JSON.stringify({ consumeTimeSpanSet }));
    }
    case RequestCode.GET_TOPIC_STATS_INFO: {
      const offset = { minOffset: 0, maxOffset: 7, lastUpdateTimestamp: NOW_MS - 4_000 };
      return encodeTopicStatsTable({ topicPutTps: 0, offsetTable: [[{ topic: 'T', brokerName: 'a', queueId: 0 }, offset]] });
    }
    default:
      throw new Error(`request ${request.code} is not expected`);
  }
}

/** Two masters, of which the second never answers unless `isWell`. */
function adminOf({ isWell = false, rows = [{ topic: 'T', diff: 5, ageMs: 9_000 }] }: { isWell?: boolean; rows?: readonly Row[] } = {}) {
  const asked: [string, number][] = [];
  const brokerDatas = ADDRS.map((addr) => ({ brokerName: addr[0], brokerAddrs: new Map([[0, addr]]) }));
  const route = async (): Promise<unknown> => ({ brokerDatas, queueDatas: [] });
  const ask = async (addr: string, request: RequestInit): Promise<unknown> => {
    asked.push([addr, request.code]);
    if (addr === 'b:1' && !isWell) {
      throw new TimeoutError(`${addr} did not answer`);
    }
    return { code: ResponseCode.SUCCESS, body: addr === 'a:1' ? bodyOf(request, rows) : bodyOf(request, []) };
  };
  const allMasters = async (): Promise<unknown> => ADDRS.map((brokerAddr) => ({ brokerAddr }));
  return { admin: { ask, route, findRoute: route, allMasters } as unknown as AdminClient, asked };
}

it.each([
  ['messages', 5],
  ['seconds', 9],
  ['retry', 0],
  ['dlq', 7],
])('%s of the brokers that answer count, with what is missing', async (metric, value) => {
  const { admin, asked } = adminOf();
  const read = await readLag(admin, { consumerGroup: 'G', metric });
  expect(read.readings).toEqual([{ name: 'G', value, reason: expect.stringContaining('b:1 did not answer') }]);
  // The one that did not answer is not waited for again.
  expect(asked).not.toContainEqual(['b:1', RequestCode.QUERY_CONSUME_TIME_SPAN]);
});

it('how old the last message of a topic is, is not known while a broker does not answer', async () => {
  const read = await readTopic(adminOf().admin, { topic: 'T', metric: 'age' }, NOW_MS);
  expect(read).toMatchObject({
    readings: [{ name: 'T', value: null, reason: expect.stringContaining('b:1 did not answer') }],
    beside: [{ name: 'ageOfTheRest', value: 4, unit: 's' }],
  });
  const { status } = judge({ check: 'topic', metric: 'age', unit: 's' }, read, { warning: null, critical: null });
  expect(status).toBe('UNKNOWN');
});

it('messages and seconds are about the same messages, those of retry topics apart', async () => {
  const rows = [
    { topic: 'T', diff: 5, ageMs: 9_000 },
    { topic: '%RETRY%G', diff: 1, ageMs: 80_000_000 },
    { topic: '%RETRY%G_T', diff: 2, ageMs: 80_000_000 },
    { topic: '%RETRY%G+T', diff: 4, ageMs: 80_000_000 },
  ];
  const { admin } = adminOf({ isWell: true, rows });
  const value = async (metric: string) => (await readLag(admin, { consumerGroup: 'G', metric })).readings[0]?.value;
  expect([await value('messages'), await value('seconds'), await value('retry')]).toEqual([5, 9, 7]);
});

it.each(['retry', 'dlq'])('%s is of no single topic', async (metric) => {
  const { admin, asked } = adminOf();
  await expect(readLag(admin, { consumerGroup: 'G', topic: 'T', metric })).rejects.toThrow(`--metric ${metric}`);
  expect(asked).toEqual([]);
});

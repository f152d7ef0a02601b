import { afterEach, beforeEach, expect, it } from 'vitest';
import { LitePullConsumer } from '../../src/client/consumer/lite-pull-consumer.js';
import { encodeProperties } from '../../src/common/message/properties.js';
import { encodeRecordBuffer } from '../../src/common/message/record.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { until } from '../sandbox.js';
import { FakeCluster } from './fake-cluster.js';

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };
const QUEUE = { topic: 'T', brokerName: 'broker-a', queueId: 0 };

function page(life: string, ...offsets: number[]): Buffer {
  return Buffer.concat(
    offsets.map((queueOffset) =>
      encodeRecordBuffer({
        magicVersion: 1,
        queueId: 0,
        flag: 0,
        queueOffset,
        commitLogOffset: queueOffset * 200,
        sysFlag: 0,
        bornTimestamp: 1_700_000_000_000,
        bornHost: HOST,
        storeTimestamp: 1_700_000_000_001,
        storeHost: HOST,
        reconsumeTimes: 0,
        preparedTransactionOffset: 0,
        body: Buffer.from(`${life}${queueOffset}`),
        topic: 'T',
        properties: encodeProperties({ UNIQ_KEY: `${life}${queueOffset}` }),
      }),
    ),
  );
}

let cluster: FakeCluster;
let consumer: LitePullConsumer;

beforeEach(async () => {
  cluster = await FakeCluster.start();
  cluster.addTopic('T', { queueCount: 1 });
  const broker = cluster.brokers[0]!;
  const moved = (nextBeginOffset: number) => ({
    nextBeginOffset: String(nextBeginOffset),
    minOffset: '0',
    maxOffset: '4',
    suggestWhichBrokerId: '0',
  });
  let isNew = false;
  broker.on(RequestCode.QUERY_CONSUMER_OFFSET, (conn, request) => conn.respond(request, ResponseCode.SUCCESS, null, { offset: '0' }));
  broker.on(RequestCode.UPDATE_CONSUMER_OFFSET, (conn, request) => conn.respond(request, ResponseCode.SUCCESS));
  broker.on(RequestCode.LITE_PULL_MESSAGE, (conn, request) => {
    const offset = request.extFields?.queueOffset;
    if (offset === '0') {
      const [body, next] = isNew ? [page('new', 0, 1), 2] : [page('old', 0, 1, 2, 3), 4];
      conn.respond(request, ResponseCode.SUCCESS, null, moved(next), body);
    } else if (offset === '4') {
      // The topic was deleted and made again.
      isNew = true;
      conn.respond(request, ResponseCode.PULL_OFFSET_MOVED, null, moved(0));
    }
  });
  consumer = new LitePullConsumer({ namesrvAddr: cluster.namesrvAddr, consumerGroup: 'G', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  await consumer.assign([QUEUE]);
  await consumer.start();
});
afterEach(async () => {
  await consumer.shutdown();
  await cluster.stop();
});

it('a lite pull consumer commits where it is in a queue that begins again before where it was', async () => {
  const bodies: string[] = [];
  await until(async () => {
    bodies.push(...(await consumer.poll(100)).map(({ body }) => body.toString()));
    return bodies.includes('new1');
  });
  expect(bodies).toEqual(['old0', 'old1', 'old2', 'old3', 'new0', 'new1']);
  await consumer.commitSync([QUEUE]);
  const commits = cluster.brokers[0]!.requestsOf(RequestCode.UPDATE_CONSUMER_OFFSET);
  expect(commits.at(-1)?.extFields).toMatchObject({ commitOffset: '2' });
});

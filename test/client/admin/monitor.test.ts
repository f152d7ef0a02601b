import { expect, it } from 'vitest';
import { AdminClient } from '../../../src/client/admin/admin-client.js';
import { Monitor } from '../../../src/client/admin/monitor.js';
import { parseHostAddress } from '../../../src/common/host.js';
import { encodeProperties } from '../../../src/common/message/properties.js';
import { encodeRecordBuffer } from '../../../src/common/message/record.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';

const TOPIC = 'OFFSET_MOVED_EVENT';

const event = (consumerGroup: string): string =>
  `{"consumerGroup":"${consumerGroup}","messageQueue":{"brokerName":"broker-a","queueId":3,"topic":"T"},"offsetNew":7,"offsetRequest":2}`;

/** A broker that is its own name server, with events in the one queue of their topic; the route has another broker where one is given. */
async function startServer(events: readonly string[], other?: { addr: string }): Promise<{ addr: string; server: RemotingServer }> {
  const server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
  let addr = '';
  const json = (text: string): Buffer => Buffer.from(text);
  server.register(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, (connection, request) =>
    connection.respond(request, ResponseCode.SUCCESS, null, null, json('{"topicList":[]}')),
  );
  server.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, (connection, request) => {
    const brokers = Object.entries({ ...(other === undefined ? {} : { 'broker-0': other.addr }), 'broker-a': addr });
    const datas = brokers.map(([brokerName, its]) => `{"brokerAddrs":{0:"${its}"},"brokerName":"${brokerName}","cluster":"C"}`);
    const queues = brokers.map(([name]) => `{"brokerName":"${name}","perm":6,"readQueueNums":1,"topicSysFlag":0,"writeQueueNums":1}`);
    const body = `{"brokerDatas":[${datas.join()}],"filterServerTable":{},"queueDatas":[${queues.join()}]}`;
    connection.respond(request, ResponseCode.SUCCESS, null, null, json(body));
  });
  server.register(RequestCode.GET_MAX_OFFSET, (connection, request) =>
    connection.respond(request, ResponseCode.SUCCESS, null, { offset: String(events.length) }),
  );
  server.register(RequestCode.PULL_MESSAGE, (connection, request) => {
    const offset = Number(request.extFields?.queueOffset);
    const fields = { minOffset: '0', maxOffset: String(events.length), suggestWhichBrokerId: '0' };
    const event = events[offset];
    if (event === undefined) {
      connection.respond(request, ResponseCode.PULL_NOT_FOUND, null, { ...fields, nextBeginOffset: String(offset) });
      return;
    }
    const body = recordOf(event, offset);
    connection.respond(request, ResponseCode.SUCCESS, null, { ...fields, nextBeginOffset: String(offset + 1) }, body);
  });
  addr = `127.0.0.1:${(await server.listen()).listenPort}`;
  return { addr, server };
}

function recordOf(body: string, queueOffset: number): Buffer {
  const host = parseHostAddress('127.0.0.1:10911');
  return encodeRecordBuffer({
    magicVersion: 1,
    queueId: 0,
    flag: 0,
    queueOffset,
    commitLogOffset: 99,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: host,
    storeTimestamp: 1_700_000_000_000,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(body),
    topic: TOPIC,
    properties: encodeProperties({}),
  });
}

it('groups that were sent to another offset are told once, those of before the first round never', async () => {
  const events = [event('Old')];
  const { addr, server } = await startServer(events);
  const admin = new AdminClient({ namesrvAddr: addr });
  try {
    const monitor = new Monitor(admin);
    expect((await monitor.round(1)).deleteMsgsEvents).toEqual([]);
    events.push(event('New'), 'no event', event('Newer'));
    expect((await monitor.round(2)).deleteMsgsEvents).toEqual(
      ['New', 'Newer'].map((consumerGroup) => ({
        offsetMovedEvent: {
          consumerGroup,
          messageQueue: { topic: 'T', brokerName: 'broker-a', queueId: 3 },
          offsetRequest: 2,
          offsetNew: 7,
        },
        eventTimestamp: 1_700_000_000_000,
      })),
    );
    expect(await monitor.round(3)).toMatchObject({ time: 3, groupCount: 0, deleteMsgsEvents: [], failures: [] });
  } finally {
    await admin.close();
    await server.close();
  }
});

it('a broker that does not answer holds up nobody, and what it stored before it was first seen is no news', async () => {
  const [events, its] = [[event('Old')], [event('Older')]];
  const other = { addr: '127.0.0.1:1' };
  const { addr, server } = await startServer(events, other);
  const late = await startServer(its);
  const admin = new AdminClient({ namesrvAddr: addr });
  const monitor = new Monitor(admin);
  const round = async (): Promise<[string[], string[]]> => {
    const { deleteMsgsEvents, unreadBrokers } = await monitor.round(1);
    return [
      deleteMsgsEvents.map(({ offsetMovedEvent }) => offsetMovedEvent.consumerGroup),
      unreadBrokers.map(({ brokerName, reason }) => `${brokerName}: ${reason}`),
    ];
  };
  try {
    expect(await round()).toEqual([[], [expect.stringMatching(/^broker-0: .*127\.0\.0\.1:1/)]]);
    events.push(event('New'));
    expect(await round()).toEqual([['New'], [expect.stringContaining('broker-0')]]);
    other.addr = late.addr;
    expect(await round()).toEqual([[], []]);
    its.push(event('Late'));
    expect(await round()).toEqual([['Late'], []]);
  } finally {
    await admin.close();
    await Promise.all([server.close(), late.server.close()]);
  }
});

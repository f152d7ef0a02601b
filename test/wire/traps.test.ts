import { describe, expect, it } from 'vitest';
import { parseFastjson } from '../../src/common/fastjson.js';
import { stringHashCode } from '../../src/common/java.js';
import * as bodies from '../../src/remoting/bodies/index.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { decodeFrame, encodeCommand } from '../../src/remoting/frame.js';
import * as headers from '../../src/remoting/headers/index.js';
import { responseError } from '../../src/remoting/response-error.js';
import { newCommand, startClient, startServer } from '../remoting/transport-kit.js';
import { allFrames, readRecording } from './vectors.js';

const roundTrip = (command: Parameters<typeof encodeCommand>[0]) => {
  const bytes = encodeCommand(command);
  return decodeFrame(bytes, 0, bytes.length);
};

/** The list of traps that ends the protocol reference, as far as it is about bytes; the others are tests of the nodes. */
describe('traps of the protocol', () => {
  it('1: a binary request that is answered in JSON finds its request', async () => {
    const { addr } = await startServer((server) =>
      server.register(10, (conn, request) => conn.respond({ ...request, serializeType: 0 }, 0, null, { answered: 'in JSON' })),
    );
    const response = await startClient({ serializeType: 1 }).invoke(addr, { code: 10 });
    expect(response).toMatchObject({ serializeType: 0, extFields: { answered: 'in JSON' } });
    const recorded = readRecording('producer-rmq-client');
    expect(recorded.some((frame) => frame.kind === 'request' && frame.serialize === 'ROCKETMQ')).toBe(true);
    expect(recorded.some((frame) => frame.kind === 'response' && frame.serialize === 'JSON')).toBe(true);
  });

  it('2: codes that do not fit a binary header come back as they were meant', () => {
    const truncated = Object.values(RequestCode).filter((code) => code > 0x7fff);
    expect(truncated).toHaveLength(8);
    for (const code of truncated) {
      const bytes = encodeCommand(newCommand({ code, serializeType: 1 }));
      expect(bytes.readInt16BE(8)).toBe(code - 0x30000);
      expect(roundTrip(newCommand({ code, serializeType: 1 })).code).toBe(code);
      expect(roundTrip(newCommand({ code, serializeType: 0 })).code).toBe(code);
    }
    // A response's code is never one of them.
    expect(roundTrip(newCommand({ code: 3442, flag: 1, serializeType: 1 })).code).toBe(3442);
  });

  it('3: routes have quoted keys from version 401 on, or when asked for; cluster information never', () => {
    expect([0, 399, 400, 401, 479].map((version) => bodies.wantsStandardJson(version, undefined))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(bodies.wantsStandardJson(0, true)).toBe(true);
    const brokerData = { cluster: 'c', brokerName: 'b', brokerAddrs: new Map([[0, '127.0.0.1:1']]), enableActingMaster: false };
    const route = { queueDatas: [], brokerDatas: [brokerData], filterServerTable: new Map<string, string[]>() };
    expect(bodies.encodeTopicRouteData(route, { standardJson: true }).toString()).toContain('{"0":"127.0.0.1:1"}');
    expect(bodies.encodeTopicRouteData(route, { standardJson: false }).toString()).toContain('{0:"127.0.0.1:1"}');
    const info = { brokerAddrTable: new Map([['b', brokerData]]), clusterAddrTable: new Map([['c', ['b']]]) };
    expect(bodies.encodeClusterInfo(info).toString()).toContain('{0:"127.0.0.1:1"}');
    for (const standardJson of [true, false]) {
      expect(bodies.decodeTopicRouteData(bodies.encodeTopicRouteData(route, { standardJson }))).toEqual(route);
    }
  });

  it('4: maps with object keys, which no other library reads or writes', () => {
    const table = {
      offsetTable: [
        [
          { topic: 'T', brokerName: 'b', queueId: 3 },
          { minOffset: 0, maxOffset: 9, lastUpdateTimestamp: 5 },
        ],
      ],
      topicPutTps: 0,
    };
    const bytes = bodies.encodeTopicStatsTable(table as bodies.TopicStatsTable);
    expect(bytes.toString()).toBe(
      '{"offsetTable":{{"brokerName":"b","queueId":3,"topic":"T"}:{"lastUpdateTimestamp":5,"maxOffset":9,"minOffset":0}},"topicPutTps":0.0}',
    );
    expect(() => JSON.parse(bytes.toString())).toThrow();
    expect(bodies.decodeTopicStatsTable(bytes)).toEqual(table);
    expect(bodies.decodeTopicStatsTable(Buffer.from('{"offsetTable":{}}'))).toEqual({ offsetTable: [] });
  });

  it('5: a success may carry the remark "not set any response code"', () => {
    const remarked = allFrames().filter(
      ({ frame }) => frame.kind === 'response' && frame.code === 0 && frame.decoded.remark === 'not set any response code',
    );
    expect(remarked.length).toBeGreaterThan(0);
    expect(responseError(newCommand({ code: 17, flag: 1, remark: '' }), 'a:1').message).toContain('no reason given (TOPIC_NOT_EXIST 17)');
  });

  it('11: the first byte tells a compressed registration, not the header', () => {
    const lying = readRecording('broker-namesrv-variants-json').filter(
      (frame) => frame.code === RequestCode.REGISTER_BROKER && frame.kind !== 'response' && frame.bodyHex?.startsWith('78') === true,
    );
    expect(lying.length).toBeGreaterThan(0);
    for (const frame of lying) {
      const header = headers.readHeader(headers.RegisterBrokerRequestHeader, frame.decoded.extFields as Record<string, string>);
      expect(header.compressed).toBe(false);
      const body = bodies.decodeRegisterBrokerBody(Buffer.from(frame.bodyHex!, 'hex'), 479);
      expect(body.topicConfigSerializeWrapper.topicConfigTable.has('TBW102')).toBe(true);
    }
  });

  it('14: one-way requests have bit 1 of the flag', () => {
    const oneway = allFrames().filter(({ frame }) => frame.kind === 'oneway');
    expect(oneway.length).toBeGreaterThan(0);
    for (const { frame } of oneway) {
      expect((frame.decoded.flag as number) & 3).toBe(2);
    }
  });

  it('15: empty fields and absent fields read the same', () => {
    for (const extFields of [null, {}]) {
      for (const serializeType of [0, 1] as const) {
        const command = roundTrip(newCommand({ code: 34, extFields, serializeType }));
        expect(headers.readHeader(headers.HeartbeatResponseHeader, command.extFields)).toEqual({});
      }
    }
  });

  it('16: negative queue ids are ids', () => {
    const extFields = headers.writeSendHeader(310, {
      producerGroup: 'g',
      topic: 'T',
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: 4,
      queueId: -1,
      sysFlag: 0,
      bornTimestamp: 1,
      flag: 0,
    });
    expect(headers.readSendHeader(310, extFields).queueId).toBe(-1);
  });

  it('18: codes of tags are Java hashes, as recorded', () => {
    let checked = 0;
    for (const { frame } of allFrames()) {
      if (frame.code === RequestCode.HEART_BEAT && frame.kind === 'request' && frame.bodyUtf8 !== undefined) {
        for (const consumer of bodies.decodeHeartbeatData(Buffer.from(frame.bodyUtf8)).consumerDataSet) {
          for (const subscription of consumer.subscriptionDataSet) {
            expect([...subscription.codeSet].sort()).toEqual(subscription.tagsSet.map(stringHashCode).sort());
            checked += subscription.tagsSet.length;
          }
        }
      }
    }
    expect(checked).toBeGreaterThan(0);
  });
});

describe('longs that a peer fills freely', () => {
  it('survive in headers', () => {
    const fields = { topic: 'T', key: 'k', maxNum: '32', beginTimestamp: '0', endTimestamp: '9223372036854775807' };
    const header = headers.readHeader(headers.QueryMessageRequestHeader, fields);
    expect(header.endTimestamp).toBe(9223372036854775807n);
    expect(headers.writeHeader(headers.QueryMessageRequestHeader, header)).toEqual(fields);
  });

  it('survive in bodies', () => {
    const subscription = {
      topic: 'T',
      subString: '*',
      tagsSet: [],
      codeSet: [],
      subVersion: 1800000000000000123n,
      expressionType: 'TAG',
      classFilterMode: false,
    };
    const heartbeat = {
      clientID: 'c',
      producerDataSet: [],
      consumerDataSet: [
        {
          groupName: 'g',
          consumeType: 'CONSUME_PASSIVELY' as const,
          messageModel: 'CLUSTERING' as const,
          consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' as const,
          subscriptionDataSet: [subscription],
          unitMode: false,
        },
      ],
      heartbeatFingerprint: 0,
      withoutSub: false,
    };
    const bytes = bodies.encodeHeartbeatData(heartbeat);
    expect(bytes.toString()).toContain('"subVersion":1800000000000000123');
    expect(bodies.decodeHeartbeatData(bytes)).toEqual(heartbeat);
    const version = { stateVersion: -(2n ** 63n), timestamp: 9007199254740993n, counter: 5 };
    expect(bodies.decodeDataVersion(bodies.encodeDataVersion(version))).toEqual(version);
    expect(bodies.sameDataVersion(version, bodies.decodeDataVersion(bodies.encodeDataVersion(version)))).toBe(true);
    expect(parseFastjson('{"subVersion":9007199254740993}')).toEqual({ subVersion: 9007199254740993n });
  });
});

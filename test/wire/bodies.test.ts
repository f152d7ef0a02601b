import { describe, expect, it } from 'vitest';
import { parseFastjson } from '../../src/common/fastjson.js';
import { decodeBatch, encodeBatch } from '../../src/common/message/batch.js';
import { decodeRecord, decodeRecords, encodeRecordBuffer, recordLength } from '../../src/common/message/record.js';
import * as bodies from '../../src/remoting/bodies/index.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { decodeFrame } from '../../src/remoting/frame.js';
import { allFrames, bodyOf, type RecordedFrame } from './vectors.js';

type RoundTrip = (body: Buffer, frame: RecordedFrame) => Buffer;

const C = RequestCode;

/** Codecs of response bodies, by the code of the request. */
const RESPONSES: Readonly<Record<number, RoundTrip>> = {
  [C.GET_ROUTEINFO_BY_TOPIC]: (body) =>
    bodies.encodeTopicRouteData(bodies.decodeTopicRouteData(body), { standardJson: !/[{,]\d+:/.test(body.toString()) }),
  [C.GET_BROKER_CLUSTER_INFO]: (body) => bodies.encodeClusterInfo(bodies.decodeClusterInfo(body)),
  [C.GET_ALL_TOPIC_LIST_FROM_NAMESERVER]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_TOPICS_BY_CLUSTER]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_SYSTEM_TOPIC_LIST_FROM_NS]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_SYSTEM_TOPIC_LIST_FROM_BROKER]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_UNIT_TOPIC_LIST]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_HAS_UNIT_SUB_TOPIC_LIST]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.QUERY_TOPICS_BY_CONSUMER]: (body) => bodies.encodeTopicList(bodies.decodeTopicList(body)),
  [C.GET_KVLIST_BY_NAMESPACE]: (body) => bodies.encodeKVTable(bodies.decodeKVTable(body)),
  [C.GET_BROKER_RUNTIME_INFO]: (body) => bodies.encodeKVTable(bodies.decodeKVTable(body)),
  [C.REGISTER_BROKER]: (body) => bodies.encodeKVTable(bodies.decodeKVTable(body)),
  [C.QUERY_DATA_VERSION]: (body) => bodies.encodeDataVersion(bodies.decodeDataVersion(body)),
  [C.GET_BROKER_MEMBER_GROUP]: (body) => bodies.encodeBrokerMemberGroup(bodies.decodeBrokerMemberGroup(body)),
  [C.GET_ALL_TOPIC_CONFIG]: (body) => bodies.encodeTopicConfigWrapper(bodies.decodeTopicConfigWrapper(body)),
  [C.GET_TOPIC_CONFIG]: (body) => bodies.encodeTopicConfig(bodies.decodeTopicConfig(body)),
  [C.GET_TOPIC_STATS_INFO]: (body) => bodies.encodeTopicStatsTable(bodies.decodeTopicStatsTable(body)),
  [C.QUERY_TOPIC_CONSUME_BY_WHO]: (body) => bodies.encodeGroupList(bodies.decodeGroupList(body)),
  [C.GET_CONSUMER_LIST_BY_GROUP]: (body) => bodies.encodeConsumerIdList(bodies.decodeConsumerIdList(body)),
  [C.GET_CONSUMER_CONNECTION_LIST]: (body) => bodies.encodeConsumerConnection(bodies.decodeConsumerConnection(body)),
  [C.GET_PRODUCER_CONNECTION_LIST]: (body) => bodies.encodeProducerConnection(bodies.decodeProducerConnection(body)),
  [C.GET_ALL_PRODUCER_INFO]: (body) => bodies.encodeProducerTableInfo(bodies.decodeProducerTableInfo(body)),
  [C.GET_ALL_SUBSCRIPTIONGROUP_CONFIG]: (body) => bodies.encodeSubscriptionGroupWrapper(bodies.decodeSubscriptionGroupWrapper(body)),
  [C.GET_SUBSCRIPTIONGROUP_CONFIG]: (body) => bodies.encodeSubscriptionGroupConfig(bodies.decodeSubscriptionGroupConfig(body)),
  [C.GET_CONSUME_STATS]: (body) => bodies.encodeConsumeStats(bodies.decodeConsumeStats(body)),
  [C.GET_BROKER_CONSUME_STATS]: (body) => bodies.encodeConsumeStatsList(bodies.decodeConsumeStatsList(body)),
  [C.VIEW_BROKER_STATS_DATA]: (body) => bodies.encodeBrokerStatsData(bodies.decodeBrokerStatsData(body)),
  [C.INVOKE_BROKER_TO_RESET_OFFSET]: (body) =>
    body.includes('"offset":')
      ? bodies.encodeResetOffsetBodyForC(bodies.decodeResetOffsetBody(body))
      : bodies.encodeResetOffsetBody(bodies.decodeResetOffsetBody(body)),
  [C.INVOKE_BROKER_TO_GET_CONSUMER_STATUS]: (body) => bodies.encodeConsumerStatusBody(bodies.decodeConsumerStatusBody(body)),
  [C.GET_CONSUMER_STATUS_FROM_CLIENT]: (body) => bodies.encodeConsumerStatusBody(bodies.decodeConsumerStatusBody(body)),
  [C.GET_CONSUMER_RUNNING_INFO]: (body) => bodies.encodeConsumerRunningInfo(bodies.decodeConsumerRunningInfo(body)),
  [C.GET_ALL_CONSUMER_OFFSET]: (body) => bodies.encodeConsumerOffsetWrapper(bodies.decodeConsumerOffsetWrapper(body)),
  [C.QUERY_CORRECTION_OFFSET]: (body) => bodies.encodeCorrectionOffsets(bodies.decodeCorrectionOffsets(body)),
  [C.CONSUME_MESSAGE_DIRECTLY]: (body) => bodies.encodeConsumeMessageDirectlyResult(bodies.decodeConsumeMessageDirectlyResult(body)),
  [C.LOCK_BATCH_MQ]: (body) => bodies.encodeLockOKMQSet(bodies.decodeLockOKMQSet(body)),
};

/** Codecs of request bodies. */
const REQUESTS: Readonly<Record<number, RoundTrip>> = {
  [C.REGISTER_BROKER]: (body, frame) =>
    body[0] === 0x78
      ? bodies.encodeRegisterBrokerBodyCompressed(
          bodies.decodeRegisterBrokerBody(body, frame.decoded.version as number),
          frame.decoded.version as number,
        )
      : bodies.encodeRegisterBrokerBody(bodies.decodeRegisterBrokerBody(body, frame.decoded.version as number)),
  [C.QUERY_DATA_VERSION]: (body) => bodies.encodeDataVersion(bodies.decodeDataVersion(body)),
  [C.REGISTER_TOPIC_IN_NAMESRV]: (body) => bodies.encodeTopicRouteData(bodies.decodeTopicRouteData(body), { standardJson: false }),
  [C.HEART_BEAT]: (body) => bodies.encodeHeartbeatData(bodies.decodeHeartbeatData(body)),
  [C.CHECK_CLIENT_CONFIG]: (body) => bodies.encodeCheckClientRequestBody(bodies.decodeCheckClientRequestBody(body)),
  [C.LOCK_BATCH_MQ]: (body) => bodies.encodeLockBatchRequestBody(bodies.decodeLockBatchRequestBody(body)),
  [C.UNLOCK_BATCH_MQ]: (body) => bodies.encodeLockBatchRequestBody(bodies.decodeLockBatchRequestBody(body)),
  [C.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP]: (body) => bodies.encodeSubscriptionGroupConfig(bodies.decodeSubscriptionGroupConfig(body)),
  [C.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST]: (body) => bodies.encodeSubscriptionGroupList(bodies.decodeSubscriptionGroupList(body)),
  [C.UPDATE_AND_CREATE_TOPIC_LIST]: (body) => bodies.encodeTopicConfigList(bodies.decodeTopicConfigList(body)),
  [C.RESET_CONSUMER_CLIENT_OFFSET]: (body) =>
    body.includes('"offset":')
      ? bodies.encodeResetOffsetBodyForC(bodies.decodeResetOffsetBody(body))
      : bodies.encodeResetOffsetBody(bodies.decodeResetOffsetBody(body)),
  [C.SEND_BATCH_MESSAGE]: (body) => encodeBatch(decodeBatch(body)),
};

/** Hand-made requests and 4.9 clients leave out what 5.x has; then the bodies are equal as far as the recorded one goes. */
function expectContains(actual: unknown, expected: unknown, where: string): void {
  if (actual instanceof Map && expected instanceof Map) {
    const wanted = new Map([...expected].map(([key, value]) => [JSON.stringify(key), value]));
    for (const [key, value] of actual) {
      expectContains(value, wanted.get(JSON.stringify(key)), where);
    }
    expect(actual.size, where).toBe(expected.size);
    return;
  }
  if (typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
    for (const [key, value] of Object.entries(expected)) {
      expectContains((actual as Record<string, unknown>)[key], value, `${where} ${key}`);
    }
    return;
  }
  expect(actual, where).toEqual(expected);
}

interface BodyCase {
  title: string;
  body: Buffer;
  frame: RecordedFrame;
  codec: RoundTrip;
}

function casesOf(kind: 'request' | 'response'): BodyCase[] {
  const codecs = kind === 'response' ? RESPONSES : REQUESTS;
  return allFrames().flatMap(({ recording, frame }) => {
    const body = bodyOf(frame);
    const isResponse = frame.kind === 'response';
    const code = isResponse ? frame.requestCode! : frame.code;
    const codec = codecs[code];
    if (body === null || codec === undefined || isResponse !== (kind === 'response')) {
      return [];
    }
    return [{ title: `${recording} line ${frame.n} ${frame.requestName ?? frame.codeName}`, body, frame, codec }];
  });
}

describe('recorded bodies', () => {
  it.each(['request', 'response'] as const)('%s bodies survive decoding and encoding', (kind) => {
    const cases = casesOf(kind);
    expect(cases.length).toBeGreaterThan(50);
    let identical = 0;
    for (const { title, body, frame, codec } of cases) {
      const encoded = codec(body, frame);
      if (encoded.equals(body)) {
        identical++;
      } else if (body[0] !== 0x78) {
        expectContains(parseFastjson(encoded), parseFastjson(body), title);
      }
    }
    // Most are byte for byte what Java wrote: key order, raw keys, doubles.
    expect(identical / cases.length).toBeGreaterThan(kind === 'response' ? 0.97 : 0.7);
  });

  it('every kind of response with a JSON body has a codec, or is known to have none', () => {
    const known = new Set<number>([
      C.GET_ALL_DELAY_OFFSET,
      C.GET_ALL_MESSAGE_REQUEST_MODE,
      C.GET_TIMER_METRICS,
      C.QUERY_ASSIGNMENT,
      C.QUERY_CONSUME_QUEUE,
      C.QUERY_CONSUME_TIME_SPAN,
      C.QUERY_SUBSCRIPTION_BY_CONSUMER,
      C.UPDATE_AND_GET_GROUP_FORBIDDEN,
      C.GET_BROKER_HA_STATUS,
      C.GET_COLD_DATA_FLOW_CTR_INFO,
      C.CHECK_ROCKSDB_CQ_WRITE_PROGRESS,
      C.AUTH_GET_USER,
      C.AUTH_GET_ACL,
    ]);
    const missing = new Set<string>();
    for (const { frame } of allFrames()) {
      const isJson = frame.kind === 'response' && frame.bodyUtf8?.startsWith('{');
      if (isJson && RESPONSES[frame.requestCode!] === undefined && !known.has(frame.requestCode!)) {
        missing.add(frame.requestName ?? String(frame.requestCode));
      }
    }
    expect([...missing]).toEqual([]);
  });

  it('reads compressed registrations whatever the header says', () => {
    const compressed = casesOf('request').filter(({ body, frame }) => frame.code === C.REGISTER_BROKER && body[0] === 0x78);
    expect(compressed.length).toBeGreaterThan(0);
    for (const { body, frame, title } of compressed) {
      const version = frame.decoded.version as number;
      const decoded = bodies.decodeRegisterBrokerBody(body, version);
      expect(decoded.topicConfigSerializeWrapper.topicConfigTable.size, title).toBeGreaterThan(0);
      const again = bodies.decodeRegisterBrokerBody(bodies.encodeRegisterBrokerBodyCompressed(decoded, version), version);
      expect(again, title).toEqual(decoded);
    }
  });
});

describe('recorded message records', () => {
  const pulled = allFrames().filter(
    ({ frame }) =>
      frame.kind === 'response' &&
      frame.code === 0 &&
      [C.PULL_MESSAGE, C.LITE_PULL_MESSAGE, C.QUERY_MESSAGE, C.VIEW_MESSAGE_BY_ID, C.POP_MESSAGE].some(
        (code) => code === frame.requestCode,
      ) &&
      bodyOf(frame) !== null,
  );

  it('decode, with a right CRC, and encode to the same bytes', () => {
    let count = 0;
    for (const { recording, frame } of pulled) {
      const bytes = Buffer.from(frame.hex, 'hex');
      const body = decodeFrame(bytes, 0, bytes.length).body!;
      let at = 0;
      for (const record of decodeRecords(body, { checkCrc: true })) {
        const where = `${recording} line ${frame.n} at ${at}`;
        const original = body.subarray(at, at + record.totalSize);
        expect(encodeRecordBuffer(record).toString('hex'), where).toBe(original.toString('hex'));
        expect(
          recordLength({
            topicBytes: Buffer.byteLength(record.topic),
            bodyBytes: record.body.length,
            propertiesBytes: Buffer.byteLength(record.properties),
            sysFlag: record.sysFlag,
            version: record.magicVersion,
          }),
          where,
        ).toBe(record.totalSize);
        at += record.totalSize;
        count++;
      }
    }
    expect(count).toBeGreaterThan(50);
  });

  it('a record cut short or with a changed length is refused', () => {
    const bytes = Buffer.from(pulled[0]!.frame.hex, 'hex');
    const record = Buffer.from(decodeFrame(bytes, 0, bytes.length).body!);
    const length = decodeRecord(record, 0).totalSize;
    for (let cut = 0; cut < length; cut++) {
      expect(() => decodeRecord(record.subarray(0, cut), 0)).toThrow(/malformed message record/);
    }
    record.writeInt32BE(record.length + 1, 0);
    expect(() => decodeRecord(record, 0)).toThrow(/total size/);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestCode } from '../../src/remoting/codes.js';
import { parseInteger } from '../../src/remoting/headers/definition.js';
import * as headers from '../../src/remoting/headers/index.js';
import { allFrames } from '../wire/vectors.js';

/** Definitions of requests by code, checked against what real clients sent. */
const REQUESTS: Readonly<Record<number, headers.HeaderDef>> = {
  [RequestCode.PULL_MESSAGE]: headers.PullMessageRequestHeader,
  [RequestCode.LITE_PULL_MESSAGE]: headers.PullMessageRequestHeader,
  [RequestCode.QUERY_MESSAGE]: headers.QueryMessageRequestHeader,
  [RequestCode.QUERY_CONSUMER_OFFSET]: headers.QueryConsumerOffsetRequestHeader,
  [RequestCode.UPDATE_CONSUMER_OFFSET]: headers.UpdateConsumerOffsetRequestHeader,
  [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP]: headers.SearchOffsetRequestHeader,
  [RequestCode.GET_MAX_OFFSET]: headers.GetMaxOffsetRequestHeader,
  [RequestCode.GET_MIN_OFFSET]: headers.GetMinOffsetRequestHeader,
  [RequestCode.GET_EARLIEST_MSG_STORETIME]: headers.GetEarliestMsgStoretimeRequestHeader,
  [RequestCode.VIEW_MESSAGE_BY_ID]: headers.ViewMessageRequestHeader,
  [RequestCode.UNREGISTER_CLIENT]: headers.UnregisterClientRequestHeader,
  [RequestCode.CONSUMER_SEND_MSG_BACK]: headers.ConsumerSendMsgBackRequestHeader,
  [RequestCode.END_TRANSACTION]: headers.EndTransactionRequestHeader,
  [RequestCode.GET_CONSUMER_LIST_BY_GROUP]: headers.GetConsumerListByGroupRequestHeader,
  [RequestCode.CHECK_TRANSACTION_STATE]: headers.CheckTransactionStateRequestHeader,
  [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED]: headers.NotifyConsumerIdsChangedRequestHeader,
  [RequestCode.UPDATE_AND_CREATE_TOPIC]: headers.CreateTopicRequestHeader,
  [RequestCode.DELETE_TOPIC_IN_BROKER]: headers.DeleteTopicRequestHeader,
  [RequestCode.GET_TOPIC_CONFIG]: headers.GetTopicConfigRequestHeader,
  [RequestCode.GET_TOPIC_STATS_INFO]: headers.GetTopicStatsInfoRequestHeader,
  [RequestCode.DELETE_SUBSCRIPTIONGROUP]: headers.DeleteSubscriptionGroupRequestHeader,
  [RequestCode.GET_CONSUMER_CONNECTION_LIST]: headers.GetConsumerConnectionListRequestHeader,
  [RequestCode.GET_PRODUCER_CONNECTION_LIST]: headers.GetProducerConnectionListRequestHeader,
  [RequestCode.GET_CONSUME_STATS]: headers.GetConsumeStatsRequestHeader,
  [RequestCode.QUERY_TOPIC_CONSUME_BY_WHO]: headers.QueryTopicConsumeByWhoRequestHeader,
  [RequestCode.VIEW_BROKER_STATS_DATA]: headers.ViewBrokerStatsDataRequestHeader,
  [RequestCode.INVOKE_BROKER_TO_RESET_OFFSET]: headers.ResetOffsetRequestHeader,
  [RequestCode.GET_ROUTEINFO_BY_TOPIC]: headers.GetRouteInfoRequestHeader,
  [RequestCode.REGISTER_BROKER]: headers.RegisterBrokerRequestHeader,
  [RequestCode.UNREGISTER_BROKER]: headers.UnRegisterBrokerRequestHeader,
  [RequestCode.QUERY_DATA_VERSION]: headers.QueryDataVersionRequestHeader,
  [RequestCode.PUT_KV_CONFIG]: headers.PutKVConfigRequestHeader,
  [RequestCode.GET_KV_CONFIG]: headers.GetKVConfigRequestHeader,
  [RequestCode.DELETE_KV_CONFIG]: headers.DeleteKVConfigRequestHeader,
  [RequestCode.WIPE_WRITE_PERM_OF_BROKER]: headers.WipeWritePermOfBrokerRequestHeader,
  [RequestCode.ADD_WRITE_PERM_OF_BROKER]: headers.AddWritePermOfBrokerRequestHeader,
};

/** Fields that hooks add to any request. */
const HOOK_FIELDS = new Set([
  'AccessKey',
  'Signature',
  'SecurityToken',
  'ReqT',
  'bname',
  'lo',
  'ns',
  'nsd',
  'oway',
  '__ZONE_NAME',
  '__ZONE_MODE',
]);

function recordedRequests() {
  return allFrames()
    .filter(({ recording, frame }) => frame.kind !== 'response' && recording !== 'errors-json' && recording !== 'handmade-json')
    .map(({ recording, frame }) => ({
      where: `${recording} line ${frame.n} ${frame.codeName}`,
      code: frame.code,
      fields: (frame.decoded.extFields ?? {}) as Record<string, string>,
    }));
}

describe('header definitions', () => {
  it('read and write what real clients sent, field for field', () => {
    let checked = 0;
    for (const { where, code, fields } of recordedRequests()) {
      const def = REQUESTS[code];
      if (def !== undefined) {
        const written = headers.writeHeader(def, headers.readHeader(def, fields));
        const unknown = Object.keys(fields).filter((key) => !(key in written) && !HOOK_FIELDS.has(key) && fields[key] !== '');
        expect(unknown, where).toEqual([]);
        for (const [key, value] of Object.entries(written)) {
          expect(value, `${where} ${key}`).toBe(fields[key]);
        }
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(400);
  });

  it('of sends read the same from both forms, and as the general reader does', () => {
    const sends = recordedRequests().filter(({ code }) => code === RequestCode.SEND_MESSAGE_V2 || code === RequestCode.SEND_BATCH_MESSAGE);
    expect(sends.length).toBeGreaterThan(30);
    for (const { where, code, fields } of sends) {
      const header = headers.readSendHeader(code, fields);
      const v2 = headers.writeSendHeader(code, header);
      for (const [key, value] of Object.entries(v2)) {
        expect(value, `${where} ${key}`).toBe(fields[key] ?? 'false');
      }
      const v1 = headers.writeSendHeader(RequestCode.SEND_MESSAGE, header);
      expect(headers.readSendHeader(RequestCode.SEND_MESSAGE, v1), where).toEqual(header);
      expect(headers.readHeader(headers.SendMessageRequestHeader, v1), where).toEqual(
        Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined)),
      );
    }
  });

  it('of pulls read as the general reader does', () => {
    const pulls = recordedRequests().filter(({ code }) => code === RequestCode.PULL_MESSAGE);
    expect(pulls.length).toBeGreaterThan(30);
    for (const { where, fields } of pulls) {
      expect(headers.readPullHeader(fields), where).toEqual(headers.readHeader(headers.PullMessageRequestHeader, fields));
    }
    const go = { ...pulls[0]!.fields, subVersion: '1800000000000000123' };
    expect(headers.readPullHeader(go).subVersion).toBe(1800000000000000123n);
  });

  it.each([
    [headers.GetMaxOffsetRequestHeader, { queueId: '0' }, 'header field topic of GetMaxOffsetRequestHeader is missing'],
    [
      headers.GetMaxOffsetRequestHeader,
      { topic: 'T', queueId: 'x' },
      'header field queueId of GetMaxOffsetRequestHeader is "x", expected an int',
    ],
    [headers.GetMaxOffsetRequestHeader, { topic: 'T', queueId: '2147483648' }, 'expected an int'],
    [headers.GetMaxOffsetRequestHeader, { topic: 'T', queueId: '' }, 'header field queueId of GetMaxOffsetRequestHeader is missing'],
    [headers.ViewMessageRequestHeader, { offset: '9223372036854775807' }, 'expected a long'],
    [headers.SearchOffsetRequestHeader, { topic: 'T', queueId: '0', timestamp: '9223372036854775808' }, 'expected a long'],
  ])('name the field that is wrong', (def, fields, message) => {
    expect(() => headers.readHeader(def as headers.HeaderDef, fields)).toThrow(message);
  });

  it('name the field of a send or pull that is wrong', () => {
    expect(() => headers.readSendHeader(310, null)).toThrow('header field a of SendMessageRequestHeader is missing');
    expect(() => headers.readPullHeader({})).toThrow('header field consumerGroup of PullMessageRequestHeader is missing');
  });

  it('read integers strictly, and all of them', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => parseInteger(String(value)) === (value === 0 ? 0 : value)));
    for (const text of ['', '-', '+', '1.0', '1e3', '0x1', ' 1', '1 ', '９', '9007199254740992', '12345678901234567']) {
      expect(parseInteger(text), text).toBeNaN();
    }
    expect(parseInteger('+5')).toBe(5);
    expect(Object.is(parseInteger('-0'), 0)).toBe(true);
  });
});

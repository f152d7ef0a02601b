/*
 * SEND_MESSAGE 10, SEND_MESSAGE_V2 310, SEND_BATCH_MESSAGE 320, SEND_REPLY_MESSAGE 324 and 325, CONSUMER_SEND_MSG_BACK 36,
 * END_TRANSACTION 37, RECALL_MESSAGE 370. V2 is the same header with names of one letter.
 */
import { RequestCode } from '../codes.js';
import { defineHeader, type FieldType, fieldError, type HeaderOf, parseInteger, RPC_FIELDS } from './definition.js';

export const SendMessageRequestHeader = defineHeader('SendMessageRequestHeader', {
  producerGroup: 'string!',
  topic: 'string!',
  defaultTopic: 'string!',
  defaultTopicQueueNums: 'int!',
  queueId: 'int!',
  sysFlag: 'int!',
  bornTimestamp: 'long!',
  flag: 'int!',
  properties: 'string',
  reconsumeTimes: 'int',
  unitMode: 'bool',
  batch: 'bool',
  maxReconsumeTimes: 'int',
  bname: 'string',
});
export type SendMessageRequestHeader = HeaderOf<typeof SendMessageRequestHeader>;

/** Names of the V2 form. */
const V2_NAMES = {
  producerGroup: 'a',
  topic: 'b',
  defaultTopic: 'c',
  defaultTopicQueueNums: 'd',
  queueId: 'e',
  sysFlag: 'f',
  bornTimestamp: 'g',
  flag: 'h',
  properties: 'i',
  reconsumeTimes: 'j',
  unitMode: 'k',
  maxReconsumeTimes: 'l',
  batch: 'm',
  bname: 'n',
} as const;

/** Codes whose header has the one-letter names. */
function isV2(code: number): boolean {
  return code === RequestCode.SEND_MESSAGE_V2 || code === RequestCode.SEND_BATCH_MESSAGE || code === RequestCode.SEND_REPLY_MESSAGE_V2;
}

type Fields = Readonly<Record<string, string | undefined>>;

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (value === undefined) {
    throw fieldError('SendMessageRequestHeader', key, 'string', undefined);
  }
  return value;
}

function integer(fields: Fields, key: string, type: FieldType): number {
  const value = fields[key];
  const parsed = value === undefined ? Number.NaN : parseInteger(value);
  if (type === 'int' ? (parsed | 0) !== parsed : Number.isNaN(parsed)) {
    throw fieldError('SendMessageRequestHeader', key, type, value);
  }
  return parsed;
}

function optionalInt(fields: Fields, key: string): number | undefined {
  const value = fields[key];
  return value === undefined || value === '' ? undefined : integer(fields, key, 'int');
}

function flagOf(value: string | undefined): boolean {
  return value !== undefined && (value === 'true' || value.toLowerCase() === 'true');
}

/**
 * The header of any send request, from either form. Hot: written out field by field.
 * @throws ProtocolError naming the field that is missing or malformed.
 */
export function readSendHeader(code: number, extFields: Readonly<Record<string, string>> | null): SendMessageRequestHeader {
  const fields: Fields = extFields ?? {};
  if (!isV2(code)) {
    return {
      producerGroup: text(fields, 'producerGroup'),
      topic: text(fields, 'topic'),
      defaultTopic: text(fields, 'defaultTopic'),
      defaultTopicQueueNums: integer(fields, 'defaultTopicQueueNums', 'int'),
      queueId: integer(fields, 'queueId', 'int'),
      sysFlag: integer(fields, 'sysFlag', 'int'),
      bornTimestamp: integer(fields, 'bornTimestamp', 'long'),
      flag: integer(fields, 'flag', 'int'),
      properties: fields.properties,
      reconsumeTimes: optionalInt(fields, 'reconsumeTimes'),
      unitMode: flagOf(fields.unitMode),
      batch: flagOf(fields.batch),
      maxReconsumeTimes: optionalInt(fields, 'maxReconsumeTimes'),
      bname: fields.bname,
    };
  }
  return {
    producerGroup: text(fields, 'a'),
    topic: text(fields, 'b'),
    defaultTopic: text(fields, 'c'),
    defaultTopicQueueNums: integer(fields, 'd', 'int'),
    queueId: integer(fields, 'e', 'int'),
    sysFlag: integer(fields, 'f', 'int'),
    bornTimestamp: integer(fields, 'g', 'long'),
    flag: integer(fields, 'h', 'int'),
    properties: fields.i,
    reconsumeTimes: optionalInt(fields, 'j'),
    unitMode: flagOf(fields.k),
    batch: flagOf(fields.m),
    maxReconsumeTimes: optionalInt(fields, 'l'),
    bname: fields.n,
  };
}

/** extFields of a send request in the form its code has. */
export function writeSendHeader(code: number, header: SendMessageRequestHeader): Record<string, string> {
  const v2 = isV2(code);
  const extFields: Record<string, string> = {};
  for (const { key } of SendMessageRequestHeader.list) {
    const value = header[key as keyof SendMessageRequestHeader];
    if (value !== undefined) {
      extFields[v2 ? V2_NAMES[key as keyof typeof V2_NAMES] : key] = String(value);
    }
  }
  return extFields;
}

export const SendMessageResponseHeader = defineHeader('SendMessageResponseHeader', {
  msgId: 'string!',
  queueId: 'int!',
  queueOffset: 'long!',
  transactionId: 'string',
  batchUniqId: 'string',
  recallHandle: 'string',
  MSG_REGION: 'string',
  TRACE_ON: 'string',
});
export type SendMessageResponseHeader = HeaderOf<typeof SendMessageResponseHeader>;

export const ConsumerSendMsgBackRequestHeader = defineHeader('ConsumerSendMsgBackRequestHeader', {
  offset: 'long!',
  group: 'string!',
  delayLevel: 'int!',
  originMsgId: 'string',
  originTopic: 'string',
  unitMode: 'bool',
  maxReconsumeTimes: 'int',
  ...RPC_FIELDS,
});

export const EndTransactionRequestHeader = defineHeader('EndTransactionRequestHeader', {
  topic: 'string',
  producerGroup: 'string!',
  tranStateTableOffset: 'long!',
  commitLogOffset: 'long!',
  commitOrRollback: 'int!',
  fromTransactionCheck: 'bool',
  msgId: 'string!',
  transactionId: 'string',
  ...RPC_FIELDS,
});

export const RecallMessageRequestHeader = defineHeader('RecallMessageRequestHeader', {
  producerGroup: 'string',
  topic: 'string!',
  recallHandle: 'string!',
  ...RPC_FIELDS,
});
export const RecallMessageResponseHeader = defineHeader('RecallMessageResponseHeader', { msgId: 'string!' });

export const ReplyMessageRequestHeader = defineHeader('ReplyMessageRequestHeader', {
  producerGroup: 'string!',
  topic: 'string!',
  defaultTopic: 'string!',
  defaultTopicQueueNums: 'int!',
  queueId: 'int!',
  sysFlag: 'int!',
  bornTimestamp: 'long!',
  flag: 'int!',
  properties: 'string',
  reconsumeTimes: 'int',
  unitMode: 'bool',
  bornHost: 'string!',
  storeHost: 'string!',
  storeTimestamp: 'long!',
});

/* PULL_MESSAGE 11, LITE_PULL_MESSAGE 361, QUERY_MESSAGE 12, VIEW_MESSAGE_BY_ID 33. */
import { defineHeader, fieldError, type HeaderOf, parseInteger, RPC_FIELDS, readHeader } from './definition.js';

export const PullMessageRequestHeader = defineHeader('PullMessageRequestHeader', {
  consumerGroup: 'string!',
  topic: 'string!',
  queueId: 'int!',
  queueOffset: 'long!',
  maxMsgNums: 'int!',
  sysFlag: 'int!',
  commitOffset: 'long!',
  suspendTimeoutMillis: 'long!',
  subscription: 'string',
  subVersion: 'bigLong!',
  expressionType: 'string',
  maxMsgBytes: 'int',
  requestSource: 'int',
  proxyFrowardClientId: 'string',
  ...RPC_FIELDS,
});
export type PullMessageRequestHeader = HeaderOf<typeof PullMessageRequestHeader>;

const HEADER = 'PullMessageRequestHeader';
type Fields = Readonly<Record<string, string | undefined>>;

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (value === undefined) {
    throw fieldError(HEADER, key, 'string', undefined);
  }
  return value;
}

function int(fields: Fields, key: string): number {
  const value = fields[key];
  const parsed = value === undefined ? Number.NaN : parseInteger(value);
  if ((parsed | 0) !== parsed) {
    throw fieldError(HEADER, key, 'int', value);
  }
  return parsed;
}

function long(fields: Fields, key: string): number {
  const value = fields[key];
  const parsed = value === undefined ? Number.NaN : parseInteger(value);
  if (Number.isNaN(parsed)) {
    throw fieldError(HEADER, key, 'long', value);
  }
  return parsed;
}

/** The header of a pull request. Hot: the usual fields are written out; the rare ones take the general reader. */
export function readPullHeader(extFields: Readonly<Record<string, string>> | null): PullMessageRequestHeader {
  const fields: Fields = extFields ?? {};
  const subVersion = parseInteger(fields.subVersion ?? '');
  if (Number.isNaN(subVersion) || fields.maxMsgBytes === '' || fields.requestSource === '') {
    return readHeader(PullMessageRequestHeader, extFields);
  }
  return {
    consumerGroup: text(fields, 'consumerGroup'),
    topic: text(fields, 'topic'),
    queueId: int(fields, 'queueId'),
    queueOffset: long(fields, 'queueOffset'),
    maxMsgNums: int(fields, 'maxMsgNums'),
    sysFlag: int(fields, 'sysFlag'),
    commitOffset: long(fields, 'commitOffset'),
    suspendTimeoutMillis: long(fields, 'suspendTimeoutMillis'),
    subscription: fields.subscription,
    subVersion,
    expressionType: fields.expressionType,
    maxMsgBytes: fields.maxMsgBytes === undefined ? undefined : int(fields, 'maxMsgBytes'),
    requestSource: fields.requestSource === undefined ? undefined : int(fields, 'requestSource'),
    proxyFrowardClientId: fields.proxyFrowardClientId,
    bname: fields.bname,
    lo: fields.lo === undefined ? undefined : fields.lo.toLowerCase() === 'true',
  };
}

export const PullMessageResponseHeader = defineHeader('PullMessageResponseHeader', {
  suggestWhichBrokerId: 'long!',
  nextBeginOffset: 'long!',
  minOffset: 'long!',
  maxOffset: 'long!',
  offsetDelta: 'long',
  topicSysFlag: 'int',
  groupSysFlag: 'int',
  forbiddenType: 'int',
});
export type PullMessageResponseHeader = HeaderOf<typeof PullMessageResponseHeader>;

export const QueryMessageRequestHeader = defineHeader('QueryMessageRequestHeader', {
  topic: 'string!',
  key: 'string!',
  maxNum: 'int!',
  beginTimestamp: 'bigLong!',
  endTimestamp: 'bigLong!',
  indexType: 'string',
  lastKey: 'string',
  /** Sent beside the header class: the key is a UNIQ_KEY. */
  _UNIQUE_KEY_QUERY: 'bool',
  ...RPC_FIELDS,
});
export const QueryMessageResponseHeader = defineHeader('QueryMessageResponseHeader', {
  indexLastUpdateTimestamp: 'long!',
  indexLastUpdatePhyoffset: 'long!',
});

export const ViewMessageRequestHeader = defineHeader('ViewMessageRequestHeader', { topic: 'string', offset: 'long!' });

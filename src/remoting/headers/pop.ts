/* POP consumption: POP_MESSAGE 200050, ACK_MESSAGE 200051, PEEK_MESSAGE 200052, CHANGE_MESSAGE_INVISIBLETIME 200053, NOTIFICATION 200054, POLLING_INFO 200055. */
import { defineHeader, type HeaderOf, RPC_FIELDS } from './definition.js';

const GROUP_QUEUE = { consumerGroup: 'string!', topic: 'string!', queueId: 'int!' } as const;

export const PopMessageRequestHeader = defineHeader('PopMessageRequestHeader', {
  ...GROUP_QUEUE,
  maxMsgNums: 'int!',
  invisibleTime: 'long!',
  pollTime: 'long!',
  bornTime: 'long!',
  initMode: 'int!',
  expType: 'string',
  exp: 'string',
  order: 'bool',
  attemptId: 'string',
  ...RPC_FIELDS,
});
export type PopMessageRequestHeader = HeaderOf<typeof PopMessageRequestHeader>;

export const PopMessageResponseHeader = defineHeader('PopMessageResponseHeader', {
  popTime: 'long!',
  invisibleTime: 'long!',
  reviveQid: 'int!',
  restNum: 'long!',
  startOffsetInfo: 'string',
  msgOffsetInfo: 'string',
  orderCountInfo: 'string',
});
export type PopMessageResponseHeader = HeaderOf<typeof PopMessageResponseHeader>;

export const AckMessageRequestHeader = defineHeader('AckMessageRequestHeader', {
  ...GROUP_QUEUE,
  extraInfo: 'string!',
  offset: 'long!',
  ...RPC_FIELDS,
});
export type AckMessageRequestHeader = HeaderOf<typeof AckMessageRequestHeader>;

export const ChangeInvisibleTimeRequestHeader = defineHeader('ChangeInvisibleTimeRequestHeader', {
  ...GROUP_QUEUE,
  extraInfo: 'string!',
  offset: 'long!',
  invisibleTime: 'long!',
  ...RPC_FIELDS,
});
export const ChangeInvisibleTimeResponseHeader = defineHeader('ChangeInvisibleTimeResponseHeader', {
  popTime: 'long!',
  invisibleTime: 'long!',
  reviveQid: 'int!',
});

export const PeekMessageRequestHeader = defineHeader('PeekMessageRequestHeader', { ...GROUP_QUEUE, maxMsgNums: 'int!', ...RPC_FIELDS });

export const NotificationRequestHeader = defineHeader('NotificationRequestHeader', {
  ...GROUP_QUEUE,
  pollTime: 'long!',
  bornTime: 'long!',
  order: 'bool',
  attemptId: 'string',
  ...RPC_FIELDS,
});

export const PollingInfoRequestHeader = defineHeader('PollingInfoRequestHeader', { ...GROUP_QUEUE, ...RPC_FIELDS });

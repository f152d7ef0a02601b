import { getProperty, MessageConst } from '../../../src/common/message/properties.js';
import { encodePopReceipt, retryFlagOf, storedTopicOf } from '../../../src/common/pop.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { messagesOf, type RawClient } from '../kit.js';

/** A popped message, as a consumer sees it. */
export interface Popped {
  body: string;
  topic: string;
  queueId: number;
  queueOffset: number;
  reconsumeTimes: number;
  receipt: string;
  properties: string;
}

export interface PopOptions {
  topic: string;
  group?: string;
  queueId?: number;
  maxMsgNums?: number;
  invisibleMs?: number;
  pollMs?: number;
  initMode?: number;
  fields?: Record<string, string>;
}

export function popRaw(client: RawClient, options: PopOptions): Promise<RemotingCommand> {
  const { topic, group = 'PG', queueId = -1, maxMsgNums = 32, invisibleMs = 30_000, pollMs = 0, initMode = 0 } = options;
  return client.invoke(RequestCode.POP_MESSAGE, {
    ...{ consumerGroup: group, topic, queueId: String(queueId), maxMsgNums: String(maxMsgNums), invisibleTime: String(invisibleMs) },
    ...{ pollTime: String(pollMs), bornTime: '0', initMode: String(initMode), expType: 'TAG', exp: '*', order: 'false' },
    ...options.fields,
  });
}

export async function pop(client: RawClient, options: PopOptions): Promise<Popped[]> {
  return poppedOf(await popRaw(client, options), options.group ?? 'PG');
}

/** Looks at what a pop would get. */
export function peek(client: RawClient, { topic, group = 'PG', queueId = -1, maxMsgNums = 32 }: PopOptions): Promise<RemotingCommand> {
  const fields = { consumerGroup: group, topic, queueId: String(queueId), maxMsgNums: String(maxMsgNums) };
  return client.invoke(RequestCode.PEEK_MESSAGE, fields);
}

/** Asks to be told of messages. */
export function notify(client: RawClient, { topic, group = 'PG', queueId = -1, pollMs = 0, fields }: PopOptions): Promise<RemotingCommand> {
  return client.invoke(RequestCode.NOTIFICATION, {
    ...{ consumerGroup: group, topic, queueId: String(queueId), pollTime: String(pollMs), bornTime: '0' },
    ...fields,
  });
}

/** The messages of an answer with their receipts, made as Java's client makes them. */
export function poppedOf(answer: RemotingCommand, group: string): Popped[] {
  const { popTime, invisibleTime, reviveQid, startOffsetInfo = '' } = answer.extFields ?? {};
  const starts = new Map(startOffsetInfo.split(';').map((part) => [part.slice(0, part.lastIndexOf(' ')), Number(part.split(' ')[2])]));
  return messagesOf(answer).map((message) => {
    const { topic, queueId, queueOffset, properties, reconsumeTimes } = message;
    const own = getProperty(properties, MessageConst.POP_CK);
    const receipt =
      own ??
      encodePopReceipt({
        startOffset: starts.get(`${retryFlagOf(topic)} ${queueId}`)!,
        popTime: Number(popTime),
        invisibleTime: Number(invisibleTime),
        reviveQid: Number(reviveQid),
        retryFlag: retryFlagOf(topic),
        brokerName: 'broker-a',
        queueId,
        queueOffset,
      });
    const storedTopic = storedTopicOf(topic, group, receipt.split(' ')[4]!);
    return { body: message.body.toString(), topic: storedTopic, queueId, queueOffset, reconsumeTimes, receipt, properties };
  });
}

export function ackRaw(client: RawClient, message: Popped, group = 'PG', fields: Record<string, string> = {}): Promise<RemotingCommand> {
  const { topic, queueId, queueOffset, receipt } = message;
  return client.invoke(RequestCode.ACK_MESSAGE, {
    ...{ consumerGroup: group, topic, queueId: String(queueId), offset: String(queueOffset), extraInfo: receipt },
    ...fields,
  });
}

/** Acknowledges, and throws unless that succeeds. */
export async function ack(client: RawClient, messages: readonly Popped[], group = 'PG'): Promise<void> {
  for (const message of messages) {
    const answer = await ackRaw(client, message, group);
    if (answer.code !== 0) throw new Error(`ack of ${message.body}: ${answer.code} ${answer.remark}`);
  }
}

/** Keeps a message invisible for longer; the message with its new receipt. */
export async function changeInvisible(client: RawClient, message: Popped, invisibleMs: number, group = 'PG'): Promise<Popped> {
  const { topic, queueId, queueOffset, receipt } = message;
  const answer = await client.invoke(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, {
    ...{ consumerGroup: group, topic, queueId: String(queueId), offset: String(queueOffset), extraInfo: receipt },
    invisibleTime: String(invisibleMs),
  });
  if (answer.code !== 0) throw new Error(`change of ${message.body}: ${answer.code} ${answer.remark}`);
  const { popTime, invisibleTime, reviveQid } = answer.extFields!;
  const [, , , , flag, brokerName] = receipt.split(' ');
  return { ...message, receipt: `${queueOffset} ${popTime} ${invisibleTime} ${reviveQid} ${flag} ${brokerName} ${queueId} ${queueOffset}` };
}

export async function sendAll(client: RawClient, topic: string, bodies: readonly string[], properties = {}): Promise<void> {
  for (const [i, body] of bodies.entries()) {
    const answer = await client.send({ topic, body, queueId: i % 4, properties });
    if (answer.code !== 0) throw new Error(`send of ${body}: ${answer.code} ${answer.remark}`);
  }
}

export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

import { ProtocolError } from '../../common/errors.js';
import { formatHostAddress } from '../../common/host.js';
import { type MessageExt, toMessageExt } from '../../common/message/message.js';
import { encodeOffsetMsgId } from '../../common/message/message-id.js';
import { behindUnreadable, decodeRecord, decodeRecords, type MessageRecord } from '../../common/message/record.js';
import { clearCompressed } from '../../common/sys-flag.js';
import type { PulledMessage } from '../consumer/pulled-message.js';

/** A stored message as the administration shows it. */
export interface MessageView {
  /** The client's unique id; the broker's where the sender set none. */
  readonly msgId: string;
  readonly offsetMsgId: string;
  readonly topic: string;
  readonly tags: string | null;
  readonly keys: string | null;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
  readonly reconsumeTimes: number;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
  readonly bornHost: string;
  readonly storeHost: string;
  readonly sysFlag: number;
  readonly flag: number;
  readonly bodyCrc: number;
  readonly storeSize: number;
  readonly preparedTransactionOffset: number;
  readonly brokerName?: string;
  readonly properties: Readonly<Record<string, string>>;
  /** The body, decompressed where its codec is there (`sysFlag` then has no compression bits); base64 in JSON. */
  readonly body: Buffer;
}

/** The messages in the body of an answer. @throws ProtocolError when one cannot be read */
export function messagesIn(body: Buffer, brokerName?: string): MessageView[] {
  const options = brokerName === undefined ? {} : { brokerName };
  return decodeRecords(body).map((record) => messageView(openMessage(record, options)));
}

/** Those in a page that can be read, and what is wrong with the others. */
export function readableMessagesIn(body: Buffer, brokerName?: string): { messages: MessageView[]; unreadable: ProtocolError[] } {
  const options = brokerName === undefined ? {} : { brokerName };
  const messages: MessageView[] = [];
  const unreadable: ProtocolError[] = [];
  for (let position = 0; position < body.length; ) {
    try {
      const record = decodeRecord(body, position);
      messages.push(messageView(openMessage(record, options)));
      position += record.totalSize;
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      unreadable.push(error);
      position = behindUnreadable(body, position);
    }
  }
  return { messages, unreadable };
}

/** A body that cannot be inflated here is shown as it is stored: the rest of the message is still worth seeing. */
function openMessage(record: MessageRecord, options: { brokerName?: string }): MessageExt {
  try {
    return toMessageExt(record, options);
  } catch (error) {
    if (error instanceof ProtocolError) {
      return { ...toMessageExt({ ...record, sysFlag: clearCompressed(record.sysFlag) }, options), sysFlag: record.sysFlag };
    }
    throw error;
  }
}

/** A pulled message; a body that cannot be inflated is shown as it is stored. */
export function pulledView(message: PulledMessage): MessageView {
  try {
    return messageView(message);
  } catch (error) {
    if (error instanceof ProtocolError) {
      return messageView(message, { body: message.storedBody, sysFlag: message.storedSysFlag });
    }
    throw error;
  }
}

function messageView(message: MessageExt, content: { readonly body: Buffer; readonly sysFlag: number } = message): MessageView {
  const { properties } = message;
  const offsetMsgId = encodeOffsetMsgId(message.storeHost, message.commitLogOffset);
  return {
    msgId: properties.get('UNIQ_KEY') ?? offsetMsgId,
    offsetMsgId,
    topic: message.topic,
    tags: properties.get('TAGS') ?? null,
    keys: properties.get('KEYS') ?? null,
    queueId: message.queueId,
    queueOffset: message.queueOffset,
    commitLogOffset: message.commitLogOffset,
    reconsumeTimes: message.reconsumeTimes,
    bornTimestamp: message.bornTimestamp,
    storeTimestamp: message.storeTimestamp,
    bornHost: formatHostAddress(message.bornHost),
    storeHost: formatHostAddress(message.storeHost),
    sysFlag: content.sysFlag,
    flag: message.flag,
    bodyCrc: message.bodyCrc,
    storeSize: message.totalSize,
    preparedTransactionOffset: message.preparedTransactionOffset,
    ...(message.brokerName === undefined ? {} : { brokerName: message.brokerName }),
    properties: Object.fromEntries(properties),
    body: content.body,
  };
}

import { ProtocolError } from '../../common/errors.js';
import { MessageConst } from '../../common/message/properties.js';
import { decodePopReceipt, type PopReceipt, retryFlagOf } from '../../common/pop.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { PopMessageResponseHeader, readHeader } from '../../remoting/headers/index.js';
import { type PulledMessage, readPulledMessages } from './pulled-message.js';

type Header = Pick<PopReceipt, 'popTime' | 'invisibleTime' | 'reviveQid'> & { readonly startOffsetInfo?: string | undefined };

/** A popped message with what it takes to acknowledge it. */
export interface PoppedMessage {
  readonly message: PulledMessage;
  readonly receipt: PopReceipt;
}

/**
 * The messages of an answer to POP_MESSAGE. Those from a retry topic bring their receipt along; that of the others is made of the answer's fields.
 * @param unreadable gets what is wrong with messages that cannot be read or have no receipt; those are left out, and come again.
 * @throws ProtocolError when fields of the answer are missing
 */
export function readPoppedMessages(response: RemotingCommand, brokerName: string, unreadable: ProtocolError[]): PoppedMessage[] {
  const header = readHeader(PopMessageResponseHeader, response.extFields);
  const starts = startOffsets(header.startOffsetInfo ?? '');
  const popped: PoppedMessage[] = [];
  for (const message of readPulledMessages(response.body ?? Buffer.alloc(0), brokerName, 0, unreadable)) {
    try {
      popped.push({ message, receipt: receiptOf(message, header, starts) });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      unreadable.push(error);
    }
  }
  return popped;
}

/** A receipt of another pop is a property that was copied or made up: the message has none then. */
function receiptOf(message: PulledMessage, header: Header, starts: ReadonlyMap<string, number>): PopReceipt {
  const { popTime, invisibleTime, reviveQid, startOffsetInfo } = header;
  const { queueId, queueOffset, storedTopic, brokerName } = message;
  const own = message.property(MessageConst.POP_CK);
  if (own?.split(' ')[1] === String(popTime)) return decodePopReceipt(own);
  const retryFlag = retryFlagOf(storedTopic);
  const startOffset = starts.get(`${retryFlag} ${queueId}`);
  if (startOffset === undefined) {
    throw new ProtocolError(`the answer to a pop has a message of queue ${queueId} and no start offset for it: ${startOffsetInfo}`);
  }
  return { startOffset, popTime, invisibleTime, reviveQid, retryFlag, brokerName, queueId, queueOffset };
}

/** `flag queueId startOffset;…` by flag and queue. */
function startOffsets(info: string): Map<string, number> {
  const starts = new Map<string, number>();
  for (const part of info.split(';')) {
    const [flag, queueId, startOffset] = part.split(' ');
    if (startOffset !== undefined) starts.set(`${flag} ${queueId}`, Number(startOffset));
  }
  return starts;
}

/** When the message may be handed out to somebody else, ms. */
export function visibleAtMs({ popTime, invisibleTime }: PopReceipt): number {
  return popTime + invisibleTime;
}

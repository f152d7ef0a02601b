import { ProtocolError } from '../../common/errors.js';
import { MessageConst } from '../../common/message/properties.js';
import { decodePopReceipt, type PopReceipt, retryFlagOf } from '../../common/pop.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { PopMessageResponseHeader, readHeader } from '../../remoting/headers/index.js';
import { type PulledMessage, readPulledMessages } from './pulled-message.js';

/** A popped message with what it takes to acknowledge it. */
export interface PoppedMessage {
  readonly message: PulledMessage;
  readonly receipt: PopReceipt;
}

/**
 * The messages of an answer to POP_MESSAGE. Those from a retry topic bring their receipt along; that of the others is made of the answer's fields.
 * @throws ProtocolError when fields and messages do not fit
 */
export function readPoppedMessages(response: RemotingCommand, brokerName: string): PoppedMessage[] {
  const { popTime, invisibleTime, reviveQid, startOffsetInfo } = readHeader(PopMessageResponseHeader, response.extFields);
  const starts = startOffsets(startOffsetInfo ?? '');
  return readPulledMessages(response.body ?? Buffer.alloc(0), brokerName).map((message) => {
    const own = message.property(MessageConst.POP_CK);
    if (own !== undefined) return { message, receipt: decodePopReceipt(own) };
    const { queueId, queueOffset, storedTopic } = message;
    const retryFlag = retryFlagOf(storedTopic);
    const startOffset = starts.get(`${retryFlag} ${queueId}`);
    if (startOffset === undefined) {
      throw new ProtocolError(`the answer to a pop has a message of queue ${queueId} and no start offset for it: ${startOffsetInfo}`);
    }
    return { message, receipt: { startOffset, popTime, invisibleTime, reviveQid, retryFlag, brokerName, queueId, queueOffset } };
  });
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

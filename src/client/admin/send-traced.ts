import { type Clock, systemClock } from '../../common/clock.js';
import { MQError, PartialError } from '../../common/errors.js';
import { formatHostAddress } from '../../common/host.js';
import { splitKeys } from '../../common/message/message.js';
import { decodeOffsetMsgId } from '../../common/message/message-id.js';
import { RMQ_SYS_TRACE_TOPIC } from '../../common/topic-names.js';
import type { SendResult } from '../types.js';
import type { AdminClient } from './admin-client.js';
import { type SendMessageRequest, sendMessage, TOOLS_PRODUCER_GROUP } from './send-message.js';

const FIELD_END = '\u0001';
const RECORD_END = '\u0002';
/** Ordinal of a normal message among the message types. */
const NORMAL_MSG = 0;

/**
 * Sends a message and then the trace record that says so, for `queryMsgTraceById`.
 * @throws PartialError when the message was stored and its trace was not.
 */
export async function sendTraced(admin: AdminClient, request: SendMessageRequest, clock: Clock = systemClock): Promise<SendResult> {
  const begin = clock.nowMs();
  const result = await sendMessage(admin, request);
  if (!result.traceOn) {
    return result;
  }
  const { message } = request;
  const keys = typeof message.keys === 'string' ? splitKeys(message.keys) : (message.keys ?? []);
  const record = [
    'Pub',
    begin,
    result.regionId,
    TOOLS_PRODUCER_GROUP,
    message.topic,
    result.msgId,
    message.tags ?? 'null',
    keys.length === 0 ? 'null' : keys.join(' '),
    formatHostAddress(decodeOffsetMsgId(result.offsetMsgId).host),
    message.body.length,
    clock.nowMs() - begin,
    NORMAL_MSG,
    result.offsetMsgId,
    true,
  ].join(FIELD_END);
  try {
    await sendMessage(admin, {
      message: { topic: RMQ_SYS_TRACE_TOPIC, body: Buffer.from(record + RECORD_END, 'utf8'), keys: [result.msgId, ...keys] },
      producerGroup: `_INNER_TRACE_PRODUCER-${TOOLS_PRODUCER_GROUP}-PRODUCE-1`,
    });
  } catch (error) {
    if (!(error instanceof MQError)) {
      throw error;
    }
    throw new PartialError(`message ${result.msgId} was stored, but its trace was not: ${error.message}`, {
      context: { result },
      cause: error,
      hint: `the broker may need traceTopicEnable=true for ${RMQ_SYS_TRACE_TOPIC}`,
    });
  }
  return result;
}

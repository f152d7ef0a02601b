import { type Clock, systemClock } from '../../common/clock.js';
import { MQError, PartialError } from '../../common/errors.js';
import { formatHostAddress } from '../../common/host.js';
import { splitKeys } from '../../common/message/message.js';
import { decodeOffsetMsgId } from '../../common/message/message-id.js';
import { RMQ_SYS_TRACE_TOPIC } from '../../common/topic-names.js';
import { encodeTraceRecord, TraceMessageType } from '../trace/trace-record.js';
import type { SendResult } from '../types.js';
import type { AdminClient } from './admin-client.js';
import { type SendMessageRequest, sendMessage, TOOLS_PRODUCER_GROUP } from './send-message.js';

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
  const record = encodeTraceRecord({
    traceType: 'Pub',
    timestamp: begin,
    regionId: result.regionId,
    groupName: TOOLS_PRODUCER_GROUP,
    topic: message.topic,
    msgId: result.msgId,
    tags: message.tags ?? null,
    keys: keys.length === 0 ? null : keys.join(' '),
    storeHost: formatHostAddress(decodeOffsetMsgId(result.offsetMsgId).host),
    bodyLength: message.body.length,
    costTime: clock.nowMs() - begin,
    msgType: TraceMessageType.NORMAL,
    offsetMsgId: result.offsetMsgId,
    success: true,
  });
  try {
    await sendMessage(admin, {
      message: { topic: RMQ_SYS_TRACE_TOPIC, body: Buffer.from(record, 'utf8'), keys: [result.msgId, ...keys] },
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

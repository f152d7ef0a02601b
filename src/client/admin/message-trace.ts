import { RMQ_SYS_TRACE_TOPIC } from '../../common/topic-names.js';
import { decodeTraceRecords, type TraceRecord } from '../trace/trace-record.js';
import type { AdminClient } from './admin-client.js';
import { queryByKey } from './query-message.js';

export interface MessageTraceRequest {
  readonly msgId: string;
  readonly traceTopic?: string | undefined;
  /** Store time of the trace, ms. */
  readonly begin?: bigint | undefined;
  readonly end?: bigint | undefined;
  /** Messages of the trace topic that a broker looks for, at most; each holds records of several messages. */
  readonly maxNum?: number;
}

/** A record of the trace, and the address of the client that wrote it, without port. */
export type MessageTrace = TraceRecord & { readonly clientHost: string };

/**
 * What clients wrote about a message into the trace topic, in the order it was stored.
 * @throws NotFoundError when the trace topic has no message with that id as key.
 */
export async function messageTrace(admin: AdminClient, request: MessageTraceRequest): Promise<MessageTrace[]> {
  const { msgId, traceTopic = RMQ_SYS_TRACE_TOPIC, maxNum, begin, end } = request;
  const messages = await queryByKey(admin, {
    topic: traceTopic,
    key: msgId,
    ...(maxNum === undefined ? {} : { maxNum }),
    ...(begin === undefined ? {} : { begin }),
    ...(end === undefined ? {} : { end }),
  });
  return messages.flatMap((message) => {
    const clientHost = message.bornHost.slice(0, message.bornHost.lastIndexOf(':'));
    const records = decodeTraceRecords(message.body.toString('utf8'));
    return records.filter((record) => record.msgId === msgId).map((record) => ({ ...record, clientHost }));
  });
}

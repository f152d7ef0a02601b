/* Assignment of queues by the broker (400), and the request mode of a group on a topic (401, 402). */
import {
  decodeMessageQueue,
  encodeMap,
  integer,
  type MessageQueue,
  objectMap,
  objects,
  optionalObject,
  parseBody,
  queueKey,
  text,
  writeBody,
} from './reader.js';
import type { MessageModel } from './subscription.js';

/** How a group's members get the messages of a topic. */
export type MessageRequestMode = 'PULL' | 'POP';

/** Body of SET_MESSAGE_REQUEST_MODE (401); its answer is empty. */
export interface SetMessageRequestModeRequestBody {
  topic: string;
  consumerGroup: string;
  mode: MessageRequestMode;
  /** POP: members that share a queue beside its owner; 0 and below: all members share all queues. */
  popShareQueueNum: number;
}

function toRequestMode(object: ReturnType<typeof parseBody>): SetMessageRequestModeRequestBody {
  return {
    topic: text(object, 'topic'),
    consumerGroup: text(object, 'consumerGroup'),
    mode: text(object, 'mode', 'PULL') as MessageRequestMode,
    popShareQueueNum: integer(object, 'popShareQueueNum'),
  };
}

export function decodeSetMessageRequestModeRequestBody(body: Uint8Array | null): SetMessageRequestModeRequestBody {
  return toRequestMode(parseBody(body, 'SetMessageRequestModeRequestBody'));
}

export function encodeSetMessageRequestModeRequestBody(body: SetMessageRequestModeRequestBody): Buffer {
  return writeBody(body);
}

/** Modes by topic, then by group: the answer of GET_ALL_MESSAGE_REQUEST_MODE (402), and messageRequestMode.json. */
export type MessageRequestModeMap = Map<string, Map<string, SetMessageRequestModeRequestBody>>;

export function toMessageRequestModeMap(object: ReturnType<typeof parseBody>): MessageRequestModeMap {
  const topics = optionalObject(object, 'messageRequestModeMap') ?? {};
  return new Map(Object.keys(topics).map((topic) => [topic, objectMap(topics, topic, toRequestMode)]));
}

export function decodeMessageRequestModes(body: Uint8Array | null): MessageRequestModeMap {
  return toMessageRequestModeMap(parseBody(body, 'MessageRequestModeSerializeWrapper'));
}

/** The table as `stringifyFastjson` wants it. */
export function messageRequestModes(modes: MessageRequestModeMap): { messageRequestModeMap: unknown } {
  return { messageRequestModeMap: encodeMap(modes, (groups) => encodeMap(groups, (mode) => mode)) };
}

/** Body of QUERY_ASSIGNMENT (400). */
export interface QueryAssignmentRequestBody {
  topic: string;
  consumerGroup: string;
  clientId: string;
  /** A strategy's name: `AVG` or `AVG_BY_CIRCLE`. */
  strategyName: string;
  messageModel: MessageModel;
}

export function decodeQueryAssignmentRequestBody(body: Uint8Array | null): QueryAssignmentRequestBody {
  const object = parseBody(body, 'QueryAssignmentRequestBody');
  return {
    topic: text(object, 'topic'),
    consumerGroup: text(object, 'consumerGroup'),
    clientId: text(object, 'clientId'),
    strategyName: text(object, 'strategyName'),
    messageModel: text(object, 'messageModel', 'CLUSTERING') as MessageModel,
  };
}

export function encodeQueryAssignmentRequestBody(body: QueryAssignmentRequestBody): Buffer {
  return writeBody(body);
}

/** A queue of a member; in POP mode `queueId` −1 is any queue of that broker. */
export interface MessageQueueAssignment {
  messageQueue: MessageQueue;
  mode: MessageRequestMode;
}

/** The answer of QUERY_ASSIGNMENT; null when the broker cannot say: the client keeps what it has. */
export function decodeQueryAssignmentResponseBody(body: Uint8Array | null): MessageQueueAssignment[] | null {
  const object = parseBody(body, 'QueryAssignmentResponseBody');
  const { messageQueueAssignments } = object;
  if (messageQueueAssignments === undefined || messageQueueAssignments === null) return null;
  return objects(object, 'messageQueueAssignments', (item) => ({
    messageQueue: decodeMessageQueue(optionalObject(item, 'messageQueue') ?? {}),
    mode: text(item, 'mode', 'PULL') as MessageRequestMode,
  }));
}

export function encodeQueryAssignmentResponseBody(assignments: readonly MessageQueueAssignment[] | null): Buffer {
  if (assignments === null) return writeBody({});
  return writeBody({
    messageQueueAssignments: assignments.map(({ messageQueue, mode }) => ({ messageQueue: queueKey(messageQueue), mode })),
  });
}

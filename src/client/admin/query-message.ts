import { MQError, NotFoundError, ProtocolError, UsageError } from '../../common/errors.js';
import { formatHostAddress } from '../../common/host.js';
import { decodeOffsetMsgId } from '../../common/message/message-id.js';
import { TOOLS_CONSUMER_GROUP } from '../../common/topic-names.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, requireAll } from './fan-out.js';
import { type MessageView, messagesIn } from './message-view.js';
import { masterAddrs } from './topic-list.js';

/** Largest Java long: no end. */
export const NO_END = 9223372036854775807n;

export interface QueryByKeyRequest {
  readonly topic: string;
  readonly key: string;
  readonly maxNum?: number;
  /** Store time, ms. */
  readonly begin?: bigint;
  readonly end?: bigint;
  /** The key is a client's unique id. */
  readonly uniqueKey?: boolean;
  /** Name whose route says which brokers to ask. */
  readonly routeTopic?: string | undefined;
}

/** Messages of a topic that carry a key, oldest first. @throws NotFoundError when there is none. */
export async function queryByKey(admin: AdminClient, request: QueryByKeyRequest): Promise<MessageView[]> {
  const { topic, key, uniqueKey = false } = request;
  const addrs = masterAddrs(await admin.route(request.routeTopic ?? topic));
  const extFields = {
    topic,
    key,
    maxNum: String(request.maxNum ?? 64),
    beginTimestamp: String(request.begin ?? 0n),
    endTimestamp: String(request.end ?? NO_END),
    _UNIQUE_KEY_QUERY: String(uniqueKey),
  };
  const results = await askAll(addrs, async (addr) => {
    const response = await admin.ask(addr, { code: RequestCode.QUERY_MESSAGE, extFields }, [ResponseCode.QUERY_NOT_FOUND]);
    return response.code === ResponseCode.SUCCESS ? messagesIn(bodyOf(response)) : [];
  });
  // The index knows hashes; the message itself says whether the key is meant.
  const found = results.flatMap(({ value }) => value ?? []).filter((message) => message.topic === topic && hasKey(message, key, uniqueKey));
  found.sort((a, b) => a.storeTimestamp - b.storeTimestamp || a.commitLogOffset - b.commitLogOffset);
  requireAll(results, `query of key ${key}`, found.length === 0 ? undefined : { messages: found });
  if (found.length === 0) {
    throw noMessage(`no message of topic ${topic} has the ${uniqueKey ? 'msgId' : 'key'} ${key}`);
  }
  return found;
}

function hasKey(message: MessageView, key: string, uniqueKey: boolean): boolean {
  return uniqueKey ? message.msgId === key : (message.keys ?? '').split(' ').includes(key) || message.msgId === key;
}

function noMessage(text: string): NotFoundError {
  return new NotFoundError(text, {
    code: 'NO_MESSAGE',
    hint: 'it may have been deleted by age, or not been stored there',
    context: { responseCode: ResponseCode.NO_MESSAGE },
  });
}

/** One message by the broker's id or the client's. */
export async function queryById(
  admin: AdminClient,
  request: { topic: string; msgId: string; routeTopic?: string | undefined },
): Promise<MessageView> {
  const { topic, msgId, routeTopic } = request;
  const at = offsetIdTarget(msgId);
  let failure: MQError | null = null;
  if (at !== null) {
    try {
      const response = await admin.ask(at.addr, { code: RequestCode.VIEW_MESSAGE_BY_ID, extFields: { offset: String(at.offset), topic } });
      const [message] = messagesIn(bodyOf(response));
      if (message?.topic === topic) {
        return message;
      }
    } catch (error) {
      if (!(error instanceof MQError) || error.category === 'denied') {
        throw error;
      }
      // A client's id can have the same form; the address in it is then no broker's, and the index decides.
      failure = error;
    }
  }
  try {
    const [message] = await queryByKey(admin, { topic, key: msgId, uniqueKey: true, routeTopic });
    return message!;
  } catch (error) {
    throw error instanceof NotFoundError && failure?.category === 'connect' ? failure : error;
  }
}

/** Where a broker's id points to; null when the id is none. */
function offsetIdTarget(msgId: string): { addr: string; offset: number } | null {
  try {
    const { host, commitLogOffset } = decodeOffsetMsgId(msgId);
    return host.port === 0 ? null : { addr: formatHostAddress(host), offset: commitLogOffset };
  } catch (error) {
    if (error instanceof ProtocolError) {
      return null;
    }
    throw error;
  }
}

/** The message at one position of a queue. @throws NotFoundError when there is none. */
export async function queryByOffset(
  admin: AdminClient,
  request: { topic: string; brokerName: string; queueId: number; offset: number },
): Promise<MessageView> {
  const { topic, brokerName, queueId, offset } = request;
  const addr = await addrOfBroker(admin, topic, brokerName);
  const pulled = await pullOnce(admin, addr, { topic, brokerName, queueId, offset, maxNums: 1 });
  const message = pulled.messages.find((entry) => entry.queueOffset === offset);
  if (message === undefined) {
    throw noMessage(
      `queue ${queueId} of topic ${topic} on ${brokerName} has no message at offset ${offset} (it holds ${pulled.minOffset} to ${pulled.maxOffset})`,
    );
  }
  return message;
}

/** Address of a broker that serves a topic. */
export async function addrOfBroker(admin: AdminClient, topic: string, brokerName: string): Promise<string> {
  const route = await admin.route(topic);
  const broker = route.brokerDatas.find((entry) => entry.brokerName === brokerName);
  const addr = broker?.brokerAddrs.get(0) ?? [...(broker?.brokerAddrs.values() ?? [])][0];
  if (addr === undefined) {
    throw new NotFoundError(`broker ${brokerName} does not serve topic ${topic}`, {
      code: 'BROKER_NOT_EXIST',
      hint: `brokers of the topic: ${route.brokerDatas.map((entry) => entry.brokerName).join(', ')} (names, not addresses)`,
      context: { topic, brokerName },
    });
  }
  return addr;
}

/** One pull of the administration. */
export interface AdminPull {
  readonly status: 'FOUND' | 'NO_NEW_MSG' | 'NO_MATCHED_MSG' | 'OFFSET_ILLEGAL';
  readonly messages: readonly MessageView[];
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

const PULL_STATUS: Readonly<Record<number, AdminPull['status']>> = {
  [ResponseCode.SUCCESS]: 'FOUND',
  [ResponseCode.PULL_NOT_FOUND]: 'NO_NEW_MSG',
  [ResponseCode.PULL_RETRY_IMMEDIATELY]: 'NO_MATCHED_MSG',
  [ResponseCode.PULL_OFFSET_MOVED]: 'OFFSET_ILLEGAL',
};

/** The subscription travels with the pull. */
const PULL_SYS_FLAG_SUBSCRIPTION = 4;

/** Pulls without waiting and without committing. */
export async function pullOnce(
  admin: AdminClient,
  addr: string,
  pull: { topic: string; brokerName: string; queueId: number; offset: number; maxNums: number; consumerGroup?: string },
): Promise<AdminPull> {
  if (pull.queueId < 0 || pull.offset < 0) {
    throw new UsageError(`queue ${pull.queueId} and offset ${pull.offset}: neither can be negative`);
  }
  const response = await admin.remoting.invoke(
    addr,
    {
      code: RequestCode.PULL_MESSAGE,
      extFields: {
        consumerGroup: pull.consumerGroup ?? TOOLS_CONSUMER_GROUP,
        topic: pull.topic,
        queueId: String(pull.queueId),
        queueOffset: String(pull.offset),
        maxMsgNums: String(pull.maxNums),
        sysFlag: String(PULL_SYS_FLAG_SUBSCRIPTION),
        commitOffset: '0',
        suspendTimeoutMillis: '0',
        subscription: '*',
        subVersion: '0',
        expressionType: 'TAG',
        bname: pull.brokerName,
      },
    },
    admin.timeoutMs,
  );
  const status = PULL_STATUS[response.code];
  if (status === undefined) {
    throw responseError(response, addr);
  }
  const number = (key: string): number => Number(response.extFields?.[key] ?? 0);
  const [minOffset, maxOffset] = [number('minOffset'), number('maxOffset')];
  const messages = status === 'FOUND' ? messagesIn(bodyOf(response), pull.brokerName) : [];
  // Clients put the queue's bounds into the message; scripts look for them.
  const withBounds = messages.map((message) => ({
    ...message,
    properties: { ...message.properties, MIN_OFFSET: String(minOffset), MAX_OFFSET: String(maxOffset) },
  }));
  return { status, messages: withBounds, nextBeginOffset: number('nextBeginOffset'), minOffset, maxOffset };
}

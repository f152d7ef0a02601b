import { MQError, NotFoundError, ProtocolError } from '../../common/errors.js';
import { formatHostAddress } from '../../common/host.js';
import { decodeOffsetMsgId } from '../../common/message/message-id.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { addrInRoute, pullOnce } from './admin-pull.js';
import { askAll, requireAll } from './fan-out.js';
import { type MessageView, messagesIn, readableMessagesIn } from './message-view.js';
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
  /** Told when a second has more messages than a broker answers, so that some are missing. */
  readonly onSkipped?: (brokerAddr: string, storeTimestamp: number) => void;
}

/** Messages that Apache's brokers put into one answer at most (maxMsgsNumBatch). */
const PAGE_MESSAGES = 64;
/** An answer of so many bytes may have been cut by the broker. */
const PAGE_BYTES = 1024 * 1024;

/**
 * Messages of a topic that carry a key, oldest first; of each broker at most `maxNum`, the newest.
 * @throws NotFoundError when there is none.
 */
export async function queryByKey(admin: AdminClient, request: QueryByKeyRequest): Promise<MessageView[]> {
  const { topic, key, uniqueKey = false } = request;
  const addrs = masterAddrs(await admin.route(request.routeTopic ?? topic));
  const results = await askAll(addrs, (addr) => queryAt(admin, addr, request));
  const found = results.flatMap(({ value }) => value ?? []);
  found.sort((a, b) => a.storeTimestamp - b.storeTimestamp || a.commitLogOffset - b.commitLogOffset);
  requireAll(results, `query of key ${key}`, found.length === 0 ? undefined : { messages: found });
  if (found.length === 0) {
    throw noMessage(`no message of topic ${topic} has the ${uniqueKey ? 'msgId' : 'key'} ${key}`);
  }
  return found;
}

/**
 * Asks one broker in rounds, each for what is older than the round before: an answer holds no more than a page. A round begins with the
 * moment at which the last one ended, since the index knows seconds only; messages that come twice are dropped.
 */
export async function queryAt(admin: AdminClient, addr: string, request: QueryByKeyRequest): Promise<MessageView[]> {
  const { topic, key, uniqueKey = false, maxNum = PAGE_MESSAGES } = request;
  const seen = new Set<number>();
  const found: MessageView[] = [];
  let end = request.end ?? NO_END;
  while (end >= (request.begin ?? 0n)) {
    const { page, isWhole } = await queryPage(admin, addr, { ...request, end });
    const fresh = page.filter((message) => !seen.has(message.commitLogOffset));
    for (const message of fresh) {
      seen.add(message.commitLogOffset);
      // The index knows hashes; the message itself says whether the key is meant.
      if (message.topic === topic && hasKey(message, key, uniqueKey)) {
        found.push(message);
      }
    }
    if (uniqueKey || isWhole || found.length >= maxNum) {
      break;
    }
    end = BigInt(Math.min(...page.map((message) => message.storeTimestamp)));
    if (fresh.length === 0) {
      // More messages in one second than an answer holds: the rest of that second cannot be asked for.
      request.onSkipped?.(addr, Number(end));
      end -= 1000n;
    }
  }
  return found.sort((a, b) => b.commitLogOffset - a.commitLogOffset).slice(0, maxNum);
}

/** One answer of a broker, and whether it holds all there is. */
async function queryPage(
  admin: AdminClient,
  addr: string,
  request: QueryByKeyRequest & { end: bigint },
): Promise<{ page: MessageView[]; isWhole: boolean }> {
  const { topic, key, uniqueKey = false, maxNum = PAGE_MESSAGES } = request;
  const extFields = {
    topic,
    key,
    maxNum: String(maxNum),
    beginTimestamp: String(request.begin ?? 0n),
    endTimestamp: String(request.end),
    _UNIQUE_KEY_QUERY: String(uniqueKey),
  };
  const response = await admin.ask(addr, { code: RequestCode.QUERY_MESSAGE, extFields }, [ResponseCode.QUERY_NOT_FOUND]);
  const body = response.code === ResponseCode.SUCCESS ? bodyOf(response) : Buffer.alloc(0);
  const { messages: page, unreadable } = readableMessagesIn(body);
  if (page.length === 0 && unreadable[0] !== undefined) {
    throw unreadable[0];
  }
  return { page, isWhole: page.length === 0 || (page.length < Math.min(maxNum, PAGE_MESSAGES) && body.length < PAGE_BYTES) };
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
  const addr = addrInRoute(await admin.route(topic), topic, brokerName);
  const pulled = await pullOnce(admin, addr, { topic, brokerName, queueId, offset, maxNums: 1 });
  const message = pulled.messages.find((entry) => entry.queueOffset === offset);
  if (message === undefined) {
    if (pulled.unreadable[0] !== undefined) {
      throw pulled.unreadable[0];
    }
    throw noMessage(
      `queue ${queueId} of topic ${topic} on ${brokerName} has no message at offset ${offset} (it holds ${pulled.minOffset} to ${pulled.maxOffset})`,
    );
  }
  return message;
}

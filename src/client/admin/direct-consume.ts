import { ProtocolError, UsageError } from '../../common/errors.js';
import { parseFastjsonObject } from '../../common/fastjson.js';
import { encodeProperties } from '../../common/message/properties.js';
import { compressionBits, MessageSysFlag } from '../../common/sys-flag.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode } from '../../remoting/codes.js';
import { buildSendRequest, DEFAULT_CREATE_TOPIC_KEY } from '../producer/send-request.js';
import { readSendResult, sendStatusOf } from '../producer/send-response.js';
import { publishQueuesOf } from '../route-table.js';
import { ConsumeType, type SendResult } from '../types.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import type { MessageView } from './message-view.js';
import { askRunningInfo } from './running-info.js';
import { TOOLS_PRODUCER_GROUP } from './send-message.js';
import { masterAddrs } from './topic-list.js';

/** What a client says of a message that was pushed to it. */
export interface DirectConsumeResult {
  readonly order: boolean;
  readonly autoCommit: boolean;
  readonly consumeResult: string | null;
  readonly remark: string | null;
  readonly spentTimeMills: number;
}

/** Longer than the broker waits for the client (10 s), ms: its listener runs meanwhile. */
const CLIENT_TIMEOUT_MS = 15_000;

/**
 * Has one client of a group consume a message now, through the broker that stores it; no offset moves and nothing is retried.
 * @throws UsageError for a client that has no listener.
 */
export async function consumeDirectly(
  admin: AdminClient,
  message: MessageView,
  client: { consumerGroup: string; clientId: string },
): Promise<DirectConsumeResult> {
  const route = await admin.route(message.topic);
  const addrs = masterAddrs(route);
  const addr = addrs.includes(message.storeHost) ? message.storeHost : (addrs[0] ?? message.storeHost);
  await requirePushClient(admin, addr, client);
  const extFields = { ...client, msgId: message.offsetMsgId, topic: message.topic };
  const response = await admin.ask(addr, { code: RequestCode.CONSUME_MESSAGE_DIRECTLY, extFields }, [], CLIENT_TIMEOUT_MS);
  const body = parseFastjsonObject(bodyOf(response), 'result of direct consumption');
  return {
    order: body.order === true,
    autoCommit: body.autoCommit === true,
    consumeResult: resultName(body.consumeResult),
    remark: body.remark === undefined || body.remark === null ? null : String(body.remark),
    spentTimeMills: Number(body.spentTimeMills ?? 0),
  };
}

/** CMResult of Java in its order: Go's clients write the place in it, which fastjson takes for the name. */
const RESULT_NAMES = ['CR_SUCCESS', 'CR_LATER', 'CR_ROLLBACK', 'CR_COMMIT', 'CR_THROW_EXCEPTION', 'CR_RETURN_NULL'];

function resultName(result: unknown): string | null {
  if (result === undefined || result === null) return null;
  return typeof result === 'number' ? (RESULT_NAMES[result] ?? String(result)) : String(result);
}

async function requirePushClient(
  admin: AdminClient,
  brokerAddr: string,
  client: { consumerGroup: string; clientId: string },
): Promise<void> {
  const info = await askRunningInfo(admin, brokerAddr, client, CLIENT_TIMEOUT_MS).catch((error: unknown) => {
    // A client that cannot say yet what it is will refuse by itself if it has no listener.
    if (error instanceof ProtocolError) return null;
    throw error;
  });
  if (info?.properties.get('PROP_CONSUME_TYPE') === ConsumeType.CONSUME_ACTIVELY) {
    throw new UsageError(`client ${client.clientId} of group ${client.consumerGroup} pulls: it has no listener to give a message to`, {
      code: 'NOT_PUSH_CLIENT',
      hint: `see the clients of the group: mqadmin consumerConnection -g ${client.consumerGroup}`,
    });
  }
}

/** Sends a stored message again; it keeps its properties and with them the client's id. */
export async function resend(admin: AdminClient, message: MessageView, bornTimestamp: number): Promise<SendResult> {
  const route = await admin.route(message.topic);
  const queues = publishQueuesOf(message.topic, route);
  const queue = queues[message.queueId % Math.max(1, queues.length)];
  const addr = route.brokerDatas.find((broker) => broker.brokerName === queue?.brokerName)?.brokerAddrs.get(0);
  if (queue === undefined || addr === undefined) {
    throw admin.noRoute(message.topic);
  }
  const request = buildSendRequest(
    { producerGroup: TOOLS_PRODUCER_GROUP, createTopicKey: DEFAULT_CREATE_TOPIC_KEY, defaultTopicQueueNums: 4 },
    {
      message: { topic: message.topic, body: message.body, flag: message.flag },
      queue,
      properties: encodeProperties(message.properties),
      body: message.body,
      // A body that could not be inflated goes out as it is stored.
      sysFlag: (message.sysFlag & MessageSysFlag.COMPRESSED) | compressionBits(message.sysFlag),
      bornTimestamp,
      batch: false,
    },
  );
  const response = await admin.remoting.invoke(addr, request, admin.timeoutMs);
  const status = sendStatusOf(response.code);
  if (status === undefined) {
    throw responseError(response, addr);
  }
  return readSendResult(response, status, { queue, msgId: message.msgId });
}

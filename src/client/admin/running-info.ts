import { ProtocolError } from '../../common/errors.js';
import { type ConsumerRunningInfo, decodeConsumerRunningInfo } from '../../remoting/bodies/running-info.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';

/**
 * What a member of a group says of itself (GET_CONSUMER_RUNNING_INFO), asked through a broker that it is connected to.
 * @throws ProtocolError when it answers without saying anything: Go's clients do in their first seconds, when they have no rates yet.
 */
export async function askRunningInfo(
  admin: AdminClient,
  brokerAddr: string,
  { consumerGroup, clientId, jstack = false }: { consumerGroup: string; clientId: string; jstack?: boolean },
  timeoutMs?: number,
): Promise<ConsumerRunningInfo> {
  const extFields = { consumerGroup, clientId, jstackEnable: String(jstack) };
  const response = await admin.ask(brokerAddr, { code: RequestCode.GET_CONSUMER_RUNNING_INFO, extFields }, [], timeoutMs);
  const body = bodyOf(response);
  if (body.length === 0) {
    throw new ProtocolError(`client ${clientId} gave no running info${response.remark === null ? '' : `: ${response.remark}`}`, {
      code: 'BODY_MALFORMED',
      hint: 'a client that has just started may give it some seconds later',
    });
  }
  return decodeConsumerRunningInfo(body);
}

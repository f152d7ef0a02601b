import { encodeCheckClientRequestBody, type SubscriptionData } from '../../remoting/bodies/subscription.js';
import { responseError } from '../../remoting/client.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { MQClient } from '../mq-client.js';
import { ExpressionType } from '../subscription.js';

/**
 * Has brokers compile the SQL expressions of a group; a bad one stops the start instead of filtering nothing.
 * @throws what a broker says of an expression it does not take.
 */
export async function checkExpressions(client: MQClient, group: string, subscriptions: Iterable<SubscriptionData>): Promise<void> {
  for (const subscriptionData of subscriptions) {
    const { topic, expressionType } = subscriptionData;
    const addr =
      expressionType === ExpressionType.TAG ? undefined : client.routes.anyAddrOf(topic, (count) => client.random.nextInt(count));
    if (addr === undefined) {
      continue;
    }
    const body = encodeCheckClientRequestBody({ clientId: client.clientId, group, subscriptionData });
    const response = await client.remoting.invoke(addr, { code: RequestCode.CHECK_CLIENT_CONFIG, body }, client.apiTimeoutMs);
    if (response.code !== ResponseCode.SUCCESS) {
      throw responseError(response, addr, `subscription of topic ${topic}`);
    }
  }
}

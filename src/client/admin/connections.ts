import { BrokerError, MQError, NotFoundError } from '../../common/errors.js';
import { versionDesc } from '../../common/mq-version.js';
import type { SubscriptionDifference } from '../../common/subscription-differences.js';
import { retryTopic } from '../../common/topic-names.js';
import { type ConsumerConnection, decodeConsumerConnection, decodeProducerConnection } from '../../remoting/bodies/subscription.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { masterAddrs } from './topic-list.js';

/** One client of a group. */
export interface ClientConnection {
  readonly clientId: string;
  readonly clientAddr: string;
  readonly language: string;
  readonly version: number;
  readonly versionDesc: string;
}

export interface ConsumerConnectionResult {
  readonly consumerGroup: string;
  readonly brokerAddr: string;
  /** By client id. */
  readonly connections: readonly ClientConnection[];
  readonly subscriptions: readonly { readonly topic: string; readonly subString: string }[];
  readonly consumeType: string;
  readonly messageModel: string;
  readonly consumeFromWhere: string;
  /** Where members subscribe differently, which loses messages; empty where the broker does not say. */
  readonly subscriptionDifferences: readonly SubscriptionDifference[];
}

/** What one broker knows of a group's clients; null when none is connected there (CONSUMER_NOT_ONLINE). */
export async function consumersAt(admin: AdminClient, brokerAddr: string, consumerGroup: string): Promise<ConsumerConnection | null> {
  const response = await admin.ask(brokerAddr, { code: RequestCode.GET_CONSUMER_CONNECTION_LIST, extFields: { consumerGroup } }, [
    ResponseCode.CONSUMER_NOT_ONLINE,
  ]);
  return response.code === ResponseCode.SUCCESS ? decodeConsumerConnection(bodyOf(response)) : null;
}

/** The clients of a consumer group and what they subscribe to, as one broker sees them. */
export async function consumerConnection(
  admin: AdminClient,
  consumerGroup: string,
  brokerAddr?: string,
): Promise<ConsumerConnectionResult> {
  const addrs = brokerAddr !== undefined ? [brokerAddr] : await brokersOfGroup(admin, consumerGroup);
  let failure: MQError | null = null;
  for (const addr of addrs) {
    try {
      const found = await consumersAt(admin, addr, consumerGroup);
      if (found !== null) {
        return connectionResult(consumerGroup, addr, found);
      }
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      // Another broker may know the group.
      failure ??= error;
    }
  }
  if (failure !== null) {
    throw failure;
  }
  throw new NotFoundError(`no consumer of group ${consumerGroup} is online on ${addrs.join(', ')}`, {
    code: 'CONSUMER_NOT_ONLINE',
    hint: `see whether it has offsets: mqadmin consumerProgress -g ${consumerGroup}`,
    context: { consumerGroup, responseCode: ResponseCode.CONSUMER_NOT_ONLINE },
  });
}

/** Where a group's clients are connected: the brokers of its retry topic, or all masters where it has none. */
export async function brokersOfGroup(admin: AdminClient, consumerGroup: string): Promise<string[]> {
  const route = await admin.findRoute(retryTopic(consumerGroup));
  return route === null ? allMasters(admin) : masterAddrs(route);
}

/** The addresses of the masters of all clusters. */
export async function allMasters(admin: AdminClient): Promise<string[]> {
  return (await admin.allMasters()).map(({ brokerAddr }) => brokerAddr).sort();
}

function connectionResult(consumerGroup: string, brokerAddr: string, found: ConsumerConnection): ConsumerConnectionResult {
  return {
    consumerGroup,
    brokerAddr,
    connections: clientsOf(found.connectionSet),
    subscriptions: [...found.subscriptionTable.values()]
      .map((subscription) => ({ topic: subscription.topic, subString: subscription.subString }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1)),
    consumeType: found.consumeType,
    messageModel: found.messageModel,
    consumeFromWhere: found.consumeFromWhere,
    subscriptionDifferences: found.subscriptionDifferences ?? [],
  };
}

function clientsOf(
  connections: readonly { clientId: string; clientAddr: string; language: string; version: number }[],
): ClientConnection[] {
  return connections
    .map(({ clientId, clientAddr, language, version }) => ({ clientId, clientAddr, language, version, versionDesc: versionDesc(version) }))
    .sort((a, b) => (a.clientId < b.clientId ? -1 : 1));
}

export interface ProducerConnectionResult {
  readonly producerGroup: string;
  readonly connections: readonly ClientConnection[];
}

/** The clients of a producer group on all brokers of a topic. */
export async function producerConnection(admin: AdminClient, producerGroup: string, topic: string): Promise<ProducerConnectionResult> {
  const addrs = masterAddrs(await admin.route(topic));
  const found = new Map<string, ClientConnection>();
  let failure: MQError | null = null;
  await Promise.all(
    addrs.map(async (addr) => {
      try {
        const response = await admin.ask(addr, { code: RequestCode.GET_PRODUCER_CONNECTION_LIST, extFields: { producerGroup } });
        for (const client of clientsOf(decodeProducerConnection(bodyOf(response)).connectionSet)) {
          found.set(client.clientId, client);
        }
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        // A broker says SYSTEM_ERROR of a group it does not know; that is no failure while another knows it.
        const isUnknownGroup =
          error instanceof BrokerError && error.responseCode === ResponseCode.SYSTEM_ERROR && /not exist/i.test(error.remark ?? '');
        if (!isUnknownGroup) {
          failure = error;
        }
      }
    }),
  );
  if (failure !== null) {
    throw failure;
  }
  if (found.size === 0) {
    throw new NotFoundError(`the producer group[${producerGroup}] not exist on the brokers of topic ${topic}`, {
      code: 'PRODUCER_GROUP_NOT_EXIST',
      hint: 'a group is known while a producer of it is connected',
      context: { producerGroup, topic },
    });
  }
  return { producerGroup, connections: [...found.values()].sort((a, b) => (a.clientId < b.clientId ? -1 : 1)) };
}

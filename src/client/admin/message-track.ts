import { MQError } from '../../common/errors.js';
import type { ConsumerConnection } from '../../remoting/bodies/subscription.js';
import type { AdminClient } from './admin-client.js';
import { consumersAt } from './connections.js';
import { consumeStatsAt } from './consumer-progress.js';
import type { MessageView } from './message-view.js';
import { groupsOf, masterAddrs } from './topic-list.js';

/** How far a group is with a message. */
export type TrackType =
  | 'CONSUMED'
  | 'CONSUMED_BUT_FILTERED'
  | 'PULL'
  | 'NOT_CONSUME_YET'
  | 'NOT_ONLINE'
  | 'CONSUME_BROADCASTING'
  | 'UNKNOWN';

export interface MessageTrack {
  readonly consumerGroup: string;
  readonly trackType: TrackType;
  readonly exceptionDesc: string | null;
}

/** What each group that consumes the topic did with the message. */
export async function messageTracks(admin: AdminClient, message: MessageView): Promise<MessageTrack[]> {
  const route = await admin.findRoute(message.topic);
  if (route === null) {
    return [];
  }
  const groups = await groupsOf(admin, message.topic, route);
  // The broker that stores the message has the offsets that decide.
  const addrs = masterAddrs(route);
  const home = addrs.includes(message.storeHost) ? message.storeHost : addrs[0];
  return Promise.all(
    groups.map(async (consumerGroup): Promise<MessageTrack> => {
      try {
        return {
          consumerGroup,
          trackType: await trackOf(admin, home ?? message.storeHost, { consumerGroup, message }),
          exceptionDesc: null,
        };
      } catch (error) {
        if (!(error instanceof MQError)) {
          throw error;
        }
        return { consumerGroup, trackType: 'UNKNOWN', exceptionDesc: error.message };
      }
    }),
  );
}

async function trackOf(
  admin: AdminClient,
  brokerAddr: string,
  subject: { consumerGroup: string; message: MessageView },
): Promise<TrackType> {
  const { consumerGroup, message } = subject;
  const online = await consumersAt(admin, brokerAddr, consumerGroup);
  if (online === null) {
    return 'NOT_ONLINE';
  }
  if (online.consumeType === 'CONSUME_ACTIVELY') {
    return 'PULL';
  }
  if (online.messageModel === 'BROADCASTING') {
    return 'CONSUME_BROADCASTING';
  }
  const stats = await consumeStatsAt(admin, brokerAddr, consumerGroup, message.topic);
  for (const [queue, offset] of stats.offsetTable) {
    if (queue.topic === message.topic && queue.queueId === message.queueId && offset.consumerOffset > message.queueOffset) {
      return wantsTag(online, message) ? 'CONSUMED' : 'CONSUMED_BUT_FILTERED';
    }
  }
  return 'NOT_CONSUME_YET';
}

function wantsTag(online: ConsumerConnection, message: MessageView): boolean {
  const subscription = [...online.subscriptionTable.values()].find((entry) => entry.topic === message.topic);
  const tags = subscription?.tagsSet ?? [];
  return tags.length === 0 || subscription?.subString === '*' || (message.tags !== null && tags.includes(message.tags));
}

/** A message and what became of it. */
export interface TrackedMessage {
  readonly message: MessageView;
  readonly tracks: readonly MessageTrack[];
}

/** Adds what became of a message. */
export async function withTracks(admin: AdminClient, message: MessageView): Promise<TrackedMessage> {
  return { message, tracks: await messageTracks(admin, message) };
}

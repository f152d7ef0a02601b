import { MQError } from '../../common/errors.js';
import type { ConsumerConnection } from '../../remoting/bodies/subscription.js';
import { ResponseCode } from '../../remoting/codes.js';
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
  const brokerAddrs = homeFirst(masterAddrs(route), message);
  return Promise.all(
    groups.map(async (consumerGroup): Promise<MessageTrack> => {
      try {
        const trackType = await trackOf(admin, brokerAddrs, { consumerGroup, message });
        const { CONSUMER_NOT_ONLINE } = ResponseCode;
        const isOffline = trackType === 'NOT_ONLINE';
        return {
          consumerGroup,
          trackType,
          exceptionDesc: isOffline ? `CODE:${CONSUMER_NOT_ONLINE} DESC:the consumer group[${consumerGroup}] not online` : null,
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

/** The broker that stores the message comes first: its offsets decide. */
function homeFirst(addrs: readonly string[], { storeHost }: MessageView): string[] {
  return addrs.includes(storeHost) || addrs.length === 0 ? [storeHost, ...addrs.filter((addr) => addr !== storeHost)] : [...addrs];
}

async function trackOf(
  admin: AdminClient,
  brokerAddrs: readonly string[],
  subject: { consumerGroup: string; message: MessageView },
): Promise<TrackType> {
  const { consumerGroup, message } = subject;
  const online = await firstOnline(admin, brokerAddrs, consumerGroup);
  if (online === null) {
    return 'NOT_ONLINE';
  }
  if (online.consumeType === 'CONSUME_ACTIVELY') {
    return 'PULL';
  }
  if (online.consumeType !== 'CONSUME_PASSIVELY') {
    // A group that pops moves its offset when it takes messages, not when it is done with them.
    return 'UNKNOWN';
  }
  if (online.messageModel === 'BROADCASTING') {
    return 'CONSUME_BROADCASTING';
  }
  const stats = await consumeStatsAt(admin, brokerAddrs[0] ?? message.storeHost, consumerGroup, message.topic);
  for (const [queue, offset] of stats.offsetTable) {
    if (queue.topic === message.topic && queue.queueId === message.queueId && offset.consumerOffset > message.queueOffset) {
      return wantsTag(online, message) ? 'CONSUMED' : 'CONSUMED_BUT_FILTERED';
    }
  }
  return 'NOT_CONSUME_YET';
}

/** The group's clients as the first broker knows them that has any; a client that came a moment ago may not be known to all. */
async function firstOnline(admin: AdminClient, brokerAddrs: readonly string[], consumerGroup: string): Promise<ConsumerConnection | null> {
  for (const addr of brokerAddrs) {
    const online = await consumersAt(admin, addr, consumerGroup);
    if (online !== null) {
      return online;
    }
  }
  return null;
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

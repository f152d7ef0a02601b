import type { Logger } from '../../src/common/logger.js';
import { differenceText, type SubscriptionDifference, subscriptionDifferences } from '../../src/common/subscription-differences.js';
import type { ConsumerChannel } from './client-channels.js';

/** What is watched of a group. */
interface WatchedGroup {
  readonly groupName: string;
  readonly channels: ReadonlyMap<unknown, ConsumerChannel>;
}

/**
 * Finds what a group does wrong without any request failing, and says so once in the log: members that subscribe differently, which lose
 * messages, and two clients of one id, which get the same queues and leave the others' share alone.
 */
export class GroupWatch {
  readonly #logger: Logger;
  /** Group → the differences that were logged last. */
  readonly #logged = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Where the members of a group subscribe differently now. */
  differences(group: WatchedGroup): SubscriptionDifference[] {
    return subscriptionDifferences([...group.channels.values()]);
  }

  /** A member joined, left, or came with another subscription. */
  onChange(group: WatchedGroup): void {
    const { groupName } = group;
    const text = areEqual(group) ? '' : this.differences(group).map(differenceText).join('; ');
    const before = this.#logged.get(groupName) ?? '';
    if (text === before) return;
    if (text === '') {
      this.#logged.delete(groupName);
      this.#logger.info(`the members of group ${groupName} subscribe alike again`);
      return;
    }
    this.#logged.set(groupName, text);
    this.#logger.warn(
      `the members of group ${groupName} subscribe differently, so that messages may be lost: ${text}; let all of them subscribe alike, or make groups of them`,
    );
  }

  /**
   * A member sent another heartbeat. A connection with the same id that came later is then another client: that of the same client would have
   * replaced this one, which might be silent, but not beat.
   */
  onBeat(group: WatchedGroup, channel: ConsumerChannel): void {
    if (channel.isTwinTold) return;
    let isLater = false;
    for (const other of group.channels.values()) {
      if (other === channel) isLater = true;
      else if (isLater && other.clientId === channel.clientId) {
        channel.isTwinTold = true;
        const [first, second] = [channel.connection.remoteAddr, other.connection.remoteAddr];
        this.#logger.warn(
          `two clients of group ${group.groupName} have the id ${channel.clientId}, ${first} and ${second}: both consume the same queues; give each its own instanceName`,
        );
        return;
      }
    }
  }

  /** The last member left. */
  forget(groupName: string): void {
    this.#logged.delete(groupName);
  }
}

/** Nearly always: then nothing needs to be compared topic by topic. */
function areEqual(group: WatchedGroup): boolean {
  let first: string | null = null;
  for (const { subscriptionText } of group.channels.values()) {
    if (first === null) first = subscriptionText;
    else if (first !== subscriptionText) return false;
  }
  return true;
}

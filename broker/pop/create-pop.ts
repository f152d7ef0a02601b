import type { Clock, Random, Timers } from '../../src/common/clock.js';
import type { HostAddress } from '../../src/common/host.js';
import type { Logger } from '../../src/common/logger.js';
import type { LoadedConfig } from '../config/index.js';
import type { DelayLevels } from '../delay/index.js';
import type { ConsumerOffsetManager } from '../offsets/index.js';
import type { BrokerStats } from '../stats/index.js';
import type { SendCounters } from '../stats/send-counters.js';
import type { MessageStore } from '../store/index.js';
import type { SubscriptionGroupManager } from '../subscriptions/index.js';
import type { TimerMessageService } from '../timer/index.js';
import type { TableFile, TopicConfigManager } from '../topics/index.js';
import { OrderInfoManager } from './order-info.js';
import { OrderedPop } from './ordered-pop.js';
import { PopHoldService } from './pop-hold-service.js';
import { PopOffsets } from './pop-offsets.js';
import { PopSelector } from './pop-selector.js';
import { PopService } from './pop-service.js';
import { ReviveLog } from './revive-log.js';
import { ReviveService } from './revive-service.js';
import { Reviver } from './reviver.js';

/** The parts of a broker that POP consumption is made of, wired to each other. */
export function createPop(options: {
  config: LoadedConfig;
  store: MessageStore;
  topics: TopicConfigManager;
  groups: SubscriptionGroupManager;
  offsets: ConsumerOffsetManager;
  stats: BrokerStats;
  sends: SendCounters;
  delayLevels: DelayLevels;
  timer: TimerMessageService | null;
  storeHost: HostAddress;
  clock: Clock;
  timers: Timers;
  random: Random;
  logger: Logger;
  isAfterKill: boolean;
  orderFile: TableFile;
  /** Writes and acknowledges what was put. */
  flush: () => void;
}): { pop: PopService; popHolds: PopHoldService; popNotices: PopHoldService; popOrders: OrderInfoManager; revive: ReviveService } {
  const { config, store, topics, groups, offsets, stats, timer, storeHost, clock, timers, random, logger, flush } = options;
  const policy = config.broker;
  const clusterName = policy.brokerClusterName;
  const park = { clock, random, delayLevels: options.delayLevels, config, timer };
  const log = new ReviveLog({ clusterName, store, park, sends: options.sends, storeHost });
  const popOffsets = new PopOffsets({ store, offsets, policy });
  const selector = new PopSelector({ store, topics, offsets: popOffsets, policy, random, logger });
  const reviver = new Reviver({ store, topics, groups, offsets, stats, policy, storeHost, logger });
  const popOrders = new OrderInfoManager({ file: options.orderFile, clock, timers });
  const ordered = new OrderedPop({ store, topics, offsets, popOffsets, orders: popOrders, clock, random, logger });
  const popHolds = new PopHoldService({ clock, timers, policy, flush, logger });
  const popNotices = new PopHoldService({ clock, timers, policy, flush, logger });
  popOrders.setListener((queue) => {
    for (const holds of [popHolds, popNotices]) {
      holds.wakeNext({ ...queue, queueId: -1 });
      holds.wakeNext(queue);
    }
  });
  const shared = { store, offsets, clock, timers, logger, config: policy, flush };
  return {
    pop: new PopService({ ordered, selector, offsets: popOffsets, log, clock, timers, flush, stats, config: policy }),
    popHolds,
    popNotices,
    popOrders,
    revive: new ReviveService({ ...shared, topic: log.topic, reviver, timerProgress: timer, isAfterKill: options.isAfterKill }),
  };
}

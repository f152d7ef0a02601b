import type { Clock, Random, Timers } from '../src/common/clock.js';
import type { HostAddress } from '../src/common/host.js';
import type { Logger } from '../src/common/logger.js';
import type { UniqKeyGenerator } from '../src/common/message/message-id.js';
import type { RequestModeManager, TopicQueues } from './assignment/index.js';
import type { LoadedConfig } from './config/index.js';
import type { ConsumerManager, ProducerManager } from './connections/index.js';
import type { DelayLevels, ScheduleMessageService } from './delay/index.js';
import type { ConsumerFilterManager } from './filter/index.js';
import type { RebalanceLockManager } from './locks/index.js';
import type { PullHoldService } from './longpolling/index.js';
import type { ConsumerOffsetManager } from './offsets/index.js';
import type { OrderInfoManager, PopHoldService, PopService, ReviveService } from './pop/index.js';
import type { Registration } from './registration/index.js';
import type { BrokerStats } from './stats/index.js';
import type { RuntimeInfo } from './stats/runtime-info.js';
import type { SendCounters } from './stats/send-counters.js';
import type { MessageStore } from './store/index.js';
import type { SubscriptionGroupManager } from './subscriptions/index.js';
import type { TimerMessageService } from './timer/index.js';
import type { TopicConfigManager } from './topics/index.js';
import type { TransactionService } from './transaction/index.js';

/** The parts of a running broker, as its processors see them. */
export interface BrokerParts {
  readonly config: LoadedConfig;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** `brokerIP1:listenPort`, what clients are told. */
  readonly brokerAddr: string;
  readonly storeHost: HostAddress;
  readonly uniqKeys: UniqKeyGenerator;
  readonly store: MessageStore;
  readonly topics: TopicConfigManager;
  readonly groups: SubscriptionGroupManager;
  readonly offsets: ConsumerOffsetManager;
  readonly consumers: ConsumerManager;
  readonly filters: ConsumerFilterManager;
  readonly locks: RebalanceLockManager;
  readonly producers: ProducerManager;
  readonly stats: BrokerStats;
  readonly sends: SendCounters;
  readonly runtime: RuntimeInfo;
  readonly holds: PullHoldService;
  readonly delayLevels: DelayLevels;
  readonly delay: ScheduleMessageService;
  readonly transactions: TransactionService;
  /** The timer wheel; null when the broker runs without it. */
  readonly timer: TimerMessageService | null;
  readonly registration: Registration;
  readonly pop: PopService;
  readonly popHolds: PopHoldService;
  /** Clients that wait to be told that there is something to pop. */
  readonly popNotices: PopHoldService;
  readonly popOrders: OrderInfoManager;
  readonly revive: ReviveService;
  readonly requestModes: RequestModeManager;
  readonly topicQueues: TopicQueues;
  /** Writes what was put since the last turn, acknowledges it, and wakes the pulls it matches. */
  flushTurn(): void;
}

import type { RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { AdminConfigProcessor } from './admin-config.js';
import { AdminConnectionProcessor } from './admin-connection.js';
import { AdminGroupProcessor } from './admin-group.js';
import { AdminHaProcessor } from './admin-ha.js';
import { AdminOffsetProcessor } from './admin-offset.js';
import { AdminStatsProcessor } from './admin-stats.js';
import { AdminStoreProcessor } from './admin-store.js';
import { AdminTopicProcessor } from './admin-topic.js';
import { AssignmentProcessor } from './assignment.js';
import { ClientManageProcessor } from './client-manage.js';
import { ConsumerManageProcessor } from './consumer-manage.js';
import { EndTransactionProcessor } from './end-transaction.js';
import { PopProcessor } from './pop.js';
import { PopAckProcessor } from './pop-ack.js';
import { PopLookProcessor } from './pop-look.js';
import { PullProcessor } from './pull.js';
import { QueryMessageProcessor } from './query-message.js';
import { QueueLockProcessor } from './queue-lock.js';
import { ReplyProcessor } from './reply.js';
import { ResetOffsetProcessor } from './reset-offset.js';
import { SendProcessor } from './send.js';
import { SendBackProcessor } from './send-back.js';
import { SendFlow } from './send-flow.js';
import { TimerProcessor } from './timer.js';

export { SendProcessor } from './send.js';

/** Gives every request code its processor; returns the one that follows the configuration. */
export function registerProcessors(server: RemotingServer, parts: BrokerParts): SendProcessor {
  const flow = new SendFlow(parts);
  const send = new SendProcessor(parts, flow);
  const processors = [
    send,
    new PullProcessor(parts),
    new SendBackProcessor(parts, flow),
    new EndTransactionProcessor(parts),
    new ReplyProcessor(parts),
    new QueryMessageProcessor(parts),
    new ClientManageProcessor(parts),
    new ConsumerManageProcessor(parts),
    new QueueLockProcessor(parts),
    new AdminTopicProcessor(parts),
    new AdminGroupProcessor(parts),
    new AdminConnectionProcessor(parts),
    new AdminOffsetProcessor(parts),
    new ResetOffsetProcessor(parts),
    new AdminStatsProcessor(parts),
    new AdminStoreProcessor(parts),
    new AdminConfigProcessor(parts),
    new AdminHaProcessor(parts),
    new TimerProcessor(parts),
    new AssignmentProcessor(parts),
    new PopProcessor(parts),
    new PopAckProcessor(parts),
    new PopLookProcessor(parts),
  ];
  for (const processor of processors) processor.register(server);
  return send;
}

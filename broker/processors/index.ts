import type { RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { AdminConfigProcessor } from './admin-config.js';
import { AdminConnectionProcessor } from './admin-connection.js';
import { AdminGroupProcessor } from './admin-group.js';
import { AdminOffsetProcessor } from './admin-offset.js';
import { AdminStatsProcessor } from './admin-stats.js';
import { AdminTopicProcessor } from './admin-topic.js';
import { ClientManageProcessor } from './client-manage.js';
import { ConsumerManageProcessor } from './consumer-manage.js';
import { PullProcessor } from './pull.js';
import { QueryMessageProcessor } from './query-message.js';
import { SendProcessor } from './send.js';
import { SendBackProcessor } from './send-back.js';

export { SendProcessor } from './send.js';

/** Gives every request code its processor; returns the one that follows the configuration. */
export function registerProcessors(server: RemotingServer, parts: BrokerParts): SendProcessor {
  const send = new SendProcessor(parts);
  const processors = [
    send,
    new PullProcessor(parts),
    new SendBackProcessor(parts),
    new QueryMessageProcessor(parts),
    new ClientManageProcessor(parts),
    new ConsumerManageProcessor(parts),
    new AdminTopicProcessor(parts),
    new AdminGroupProcessor(parts),
    new AdminConnectionProcessor(parts),
    new AdminOffsetProcessor(parts),
    new AdminStatsProcessor(parts),
    new AdminConfigProcessor(parts),
  ];
  for (const processor of processors) processor.register(server);
  return send;
}

import { decodeLockBatchRequestBody, encodeLockOKMQSet } from '../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingServer } from '../../src/remoting/server.js';
import type { BrokerParts } from '../parts.js';
import { respondOk } from './respond.js';

/** LOCK_BATCH_MQ (41) and UNLOCK_BATCH_MQ (42). A queue that is not granted is missing in the answer, whose code is always success. */
export class QueueLockProcessor {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  register(server: RemotingServer): void {
    server.register(RequestCode.LOCK_BATCH_MQ, (connection, request) => {
      const { consumerGroup, clientId, mqSet } = decodeLockBatchRequestBody(request.body);
      const locked = this.#parts.locks.lock(consumerGroup, clientId, mqSet);
      connection.respond(request, ResponseCode.SUCCESS, null, null, encodeLockOKMQSet(locked));
    });
    server.register(RequestCode.UNLOCK_BATCH_MQ, (connection, request) => {
      const { consumerGroup, clientId, mqSet } = decodeLockBatchRequestBody(request.body);
      this.#parts.locks.unlock(consumerGroup, clientId, mqSet);
      respondOk(connection, request);
    });
  }
}

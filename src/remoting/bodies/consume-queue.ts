/* The answer of QUERY_CONSUME_QUEUE (321): units of a consume queue. */
import type { JsonObject } from '../../common/fastjson.js';
import { flag, integer, type Long, long, objects, optionalObject, optionalText, parseBody } from './reader.js';
import { type SubscriptionData, toSubscriptionData } from './subscription.js';

/** One unit; what its extension file holds is text. */
export interface ConsumeQueueData {
  physicOffset: number;
  physicSize: number;
  /** Hash of the tag, or the address in the extension file. */
  tagsCode: Long;
  extendDataJson: string | null;
  bitMap: string | null;
  /** Whether the filter of the group lets it pass, by what the queue knows of it; Apache tries units with an extension only. */
  eval: boolean;
  msg: string | null;
}

export interface QueryConsumeQueueResponseBody {
  /** Only where a group was asked for that is online. */
  subscriptionData: SubscriptionData | null;
  filterData: string | null;
  queueData: ConsumeQueueData[];
  maxQueueIndex: number;
  minQueueIndex: number;
}

function toConsumeQueueData(object: JsonObject): ConsumeQueueData {
  return {
    physicOffset: integer(object, 'physicOffset'),
    physicSize: integer(object, 'physicSize'),
    tagsCode: long(object, 'tagsCode'),
    extendDataJson: optionalText(object, 'extendDataJson') ?? null,
    bitMap: optionalText(object, 'bitMap') ?? null,
    eval: flag(object, 'eval'),
    msg: optionalText(object, 'msg') ?? null,
  };
}

export function decodeQueryConsumeQueue(body: Uint8Array | null): QueryConsumeQueueResponseBody {
  const object = parseBody(body, 'QueryConsumeQueueResponseBody');
  const subscription = optionalObject(object, 'subscriptionData');
  return {
    subscriptionData: subscription === undefined ? null : toSubscriptionData(subscription),
    filterData: optionalText(object, 'filterData') ?? null,
    queueData: objects(object, 'queueData', toConsumeQueueData),
    maxQueueIndex: integer(object, 'maxQueueIndex'),
    minQueueIndex: integer(object, 'minQueueIndex'),
  };
}

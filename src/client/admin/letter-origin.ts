import { MessageConst } from '../../common/message/properties.js';
import type { MessageView } from './message-view.js';

/** The topic that a letter was sent to at first; null where nothing says it. */
export function originTopicOf({ properties }: MessageView): string | null {
  return properties[MessageConst.RETRY_TOPIC] ?? properties[MessageConst.DLQ_ORIGIN_TOPIC] ?? null;
}

/** The id of the first record in the chain of retries; null where nothing says it. */
export function originIdOf({ properties }: MessageView): string | null {
  return properties[MessageConst.ORIGIN_MESSAGE_ID] ?? null;
}

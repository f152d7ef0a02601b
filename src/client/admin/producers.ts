import { integer, objects, optionalObject, parseBody, text } from '../../remoting/bodies/reader.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';

/** One client of a producer group. */
export interface ProducerInstance {
  readonly clientId: string;
  /** With a slash before it, as Java prints addresses. */
  readonly remoteIP: string;
  readonly language: string;
  readonly version: number;
  readonly lastUpdateTimestamp: number;
}

export interface ProducersResult {
  readonly brokerAddr: string;
  /** Sorted by group. */
  readonly groups: readonly { readonly producerGroup: string; readonly instances: readonly ProducerInstance[] }[];
}

/** All producers that a broker knows. */
export async function producers(admin: AdminClient, brokerAddr: string): Promise<ProducersResult> {
  const response = await admin.ask(brokerAddr, { code: RequestCode.GET_ALL_PRODUCER_INFO });
  const data = optionalObject(parseBody(bodyOf(response), 'ProducerTableInfo'), 'data') ?? {};
  const groups = Object.keys(data).map((producerGroup) => ({
    producerGroup,
    instances: objects(
      data,
      producerGroup,
      (item): ProducerInstance => ({
        clientId: text(item, 'clientId'),
        remoteIP: text(item, 'remoteIP'),
        language: text(item, 'language'),
        version: integer(item, 'version'),
        lastUpdateTimestamp: integer(item, 'lastUpdateTimestamp'),
      }),
    ),
  }));
  return { brokerAddr, groups: groups.sort((a, b) => (a.producerGroup < b.producerGroup ? -1 : 1)) };
}

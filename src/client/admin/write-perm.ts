import { NotFoundError } from '../../common/errors.js';
import { RequestCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

export interface WritePermResult {
  readonly dryRun: boolean;
  readonly brokerName: string;
  /** Each name server with the number of topics that it changed. */
  readonly namesrvs: readonly (NodeOutcome & { readonly topicCount?: number })[];
}

/**
 * Takes the write permission of all topics of a broker away in every name server of the list, or gives it back (to topics that never had it
 * too). It lasts until the broker registers a changed topic or starts again.
 * @throws NotFoundError when no name server has a topic of that broker.
 */
export async function changeWritePerm(
  admin: AdminClient,
  request: { brokerName: string; change: 'wipe' | 'add'; dryRun?: boolean },
): Promise<WritePermResult> {
  const { brokerName, change, dryRun = false } = request;
  if (dryRun) {
    return { dryRun, brokerName, namesrvs: planned(admin.namesrv.addresses) };
  }
  const code = change === 'wipe' ? RequestCode.WIPE_WRITE_PERM_OF_BROKER : RequestCode.ADD_WRITE_PERM_OF_BROKER;
  const results = await askAll(admin.namesrv.addresses, async (addr) => {
    const { extFields } = await admin.ask(addr, { code, extFields: { brokerName } });
    return Number(extFields?.[change === 'wipe' ? 'wipeTopicCount' : 'addTopicCount'] ?? 0);
  });
  const counts = new Map(results.map(({ addr, value }) => [addr, value]));
  const namesrvs = outcomes(results).map((node) => {
    const topicCount = counts.get(node.addr);
    return topicCount === undefined ? node : { ...node, topicCount };
  });
  const result = { dryRun, brokerName, namesrvs };
  requireAll(results, `${change} write perm of broker ${brokerName}`, result);
  if (results.every(({ value }) => value === 0)) {
    throw new NotFoundError(`no topic of broker ${brokerName} is known to ${admin.namesrv.addresses.join(';')}: nothing was changed`, {
      code: 'BROKER_NOT_EXIST',
      hint: 'see the brokers: mqadmin clusterList (names, not addresses)',
      context: { brokerName },
    });
  }
  return result;
}

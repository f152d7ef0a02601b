import { NotFoundError } from '../../common/errors.js';
import { RequestCode, ResponseCode } from '../../remoting/codes.js';
import type { AdminClient } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';
import { everyNamesrv } from './update-topic.js';

/** An entry of the name servers' key-value store. */
export interface KvEntry {
  readonly namespace: string;
  readonly key: string;
}

/** What became of a change on each name server of the list. */
export interface KvChangeResult extends KvEntry {
  readonly dryRun: boolean;
  readonly namesrvs: readonly NodeOutcome[];
}

/** The value of an entry, as the first name server that answers has it; null when it has none. */
export async function getKv(admin: AdminClient, { namespace, key }: KvEntry): Promise<string | null> {
  const request = { code: RequestCode.GET_KV_CONFIG, extFields: { namespace, key } };
  const response = await admin.askNamesrv(request, [ResponseCode.QUERY_NOT_FOUND]);
  return response.code === ResponseCode.SUCCESS ? (response.extFields?.value ?? '') : null;
}

/** The value of an entry. @throws NotFoundError when there is none. */
export async function requireKv(admin: AdminClient, entry: KvEntry): Promise<string> {
  const value = await getKv(admin, entry);
  if (value === null) {
    throw new NotFoundError(`no entry ${entry.key} in namespace ${entry.namespace} on ${admin.namesrv.addresses.join(';')}`, {
      code: 'KV_NOT_EXIST',
      context: { ...entry, responseCode: ResponseCode.QUERY_NOT_FOUND },
    });
  }
  return value;
}

/** Writes an entry to every name server of the list. */
export async function putKv(admin: AdminClient, entry: KvEntry & { value: string }, dryRun = false): Promise<KvChangeResult> {
  const { namespace, key, value } = entry;
  const request = { code: RequestCode.PUT_KV_CONFIG, extFields: { namespace, key, value } };
  const what = `entry ${key} of namespace ${namespace}`;
  const namesrvs = dryRun ? planned(admin.namesrv.addresses) : await everyNamesrv(admin, what, request);
  return { namespace, key, dryRun, namesrvs };
}

/** Removes an entry from every name server of the list; `existed` says whether one of them had it. */
export async function deleteKv(admin: AdminClient, entry: KvEntry, dryRun = false): Promise<KvChangeResult & { existed: boolean }> {
  const { namespace, key } = entry;
  const extFields = { namespace, key };
  const found = await askAll(admin.namesrv.addresses, async (addr) => {
    const response = await admin.ask(addr, { code: RequestCode.GET_KV_CONFIG, extFields }, [ResponseCode.QUERY_NOT_FOUND]);
    return response.code === ResponseCode.SUCCESS;
  });
  requireAll(found, `entry ${key} of namespace ${namespace}`, undefined);
  const existed = found.some(({ value }) => value === true);
  if (dryRun) {
    return { namespace, key, dryRun, existed, namesrvs: planned(admin.namesrv.addresses) };
  }
  const results = await askAll(admin.namesrv.addresses, (addr) => admin.ask(addr, { code: RequestCode.DELETE_KV_CONFIG, extFields }));
  const result = { namespace, key, dryRun, existed, namesrvs: outcomes(results) };
  requireAll(results, `entry ${key} of namespace ${namespace}`, result);
  return result;
}

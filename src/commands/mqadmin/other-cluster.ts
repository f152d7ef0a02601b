import type { signingKeys } from '../../cli/credentials.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { CommandContext } from '../base.js';

/**
 * Opens a second cluster: that of a context, with its keys or those of the environment, or that of name servers, with the keys of the first.
 * @throws NotFoundError for a context that is not there
 */
export async function openOther(
  admin: AdminClient,
  { context, namesrvAddr }: { readonly context: string | undefined; readonly namesrvAddr: string | undefined },
  { io: { env } }: CommandContext,
): Promise<AdminClient> {
  if (context === undefined) {
    return admin.forOther({ namesrvAddr, credentials: admin.credentials });
  }
  const [{ contextFor }, credentials, { readOnlyGuard }] = await Promise.all([
    import('../../cli/contexts.js'),
    import('../../cli/credentials.js'),
    import('../../client/admin/read-only.js'),
  ]);
  const its = contextFor({ context }, env);
  return admin.forOther({
    namesrvAddr: its?.namesrvAddr,
    credentials: await credentials.signingKeys(its?.accessKey === undefined ? environmentKeys(env) : its, env),
    addresses: its?.addresses,
    guard: its?.readOnly === true ? readOnlyGuard(`context ${context}`) : undefined,
  });
}

function environmentKeys(env: NodeJS.ProcessEnv): Parameters<typeof signingKeys>[0] {
  const { ROCKETMQ_ACCESS_KEY: accessKey, ROCKETMQ_SECRET_KEY: secretKey, ROCKETMQ_SECURITY_TOKEN: securityToken } = env;
  return { accessKey, secretKey, securityToken };
}

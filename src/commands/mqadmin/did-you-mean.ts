import { NAMES_OF } from '../../cli/completion.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import { clusterNames } from '../../client/admin/live-names.js';
import { MQError, NotFoundError } from '../../common/errors.js';
import { suggest } from '../../common/suggest.js';

/** Shorter names are near to everything. */
const MIN_LENGTH = 3;

/** The error together with names that may have been meant, where a name that was given is none of the cluster's. */
export async function withNearNames(
  error: NotFoundError,
  values: Readonly<Record<string, unknown>>,
  admin: AdminClient,
): Promise<NotFoundError> {
  const given = Object.entries(NAMES_OF).flatMap(([option, kind]) => {
    const name = values[option];
    return typeof name === 'string' && name.length >= MIN_LENGTH && kind !== 'contexts' && kind !== 'brokerAddrs' ? [{ kind, name }] : [];
  });
  const told = given.filter(({ name }) => error.message.includes(name));
  if (given.length === 0 || !admin.hasNamesrv || error.hint?.startsWith('did you mean') === true) {
    return error;
  }
  try {
    const live = await clusterNames(admin);
    const near = (told.length > 0 ? told : given)
      .filter(({ kind, name }) => !live[kind].includes(name))
      .flatMap(({ kind, name }) =>
        suggest(
          name,
          live[kind].filter((known) => known.startsWith('%') === name.startsWith('%')),
        ),
      );
    return near.length === 0 ? error : withHint(error, `did you mean ${[...new Set(near)].join(' or ')}?`);
  } catch (failure) {
    if (failure instanceof MQError) {
      // The error is what counts; the names were only to help.
      return error;
    }
    throw failure;
  }
}

function withHint(error: NotFoundError, hint: string): NotFoundError {
  const { message, code, context, retriable, cause } = error;
  return new NotFoundError(message, { code, hint, context, retriable, ...(cause === undefined ? {} : { cause }) });
}

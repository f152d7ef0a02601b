import type { OptionValues } from '../../cli/options.js';
import type { AdminClient } from '../../client/admin/admin-client.js';
import type { ResendRequest, ResendResult } from '../../client/admin/resend-letters.js';
import type { CommandContext } from '../base.js';
import { filterOf, type LETTER_OPTIONS, targetOf } from './letter-options.js';
import { resentLine } from './letter-text.js';

/** `resend` of dead letters and of retries: each is printed as it is done. */
export async function resend(
  admin: AdminClient,
  { kind, group }: Pick<ResendRequest, 'kind' | 'group'>,
  values: OptionValues<typeof LETTER_OPTIONS>,
  context: CommandContext,
): Promise<ResendResult> {
  const [target, filter] = [targetOf(values), filterOf(values)];
  const { rate, again, dryRun } = values;
  const { resendLetters } = await import('../../client/admin/resend-letters.js');
  return resendLetters(admin, {
    kind,
    group,
    target,
    filter,
    rate,
    again,
    dryRun,
    signal: context.signal,
    onLetter: (letter) => {
      if (!context.json) {
        context.out.line(resentLine(letter));
      }
    },
  });
}

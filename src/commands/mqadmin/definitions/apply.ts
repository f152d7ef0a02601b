import { CHANGE_OPTIONS, type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { AppliedChange, ChangeOutcome } from '../../../client/admin/definitions/apply.js';
import type { Change } from '../../../client/admin/definitions/compare.js';
import type { Definitions } from '../../../client/admin/definitions/kinds.js';
import type { LiveCluster } from '../../../client/admin/definitions/read-live.js';
import { PartialError, UsageError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { DEFINITIONS_OPTIONS, noteMissingMasters, readKinds, readSource } from '../definitions-source.js';
import { changeLines, countText, painter, thingText } from '../definitions-text.js';

const options = defineOptions({
  ...DEFINITIONS_OPTIONS,
  file: { short: 'f', own: true, required: true, text: 'File with the definitions; - is the standard input' },
  prune: { kind: 'flag', own: true, text: 'Delete what the sections of the file do not have, with its messages' },
  allowShrink: {
    kind: 'flag',
    own: true,
    long: 'allow-shrink',
    text: 'Give topics fewer queues where nobody is asked: what is in the others is not consumed any more',
  },
  yes: { short: 'y', kind: 'flag', own: true, text: 'Do not ask; needed where nobody can be asked' },
  ...CHANGE_OPTIONS,
});

type Values = OptionValues<typeof options>;

interface Applied {
  readonly clusterName: string;
  readonly dryRun: boolean;
  readonly changes: readonly (Change | AppliedChange)[];
  /** What the file does not have, and is left there without --prune. */
  readonly left: readonly { readonly kind: string; readonly name: string }[];
}

const OUTCOME_WORDS: Readonly<Record<ChangeOutcome, string>> = {
  done: 'done',
  partial: 'in part',
  failed: 'failed',
  unknown: 'unknown',
  notKept: 'not kept',
  unverified: 'not verified',
  waiting: 'not begun',
};

/** Makes a cluster what a file of definitions says. */
export default class Apply extends AdminCommand<typeof options, Applied> {
  static override summary = 'Make topics, groups, access rules and name server entries of a cluster what a file says';
  static override description = [
    'Shows what would change, asks, changes it, and reads it back. What the file does not name is left as it is; a second run has nothing to do. One that was',
    'interrupted says what was done, and the same command goes on with the rest. Ends with 6 when something was not done.',
  ].join('\n');
  static override examples = [
    'mqadmin apply -n 127.0.0.1:9876 -f cluster.yaml --dry-run',
    'mqadmin apply -n 127.0.0.1:9876 -f cluster.yaml --yes',
    'mqadmin apply -n 127.0.0.1:9876 -f cluster.yaml --kind topics --prune --dry-run --json',
  ];
  static override options = options;
  #planned = 0;
  #ended = 0;

  protected override async ask(admin: AdminClient, values: Values & CommonValues, context: CommandContext): Promise<Applied> {
    const [{ parseDefinitions }, { findCluster, readLive }, { compareDefinitions }, { checkPlan, namespacesOf, planOf }] =
      await Promise.all([
        import('../../../client/admin/definitions/parse.js'),
        import('../../../client/admin/definitions/read-live.js'),
        import('../../../client/admin/definitions/compare.js'),
        import('../../../client/admin/definitions/apply.js'),
      ]);
    const { file, prune, dryRun } = values;
    const kinds = readKinds(values.kind);
    const all = parseDefinitions(await readSource(file, context), file);
    const wanted = { ...all, kinds: new Map([...all.kinds].filter(([kind]) => kinds?.includes(kind) ?? true)) };
    const clusterName = await findCluster(admin, values.clusterName, wanted.clusterName);
    const live = await readLive(admin, { clusterName, kinds: [...wanted.kinds.keys()], namespaces: namespacesOf(wanted) });
    noteMissingMasters(live, context);
    const differences = compareDefinitions(wanted, live);
    const plan = planOf(differences, { prune });
    checkPlan(plan, { wanted, live }, { file, signer: admin.credentials?.accessKey });
    const left = differences.filter((change) => change.action === 'delete' && !prune).map(({ kind, name }) => ({ kind, name }));
    if (!context.json) {
      this.#show({ clusterName, plan, left, file }, context);
    }
    if (dryRun || plan.length === 0) {
      return { clusterName, dryRun, changes: plan, left };
    }
    await this.#confirm({ clusterName, plan }, values, context);
    const changes = await this.#apply(admin, { plan, wanted, live, left }, context);
    return { clusterName, dryRun, changes, left };
  }

  #show(
    { clusterName, plan, left, file }: { clusterName: string; plan: readonly Change[]; left: Applied['left']; file: string },
    context: CommandContext,
  ): void {
    const paint = painter(context);
    for (const line of plan.flatMap((change) => changeLines(change, paint))) {
      context.out.line(line);
    }
    if (left.length > 0) {
      context.out.note(`note: ${left.length} more in cluster ${clusterName} than in ${file}, left as they are; --prune deletes them`);
    }
    context.out.line(
      plan.length === 0 ? `nothing to do: cluster ${clusterName} is as ${file}` : `cluster ${clusterName}: ${countText(plan)}`,
    );
  }

  async #confirm(
    { clusterName, plan }: { clusterName: string; plan: readonly Change[] },
    values: Values,
    { io, signal }: CommandContext,
  ): Promise<void> {
    const shrinks = plan.flatMap((change) => change.warnings.map((warning) => `${thingText(change)}: ${warning}`));
    if (shrinks.length > 0 && !values.allowShrink && (values.yes || !io.terminal.asks)) {
      throw new UsageError(`nothing was changed: ${shrinks.join('; ')}`, {
        code: 'SHRINK',
        hint: 'give --allow-shrink to do it all the same',
      });
    }
    const { confirmChange } = await import('../../../cli/confirm.js');
    await confirmChange(`change cluster ${clusterName} so (${countText(plan)})`, { yes: values.yes, signal, io });
  }

  async #apply(
    admin: AdminClient,
    { left, ...job }: { plan: readonly Change[]; wanted: Definitions; live: LiveCluster; left: Applied['left'] },
    context: CommandContext,
  ): Promise<readonly AppliedChange[]> {
    const { applyPlan } = await import('../../../client/admin/definitions/apply.js');
    const { clusterName } = job.live;
    this.#planned = job.plan.length;
    const { changes, cause } = await applyPlan(admin, job, {
      signal: context.signal,
      onChange: (change) => {
        this.#ended++;
        if (!context.json) {
          context.out.line(`${OUTCOME_WORDS[change.outcome]}: ${thingText(change)}`);
        }
      },
    });
    const bad = changes.filter((change) => change.outcome !== 'done');
    if (bad.length > 0) {
      if (cause !== null) {
        throw cause;
      }
      const result: Applied = { clusterName, dryRun: false, changes, left };
      const reasons = bad.slice(0, 5).map(reasonText);
      const more = bad.length > 5 ? `; and ${bad.length - 5} more` : '';
      throw new PartialError(`${changes.length - bad.length} of ${changes.length} changes done; ${reasons.join('; ')}${more}`, {
        hint: 'run it again when the cause is gone: it goes on with what is left',
        context: context.json ? { result } : {},
      });
    }
    return changes;
  }

  protected override soFar(): string {
    const left = this.#planned - this.#ended;
    return this.#planned === 0
      ? super.soFar()
      : `${super.soFar()}; ${left} of ${this.#planned} things are left: the same command goes on with them`;
  }

  protected override render(result: Applied, out: Output): void {
    if (result.changes.length === 0) {
      return;
    }
    out.line(result.dryRun ? 'dry run: nothing was changed' : `all done, and read back: ${countText(result.changes, { done: true })}`);
  }
}

function reasonText(change: AppliedChange): string {
  const faults = change.results.filter(({ outcome }) => outcome !== 'done').map(({ node, error }) => `${node}: ${error?.message ?? ''}`);
  return `${OUTCOME_WORDS[change.outcome]}: ${thingText(change)}${faults.length === 0 ? '' : ` (${faults.join('; ')})`}`;
}

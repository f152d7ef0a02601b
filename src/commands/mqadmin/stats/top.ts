import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadStream, WriteStream } from 'node:tty';
import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import { type Output, toJson } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { TopRound } from '../../../client/admin/top-round.js';
import { systemClock } from '../../../common/clock.js';
import { InterruptedError, MQError, UsageError } from '../../../common/errors.js';
import { suggest } from '../../../common/suggest.js';
import type { CommandContext } from '../../base.js';
import { wordsOf } from '../actions.js';
import { AdminCommand } from '../admin-command.js';
import type { TopState } from '../top-state.js';
import { headLines, orderedRound, sortKeys, TOP_VIEWS, type TopView, tableLines } from '../top-tables.js';

const options = defineOptions({
  clusterName: { short: 'c', text: 'Only this cluster; without it all that the name servers know' },
  interval: { short: 'i', kind: 'duration', default: 2000, text: 'Time from round to round, eg: 5s' },
  count: { kind: 'int', min: 1, text: 'End after so many rounds' },
  batch: { kind: 'flag', text: 'Print round after round instead of drawing on the terminal; so it is without a terminal' },
  sort: { text: 'Column to order by, as the key s does; eg: in, out, lag, delay, disk' },
  reverse: { kind: 'flag', text: 'The smallest first' },
  filter: { text: 'Only names with this in them; with * and ? it is the whole name; several separated by commas' },
  all: { kind: 'flag', text: "With RocketMQ's own topics and groups" },
});

type Values = OptionValues<typeof options> & CommonValues;

/** A broker that is slower is shown as down, and does not hold up the rounds after it for so long again. */
const LIMIT_MS = 5_000;
const AGAIN_MS = 1_000;

/** Shows what a cluster does, round after round. */
export default class Top extends AdminCommand<typeof options, TopRound> {
  static override summary = 'Live view of the load: top [cluster|brokers|topics|groups].';
  static override description = [
    'On a terminal the view is drawn anew every --interval: q quits, 1 to 4 or Tab change the view, s and r the order, / filters, p pauses, + and - change',
    'the interval, a blank asks at once. Elsewhere, or with --batch, each round is printed; with --json each is one line.',
    'With --output csv, name and wide it is the rows of the view; of the view cluster those of the brokers.',
    'Rates are differences between two rounds: of the totals of a broker, of the ends of queues of a topic, of the offsets of a group. Where there is',
    "no round before they are the broker's own, of 10 seconds for brokers and of a minute for IN of a topic and OUT of a group; OUT of a topic, IN and",
    'DRAIN of a group are - then: give --count 2 or more.',
  ].join('\n');
  static override examples = [
    'mqadmin top -n 127.0.0.1:9876 --count 1 --json',
    'mqadmin top groups -n 127.0.0.1:9876 --interval 100ms --count 2 --sort delay',
    "mqadmin top topics -n 127.0.0.1:9876 --interval 100ms --count 3 --filter 'Order*'",
  ];
  static override options = options;
  static override extraWords = 'keep' as const;
  static override words = wordsOf(TOP_VIEWS);

  protected override readonly endsBySignal = false;

  #view: TopView = 'cluster';
  /** Whether the last round needs no printing: it was, or is gone with the screen, as after other tools of that name. */
  #isShown = false;

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<TopRound> {
    const view = viewOf(context.words, values.sort);
    this.#view = view;
    const [{ ClusterSampler }, { nameFilter, nameShown }, { TopRounds }] = await Promise.all([
      import('../../../client/admin/cluster-sample.js'),
      import('../../../client/admin/name-filter.js'),
      import('../../../client/admin/top-round.js'),
    ]);
    const names = nameFilter({ excludeSystem: !values.all });
    const wantsOf = (wanted: TopView) => ({
      ...names,
      topics: wanted === 'cluster' || wanted === 'topics',
      groups: wanted !== 'brokers',
      clients: wanted === 'cluster' || wanted === 'groups',
      lagTimes: wanted === 'cluster' || wanted === 'groups',
      pullOffsets: false,
    });
    const sampler = new ClusterSampler(admin, {
      wants: wantsOf(view),
      clusterName: values.clusterName,
      limitMs: LIMIT_MS,
      againMs: AGAIN_MS,
    });
    const rounds = new TopRounds();
    const ask = async (wanted: TopView): Promise<TopRound> => {
      const wants = wantsOf(wanted);
      return rounds.round(await sampler.sample(wants), wants);
    };
    const { stdin, stdout, env } = context.io;
    if (context.json || values.batch || !isTerminal(stdout) || !isTerminal(stdin) || env.TERM === 'dumb') {
      const order = { sort: values.sort ?? null, isReverse: values.reverse, isShown: nameShown(values.filter ?? '') };
      return this.#batch(values, context, async () => orderedRound(await ask(view), view, order));
    }
    this.#isShown = true;
    const { TopScreen } = await import('../top-screen.js');
    const screen = new TopScreen({
      stdin: stdin as ReadStream,
      stdout: stdout as WriteStream,
      colour: env.NO_COLOR === undefined || env.NO_COLOR === '',
      state: stateOf(view, values),
      ask,
      signal: context.signal,
      rounds: values.count,
    });
    return screen.run();
  }

  async #batch(values: Values, context: CommandContext, ask: () => Promise<TopRound>): Promise<TopRound> {
    if (values.json || values.output === 'json') {
      context.out.printDataBy((round) => context.out.line(toJson(round, 0)));
    }
    const stop = new AbortController();
    const forget = context.io.onSignal?.((signal) => stop.abort(new InterruptedError('top was ended', { signal })));
    const stopped = new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)));
    stopped.catch(() => undefined);
    let last: TopRound | null = null;
    try {
      for (let count = 1; ; count++) {
        const begunMs = systemClock.monotonicMs();
        try {
          last = await Promise.race([ask(), stopped]);
          if (count === values.count) {
            return last;
          }
          this.#show(last, context);
        } catch (error) {
          const isEnd = last === null || count === values.count || stop.signal.aborted || context.signal.aborted;
          if (!(error instanceof MQError) || isEnd) {
            throw error;
          }
          context.out.note(error.message);
        }
        const restMs = Math.max(0, begunMs + values.interval - systemClock.monotonicMs());
        await sleep(restMs, undefined, { signal: AbortSignal.any([context.signal, stop.signal]) });
      }
    } catch (error) {
      if (!stop.signal.aborted || last === null) {
        throw error;
      }
      // Whoever ends it has seen all rounds.
      this.#isShown = true;
      context.out.printDataBy(() => undefined);
      return last;
    } finally {
      forget?.();
    }
  }

  #show(round: TopRound, context: CommandContext): void {
    if (context.json) {
      context.out.data(round);
    } else {
      this.render(round, context.out);
      context.out.line();
    }
  }

  protected override rowsIn(round: TopRound): unknown {
    return round[this.#view === 'cluster' ? 'brokers' : this.#view];
  }

  protected override render(round: TopRound, out: Output): void {
    if (this.#isShown) {
      return;
    }
    const tables = (['brokers', 'groups', 'topics'] as const).filter((table) => round[table].length > 0);
    for (const line of headLines(round, Number.POSITIVE_INFINITY)) {
      out.line(line);
    }
    for (const table of tables) {
      out.line();
      for (const { text } of tableLines(round, table, Number.POSITIVE_INFINITY)) {
        out.line(text);
      }
    }
  }
}

function stateOf(view: TopView, values: Values): TopState {
  return {
    view,
    sort: values.sort ?? null,
    isReverse: values.reverse,
    filter: values.filter ?? '',
    typing: null,
    offset: 0,
    isPaused: false,
    intervalMs: values.interval,
  };
}

/** @throws UsageError for a view or a column that there is not */
function viewOf(words: readonly string[], sort: string | undefined): TopView {
  const [word = 'cluster', ...rest] = words;
  const view = TOP_VIEWS.find((known) => known === word);
  if (view === undefined || rest.length > 0) {
    const near = view === undefined ? suggest(word, TOP_VIEWS)[0] : undefined;
    throw new UsageError(`top ${words.join(' ')}: expected one of ${TOP_VIEWS.join(', ')}`, {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  const keys = sortKeys(view);
  if (sort !== undefined && !keys.includes(sort)) {
    throw new UsageError(`--sort ${sort}: top ${view} has the columns ${keys.join(', ')}`);
  }
  return view;
}

function isTerminal(stream: unknown): boolean {
  return (stream as { isTTY?: boolean }).isTTY === true;
}

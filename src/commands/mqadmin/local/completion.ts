import { commandSpec } from '../../../cli/command-spec.js';
import { candidates, complete, completionScript, SHELLS, splitLine } from '../../../cli/completion.js';
import { contextFor, readContexts } from '../../../cli/contexts.js';
import {
  type CommandSpec,
  type CommonOption,
  type CommonValues,
  defineOptions,
  type NameKind,
  type OptionValues,
} from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { MQError, UsageError } from '../../../common/errors.js';
import { type CommandContext, MqCommand } from '../../base.js';
import { wordsOf } from '../actions.js';

const options = defineOptions({});
type Values = OptionValues<typeof options> & CommonValues;

interface Result {
  readonly text: string;
}

/** Completion of the command line by the shell. */
export default class Completion extends MqCommand<typeof options, Result> {
  static override summary = 'Print what bash, zsh or fish reads at its start to complete commands, options and names';
  static override description = [
    'Topics, groups, clusters and brokers come from the name server that the line, the environment or the context names. They are kept for some seconds in',
    'mqkit/completion of $XDG_CACHE_HOME (~/.cache); a cluster that does not answer at once is asked in the background, for the next time.',
  ].join('\n');
  static override examples = ['mqadmin completion bash', 'mqadmin completion zsh', 'mqadmin completion fish'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['debug'];
  static override extraWords = 'keep' as const;
  static override words = wordsOf(SHELLS);

  protected override async execute(_values: Values, { io: { env }, words: [what = '', ...rest] }: CommandContext): Promise<Result> {
    const shell = SHELLS.find((known) => known === what.toLowerCase());
    if (shell !== undefined && rest.length === 0) {
      return { text: completionScript(shell, this.config.bin) };
    }
    if (what === 'words') {
      return { text: (await this.#words(env)).map((word) => `${word}\n`).join('') };
    }
    if (what === 'refresh') {
      const { refreshNames } = await import('../live-names.js');
      await refreshNames(rest[0], env);
      return { text: '' };
    }
    throw new UsageError(what === '' ? 'completion of which shell?' : `completion ${what}: there is none for it`, {
      hint: 'bash: add `source <(mqadmin completion bash)` to ~/.bashrc; zsh and fish likewise',
    });
  }

  protected override render({ text }: Result, out: Output): void {
    out.text(text);
  }

  /** What a shell asks for: the candidates of the line that it hands over in the environment. */
  async #words(env: NodeJS.ProcessEnv): Promise<string[]> {
    const { MQKIT_COMP_LINE: line, MQKIT_COMP_WORDS: typed = '', MQKIT_COMP_BREAKS: breaks = '' } = env;
    const words = line === undefined ? typed.split('\n') : splitLine(line).slice(1);
    const asked = complete(words, this.#commands());
    const found = candidates(asked, asked.names === null ? [] : await namesFor(asked.names, words, env));
    // Bash completes only what is behind the last ":" of a word.
    const cut = breaks.includes(':') ? asked.prefix.lastIndexOf(':') + 1 : 0;
    return found.map((word) => word.slice(cut));
  }

  #commands(): CommandSpec[] {
    return (this.config.commands ?? []).map((command) => commandSpec(command, { bin: this.config.bin, id: command.id }));
  }
}

/** Nobody is told of an error while typing: there are no candidates then. */
async function namesFor(kind: NameKind, words: readonly string[], env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  try {
    if (kind === 'contexts') {
      return Object.keys(readContexts(env).contexts);
    }
    const at = (...names: string[]): string | undefined => words[words.findIndex((word) => names.includes(word)) + 1] || undefined;
    const has = (...names: string[]): boolean => words.some((word) => names.includes(word));
    const given = has('-n', '--namesrvAddr') ? at('-n', '--namesrvAddr') : env.NAMESRV_ADDR;
    const context = contextFor({ context: has('--context') ? at('--context') : env.MQADMIN_CONTEXT, namesrvAddr: given }, env);
    const namesrvAddr = context?.namesrvAddr ?? given;
    if (namesrvAddr === undefined || namesrvAddr === '') {
      return [];
    }
    const { cachedNames } = await import('../live-names.js');
    return (await cachedNames({ ...context, namesrvAddr }, env))[kind];
  } catch (error) {
    if (error instanceof MQError) {
      return [];
    }
    throw error;
  }
}

/** What the terminal allows: NO_COLOR, FORCE_COLOR and CI are obeyed. */
export interface Terminal {
  /** Colour on stderr. */
  readonly colour: boolean;
  /** A question may be asked: stdin and stderr are terminals and no CI runs this. */
  readonly asks: boolean;
  /** Spinners and live lines may be drawn on stderr. */
  readonly animates: boolean;
}

interface MaybeTerminal {
  readonly isTTY?: boolean | undefined;
}

/** Looks at the streams and the environment of this process. */
export function detectTerminal(
  env: NodeJS.ProcessEnv = process.env,
  streams: { readonly stdin: MaybeTerminal; readonly stderr: MaybeTerminal } = { stdin: process.stdin, stderr: process.stderr },
): Terminal {
  const ci = env.CI !== undefined && env.CI !== '' && env.CI !== 'false' && env.CI !== '0';
  const stderrIsTerminal = streams.stderr.isTTY === true;
  return {
    colour: colourWanted(env, stderrIsTerminal && !ci),
    asks: stderrIsTerminal && streams.stdin.isTTY === true && env.CI === undefined,
    animates: stderrIsTerminal && !ci && env.TERM !== 'dumb',
  };
}

function colourWanted(env: NodeJS.ProcessEnv, byDefault: boolean): boolean {
  if (env.FORCE_COLOR !== undefined) {
    return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  }
  return env.NO_COLOR === undefined || env.NO_COLOR === '' ? byDefault && env.TERM !== 'dumb' : false;
}

/** Version of this toolkit, which the build writes in; `source` where it was not built. */
export function mqkitVersion(): string {
  return process.env.MQKIT_VERSION ?? 'source';
}

/** Names that live in a cluster, or in the contexts. */
export interface LiveNames {
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly clusters: readonly string[];
  readonly brokerNames: readonly string[];
  readonly brokerAddrs: readonly string[];
  readonly contexts: readonly string[];
}

export interface InspectConfig {
  /**
   * Whether the content is reported, shortened: text, thinking, tool inputs and results, error
   * messages. With `false` only kinds, lengths and names are. Default: that of the inspector, which
   * is `false` unless it was asked for.
   */
  content?: boolean | undefined;
  /** Reports how many values wait in this valve, and whether it is open. Default: none. */
  valve?: InspectedValve | undefined;
}

/** What is read of a `Valve`. */
export interface InspectedValve {
  readonly depth$: ObservableLike<number>;
  readonly open$: ObservableLike<boolean>;
}

/** What is needed of an Observable, of whatever copy of rxjs. */
export interface ObservableLike<T> {
  subscribe(next: (value: T) => void): { unsubscribe(): void };
}

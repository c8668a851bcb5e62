export interface InspectConfig {
  /**
   * Whether the content is reported (shortened): text, thinking, tool inputs and results, error
   * messages. With `false`, only kinds, lengths and names are reported. Default: the setting of the
   * inspector, which is `false` unless it was started with content.
   */
  content?: boolean | undefined;
  /**
   * A valve of the pipeline, to report how many values wait in it, and whether it is open. Default:
   * none.
   */
  valve?: InspectedValve | undefined;
}

/** The properties of a `Valve` that are read. */
export interface InspectedValve {
  readonly depth$: ObservableLike<number>;
  readonly open$: ObservableLike<boolean>;
}

/** The needed part of an Observable, from any copy of rxjs. */
export interface ObservableLike<T> {
  subscribe(next: (value: T) => void): { unsubscribe(): void };
}

import { Observable, Subscriber } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';
import type { InspectorEntry } from './InspectorEntry.ts';
import type { Inspector } from './inspectors.ts';
import { now } from './now.ts';
import { ReportedStage } from './ReportedStage.ts';

export interface ReporterOptions {
  report: (entry: InspectorEntry) => void;
  /** Whether stages without the option `content` report their content. */
  content: boolean;
  /** Called when there is something to flush. */
  onWaiting: () => void;
}

/** Watches the stages of all pipelines, and finds out which stages belong together. */
export class Reporter {
  readonly #options: ReporterOptions;
  #ids = 0;
  #turn = 0;
  #isInTurn = false;
  /** The stages that have something to report. */
  readonly #waiting = new Set<ReportedStage>();
  isClosed = false;
  /** The stage that is subscribing to its source, or emitting a value, at this moment. */
  subscribing: ReportedStage | undefined;
  passing: ReportedStage | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  readonly inspector: Inspector = <T>(
    source: Observable<T>,
    name: string,
    { content = this.#options.content, valve }: InspectConfig,
  ) =>
    new Observable<T>((subscriber) => {
      const { subscribing, passing } = this;
      const stage = new ReportedStage(this, ++this.#ids, content);
      stage.into = subscribing?.id ?? passing?.into;
      const into = stage.into === undefined ? {} : { into: stage.into };
      this.report({ type: 'subscribe', id: stage.id, at: now(), stage: name, content, ...into });
      const watched = new StageSubscriber(subscriber, this, stage);
      if (valve) watched.add(stage.watch(valve));
      this.subscribing = stage;
      this.passing = undefined;
      try {
        source.subscribe(watched);
      } finally {
        this.subscribing = subscribing;
        this.passing = passing;
      }
      return watched;
    });

  report(entry: InspectorEntry): void {
    if (this.isClosed) return;
    try {
      this.#options.report(entry);
    } catch {
      // An error of the inspector must not disturb the pipeline.
    }
  }

  flushSoon(stage: ReportedStage): void {
    if (this.#waiting.size === 0) this.#options.onWaiting();
    this.#waiting.add(stage);
  }

  turn(): number {
    if (!this.#isInTurn) {
      this.#isInTurn = true;
      queueMicrotask(() => {
        this.#isInTurn = false;
        this.#turn++;
      });
    }
    return this.#turn;
  }

  flush(): void {
    const stages = [...this.#waiting];
    this.#waiting.clear();
    for (const stage of stages) stage.flush();
  }

  close(): void {
    this.flush();
    this.isClosed = true;
  }
}

class StageSubscriber<T> extends Subscriber<T> {
  readonly #reporter: Reporter;
  readonly #stage: ReportedStage;

  constructor(destination: Subscriber<T>, reporter: Reporter, stage: ReportedStage) {
    super(destination);
    this.#reporter = reporter;
    this.#stage = stage;
  }

  // Without a closure: this runs for each value.
  protected override _next(value: T): void {
    const reporter = this.#reporter;
    if (reporter.isClosed) return super._next(value);
    const stage = this.#stage;
    const { passing, subscribing } = reporter;
    if (passing !== undefined && passing.into === undefined) stage.comesFrom(passing);
    stage.next(value);
    reporter.passing = stage;
    reporter.subscribing = undefined;
    try {
      this.destination.next(value);
    } finally {
      reporter.passing = passing;
      reporter.subscribing = subscribing;
    }
  }

  protected override _error(error: unknown): void {
    this.#stage.end({ type: 'error', error });
    this.#pass(() => super._error(error));
  }

  protected override _complete(): void {
    this.#stage.end({ type: 'complete' });
    this.#pass(() => super._complete());
  }

  override unsubscribe(): void {
    if (!this.closed) this.#stage.end({ type: 'unsubscribe' });
    super.unsubscribe();
  }

  /** Passes a notification on; stages that it subscribes to come from this stage. */
  #pass(notify: () => void): void {
    const reporter = this.#reporter;
    const { passing, subscribing } = reporter;
    reporter.passing = this.#stage;
    reporter.subscribing = undefined;
    try {
      notify();
    } finally {
      reporter.passing = passing;
      reporter.subscribing = subscribing;
    }
  }
}

import {
  afterNextRender,
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  type ElementRef,
  inject,
  viewChild,
} from '@angular/core';
import {
  attachInspector,
  drawInspection,
  Inspection,
  inspectionStyle,
  svgElement,
} from 'claude-rx/inspect';

/** The time that is drawn, in milliseconds. */
const WINDOW = 8_000;
/** How long the picture goes on moving after the last value, in milliseconds. */
const REST = 400;
/** Milliseconds between two pictures; between two for a reader who wants little motion. */
const EVERY = 50;
const CALM = 250;

/** What the classes of the drawing mean. */
const LEGEND = [
  ['text', 'text'],
  ['thinking', 'thinking'],
  ['json', 'tool input'],
  ['value', 'frame'],
  ['seam', 'seam'],
] as const;

/**
 * The latest reply as its pipeline runs: a line for each stage with `inspect`, drawn by the renderer of
 * the inspector, without change detection.
 */
@Component({
  selector: 'chat-marble-strip',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <figure>
      <div
        #diagram
        class="diagram"
        role="img"
        aria-label="Marble diagram: what passes the stages of the pipeline, from the network at the top to the screen at the bottom, over the last eight seconds"
      ></div>
      <figcaption class="diagram">
        @for (entry of legend; track entry[0]) {
          <span>
            <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
              <g [attr.class]="entry[0]"><rect x="1" y="1" width="10" height="10" rx="5" /></g>
            </svg>
            {{ entry[1] }}
          </span>
        }
        <span>
          <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
            <path class="error" d="M2 2L10 10M10 2L2 10" />
          </svg>
          error
        </span>
      </figcaption>
    </figure>
  `,
})
export class MarbleStrip {
  private readonly diagram = viewChild.required<ElementRef<HTMLElement>>('diagram');
  protected readonly legend = LEGEND;

  readonly #inspection = new Inspection({ marks: 20_000 });
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #frame = 0;
  #drawnAt = -Infinity;
  /** When something last passed a stage, in milliseconds of the epoch. */
  #lastAt = -Infinity;

  constructor() {
    const attached = attachInspector((entry) => {
      this.#inspection.push(entry);
      this.#lastAt = entry.at;
      this.#run();
    });
    const destroyed = inject(DestroyRef);
    afterNextRender(() => {
      const sheet = document.createElement('style');
      sheet.textContent = `chat-marble-strip .diagram{${inspectionStyle}}`;
      document.head.append(sheet);
      const resized = new ResizeObserver(() => this.#draw());
      resized.observe(this.diagram().nativeElement);
      destroyed.onDestroy(() => {
        attached.unsubscribe();
        resized.disconnect();
        sheet.remove();
        cancelAnimationFrame(this.#frame);
        this.#frame = -1;
      });
    });
  }

  #run(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const every = this.#calm.matches ? CALM : EVERY;
      if (performance.now() - this.#drawnAt >= every) this.#draw();
      if (now() - this.#lastAt < REST + CALM) this.#run();
    });
  }

  #draw(): void {
    const { nativeElement } = this.diagram();
    const run = this.#inspection.runs.at(-1);
    const width = nativeElement.clientWidth;
    if (!run || width === 0) return;
    this.#drawnAt = performance.now();
    const time = Math.min(now(), this.#lastAt + REST);
    // A reader who wants little motion gets a picture that fills and does not move.
    const from = this.#calm.matches
      ? run.from + Math.floor((time - run.from) / WINDOW) * WINDOW
      : time - WINDOW;
    const to = from + WINDOW;
    const { node } = drawInspection(run, { from, to, now: time, width, dense: true });
    nativeElement.replaceChildren(svgElement(node));
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

import {
  afterNextRender,
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  type ElementRef,
  inject,
  viewChild,
} from '@angular/core';
import { type Marble, MarbleTape, SLOT, type Stage, STAGES } from './marble-tape';

/** The time that is drawn, in milliseconds. */
const WINDOW = 8_000;
/** How long the picture goes on moving after the last event, in milliseconds. */
const REST = 400;
const ROW = 24;

const LABELS: Record<Stage, string> = {
  network: 'fromResponse',
  joined: 'retryResumable',
  paced: 'smoothText',
  screen: 'render',
};

const LEGEND = [
  ['text', 'text'],
  ['thinking', 'thinking'],
  ['tool', 'tool input'],
  ['seam', 'seam'],
  ['error', 'error'],
] as const;

const COLORS = [
  'line',
  'text',
  'thinking',
  'tool',
  'frame',
  'bound',
  'ping',
  'seam',
  'error',
  'end',
];

/**
 * The pipeline as it runs: a line for each stage, a marble for what passes it. It is drawn on a
 * canvas, once a frame, and no change detection has to do with it.
 */
@Component({
  selector: 'chat-marble-strip',
  changeDetection: ChangeDetectionStrategy.OnPush,
  template: `
    <figure>
      <div class="stages" aria-hidden="true">
        @for (stage of stages; track stage) {
          <code>{{ labels[stage] }}</code>
        }
      </div>
      <canvas
        #canvas
        role="img"
        aria-label="Marble diagram: what passes the stages of the pipeline, from the network at the top to the screen at the bottom, over the last eight seconds"
      ></canvas>
      <figcaption>
        @for (entry of legend; track entry[0]) {
          <span><i [class]="entry[0]"></i>{{ entry[1] }}</span>
        }
      </figcaption>
    </figure>
  `,
})
export class MarbleStrip {
  readonly #tape = inject(MarbleTape);
  private readonly canvas = viewChild.required<ElementRef<HTMLCanvasElement>>('canvas');
  protected readonly stages = STAGES;
  protected readonly labels = LABELS;
  protected readonly legend = LEGEND;

  #frame = 0;
  #drawnAt = -Infinity;
  #colors: Record<string, string> = {};
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    const destroyed = inject(DestroyRef);
    afterNextRender(() => {
      const redraw = () => {
        this.#readColors();
        this.#draw();
      };
      const resized = new ResizeObserver(redraw);
      resized.observe(this.canvas().nativeElement);
      this.#dark.addEventListener('change', redraw);
      this.#tape.onChange = () => this.#run();
      destroyed.onDestroy(() => {
        this.#tape.onChange = () => {};
        this.#dark.removeEventListener('change', redraw);
        resized.disconnect();
        cancelAnimationFrame(this.#frame);
      });
    });
  }

  #run(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      // Who wants little motion gets a picture that fills, four times a second, and does not move.
      if (!this.#calm.matches || performance.now() - this.#drawnAt > 250) this.#draw();
      if (performance.now() - this.#tape.lastAt < REST) this.#run();
    });
  }

  #draw(): void {
    const canvas = this.canvas().nativeElement;
    const context = canvas.getContext('2d');
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!context || width === 0) return;
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);

    this.#drawnAt = performance.now();
    const now = Math.min(this.#drawnAt, this.#tape.lastAt + REST);
    const start = this.#calm.matches ? Math.floor(now / WINDOW) * WINDOW : now - WINDOW;
    const xOf = ({ slot }: Marble) => (((slot + 0.5) * SLOT - start) / WINDOW) * width;

    for (const [row, stage] of STAGES.entries()) {
      const y = (row + 0.5) * ROW;
      context.strokeStyle = this.#colors['line']!;
      context.lineWidth = 1;
      line(context, 0, y, width, y);
      for (const marble of this.#tape.stages[stage]) {
        const x = xOf(marble);
        if (x < -10 || x > width + 10) continue;
        if (marble.kind === 'seam') {
          context.setLineDash([3, 3]);
          context.strokeStyle = this.#colors['seam']!;
          line(context, x, 0, x, STAGES.length * ROW);
          context.setLineDash([]);
        }
        this.#drawMarble(context, marble, x, y);
      }
    }
  }

  #drawMarble(
    context: CanvasRenderingContext2D,
    { kind, count }: Marble,
    x: number,
    y: number,
  ): void {
    context.fillStyle = context.strokeStyle = this.#colors[kind] ?? this.#colors['line']!;
    context.lineWidth = 1.5;
    const radius = 2.5 + Math.min(Math.log2(count), 5) * 0.5;
    context.beginPath();
    switch (kind) {
      case 'end':
      case 'bound':
        return line(context, x, y - (kind === 'end' ? 8 : 4), x, y + (kind === 'end' ? 8 : 4));
      case 'error':
        line(context, x - 4, y - 4, x + 4, y + 4);
        return line(context, x - 4, y + 4, x + 4, y - 4);
      case 'seam':
        context.moveTo(x, y - 6);
        context.lineTo(x + 6, y);
        context.lineTo(x, y + 6);
        context.lineTo(x - 6, y);
        return context.fill();
      case 'frame':
        context.rect(x - 1, y - 2 - Math.min(count, 6), 2, 4 + 2 * Math.min(count, 6));
        return context.fill();
      default:
        context.arc(x, y, kind === 'ping' ? 2 : radius, 0, 2 * Math.PI);
        return kind === 'ping' ? context.stroke() : context.fill();
    }
  }

  /** The colours of the theme that is shown: a property by itself would give `light-dark(...)`. */
  #readColors(): void {
    const probe = document.createElement('i');
    this.canvas().nativeElement.after(probe);
    this.#colors = Object.fromEntries(
      COLORS.map((name) => {
        probe.style.color = `var(--marble-${name})`;
        return [name, getComputedStyle(probe).color];
      }),
    );
    probe.remove();
  }
}

function line(
  context: CanvasRenderingContext2D,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

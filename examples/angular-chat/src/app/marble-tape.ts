import { Injectable } from '@angular/core';
import type { StreamEvent } from 'claude-rx';
import { type MonoTypeOperatorFunction, tap } from 'rxjs';

/** The stages of the pipeline that are drawn, from the network to the screen. */
export const STAGES = ['network', 'joined', 'paced', 'screen'] as const;
export type Stage = (typeof STAGES)[number];

export type MarbleKind =
  | 'text'
  | 'thinking'
  | 'tool'
  | 'frame'
  | 'bound'
  | 'ping'
  | 'seam'
  | 'error'
  | 'end';

/** What has passed a stage within a time slot: the most notable, and how many there were. */
export interface Marble {
  kind: MarbleKind;
  count: number;
  slot: number;
}

/** Milliseconds that are drawn as one marble: 20,000 events in a second are not 20,000 circles. */
export const SLOT = 100;
/** How many slots are kept. */
const SLOTS = 100;

/** What is drawn where several pass at once: the later in this list. */
const ORDER: readonly MarbleKind[] = [
  'ping',
  'frame',
  'bound',
  'text',
  'thinking',
  'tool',
  'end',
  'seam',
  'error',
];

/** Remembers what has lately passed each stage. It draws nothing and holds no text. */
@Injectable({ providedIn: 'root' })
export class MarbleTape {
  readonly stages: Record<Stage, Marble[]> = { network: [], joined: [], paced: [], screen: [] };
  /** When something last passed, in milliseconds of `performance.now()`. */
  lastAt = -Infinity;
  /** Called with each thing that passes; the component that draws sets it. */
  onChange: () => void = () => {};

  add(stage: Stage, kind: MarbleKind): void {
    this.lastAt = performance.now();
    const slot = Math.floor(this.lastAt / SLOT);
    const marbles = this.stages[stage];
    const last = marbles.at(-1);
    this.onChange();
    if (last?.slot !== slot) {
      marbles.push({ kind, count: 1, slot });
      if (marbles.length > SLOTS) marbles.splice(0, marbles.length - SLOTS);
      return;
    }
    last.count++;
    if (ORDER.indexOf(kind) > ORDER.indexOf(last.kind)) last.kind = kind;
  }

  /** Passes on what comes, and remembers it as having passed `stage`. */
  watch<T>(stage: Stage, kindOf: (value: T) => MarbleKind): MonoTypeOperatorFunction<T> {
    return tap({
      next: (value) => this.add(stage, kindOf(value)),
      // A stop is what the reader wanted, not an error.
      error: ({ code }: { code?: string }) => this.add(stage, code === 'aborted' ? 'end' : 'error'),
      complete: () => this.add(stage, 'end'),
    });
  }
}

/** How an event is drawn. */
export function kindOfEvent(event: StreamEvent): MarbleKind {
  if (event.type === 'ping') return 'ping';
  if (event.type === 'resume') return 'seam';
  if (event.type !== 'content_block_delta') return 'bound';
  const { type } = event.delta;
  if (type === 'text_delta') return 'text';
  return type === 'input_json_delta' ? 'tool' : 'thinking';
}

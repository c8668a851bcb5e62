import { MessageStreamError, type StreamEvent } from 'claude-rx';
import {
  defineTool,
  type DefinedTool,
  runTools,
  type RunToolsOptions,
  type ToolContext,
  type ToolEvent,
} from 'claude-rx/tools';
import { asyncScheduler, delay, filter, map, NEVER, type Observable, of } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { z } from 'zod';
import { testScheduler } from '../../support/marbles.ts';
import {
  delta,
  messageDelta,
  messageStart,
  messageStop,
  raw,
  resume,
  start,
  stop,
  text,
  textStart,
} from '../../operators/events.ts';
import { params } from '../../support/server.ts';

const callOf = (index: number, name: string) =>
  start(index, { type: 'tool_use', id: `toolu_${name}`, name, input: {} });
const inputOf = (index: number, input: string) =>
  delta(index, { type: 'input_json_delta', partial_json: input });

/**
 * The events of replies by letter: `m`, then calls of the tools `a`, `b` and `c`, in the blocks 0,
 * 1 and 2, or a text, then how it ends.
 */
export const turnEvents = {
  m: messageStart(),
  a: callOf(0, 'a'),
  b: callOf(1, 'b'),
  c: callOf(2, 'c'),
  '1': inputOf(0, '{"n":1}'),
  '2': inputOf(1, '{"n":2}'),
  '3': inputOf(2, '{"n":3}'),
  '7': inputOf(0, '{"n":'),
  '8': inputOf(0, 'oops}'),
  '9': inputOf(0, '{"n":"one"}'),
  A: stop(0),
  B: stop(1),
  C: stop(2),
  t: textStart(0),
  T: text(0, 'Hello'),
  u: textStart(1),
  U: text(1, 'Well'),
  x: messageDelta('tool_use'),
  e: messageDelta('end_turn'),
  y: messageDelta('max_tokens'),
  f: messageDelta('refusal'),
  p: messageDelta('pause_turn'),
  k: messageDelta('compaction'),
  w: messageDelta('model_context_window_exceeded'),
  q: raw({ type: 'message_delta', delta: { stop_reason: 'vibe_shift' }, usage: {} }),
  F: start(1, { type: 'fallback', from: { model: 'one' }, to: { model: 'other' } }),
  r: resume(0),
  S: messageStop,
} satisfies Record<string, StreamEvent>;

export const schema = z.object({ n: z.number() });

export const tool = (
  name: string,
  run: (input: { n: number }, context: ToolContext<{ n: number }>) => unknown,
  more: { timeout?: number; eager?: boolean } = {},
): DefinedTool<typeof schema> =>
  defineTool({ name, description: 'For a test', input: schema, run, ...more });

export const isOurs = <E extends { type: string }>(event: E): event is E & ToolEvent =>
  /^(tool_|turn_end)/.test(event.type);

/** An event of ours in a line. */
export function line(event: ToolEvent): string {
  switch (event.type) {
    case 'tool_start':
      return `${event.name} start`;
    case 'tool_progress':
      return `${event.name} progress ${JSON.stringify(event.progress)}`;
    case 'tool_result': {
      const { content } = event.result;
      const said = typeof content === 'string' ? content : JSON.stringify(content);
      return `${event.name} ${event.status}: ${said}`;
    }
    case 'tool_answers':
      return `answers from ${event.start}`;
    case 'turn_end': {
      const { turn, outcome, pending = [] } = event;
      return [`turn ${turn}: ${outcome}`, ...pending.map(({ name }) => name)].join(' ');
    }
  }
}

/** A tool without input, for calls like `ma`, `x`, `S` that are drawn. */
export const bare = (name: string, run: () => unknown): DefinedTool =>
  defineTool({ name, description: 'For a test', input: z.object({}), run });

/** The events of a reply that calls `a`, and of one that answers, for pictures: `maxS` and `mtTeS`. */
export const drawnReply = ({ cold }: RunHelpers, diagram: string): Observable<StreamEvent> =>
  cold<StreamEvent>(diagram, turnEvents);

type Cold = ReturnType<RunHelpers['cold']>;

const lost = new MessageStreamError('The connection was lost', { code: 'connection' });

export interface Turns {
  /** Our events. */
  events$: Observable<ToolEvent>;
  /** The same, each in a line. */
  shown$: Observable<string>;
  /** The same with their time, in milliseconds; and how it ended. */
  timetable(): string[];
  replies: Cold[];
  /** The parameters of each request. */
  requests: { messages: { role: string; content: unknown }[]; [field: string]: unknown }[];
  /** What the last request tells of the tools. */
  told(): string[];
}

/** A loop in virtual time, with a reply for each turn. */
export function turns(
  { cold }: RunHelpers,
  diagrams: string[],
  options: Partial<RunToolsOptions>,
  more: object = {},
): Turns {
  const replies = diagrams.map((diagram) => cold<StreamEvent>(diagram, turnEvents, lost));
  const requests: Turns['requests'] = [];
  const events$ = runTools(
    (turnParams, { turn }): Observable<StreamEvent> => {
      requests.push(turnParams);
      return replies[turn - 1] ?? NEVER;
    },
    { ...params, ...more },
    { tools: [], ...options },
  ).pipe(filter(isOurs));
  const shown$ = events$.pipe(map(line));
  return {
    events$,
    shown$,
    replies: replies as Cold[],
    requests,
    timetable() {
      const rows: string[] = [];
      const row = (text: string) => rows.push(`${asyncScheduler.now()} ${text}`);
      shown$.subscribe({
        next: row,
        error: (error: unknown) =>
          row(error instanceof MessageStreamError ? error.code : String(error)),
        complete: () => row('complete'),
      });
      return rows;
    },
    told() {
      const results = requests.at(-1)?.messages.at(-1)?.content as Record<string, unknown>[];
      return results.map(({ tool_use_id, content }) => {
        return `${String(tool_use_id).replace('toolu_', '')}: ${String(content)}`;
      });
    },
  };
}

export const marble =
  (test: (helpers: RunHelpers) => void): (() => void) =>
  () =>
    testScheduler().run(test);

/** A tool that gives its name after a while. */
export const after = (milliseconds: number, name: string, more = {}): ReturnType<typeof tool> =>
  tool(name, () => of(name).pipe(delay(milliseconds)), more);

/** Two calls: proven by the start of the second one, and by the stop reason. */
export const TWO = '-ma1Ab2BxS';
export const ANSWER = '(mtTAeS)';

import {
  auditFrame,
  bufferText,
  eventsOf,
  eventsOfType,
  exponentialBackoff,
  measureStream,
  type MessageOf,
  type MessageState,
  messageState,
  MessageStreamError,
  retryResumable,
  segmentText,
  smoothText,
  type StreamEvent,
  type StreamMeasurements,
  takeUntilAborted,
  textOnly,
  type ToolInput,
  toolInput,
} from 'claude-rx';
import { inspect } from 'claude-rx/inspect';
import {
  BehaviorSubject,
  catchError,
  combineLatest,
  concat,
  connect,
  defer,
  EMPTY,
  finalize,
  from,
  identity,
  map,
  type Observable,
  scan,
  startWith,
  tap,
  throwError,
} from 'rxjs';
import type { ChatRequest } from './chat-api';
import { closedMarkdown } from './closed-markdown';
import { Itinerary } from './itinerary';
import { sentenceFor } from './sentences';

export type ItineraryInput = ToolInput<Itinerary>;

/** A content block, as it is shown. */
type Part =
  | { kind: 'thinking'; text: string; isOpen: boolean }
  | { kind: 'text'; text: string; isOpen: boolean }
  | { kind: 'itinerary'; input: ItineraryInput };

/** A reply, as it is shown. */
export interface ReplyView {
  status: MessageState['status'];
  parts: readonly Part[];
  /** All that has arrived, of which `parts` may lag behind by less than half a second. */
  message: MessageOf<StreamEvent> | undefined;
  error: MessageStreamError | undefined;
  /** Why the next attempt is waited for. */
  recovering: string | undefined;
  /** What broke the reply, each time that it was carried on. */
  seams: readonly string[];
  measured: StreamMeasurements | undefined;
  /** What is read aloud: whole sentences, every few seconds. */
  spoken: string;
}

export const WAITING: ReplyView = {
  status: 'waiting',
  parts: [],
  message: undefined,
  error: undefined,
  recovering: undefined,
  seams: [],
  measured: undefined,
  spoken: '',
};

export interface ReplyViewConfig {
  request: ChatRequest;
  ask: (request: ChatRequest) => Observable<StreamEvent>;
  /** What there is of the reply, where a reply that failed or was stopped is carried on. */
  previous: MessageOf<StreamEvent> | undefined;
  /** The stop button. */
  signal: AbortSignal;
  /** Whether text comes as it does, and not evenly: for who wants little motion. */
  isPlain: boolean;
}

/** How many times a reply is carried on, in a row without anything new. */
const RETRIES = 3;
/** How often new text is read aloud at most, in milliseconds. */
const SPOKEN_EVERY = 3_000;

/**
 * A reply as a view shows it: carried on where it breaks, its text paced, and one value for each
 * animation frame at most. It never errors.
 */
export function replyView(config: ReplyViewConfig): Observable<ReplyView> {
  const { request, ask, previous, signal, isPlain } = config;
  const attempt = (next: ChatRequest) => ask(next).pipe(inspect('fromResponse'));
  const backoff = exponentialBackoff({ initial: 500, max: 4_000 });

  return defer(() => {
    // What was read before is there at once.
    const before = messageText(previous).length;
    const recovering$ = new BehaviorSubject<string | undefined>(undefined);
    const measured$ = new BehaviorSubject<StreamMeasurements | undefined>(undefined);

    const reply$ = (previous ? brokenOff(previous) : attempt(request)).pipe(
      retryResumable({
        resume: ({ partial }) => attempt({ ...again(request), ...(partial && { partial }) }),
        count: RETRIES,
        resetOnProgress: request.fault !== 'overloaded',
        delay: (error, retry) => (error.cause === byHand ? 0 : backoff(error, retry)),
        onRetry: ({ error }) => recovering$.next(sentenceFor(error)),
      }),
      tap(() => recovering$.value && recovering$.next(undefined)),
      inspect('retryResumable'),
      takeUntilAborted(signal),
      measureStream(
        // The first text of one that is carried on by hand was there before.
        (measured) =>
          measured$.next(previous ? { ...measured, timeToFirstText: undefined } : measured),
        { every: 250 },
      ),
      finalize(() => {
        recovering$.next(undefined);
        recovering$.complete();
        measured$.complete();
      }),
    );

    return reply$.pipe(
      connect((events$) =>
        combineLatest({
          state: events$.pipe(messageState()),
          shown: events$.pipe(
            textOnly(),
            isPlain ? identity : smoothText({ maxLatency: 400 }),
            inspect(isPlain ? 'textOnly' : 'smoothText'),
            scan((length, text) => length + text.length, 0),
            map((length) => Math.max(length, before)),
            startWith(before),
            // `state` says what has happened.
            catchError(() => EMPTY),
          ),
          inputs: events$.pipe(
            toolInput('show_itinerary', Itinerary),
            scan(
              (inputs, input) => new Map(inputs).set(input.id, input),
              new Map<string, ItineraryInput>(),
            ),
            startWith(new Map<string, ItineraryInput>()),
            catchError(() => EMPTY),
          ),
          seams: events$.pipe(
            eventsOfType('resume'),
            scan<{ error: MessageStreamError }, string[]>(
              (seams, { error }) =>
                error.cause === byHand ? seams : [...seams, sentenceFor(error)],
              [],
            ),
            startWith([]),
            catchError(() => EMPTY),
          ),
          spoken: events$.pipe(
            textOnly(),
            segmentText('sentence'),
            bufferText(SPOKEN_EVERY),
            startWith(''),
            catchError(() => EMPTY),
          ),
          recovering: recovering$,
          measured: measured$,
        }),
      ),
      auditFrame(),
      map(toView),
      inspect('render'),
    );
  });
}

/** The request for another attempt: what was to go wrong has, unless it is to go wrong for good. */
function again({ fault, ...request }: ChatRequest): ChatRequest {
  return fault === 'overloaded' || fault === 'slow' ? { ...request, fault } : request;
}

const byHand = Symbol('carried on by hand');

/** What there is of a reply, as one that breaks at once. */
function brokenOff(message: MessageOf<StreamEvent>): Observable<StreamEvent> {
  const error = new MessageStreamError('Carried on by hand', { code: 'truncated', cause: byHand });
  return concat(
    from(eventsOf(message, { open: true })),
    throwError(() => error),
  );
}

export function messageText(message: MessageOf<StreamEvent> | undefined): string {
  return message?.content.map((block) => (block.type === 'text' ? block.text : '')).join('') ?? '';
}

interface Sources {
  state: MessageState;
  shown: number;
  inputs: ReadonlyMap<string, ItineraryInput>;
  seams: readonly string[];
  recovering: string | undefined;
  measured: StreamMeasurements | undefined;
  spoken: string;
}

function toView({ state, shown, inputs, ...rest }: Sources): ReplyView {
  const { message, error, text } = state;
  // The reply is over for who reads it when the last of its text has been typed.
  const status = state.status === 'complete' && shown < text.length ? 'streaming' : state.status;
  const isOver = status !== 'streaming' && status !== 'waiting';
  const parts = message ? partsOf(message, isOver ? Infinity : shown, inputs, isOver) : [];
  const last = parts.at(-1);
  if (isOver && status !== 'complete' && last?.kind === 'text') {
    parts[parts.length - 1] = { ...last, text: closedMarkdown(last.text) };
  }
  return { status, parts, message, error, ...rest };
}

/** A reply from before a reload of the page. A reply that was not complete can be carried on. */
export function restoredView({ message, parts, status, seams, measured }: ReplyView): ReplyView {
  const inputs = parts.flatMap((part) => (part.kind === 'itinerary' ? [part.input] : []));
  return toView({
    state: {
      status: status === 'complete' ? 'complete' : 'aborted',
      text: messageText(message),
      message,
      error: undefined,
    } as MessageState,
    shown: Infinity,
    inputs: new Map(inputs.map((input) => [input.id, input])),
    recovering: undefined,
    seams,
    measured,
    spoken: '',
  });
}

/** The blocks, as far as `shown` characters of their text go. */
function partsOf(
  { content }: MessageOf<StreamEvent>,
  shown: number,
  inputs: ReadonlyMap<string, ItineraryInput>,
  isOver: boolean,
): Part[] {
  const parts: Part[] = [];
  let left = shown;
  for (const [index, block] of content.entries()) {
    const isOpen = !isOver && index === content.length - 1;
    if (block.type === 'thinking') parts.push({ kind: 'thinking', text: block.thinking, isOpen });
    if (block.type === 'text') {
      const { text } = block;
      parts.push({ kind: 'text', text: text.slice(0, left), isOpen: isOpen || left < text.length });
      left -= text.length;
      if (left < 0) break;
    }
    const input = block.type === 'tool_use' ? inputs.get(block.id) : undefined;
    if (input && input.status !== 'withdrawn') parts.push({ kind: 'itinerary', input });
  }
  return parts;
}

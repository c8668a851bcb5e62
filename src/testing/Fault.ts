import { requireNumbers } from '../flow/require.ts';
import { checkFields } from './checks.ts';

/** Where in a reply a fault happens. Name one; without any, it happens after the last event. */
export interface FaultPlace {
  /** Before the event with this index is sent; the first has 0. */
  beforeEvent?: number;
  /** After this many bytes of the body, in the middle of an event or of a character. */
  atByte?: number;
  /** Before the status line: for `fin`, `rst` and `stall`. */
  beforeHeaders?: boolean;
}

/** The body ends here as if it were whole: the silent truncation. */
export interface EndFault extends FaultPlace {
  kind: 'end';
}

/** The connection is closed in the middle of the body: by FIN, or reset by RST. */
export interface CloseFault extends FaultPlace {
  kind: 'fin' | 'rst';
  /**
   * Milliseconds before closing, so that the client can take what was sent before; a `fetch` that
   * fails drops what has not been read. Default: 10.
   */
  delay?: number;
}

/** Nothing more comes, over a connection that stays open. */
export interface StallFault extends FaultPlace {
  kind: 'stall';
  /** Milliseconds, after which the reply goes on. Default: for ever. */
  ms?: number;
}

/** An `event: error` frame, after which the body ends. */
export interface ErrorFault extends FaultPlace {
  kind: 'error';
  /** Default: `{ type: 'overloaded_error', message: 'Overloaded' }`. Further fields are sent too. */
  error?: { type?: string; message?: string; [field: string]: unknown };
  /** Whether the frame has its `event:` line. Default: as the rest of the reply. */
  eventLine?: boolean;
  /** Further fields of the frame, beside `type` and `error`. */
  fields?: Record<string, unknown>;
}

/** A frame that is not valid; then the reply goes on. */
export interface GarbageFault extends FaultPlace {
  kind: 'garbage';
  /** What to send. Default: a delta whose JSON is cut off, in a whole frame. */
  data?: string;
}

/** From here on, or else from the beginning, the bytes come one by one. */
export interface DripFault extends FaultPlace {
  kind: 'drip';
  /** Milliseconds between two bytes. Default: 1. */
  ms?: number;
}

/** `message_start` comes again, a ping comes in between, or an SSE comment; then the reply goes on. */
export interface ExtraFrameFault extends FaultPlace {
  kind: 'duplicate_start' | 'ping' | 'comment';
}

/**
 * Something that goes wrong, or just unusually, while a reply is sent.
 *
 * A body, and the whole message that a request without `stream: true` gets, count as one event;
 * there an `error` is an HTTP error, and extra frames are left out.
 */
export type Fault =
  | EndFault
  | CloseFault
  | StallFault
  | ErrorFault
  | GarbageFault
  | DripFault
  | ExtraFrameFault;

const FIELDS: Readonly<Record<Fault['kind'], readonly string[]>> = {
  end: [],
  fin: ['delay'],
  rst: ['delay'],
  stall: ['ms'],
  error: ['error', 'eventLine', 'fields'],
  garbage: ['data'],
  drip: ['ms'],
  duplicate_start: [],
  ping: [],
  comment: [],
};
const PLACES = ['beforeEvent', 'atByte', 'beforeHeaders'] as const;
const BEFORE_HEADERS: readonly string[] = ['fin', 'rst', 'stall'];

/** Throws a TypeError where `fault` is not valid, and returns a copy of it. */
export function checkedFault(fault: Fault): Fault {
  const fields = FIELDS[fault?.kind];
  if (!Object.hasOwn(FIELDS, String(fault?.kind)) || fields === undefined) {
    throw new TypeError(
      `Unknown fault kind ${JSON.stringify(fault?.kind)}; there are ${Object.keys(FIELDS).join(', ')}`,
    );
  }
  const name = `Fault ${fault.kind}`;
  checkFields(name, fault, ['kind', ...PLACES, ...fields]);
  const places = PLACES.filter((place) => fault[place] !== undefined && fault[place] !== false);
  if (places.length > 1) {
    throw new TypeError(`${name}: it happens in one place, got ${places.join(' and ')}`);
  }
  if (fault.beforeHeaders && !BEFORE_HEADERS.includes(fault.kind)) {
    throw new TypeError(
      `${name}: before the headers only ${BEFORE_HEADERS.join(', ')} can happen; ` +
        'for an HTTP error use httpError()',
    );
  }
  const { beforeEvent, atByte } = fault;
  const finite = { min: 0, max: Number.MAX_VALUE };
  requireNumbers(name, { beforeEvent, atByte }, { ...finite, whole: true });
  const { delay, ms } = fault as { delay?: number; ms?: number };
  requireNumbers(name, { delay, ms }, { ...finite, what: 'milliseconds' });
  // Behind the last event there would be nothing left to drip.
  if (fault.kind === 'drip' && places.length === 0) return { ...fault, beforeEvent: 0 };
  return { ...fault };
}

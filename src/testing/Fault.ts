import { requireNumbers } from '../flow/require.ts';
import { checkFields } from './checks.ts';

/** The place of a fault in a reply. Set at most one; by default it is after the last event. */
export interface FaultPlace {
  /** Before the event with this index, from 0. */
  beforeEvent?: number;
  /** After this many bytes of the body, in the middle of an event or of a character. */
  atByte?: number;
  /** Before the status line: for `fin`, `rst` and `stall`. */
  beforeHeaders?: boolean;
}

/** The body ends here, as if it were complete (silent truncation). */
export interface EndFault extends FaultPlace {
  kind: 'end';
}

/** The connection is closed in the middle of the body, with FIN, or reset with RST. */
export interface CloseFault extends FaultPlace {
  kind: 'fin' | 'rst';
  /**
   * Milliseconds before closing, so that the client can read the data before: a `fetch` that fails drops
   * unread data. Default: 10.
   */
  delay?: number;
}

/** Nothing more is sent, over a connection that stays open. */
export interface StallFault extends FaultPlace {
  kind: 'stall';
  /** Milliseconds after which the reply continues. Default: never. */
  ms?: number;
}

/** An `event: error` frame; then the body ends. */
export interface ErrorFault extends FaultPlace {
  kind: 'error';
  /**
   * The error. Default: `{ type: 'overloaded_error', message: 'Overloaded' }`. Further fields are
   * sent too.
   */
  error?: { type?: string; message?: string; [field: string]: unknown };
  /** Whether the frame has its `event:` line. Default: like the rest of the reply. */
  eventLine?: boolean;
  /** Further fields of the frame, beside `type` and `error`. */
  fields?: Record<string, unknown>;
}

/** A frame that is not valid; then the reply continues. */
export interface GarbageFault extends FaultPlace {
  kind: 'garbage';
  /** The text to send. Default: a complete frame with a delta whose JSON is cut off. */
  data?: string;
}

/** The bytes are sent one by one, from this place on. Default: from the beginning. */
export interface DripFault extends FaultPlace {
  kind: 'drip';
  /** Milliseconds between two bytes. Default: 1. */
  ms?: number;
}

/** One more `message_start`, ping or SSE comment; then the reply continues. */
export interface ExtraFrameFault extends FaultPlace {
  kind: 'duplicate_start' | 'ping' | 'comment';
}

/**
 * A fault, or something unusual, while a reply is sent.
 *
 * A `body`, and the message for a request without `stream: true`, count as one event. For them, an
 * `error` is an HTTP error, and extra frames are left out.
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

/** Returns a copy of `fault`; throws a TypeError if it is not valid. */
export function checkedFault(fault: Fault): Fault {
  const fields = FIELDS[fault?.kind];
  if (!Object.hasOwn(FIELDS, String(fault?.kind)) || fields === undefined) {
    throw new TypeError(
      `Unknown fault kind ${JSON.stringify(fault?.kind)}; expected one of ${Object.keys(FIELDS).join(', ')}`,
    );
  }
  const name = `Fault ${fault.kind}`;
  checkFields(name, fault, ['kind', ...PLACES, ...fields]);
  const places = PLACES.filter((place) => fault[place] !== undefined && fault[place] !== false);
  if (places.length > 1) {
    throw new TypeError(`${name}: pass only one place, not ${places.join(' and ')}`);
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
  // After the last event, there would be no bytes left to drip.
  if (fault.kind === 'drip' && places.length === 0) return { ...fault, beforeEvent: 0 };
  return { ...fault };
}

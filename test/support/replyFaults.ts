import { finalMessage, fromMessages, messageTimeout, type MessageStreamError } from 'claude-rx';
import { type Fault, messageEvents } from 'claude-rx/testing';
import { from, lastValueFrom, type Observable, tap } from 'rxjs';
import type { StreamEvent } from 'claude-rx';
import { expect } from 'vitest';
import { contentOfBlocks, type PageContent } from './pageContent.ts';
import { places } from './rounds.ts';
import { params, sse, type useServer } from './server.ts';

/** A reply with something of everything that a page shows. */
const reply = Array.from(
  messageEvents
    .with({ id: 'msg_1' })
    .thinking('Let me see', { signature: 's1', chunk: 6 })
    .text('Hello wide world', { chunk: 6 })
    .serverToolUse('web_search', { query: 'sky' }, { id: 'srvtoolu_1', chunk: 8 })
    .block({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] })
    .text('Blue', { chunk: 2 })
    .toolUse('look', { at: 'the sky' }, { id: 'toolu_1', chunk: 8 }),
);
const bytes = Buffer.byteLength(sse(reply));

/** Those that do no harm, and the others, after which a reply is not whole. */
const HARMLESS: readonly Fault['kind'][] = ['drip', 'duplicate_start', 'ping', 'comment'];
const HARMFUL: readonly Fault['kind'][] = ['end', 'fin', 'rst', 'stall', 'error', 'garbage'];
export const faultKinds: readonly Fault['kind'][] = [...HARMLESS, ...HARMFUL];

/** The faults of a kind, before events and in the middle of them. */
export function faultsOf(kind: Fault['kind']): Fault[] {
  const beforeEvents = places(reply.length).map((beforeEvent) => ({ beforeEvent }));
  // The bytes of the last frame do not matter once its event is whole.
  const atBytes = places(16).map((n) => ({ atByte: Math.round((n / 16) * (bytes - 60)) }));
  const isOfConnection = ['fin', 'rst', 'stall'].includes(kind);
  const all = [
    ...beforeEvents,
    // In the middle of a frame these are written behind it, or break it.
    ...(['end', 'fin', 'rst', 'stall'].includes(kind) ? atBytes : []),
    ...(isOfConnection ? [{ beforeHeaders: true }] : []),
  ];
  // Both take time: a byte by itself, and to be sure that nothing comes.
  if (kind === 'drip') return all.slice(-3).map((place) => ({ kind, ms: 0, ...place }) as Fault);
  const some = kind === 'stall' ? all.filter((_, index) => index % 8 === 0) : all;
  return some.map((place) => ({ kind, ...place }) as Fault);
}

/** What a client makes of an answer. */
export interface PageOutcome {
  content: PageContent;
  /** Whether the client reports a failure. */
  isError: boolean;
}

/**
 * Plays a fault of the API to a service, whose page must show exactly what our operators have of this
 * reply, and report a failure exactly where they do.
 */
export async function expectPageOfFault(
  { server, client }: ReturnType<typeof useServer>,
  fault: Fault,
  read: (reply$: Observable<StreamEvent>) => Promise<PageOutcome>,
): Promise<void> {
  server.reply({ events: reply, fault });
  const came: StreamEvent[] = [];
  let failure: MessageStreamError | undefined;
  const liveness = fault.kind === 'stall' ? 50 : 10_000;
  const reply$ = fromMessages(client, params).pipe(
    messageTimeout({ liveness }),
    tap({ next: (event) => came.push(event), error: (error) => (failure = error) }),
  );
  const outcome = await read(reply$);
  const message = failure ? failure.partial : await lastValueFrom(from(came).pipe(finalMessage()));
  const content = contentOfBlocks(message?.content ?? []);
  const isError = HARMFUL.includes(fault.kind);
  expect({ fault, failed: failure !== undefined, ...outcome }).toEqual({
    fault,
    failed: isError,
    content,
    isError,
  });
}

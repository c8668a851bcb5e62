import type { Event, Message, RunAgentInput } from '@ag-ui/core';

/** An event of AG-UI 1.0. */
export type AgUiEvent = Event;

/** A message of a thread of AG-UI. */
export type AgUiMessage = Message;

/**
 * What of a `RunAgentInput` is read. Everything else in it, such as `state` and `forwardedProps`, is for
 * your service.
 */
export type AgUiInput = Pick<RunAgentInput, 'messages'> &
  Partial<Pick<RunAgentInput, 'tools' | 'context' | 'resume'>>;

/** The run that events are for: the whole `RunAgentInput`, or at least its ids. */
export type AgUiRunRef = Pick<RunAgentInput, 'threadId' | 'runId'> & Partial<AgUiInput>;

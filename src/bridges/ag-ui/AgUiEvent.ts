import type { Event, Message, RunAgentInput } from '@ag-ui/core';

/** An event of AG-UI 1.0. */
export type AgUiEvent = Event;

/** A message of an AG-UI thread. */
export type AgUiMessage = Message;

/**
 * The fields of a `RunAgentInput` that are read. All other fields, such as `state` and
 * `forwardedProps`, are for your service.
 */
export type AgUiInput = Pick<RunAgentInput, 'messages'> &
  Partial<Pick<RunAgentInput, 'tools' | 'context' | 'resume'>>;

/** The run of the events: the whole `RunAgentInput`, or at least its ids. */
export type AgUiRunRef = Pick<RunAgentInput, 'threadId' | 'runId'> & Partial<AgUiInput>;

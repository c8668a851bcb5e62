/** A rewritten event. Events from the network may not match their types. */
export interface SplicedEvent {
  type: string;
  index: number;
  message?: { id?: string; model?: string; usage?: object };
  content_block?: { type: string; text?: string };
  delta?: { type?: string; text?: string; stop_reason?: string | null };
  usage?: object;
}

/** An event as it is rewritten: what came over the wire may not be what its type says. */
export interface SplicedEvent {
  type: string;
  index: number;
  message?: { id?: string; model?: string; usage?: object };
  content_block?: { type: string; text?: string };
  delta?: { type?: string; text?: string; stop_reason?: string | null };
  usage?: object;
}

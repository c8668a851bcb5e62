type Fields = Record<string, unknown>;

/**
 * Says which events of a Managed Agents session are new: each of them once, over any number of
 * connections and readings of the history.
 *
 * Previews have no `id` of their own and are in no history. A delta is of use only behind its start and
 * the deltas before it; so of a preview that another connection began nothing more is let through, and
 * the event itself brings what is missing
 * (docs: /docs/en/managed-agents/event-deltas).
 */
export class SeenSessionEvents {
  readonly #seen = new Set<unknown>();
  /** The events whose previews began on this connection. */
  readonly #previews = new Set<unknown>();

  /** Another connection begins. */
  reconnect(): void {
    this.#previews.clear();
  }

  /** Whether the event is one to give away; it is then no longer new. */
  take(event: object): boolean {
    const { type, id, event: previewed, event_id } = event as Fields;
    if (type === 'event_start') {
      const { id: of } = (previewed ?? {}) as Fields;
      if (this.#seen.has(of)) return false;
      this.#previews.add(of);
      return true;
    }
    if (type === 'event_delta') return this.#previews.has(event_id);
    // One without an id cannot have been seen.
    if (typeof id !== 'string') return true;
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    this.#previews.delete(id);
    return true;
  }
}

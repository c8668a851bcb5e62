/**
 * The type of the last frame of a reply that completed: by it a reader tells that from a connection
 * that was lost, also where the reply is no single message.
 */
export const RELAY_END = 'relay_end';

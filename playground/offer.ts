import { LongSocketError, type ServerSocket } from 'longsocket/server';

/** Sends what can be sent: a socket may be closing, or its buffer full. Says whether it was. */
export function offer(socket: ServerSocket, data: string | ArrayBuffer | ArrayBufferView): boolean {
  try {
    socket.send(data);
    return true;
  } catch (error) {
    if (error instanceof LongSocketError) return false;
    throw error;
  }
}

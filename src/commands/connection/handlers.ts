/**
 * Handlers of the connection commands, re-exported from the files of this folder under the names that specs use.
 */
export {
  clientHelp,
  clientNoEvict,
  clientNoTouch,
  clientPause,
  clientReply,
  clientUnpause,
} from './client.ts';
export { clientInfo, clientKill, clientList, clientUnblock } from './client-list.ts';
export { clientGetname, clientId, clientSetinfo, clientSetname } from './names.ts';
export { auth, echo, hello, ping, quit, reset, select } from './session.ts';
export { clientCaching, clientGetredir, clientTracking, clientTrackinginfo } from './tracking.ts';

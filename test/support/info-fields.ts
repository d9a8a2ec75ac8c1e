/** Fields of INFO that redis-server 7.0 does not have. */

/** Ours, by section: what 7.2 added and what is ours alone. */
export const ADDED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  Server: ['listener0', 'ts_redis_version', 'node_version'],
  Clients: ['total_blocking_keys', 'total_blocking_keys_on_nokey'],
  Stats: [
    'eventloop_cycles',
    'eventloop_duration_sum',
    'eventloop_duration_cmd_sum',
    'instantaneous_eventloop_cycles_per_sec',
    'instantaneous_eventloop_duration_usec',
    'acl_access_denied_auth',
    'acl_access_denied_cmd',
    'acl_access_denied_key',
    'acl_access_denied_channel',
    'client_query_buffer_limit_disconnections',
    'client_output_buffer_limit_disconnections',
  ],
};

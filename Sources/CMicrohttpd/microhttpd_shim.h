// The system's libmicrohttpd, and one fixed-argument twin for each of its variadic functions,
// which Swift cannot call.

#ifndef MICROHTTPD_SHIM_H
#define MICROHTTPD_SHIM_H

#include <microhttpd.h>

// MHD_start_daemon, its options in an array that ends with MHD_OPTION_END. The port is unused:
// the options carry a listening socket. `target_seen` and `connection_changed` get `context` too.
static inline struct MHD_Daemon *mhd_shim_start(
    unsigned int flags, MHD_AccessHandlerCallback handler,
    void *(*target_seen)(void *, const char *, struct MHD_Connection *),
    size_t (*unescape)(void *, struct MHD_Connection *, char *),
    MHD_RequestCompletedCallback completed, MHD_NotifyConnectionCallback connection_changed,
    void *context, struct MHD_OptionItem *options)
{
  return MHD_start_daemon(
      flags, 0, NULL, NULL, handler, context,
      MHD_OPTION_URI_LOG_CALLBACK, target_seen, context,
      MHD_OPTION_UNESCAPE_CALLBACK, unescape, context,
      MHD_OPTION_NOTIFY_COMPLETED, completed, context,
      MHD_OPTION_NOTIFY_CONNECTION, connection_changed, context,
      MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

// The socket, and NULL or the peer's address.
static inline int mhd_shim_socket(struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}

static inline const struct sockaddr *mhd_shim_peer(struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info == NULL ? NULL : info->client_addr;
}

// What connection_changed stored for this connection, or NULL.
static inline void *mhd_shim_socket_context(struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info == NULL ? NULL : info->socket_context;
}

// Bytes from the method to the empty line that ends the head, or 0 before it was read.
static inline size_t mhd_shim_head_bytes(struct MHD_Connection *connection)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  return info == NULL ? 0 : info->header_size;
}

#endif

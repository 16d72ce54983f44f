/* The named limits of web/. Those of a server are defaults; see struct web_server_limits. */
#ifndef WEB_LIMITS_H
#define WEB_LIMITS_H

/* Descriptors that the process asks for. libwebsockets keeps 16 bytes for each that is allowed. */
#define WEB_DESCRIPTORS_MAX 262144
/* Descriptors that connections leave to the rest of the process: its database, its clients. */
#define WEB_DESCRIPTORS_RESERVED 64

/* Connections of a server in all, fewer where the process may have fewer descriptors. Beyond, a
 * silent one makes room; when there is none, the new one is closed at once and counted. */
#define WEB_CONNECTIONS_MAX 20000

/* Connections from one IP address (an IPv6 one counts by its /64). Beyond: closed and counted. */
#define WEB_CONNECTIONS_PER_ADDRESS_MAX 20000

/* Connections that have not yet sent a whole request, body included. When there are more, the one
 * that has waited longest is closed, so neither silent connections nor those that drip can keep
 * honest ones out, or take more memory than so many bodies. */
#define WEB_CONNECTIONS_SILENT_MAX 4096
/* The same under TLS, where one in a handshake takes some ten kilobytes. */
#define WEB_CONNECTIONS_SILENT_TLS_MAX 1024

/* Request line and headers together. Beyond: 431. */
#define WEB_HEAD_SIZE_MAX 8192
/* A route's body_max is never above this. */
#define WEB_BODY_SIZE_MAX (16 * 1024 * 1024)
/* {parameters} in a route's path. */
#define WEB_PARAMS_MAX 4
/* Codes of errors that are counted apart, and what is kept of each. */
#define WEB_ERROR_CODES_MAX 64
#define WEB_ERROR_CODE_SIZE 32
/* Headers that a handler adds to its answer, in bytes. */
#define WEB_EXTRA_HEADERS_MAX 4096

/* Until the head is complete, and then until the body is, or a message on a websocket, however
 * slowly it drips. */
#define WEB_HEAD_TIMEOUT_S 10
#define WEB_BODY_TIMEOUT_S 20
/* An answer of which the other side takes nothing for so long. */
#define WEB_SEND_TIMEOUT_S 30
/* Between two requests on one connection. */
#define WEB_KEEPALIVE_TIMEOUT_S 15

/* Bytes of an answer's stream that wait for a slow reader; then web_stream_write is ERR_LIMIT. */
#define WEB_STREAM_QUEUE_MAX (1024 * 1024)

/* A websocket message that is received; beyond, see struct web_socket_handler. */
#define WEB_SOCKET_MESSAGE_MAX 65536
/* Bytes that wait to be sent on a websocket; beyond, the socket is closed. And messages, on one of
 * a client. */
#define WEB_SOCKET_QUEUE_BYTES_MAX (1024 * 1024)
#define WEB_SOCKET_QUEUE_COUNT_MAX 1024
/* Bytes that wait on all websockets of a server together, besides the message that each is at.
 * Beyond, whoever is to get more and does not keep up is closed. */
#define WEB_SOCKETS_QUEUE_BYTES_MAX (256 * 1024 * 1024)
/* A websocket on which nothing came for this long is pinged, and closed after the second. */
#define WEB_SOCKET_PING_AFTER_S 30
#define WEB_SOCKET_CLOSE_AFTER_S 50
/* A websocket for which something waits and that takes none of it for so long is closed. */
#define WEB_SOCKET_STALL_S 10
/* How long the other side of a websocket that we close may take to answer our close frame. */
#define WEB_SOCKET_LINGER_S 1
/* Bytes of one message that is too large and is skipped; beyond, the socket is closed (1009). */
#define WEB_SOCKET_SKIP_MAX (4 * 1024 * 1024)
/* Why a socket closed, in bytes; RFC 6455 allows 123. */
#define WEB_CLOSE_REASON_MAX 123

/* A websocket client: until the handshake is done. */
#define WEB_CONNECT_TIMEOUT_S 15

/* Requests of one http_client at once. */
#define WEB_CLIENT_REQUESTS_MAX 64
/* A whole answer, unless the request says otherwise. */
#define WEB_CLIENT_ANSWER_MAX (1024 * 1024)
/* A line of a streamed answer. */
#define WEB_CLIENT_LINE_MAX (1024 * 1024)

#endif
